/** The comparison with the other tools as a part of docs/accuracy.md. */
import { explainedOracles, groupedDifferences, groupKey, type OracleResult } from './compare.ts';

/** A level-two section in Markdown, ending in a line break. */
export function oracleReport(result: OracleResult): string {
  const lines = [
    '## nDPI, Arkime, Zeek and Suricata',
    '',
    `The values that these projects expect of ${result.captures} of the captures. Where tshark's table confirms one, Vesper must`,
    "say the same. Zeek's bytes with IP headers, response times and TLS 1.3 curves are in no table of tshark: they count as",
    'confirmed where tshark agrees on the packets, has query and response, or agrees on version and cipher.',
    'Not compared here: QUIC and DTLS (their hellos and fingerprints are above), certificates, bytes with the link layer, and what',
    'the last table names.',
    '',
    '| source | field | values | confirmed by tshark | said by Vesper |',
    '|---|---|---:|---:|---:|',
  ];
  for (const [source, fields] of result.tallies) {
    for (const [field, { stated, agreed, held }] of fields) {
      lines.push(`| ${source} | ${field} | ${stated} | ${agreed} | ${held} |`);
    }
  }
  const reasons = new Map(explainedOracles().map((one) => [groupKey(one), one.reason]));
  const groups = groupedDifferences(result);
  if (groups.size > 0) lines.push('', '| capture | source | field | differences | reason |', '|---|---|---|---:|---|');
  for (const [key, group] of groups) {
    const [first] = group;
    if (!first) continue;
    const reason = reasons.get(key) ?? '**not explained**';
    lines.push(`| ${first.file} | ${first.source} | ${first.field} | ${group.length} | ${reason} |`);
  }
  lines.push('', '| source | rows compared | rows left out, by reason |', '|---|---:|---|');
  for (const [source, { read, skipped }] of result.rows) {
    const sorted = [...skipped].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    lines.push(`| ${source} | ${read} | ${sorted.map(([reason, count]) => `${reason}: ${count}`).join('; ')} |`);
  }
  return `${lines.join('\n')}\n`;
}

/** DNS messages against tshark's table. */
import type { DnsMessageEvent, DnsRecord } from '../../src/dissect/event.ts';
import type { Collected, Seen } from './collect.ts';
import { type Comparison, match, unequal } from './difference.ts';
import type { DnsRow } from './rows.ts';

/** Both sides to bytes, then to one text: tshark shows UTF-8 and C escapes, we escape as RFC 4343 says. */
export function plainName(name: string): string {
  if (name === '<Root>' || name === '') return '.';
  const bytes: number[] = [];
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code !== 0x5c) {
      bytes.push(...Buffer.from(name[i] ?? '', 'utf8'));
      continue;
    }
    const digits = /^\d{3}/.exec(name.slice(i + 1, i + 4))?.[0];
    if (digits) {
      bytes.push(Number(digits));
      i += 3;
    } else {
      i++;
      bytes.push(name.charCodeAt(i));
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

/** Text of a TXT record without the quotes and escapes of the presentation form. */
function plainText(data: string): string {
  const strings = [...data.matchAll(/"((?:[^"\\]|\\.)*)"/gs)].map(([, text]) => plainName(`${text}`));
  return strings.map((text) => (text === '.' ? '' : text)).join('|');
}

function plainValue(record: DnsRecord): string {
  if (record.type === 16 || record.type === 99) return plainText(record.data);
  if (record.type === 1 || record.type === 28) return record.data;
  return record.data.split(' ').map(plainName).join(' ');
}

/** tshark's value of the types that its table spells out, in the same form; undefined for the others. */
function rowValue(answer: DnsRow['answers'][number]): string | undefined {
  if (answer.value === undefined) return undefined;
  if (typeof answer.value !== 'string') return answer.value.join('|');
  if (answer.type === 1 || answer.type === 28) return answer.value;
  return answer.value.split(' ').map(plainName).join(' ');
}

/** A field that the table leaves out (the name of an SRV record, the TTL of an OPT) is not compared. */
function describe(row: DnsRow, { event }: Seen<DnsMessageEvent>): string[] {
  const { message } = event;
  const ours = (index: number): DnsRecord | undefined => message.answers[index];
  const said = [
    ...unequal('protocol', row.proto, event.protocol),
    ...unequal('opcode', row.opcode, message.opcode),
    ...unequal('rcode', row.qr === 1 ? (row.rcode ?? 0) : 0, message.response ? message.rcode & 15 : 0),
    ...unequal(
      'questions',
      row.questions.map((q) => [plainName(q.name), q.type, q.class]),
      message.questions.map((q) => [plainName(q.name), q.type, q.class]),
    ),
    ...unequal(
      'answers',
      row.answers.map((a, i) => [a.type, plainName(a.name ?? ours(i)?.name ?? ''), a.ttl ?? ours(i)?.ttl]),
      message.answers.map((a) => [a.type, plainName(a.name), a.ttl]),
    ),
  ];
  row.answers.forEach((answer, index) => {
    const theirs = rowValue(answer);
    const record = ours(index);
    if (theirs === undefined || !record) return;
    // The table has no minimum TTL of an SOA record.
    const value = theirs.endsWith(' ?') ? plainValue(record).replace(/ \d+$/, ' ?') : plainValue(record);
    said.push(...unequal(`answer ${index}`, theirs, value));
  });
  return said;
}

export function compareDns(rows: readonly DnsRow[], collected: Collected): Comparison {
  const wanted = rows.filter((row) => !row.quoted_in_icmp && !row.over_quic);
  const events = collected.events.filter((seen): seen is Seen<DnsMessageEvent> => seen.event.kind === 'dns_message');
  return match(
    'dns',
    wanted,
    events,
    (r) => `frame ${r.frame} ${r.transport} ${r.src}:${r.sport} > ${r.dst}:${r.dport} id ${r.id} qr ${r.qr}`,
    ({ frame, event: { conversation: c, message } }) =>
      `frame ${frame} ${c.transport} ${c.client.ip}:${c.client.port} > ${c.server.ip}:${c.server.port} id ${message.id} qr ${message.response ? 1 : 0}`,
    describe,
  );
}

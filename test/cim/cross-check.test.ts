/** Values of events, checked with programs that share no code with Vesper: tshark and OpenSSL. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { skipWithoutProgram } from '../support/programs.ts';
import { PROJECT } from '../support/shared.ts';
import { replayLines } from './oracle/replay.ts';

// biome-ignore lint/suspicious/noExplicitAny: lines are what the test is about
type Line = any;

const captureOf = (name: string): string => join(PROJECT, 'test/fixtures/cases', name, 'input.pcap');

async function eventsOf(name: string, kind: string): Promise<Line[]> {
  const lines: Line[] = [];
  await replayLines(captureOf(name), (of, line) => {
    if (of === kind) lines.push(JSON.parse(line));
  });
  return lines;
}

/** Rows of tshark's fields: the first value of each, or all of them with commas between. */
function tshark(
  name: string,
  filter: string,
  fields: readonly string[],
  values: 'first' | 'all' = 'first',
): string[][] {
  const args = ['-n', '-r', captureOf(name), '-Y', filter, '-T', 'fields', '-E', 'separator=|'];
  args.push('-E', `occurrence=${values === 'first' ? 'f' : 'a'}`, '-E', 'aggregator=,');
  const text = execFileSync('tshark', [...args, ...fields.flatMap((field) => ['-e', field])], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('|'));
}

const IPV6_HEADER = 40;

/** IP bytes and packets of each way, by `source port destination port`. */
function waysOf(name: string): Map<string, { bytes: number; packets: number }> {
  const ways = new Map<string, { bytes: number; packets: number }>();
  const addresses = [
    'ip.src',
    'ipv6.src',
    'ip.dst',
    'ipv6.dst',
    'tcp.srcport',
    'udp.srcport',
    'tcp.dstport',
    'udp.dstport',
  ];
  for (const row of tshark(name, '(tcp || udp) && !icmp && !icmpv6', [...addresses, 'ip.len', 'ipv6.plen'])) {
    const [src4, src6, dst4, dst6, tcpFrom, udpFrom, tcpTo, udpTo, length, payload] = row;
    const key = `${src4 || src6} ${tcpFrom || udpFrom} ${dst4 || dst6} ${tcpTo || udpTo}`;
    const way = ways.get(key) ?? { bytes: 0, packets: 0 };
    way.bytes += length ? Number(length) : Number(payload) + IPV6_HEADER;
    way.packets++;
    ways.set(key, way);
  }
  return ways;
}

describe('flows, by tshark', { skip: skipWithoutProgram('tshark') }, () => {
  for (const name of ['tls12-ecdhe', 'tcp-retransmission', 'dns-udp', 'ipv6', 'quic']) {
    it(`${name}: bytes and packets of each way`, async () => {
      const ways = waysOf(name);
      const flows = (await eventsOf(name, 'flow')).filter(({ transport }) => transport !== 'icmp');
      assert.ok(flows.length > 0);
      const counted = new Map<string, { bytes: number; packets: number }>();
      const add = (key: string, bytes: number, packets: number): void => {
        if (packets === 0) return;
        const way = counted.get(key) ?? { bytes: 0, packets: 0 };
        counted.set(key, { bytes: way.bytes + bytes, packets: way.packets + packets });
      };
      for (const { src, src_port, dest, dest_port, ...flow } of flows) {
        add(`${src} ${src_port} ${dest} ${dest_port}`, flow.bytes_out, flow.packets_out);
        add(`${dest} ${dest_port} ${src} ${src_port}`, flow.bytes_in, flow.packets_in);
        assert.equal(flow.bytes, flow.bytes_in + flow.bytes_out);
      }
      assert.deepEqual([...counted].sort(), [...ways].sort());
    });
  }
});

describe('DNS, by tshark', { skip: skipWithoutProgram('tshark') }, () => {
  for (const name of ['dns-udp', 'dns-nxdomain-servfail', 'dns-tcp', 'dns-edns-dnssec']) {
    it(`${name}: codes, counts and response times`, async () => {
      const fields = [
        'dns.id',
        'udp.dstport',
        'tcp.dstport',
        'dns.flags.rcode',
        'dns.resp.ext_rcode',
        'dns.time',
        'dns.count.auth_rr',
        'dns.count.add_rr',
      ];
      const rows = tshark(name, 'dns.flags.response == 1 && dns.time && !icmp', fields);
      const all = rows.map(([id, udp, tcp, rcode, extended, time, authority, additional]) => [
        `${Number(id)} ${udp || tcp}`,
        [Number(rcode) + 16 * Number(extended), Number(authority), Number(additional)],
        Number(time),
      ]);
      // A zone transfer has several responses: the first one answers the query.
      const expected = all.filter(([key], i) => all.findIndex(([other]) => other === key) === i);
      const answered = (await eventsOf(name, 'dns')).filter((event) => event.response_time !== undefined);
      assert.ok(expected.length > 0);
      const found = new Map(answered.map((event) => [`${event.transaction_id} ${event.src_port}`, event]));
      for (const [key, codes, time] of expected) {
        const event = found.get(key as string);
        assert.ok(event, `no event of ${key}`);
        assert.deepEqual([event.reply_code_id, event.authority_answer_count, event.additional_answer_count], codes);
        // Both round, tshark to nanoseconds, the event to microseconds.
        assert.ok(Math.abs(event.response_time - (time as number)) < 1.5e-6, `${key}: ${event.response_time}, ${time}`);
      }
      assert.equal(found.size, expected.length);
    });
  }
});

/** What `openssl x509` says of a certificate, by the names of the fields. */
function openssl(der: Buffer): Record<string, string | number> {
  const args = [
    'x509',
    '-inform',
    'der',
    '-noout',
    '-serial',
    '-fingerprint',
    '-sha256',
    '-dates',
    '-subject',
    '-issuer',
  ];
  const text = execFileSync('openssl', [...args, '-nameopt', 'RFC2253'], { input: der, encoding: 'utf8' });
  const said = new Map(
    text.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
  const seconds = (name: string): number => Date.parse(said.get(name)!) / 1000;
  return {
    ssl_serial: said.get('serial')!.toLowerCase(),
    ssl_hash: said.get('sha256 Fingerprint')!.replaceAll(':', '').toLowerCase(),
    ssl_start_time: seconds('notBefore'),
    ssl_end_time: seconds('notAfter'),
    ssl_validity_window: seconds('notAfter') - seconds('notBefore'),
    ssl_subject: said.get('subject')!,
    ssl_issuer: said.get('issuer')!,
  };
}

describe('certificates, by tshark and OpenSSL', {
  skip: skipWithoutProgram('tshark') || skipWithoutProgram('openssl'),
}, () => {
  for (const name of ['tls12-ecdhe', 'tls12-rsa', 'tls10', 'office-hour']) {
    it(`${name}: hash, serial, names and times`, async () => {
      const rows = tshark(name, 'tls.handshake.certificate', ['tls.handshake.certificate'], 'all');
      const expected = rows.flatMap(([list]) => list!.split(',').map((hex) => openssl(Buffer.from(hex, 'hex'))));
      const events = await eventsOf(name, 'certificate');
      assert.ok(expected.length > 0);
      const found = events.map((event) =>
        Object.fromEntries(Object.keys(expected[0]!).map((key) => [key, event[key]])),
      );
      const sorted = (list: readonly object[]) => list.map((one) => JSON.stringify(one)).sort();
      assert.deepEqual(sorted(found), sorted(expected));
    });
  }
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_OPTIONS } from '../../../src/dissect/dns/edns.ts';
import { DnsParser, LEAST_CAPTURED } from '../../../src/dissect/dns/message.ts';
import type { DnsMessage, DnsProtocol } from '../../../src/dissect/event.ts';
import { Status } from '../../../src/dissect/reader.ts';
import { hex, message, pointer, question, record, u16, u32, wireName } from './bytes.ts';

interface Parsed {
  message: DnsMessage | undefined;
  status: Status;
}

/** Parses `wire`, of which only `captured` bytes are there, from the middle of a larger block. */
function parse(wire: Buffer, captured = wire.length, protocol: DnsProtocol = 'dns', like?: DnsMessage): Parsed {
  const block = Buffer.concat([Buffer.alloc(5, 0xc0), wire.subarray(0, captured), Buffer.alloc(64, 0x03)]);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const parser = new DnsParser();
  const parsed = parser.parse(block, view, 5, 5 + captured, wire.length, protocol, like);
  return { message: parsed, status: parser.status };
}

function parseWhole(wire: Buffer, protocol: DnsProtocol = 'dns'): DnsMessage {
  const { message: parsed, status } = parse(wire, wire.length, protocol);
  assert.equal(status, Status.ok);
  assert.ok(parsed);
  return parsed;
}

const OPT = (ttl: number, options: Buffer = Buffer.alloc(0), size = 1232): Buffer =>
  record('.', 41, options, ttl, size);

const RESPONSE = message({
  id: 0xabcd,
  flags: 0x85b3,
  questions: [question('www.example.com')],
  answers: [
    record(pointer(12), 5, Buffer.concat([hex('0377656203'), Buffer.from('cdn'), pointer(16)]), 300),
    record(Buffer.concat([hex('0377656203'), Buffer.from('cdn'), pointer(16)]), 1, hex('c0000201'), 0xffffffff),
  ],
  authority: [record(pointer(16), 2, wireName('ns.example.net'))],
  additional: [OPT(0x01_00_8000, Buffer.concat([u16(10), u16(8), hex('0102030405060708'), u16(12), u16(0)]))],
});

describe('DNS messages', () => {
  it('decodes header and sections', () => {
    const decoded = parseWhole(RESPONSE);
    const { name, type, class: rrClass, ttl, data, cacheFlush } = decoded.answers[1]!;
    decoded.answers[1] = { name, type, class: rrClass, ttl, data, cacheFlush };
    assert.deepEqual(decoded, {
      id: 0xabcd,
      response: true,
      opcode: 0,
      authoritative: true,
      truncated: false,
      recursionDesired: true,
      recursionAvailable: true,
      authenticData: true,
      checkingDisabled: true,
      // The OPT record extends NXDOMAIN's 3 (RFC 6891 §6.1.3).
      rcode: 0x13,
      questions: [{ name: 'www.example.com', type: 1, class: 1, unicastResponse: false }],
      answers: [
        { name: 'www.example.com', type: 5, class: 1, ttl: 300, data: 'web.cdn.example.com', cacheFlush: false },
        { name: 'web.cdn.example.com', type: 1, class: 1, ttl: 0xffffffff, data: '192.0.2.1', cacheFlush: false },
      ],
      authority: [{ name: 'example.com', type: 2, class: 1, ttl: 60, data: 'ns.example.net', cacheFlush: false }],
      additional: [],
      edns: {
        version: 0,
        udpSize: 1232,
        dnssecOk: true,
        options: [
          { code: 10, data: '0102030405060708' },
          { code: 12, data: '' },
        ],
      },
      counts: [1, 2, 1, 1],
      length: RESPONSE.length,
      incomplete: false,
    });
  });

  it('decodes each flag from its bit', () => {
    const flags = (bits: number): DnsMessage => parseWhole(message({ flags: bits, questions: [question('a')] }));
    const names = [
      'response',
      'authoritative',
      'truncated',
      'recursionDesired',
      'recursionAvailable',
      'authenticData',
      'checkingDisabled',
    ] as const;
    const bits = [0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010];
    bits.forEach((bit, i) => {
      const decoded = flags(bit);
      for (const name of names) assert.equal(decoded[name], name === names[i], `${name} of ${bit}`);
    });
    assert.equal(flags(0x2800).opcode, 5);
    assert.equal(flags(0x8005).rcode, 5);
  });

  it('maps the sections of an update (RFC 2136 §2)', () => {
    const update = parseWhole(
      message({
        flags: 0x2800,
        questions: [question('example.com', 6)],
        answers: [record('x.example.com', 5, Buffer.alloc(0), 0, 254)],
        authority: [
          record('x.example.com', 1, Buffer.alloc(0), 0, 255),
          record('x.example.com', 1, hex('0a000001'), 1200),
        ],
      }),
    );
    assert.deepEqual(
      update.answers.map((r) => [r.class, r.data]),
      [[254, '']],
    );
    assert.deepEqual(
      update.authority.map((r) => [r.class, r.ttl, r.data]),
      [
        [255, 0, ''],
        [1, 1200, '10.0.0.1'],
      ],
    );
  });

  it('parts the top bit of the class from it in mDNS alone (RFC 6762 §18.12, §18.13)', () => {
    const wire = message({
      questions: [question('a.local', 12, 0x8001)],
      answers: [record('a.local', 1, hex('0a000001'), 120, 0x8001)],
    });
    const mdns = parseWhole(wire, 'mdns');
    assert.deepEqual([mdns.questions[0]?.class, mdns.questions[0]?.unicastResponse], [1, true]);
    assert.deepEqual([mdns.answers[0]?.class, mdns.answers[0]?.cacheFlush], [1, true]);
    const dns = parseWhole(wire);
    assert.deepEqual([dns.questions[0]?.class, dns.questions[0]?.unicastResponse], [0x8001, false]);
    assert.deepEqual([dns.answers[0]?.class, dns.answers[0]?.cacheFlush], [0x8001, false]);
  });

  it('does not take the flags of LLMNR for those of DNS (RFC 4795 §2.1.1)', () => {
    const llmnr = parseWhole(message({ flags: 0x8700, questions: [question('host')] }), 'llmnr');
    assert.deepEqual([llmnr.authoritative, llmnr.truncated, llmnr.recursionDesired], [false, true, false]);
  });

  it('shares the strings of the message that it answers, where they are equal', () => {
    const like = parseWhole(message({ questions: [question('www.example.com')] }));
    assert.equal(parse(RESPONSE, RESPONSE.length, 'dns', like).message?.questions[0]?.name, 'www.example.com');
    const other = parseWhole(message({ questions: [question('WWW.example.com'), question('x')] }));
    assert.deepEqual(parse(RESPONSE, RESPONSE.length, 'dns', other).message, parseWhole(RESPONSE));
  });

  it('gives what was captured of a cut message', () => {
    const whole = parseWhole(RESPONSE);
    for (let captured = 0; captured < RESPONSE.length; captured++) {
      const { message: cut, status } = parse(RESPONSE, captured);
      if (captured < LEAST_CAPTURED) {
        assert.deepEqual([cut, status], [undefined, Status.notThis]);
        continue;
      }
      assert.ok(cut);
      assert.deepEqual([cut.id, cut.response, cut.rcode], [whole.id, whole.response, whole.rcode & 15]);
      assert.deepEqual([status, cut.incomplete, cut.length], [Status.truncated, true, RESPONSE.length]);
      assert.deepEqual(cut.questions, whole.questions.slice(0, cut.questions.length));
      assert.deepEqual(cut.answers, whole.answers.slice(0, cut.answers.length));
      assert.deepEqual(cut.authority, whole.authority.slice(0, cut.authority.length));
    }
  });

  it('gives what came before the place that breaks the grammar', () => {
    const counted = Buffer.from(
      message({
        flags: 0x8180,
        questions: [question('a.example')],
        answers: [record(pointer(12), 1, hex('0a000001'))],
      }),
    );
    counted.writeUInt16BE(2, 6);
    const more = parse(counted);
    assert.deepEqual(
      [more.status, more.message?.incomplete, more.message?.answers.length],
      [Status.malformed, true, 1],
    );
    const looping = message({ questions: [question('a.example'), question(pointer(27))] });
    const loop = parse(looping);
    assert.deepEqual(
      [loop.status, loop.message?.incomplete, loop.message?.questions.length],
      [Status.malformed, true, 1],
    );
    const first = parse(message({ questions: [question(pointer(18)), question('codemonkey.example')] }));
    assert.deepEqual([first.status, first.message?.incomplete, first.message?.questions], [Status.malformed, true, []]);
  });

  it('shows data that contradicts its type and reads on (RDLENGTH frames it)', () => {
    const { message: odd, status } = parse(
      message({
        questions: [question('a')],
        answers: [record('a', 1, hex('0a0001')), record('a', 1, hex('0a000001'))],
      }),
    );
    assert.equal(status, Status.malformed);
    assert.equal(odd?.incomplete, false);
    assert.deepEqual(
      odd?.answers.map((r) => r.data),
      ['\\# 3 0a0001', '10.0.0.1'],
    );
  });

  it('takes the first OPT record of the additional section (RFC 6891 §6.1.1)', () => {
    const two = parse(
      message({ questions: [question('a')], additional: [OPT(0), record('a', 1, hex('0a000001')), OPT(0x8000)] }),
    );
    assert.deepEqual(
      [two.status, two.message?.edns?.dnssecOk, two.message?.additional.length],
      [Status.malformed, false, 1],
    );
    const elsewhere = parseWhole(message({ questions: [question('a')], answers: [OPT(0)] }));
    assert.deepEqual([elsewhere.edns, elsewhere.answers[0]?.type], [undefined, 41]);
    const overrun = parse(message({ questions: [question('a')], additional: [OPT(0, hex('000a0008 0102'))] }));
    assert.deepEqual([overrun.status, overrun.message?.edns?.options], [Status.malformed, []]);
    const many = parse(message({ questions: [question('a')], additional: [OPT(0, Buffer.alloc(4 * 1000))] }));
    assert.equal(many.message?.edns?.options.length, MAX_OPTIONS);
    const long = parseWhole(
      message({
        questions: [question('a')],
        additional: [OPT(0, Buffer.concat([u32(0x000c01f4), Buffer.alloc(500), u32(0x000f0258), Buffer.alloc(600)]))],
      }),
    );
    assert.deepEqual(
      long.edns?.options.map(({ data }) => data),
      ['00'.repeat(128), '00'.repeat(512)],
    );
  });

  it('takes messages without a question where they exist', () => {
    assert.equal(parseWhole(hex('0001 8181 0000 0000 0000 0000')).rcode, 1);
    assert.equal(
      parseWhole(message({ flags: 0x8400, answers: [record('a.local', 1, hex('0a000001'))] }), 'mdns').answers.length,
      1,
    );
    assert.equal(
      parseWhole(message({ additional: [OPT(0, hex('000a0008 0102030405060708'))] })).edns?.options.length,
      1,
    );
    // DSO carries its own data (RFC 8490 §5.4).
    assert.equal(parseWhole(hex('0001 3000 0000 0000 0000 0000 0001 0008 00000000 00000000')).opcode, 6);
  });

  it('refuses what is not DNS', () => {
    const refused = [
      Buffer.alloc(0),
      Buffer.alloc(11),
      Buffer.alloc(64),
      Buffer.alloc(64, 0xff),
      Buffer.from('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'),
      hex('16 0301 0200 01 0001fc 0303 1234567890abcdef1234567890abcdef'),
      message({ flags: 0x4900, questions: [question('a')] }).subarray(0, -1),
      hex('0001 0100 0000 0001 0000 0000 c0'),
    ];
    for (const bytes of refused) assert.deepEqual(parse(bytes), { message: undefined, status: Status.notThis });
  });

  it('takes an unassigned opcode where the message is whole', () => {
    const { message: odd, status } = parse(Buffer.from(message({ flags: 0x4900, questions: [question('a')] })));
    assert.deepEqual([odd?.opcode, odd?.questions.length, status], [9, 1, Status.ok]);
  });

  it('takes any bytes: ends, stays inside, says so when it is not whole', () => {
    const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const mutated = fc.array(fc.tuple(fc.nat(RESPONSE.length - 1), fc.nat(255)), { maxLength: 12 }).map((changes) => {
      const wire = Buffer.from(RESPONSE);
      for (const [at, byte] of changes) wire[at] = byte;
      return wire;
    });
    fc.assert(
      fc.property(fc.oneof(random, mutated), fc.constantFrom<DnsProtocol>('dns', 'mdns', 'llmnr'), (wire, protocol) => {
        const { message: parsed, status } = parse(wire, wire.length, protocol);
        assert.equal(parsed === undefined, status === Status.notThis);
        if (parsed === undefined) return;
        const { counts, questions, answers, authority, additional, edns } = parsed;
        assert.ok(questions.length <= counts[0] && answers.length <= counts[1] && authority.length <= counts[2]);
        assert.ok(additional.length + (edns ? 1 : 0) <= counts[3]);
        if (status === Status.ok) assert.equal(parsed.incomplete, false);
      }),
      { numRuns: 2000 },
    );
  });
});

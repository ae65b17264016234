import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createCounters } from '../../src/counters.ts';
import { Engine } from '../../src/dissect/engine.ts';
import type { NetworkEvent } from '../../src/dissect/event.ts';
import { FLOW_DEFAULTS } from '../../src/dissect/flow/options.ts';
import { Connection, datagram } from '../support/connection.ts';
import { everyEvent } from '../support/engine-options.ts';
import { frameOf } from '../support/frames.ts';
import { hex, message, question, record } from './dns/bytes.ts';
import { cryptoFrame, padded, sealInitial } from './quic/seal.ts';
import { CLIENT_CRYPTO_FRAME, CLIENT_ID, SERVER_ID, SERVER_PAYLOAD } from './quic/vectors.ts';
import { SIMPLE_CLIENT_HELLO, SIMPLE_SERVER_HELLO } from './tls/traces.ts';

const DNS_PORT = 8053;

class Run {
  readonly counters = createCounters();
  readonly events: NetworkEvent[] = [];

  constructor(frames: readonly Buffer[]) {
    const options = everyEvent({ ...FLOW_DEFAULTS, capacity: 64 }, [DNS_PORT], () => undefined);
    const engine = new Engine(options, this.counters, (event) => this.events.push(event));
    for (const [i, bytes] of frames.entries()) engine.frame(frameOf(bytes, { nanos: 1_000 * i }));
    engine.end();
  }

  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }
  get app(): string | undefined {
    const flow = this.events.find((event) => event.kind === 'flow');
    return flow?.kind === 'flow' ? flow.app : undefined;
  }
}

const HANDSHAKE = ['client_hello', 'server_hello', 'tls_handshake', 'flow'];

const CLIENT_INITIAL = sealInitial({ originalId: CLIENT_ID, from: 'client', payload: padded(CLIENT_CRYPTO_FRAME) });
const SERVER_INITIAL = sealInitial({
  originalId: CLIENT_ID,
  destinationId: Buffer.alloc(0),
  sourceId: SERVER_ID,
  from: 'server',
  payload: Buffer.concat([Buffer.from([2, 0, 0, 0, 0]), cryptoFrame(SERVER_PAYLOAD.subarray(9))]),
});
const query = (id: number, name: string): Buffer => message({ id, flags: 0x0100, questions: [question(name)] });
const response = (id: number, name: string): Buffer =>
  message({ id, flags: 0x8180, questions: [question(name)], answers: [record(name, 1, hex('c0000201'))] });

/** A packet of 1-RTT, which begins like anything. */
const SHORT_HEADER = Buffer.concat([Buffer.from([0x41]), query(7, 'hidden.example').subarray(1)]);

function overTcp(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

describe('handshakes on ports of DNS', () => {
  for (const [client, server] of [
    [43_000, 53],
    [5353, 8443],
    [5355, 8443],
    [43_000, 5355],
    [43_000, DNS_PORT],
  ] as const) {
    it(`TLS from ${client} to ${server}`, () => {
      const connection = new Connection(client, server);
      connection.parts('client', [SIMPLE_CLIENT_HELLO.subarray(0, 60), SIMPLE_CLIENT_HELLO.subarray(60)], [0, 1]);
      connection.send('server', SIMPLE_SERVER_HELLO);
      const run = new Run(connection.frames);
      assert.deepEqual([run.kinds, run.app], [HANDSHAKE, 'tls']);
      assert.equal(run.counters['dns.not_dns'] + run.counters['dns.incomplete'], 0);
    });

    it(`QUIC from ${client} to ${server}`, () => {
      const run = new Run([
        datagram('client', client, server, CLIENT_INITIAL),
        datagram('server', server, client, SERVER_INITIAL),
        datagram('client', client, server, SHORT_HEADER),
      ]);
      assert.deepEqual([run.kinds, run.app], [HANDSHAKE, 'quic']);
      assert.equal(run.counters['dns.not_dns'], 0);
    });
  }

  it('DNS stays DNS, and is not hidden behind a hello that nobody answers', () => {
    const messages = [
      datagram('client', 43_000, 53, query(1, 'www.example.com')),
      datagram('server', 53, 43_000, response(1, 'www.example.com')),
    ];
    assert.equal(new Run([...messages, datagram('client', 43_000, 53, CLIENT_INITIAL)]).counters['dns.not_dns'], 1);
    const hidden = new Run([datagram('client', 43_000, 53, CLIENT_INITIAL), ...messages]);
    assert.equal(hidden.counters['dns.messages'], 2);
    const connection = new Connection(43_000, 53)
      .send('client', overTcp(query(1, 'www.example.com')))
      .send('server', overTcp(response(1, 'www.example.com')))
      .send('client', SIMPLE_CLIENT_HELLO);
    const stream = new Run(connection.frames);
    assert.deepEqual([stream.app, stream.counters['dns.messages']], ['dns', 2]);
    assert.equal(stream.counters['tls.client_hellos'], 0);
  });
});

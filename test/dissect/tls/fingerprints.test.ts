import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fingerprinter } from '../../../src/dissect/tls/fingerprints.ts';
import { ja3sText, ja3Text } from '../../../src/dissect/tls/ja3.ts';
import { ja4Extensions, ja4Prefix, ja4Suites } from '../../../src/dissect/tls/ja4.ts';
import { clientHello, serverHello } from '../../cim/samples.ts';

/** The worked example of JA4's own documentation. */
const EXAMPLE = clientHello({
  version: 0x0304,
  cipherSuites: [
    0x5a5a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d,
    0x002f, 0x0035,
  ],
  extensions: [
    0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01,
    0x000b, 0x000a, 0x0015, 0x2a2a,
  ],
  alpn: ['h2', 'http/1.1'],
  signatureAlgorithms: [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
});

test("JA4's example", () => {
  const { ja4 } = new Fingerprinter(['ja4']).client(EXAMPLE, 't') ?? {};
  assert.equal(ja4, 't13d1516h2_8daaf6152771_e5627efa2ab1');
});

test('JA4: transport, version, name, counts', () => {
  const prefix = (changes: Parameters<typeof clientHello>[0], transport: 't' | 'q' | 'd' = 't') =>
    ja4Prefix({ ...EXAMPLE, ...changes }, transport);
  assert.equal(prefix({}, 'q'), 'q13d1516h2');
  assert.equal(prefix({ version: 0xfefd, supportedVersions: [0xfefd] }, 'd'), 'dd2d1516h2');
  assert.equal(prefix({ supportedVersions: [0x7f1c] }), 't00d1516h2');
  assert.equal(prefix({ extensions: [10], alpn: [] }), 't13i150100');
  assert.equal(prefix({ cipherSuites: Array.from({ length: 120 }, (_, i) => i) }), 't13d9916h2');
});

test('JA4: ALPN by its first and last character, else by their digits', () => {
  const ends = (name: string): string => ja4Prefix({ ...EXAMPLE, alpn: [name] }, 't').slice(-2);
  assert.equal(ends('http/1.1'), 'h1');
  assert.equal(ends('h'), 'hh');
  assert.equal(ends('\\171'), 'ab');
  assert.equal(ends('\\171\\205'), 'ad');
  assert.equal(ends('0\\171'), '3b');
  assert.equal(ends('0123\\171'), '3b');
  assert.equal(ends('\\\\'), '5c');
  assert.equal(ends('\\010\\010'), '0a');
});

test('JA4: empty lists', () => {
  const bare = clientHello({ cipherSuites: [0x0a0a], extensions: [], alpn: [], signatureAlgorithms: [] });
  assert.equal(ja4Suites(bare), '');
  assert.equal(ja4Extensions(bare), '');
  const { ja4 } = new Fingerprinter(['ja4']).client(bare, 't') ?? {};
  assert.equal(ja4, 't13i000000_000000000000_000000000000');
});

test('JA3 and JA3S: lists in decimal, GREASE left out, empty lists empty', () => {
  assert.equal(ja3Text(clientHello()), '771,4865-4866-49199-255,0-10-43-51,29-23,0');
  assert.equal(ja3Text(clientHello({ extensions: [], groups: [], pointFormats: [] })), '771,4865-4866-49199-255,,,');
  assert.equal(ja3sText(serverHello()), '771,4865,43-51');
});

/** Names of the fingerprints that there are. */
const made = (fingerprints: object = {}): string[] =>
  Object.entries(fingerprints).flatMap(([name, value]) => (value === undefined ? [] : [name]));

test('each is made only where it is asked for; SSLv2 has none; what is kept is the same as what is not', () => {
  const none = new Fingerprinter([]);
  assert.equal(none.client(EXAMPLE, 't'), undefined);
  assert.equal(none.server(serverHello()), undefined);
  const all = new Fingerprinter(['ja3', 'ja3s', 'ja4']);
  assert.equal(all.client({ ...EXAMPLE, sslv2: true }, 't'), undefined);
  const first = all.client(EXAMPLE, 't');
  assert.deepEqual(made(first), ['ja3', 'ja4']);
  assert.deepEqual(made(new Fingerprinter(['ja3']).client(EXAMPLE, 't')), ['ja3']);
  assert.deepEqual(made(all.server(serverHello())), ['ja3s']);
  // Push it out of the memory.
  for (let i = 0; i < 10_000; i++) all.client(clientHello({ cipherSuites: [i], extensions: [i] }), 't');
  assert.deepEqual(all.client(EXAMPLE, 't'), first);
});

/** The compliance dataset on what is no code point of a negotiation: agreed extensions and lengths of keys. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Certificate, HandshakeDetails } from '../../../src/dissect/event.ts';
import { loadPolicy } from '../../../src/policy/load.ts';
import { skipWithout } from '../../support/shared.ts';
import { certificate, clientHello, handshake, serverHello } from '../handshakes.ts';
import { DETAILS } from './differences.ts';
import { datasetRows } from './sources.ts';

const NOVEMBER_2026 = 1_793_500_000;
const JANUARY_2031 = Date.parse('2031-01-01') / 1000;
const TLS12 = 0x0303;
const ECDHE_ECDSA_AES_256_CBC_SHA384 = 0xc024;
const DHE_RSA_AES_256_GCM_SHA384 = 0x009f;

/** Those that the server repeats in its hello where it agrees: all that a handshake shows of agreement. */
const AGREED = new Map([
  ['encrypt_then_mac', 22],
  ['extended_master_secret', 23],
  ['renegotiation_info', 65281],
  ['truncated_hmac', 4],
]);

interface Facts {
  readonly seconds?: number;
  readonly suite?: number;
  readonly compressionMethod?: number;
  readonly extensions?: readonly number[];
  readonly details?: HandshakeDetails;
}

/** Rules, with what was observed, of a handshake of today if not told otherwise. */
function violations(policy: string, facts: Facts) {
  const { seconds = NOVEMBER_2026 } = facts;
  const { suite = ECDHE_ECDSA_AES_256_CBC_SHA384, compressionMethod = 0, extensions = [], details = {} } = facts;
  const server = { ...serverHello(TLS12, suite), compressionMethod, extensions: [...extensions] };
  const event = { ...handshake(clientHello({}), server), time: { seconds, nanos: 0 }, details };
  return loadPolicy(policy)
    .judge(event)
    .violations.map(({ rule, observed }) => `${rule}: ${observed}`);
}

/** The cell of a row by the beginning of its column's heading. */
function cells(file: string, column: string): (row: readonly string[]) => string {
  const [head = []] = datasetRows(file);
  const index = head.findIndex((heading) => heading.startsWith(column));
  assert.ok(index >= 0, column);
  return (row) => row[index] ?? '';
}

/** What the policy makes of each entry, with the differences that are explained put back. */
function withDifferences(policy: string, theirs: Map<string, string>): Map<string, string> {
  for (const [entry, [ours, reason]] of Object.entries(DETAILS[policy] ?? {})) {
    if (!theirs.has(entry)) continue;
    assert.notEqual(theirs.get(entry), ours, `${entry} differs no more`);
    assert.ok(reason.length > 20);
    theirs.set(entry, ours);
  }
  return theirs;
}

const COLUMNS = [
  ['nist-sp-800-52r2', "('NIST', '')", "('NIST', '')"],
  ['bsi-tr-02102-2', "('BSI', '')", "('BSI (from 1/1/2024)', '')"],
  ['anssi', "('ANSSI', '')", "('ANSSI', '')"],
] as const;

describe('details against the compliance dataset', { skip: skipWithout('policy-sources') }, () => {
  for (const [policy, extensionColumn, lengthColumn] of COLUMNS) {
    test(`${policy}: extensions that the server agrees to`, () => {
      const cell = cells('TLS extensions.md', extensionColumn);
      const theirs = new Map<string, string>();
      for (const row of datasetRows('TLS extensions.md').slice(2)) {
        if (!AGREED.has(row[0] ?? '')) continue;
        const level = cell(row);
        const wanted = /^(must|recommended)$/.test(level) ? 'wanted' : /not/i.test(level) ? 'unwanted' : 'free';
        theirs.set(row[0] ?? '', level.includes('mentioned') ? 'free' : wanted);
      }
      assert.equal(theirs.size, AGREED.size);
      const ours = new Map<string, string>();
      for (const [name, type] of AGREED) {
        const said = (extensions: readonly number[]) =>
          violations(policy, { extensions }).some((violation) => violation.endsWith(name));
        ours.set(name, said([type]) ? 'unwanted' : said([]) ? 'wanted' : 'free');
      }
      const expected = withDifferences(policy, theirs);
      for (const name of AGREED.keys()) assert.equal(ours.get(name), expected.get(name), name);
    });

    test(`${policy}: compression`, () => {
      const [row = []] = datasetRows('Misc.md').filter(([name]) => name === 'Use TLS Compression');
      const level = cells('Misc.md', extensionColumn)(row);
      const said = violations(policy, { compressionMethod: 1 }).filter((violation) => violation.includes('DEFLATE'));
      assert.deepEqual(said, /not/.test(level) ? ['no-compression: compression by DEFLATE'] : []);
    });

    test(`${policy}: lengths of keys`, () => {
      const cell = cells('Key lengths.md', lengthColumn);
      const body = datasetRows('Key lengths.md').slice(2);
      const accepted = (algorithm: string, bits: number) =>
        body.some((row) => row[1] === algorithm && Number(row[2]) <= bits && /^(must|recommended)$/.test(cell(row)));
      const certificateRefused = (key: Certificate['key']) => {
        const details = { certificates: [certificate({ key, notAfter: NOVEMBER_2026 + 86_400 })] };
        return violations(policy, { details }).some((violation) => violation.startsWith('certificate: '));
      };
      for (const bits of [1024, 2048, 3076, 4096]) {
        const key = { type: 'RSA', bits, curve: undefined };
        assert.equal(!certificateRefused(key), accepted('RSA', bits), `RSA ${bits}`);
      }
      for (const [bits, curve] of [
        [192, 'P-192'],
        [224, 'P-224'],
        [256, 'P-256'],
        [384, 'P-384'],
      ] as const) {
        assert.equal(!certificateRefused({ type: 'EC', bits, curve }), accepted('ECDSA', bits), curve);
      }
      if (!body.some((row) => row[1] === 'DH' && !cell(row).includes('mentioned'))) return;
      for (const dhBits of [1024, 2048, 3072]) {
        const suite = DHE_RSA_AES_256_GCM_SHA384;
        const refused = violations(policy, { suite, details: { dhBits } }).some((said) => said.startsWith('dh-length'));
        assert.equal(!refused, accepted('DH', dhBits), `DH ${dhBits}`);
      }
    });

    test(`${policy}: keys of certificates whose last year is over in 2031`, () => {
      const level = cells('Key lengths.md', lengthColumn);
      const lastYear = cells('Key lengths.md', lengthColumn.replace("'')", "'Use up to year')"));
      const keys = { RSA: 'RSA', DSA: 'DSA', ECDSA: 'EC' };
      const rows = datasetRows('Key lengths.md').slice(2);
      for (const [algorithm, type] of Object.entries(keys)) {
        for (const row of rows.filter((one) => one[1] === algorithm && /^(must|recommended)$/.test(level(one)))) {
          const [, year = ''] = /^YEAR (\d+)$/.exec(lastYear(row)) ?? [];
          const bits = Number(row[2]);
          const refused = (seconds: number) => {
            const key = { type, bits, curve: type === 'EC' ? `P-${bits}` : undefined };
            const details = { certificates: [certificate({ key, notAfter: JANUARY_2031 + 86_400 })] };
            return violations(policy, { seconds, details }).some((said) => said.includes(`${type} key`));
          };
          const entry = `${algorithm} ${bits}`;
          const ended = year !== '' && Number(year) < 2031;
          const [ours] = DETAILS[policy]?.[entry] ?? [];
          assert.ok(!refused(JANUARY_2031 - 1), `${entry} in 2030`);
          assert.equal(refused(JANUARY_2031), ours === undefined ? ended : ours === 'ended', `${entry} in 2031`);
          assert.notEqual(ours, ended ? 'ended' : 'free', `${entry} differs no more`);
        }
      }
    });
  }
});

/**
 * Generates `src/dissect/iana-tables.ts` from copies of the public TLS registries.
 *
 *     node dist/scripts/generate-iana.js SOURCES > src/dissect/iana-tables.ts
 *
 * SOURCES is a directory that holds
 * - `iana/tls-parameters-4.csv`, `iana/tls-parameters-8.csv`, `iana/tls-signaturescheme.csv`: IANA's tables of cipher suites,
 *   supported groups and signature schemes, as IANA publishes them, and `iana/ADDENDUM-*.txt` with newer rows of groups;
 * - `cryptodatahub/tls-extension-type.json` and `cryptodatahub/tls-cipher-suite.json` (c0r0n3r/cryptodatahub): extension
 *   types, and the suites that were used without ever being registered;
 * - `cryptodatahub/common-named-group.json` and `cryptodatahub/tls-named-curve.json`: object identifiers and sizes of curves,
 *   and which of them are groups of TLS.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

type Names = Map<number, string>;

/**
 * Groups deployed under code points that IANA never assigned, or that a source lists only outside its table. They were
 * the post-quantum experiments of browsers and CDNs, so an inventory that migrates must be able to name them.
 */
const MORE_GROUPS: readonly (readonly [number, string])[] = [
  [0x11ee, 'curveSM2MLKEM768'], // draft-yang-tls-hybrid-sm2-mlkem-03
  [0x4138, 'CECPQ2'], // Chrome and Cloudflare, 2019
  [0xfe30, 'X25519Kyber512Draft00'], // Cloudflare, 2022
  [0xfe31, 'X25519Kyber768Draft00Old'], // Cloudflare, 2022, before 0x6399
  [0xfe32, 'P256Kyber768Draft00'], // Cloudflare, 2022
];

/** Registered extension types that the source does not list or names twice, and unregistered ones that clients send. */
const MORE_EXTENSIONS: readonly (readonly [number, string])[] = [
  [26, 'tls_lts'], // draft-gutmann-tls-lts
  [36, 'TLMSP'], // ETSI TS 103 523-2
  [37, 'TLMSP_proxying'],
  [38, 'TLMSP_delegate'],
  [39, 'supported_ekt_ciphers'], // RFC 8870
  [53, 'connection_id_deprecated'], // draft-ietf-tls-dtls-connection-id-07
  [54, 'connection_id'], // RFC 9146
  [57, 'quic_transport_parameters'], // RFC 9001
  [58, 'ticket_request'], // RFC 9149
  [59, 'dnssec_chain'], // RFC 9102
  [60, 'sequence_number_encryption_algorithms'], // draft-pismenny-tls-dtls-plaintext-sequence-number
  [61, 'rrc'], // draft-ietf-tls-dtls-rrc
  [17613, 'application_settings'], // ALPS at its second code point, Chrome 2024
  [64768, 'ech_outer_extensions'], // RFC 9849
  [65445, 'quic_transport_parameters_draft'], // 0xffa5, draft-ietf-quic-tls-13 to -32
  [65486, 'encrypted_server_name'], // 0xffce, draft-ietf-tls-esni-02
];

/** TLS 1.2 signatures of RFC 9189: the registry of schemes holds their code points as reserved only. */
const GOST_SCHEMES: readonly (readonly [number, string])[] = [
  [0x0840, 'gostr34102012_256'],
  [0x0841, 'gostr34102012_512'],
];

/** HashAlgorithm and SignatureAlgorithm of RFC 5246 §7.4.1.4.1, from which TLS 1.2 made its pairs. */
const HASHES = ['none', 'md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'];
const SIGNATURES = ['anonymous', 'rsa_pkcs1', 'dsa', 'ecdsa'];

/** Records of an RFC 4180 file: quoted fields may hold commas, doubled quotes and line breaks. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    const [whole, quoted, plain, end] = match;
    if (whole === '' && row.length === 0) break;
    row.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end !== ',') {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

/** `0xC0,0x2F` and `0x0804` and `23`; undefined for a range or a wildcard. */
function codePoint(value: string): number | undefined {
  const pair = /^0x([0-9A-F]{2}),0x([0-9A-F]{2})$/i.exec(value);
  if (pair) return Number.parseInt(`${pair[1]}${pair[2]}`, 16);
  return /^(0x[0-9A-F]{4}|\d+)$/i.test(value) ? Number(value) : undefined;
}

function assigned(csv: string): Names {
  const names: Names = new Map();
  for (const [value = '', description = ''] of parseCsv(csv).slice(1)) {
    const code = codePoint(value);
    if (code === undefined || /^(Reserved|Unassigned)/.test(description)) continue;
    names.set(code, description.replace(/ \(OBSOLETE\)$/, ''));
  }
  return names;
}

function addMissing(names: Names, more: Iterable<readonly [number, string]>): Names {
  for (const [code, name] of more) if (!names.has(code)) names.set(code, name);
  return names;
}

function signaturePairs(): [number, string][] {
  return HASHES.flatMap((hash, h) =>
    SIGNATURES.map((signature, s): [number, string] => [h * 256 + s, `${signature}_${hash}`]),
  );
}

interface SourceSuite {
  readonly code: number;
  readonly iana_name: string | null;
}

interface SourceCurve {
  readonly name: string;
  readonly oid: string | null;
  readonly size: number;
  readonly group_type: string;
}

interface SourceGroup {
  readonly code: number;
  readonly named_group: string | null;
}

/**
 * Object identifiers that no key of type EC has: X25519 and X448 are types of keys (RFC 8410 §3), and the curves of GOST
 * are parameters of keys of GOST (RFC 9215 §4.2).
 */
const OTHER_KEYS = /^1\.(?:3\.101|2\.643)\./;

/** By object identifier: the name that a group of TLS has, else the source's as RFC 5639 §3 spells it, and the size of the field. */
function curves(
  known: Readonly<Record<string, SourceCurve>>,
  ofTls: Readonly<Record<string, SourceGroup>>,
  groups: Names,
): [string, string, number][] {
  const names = new Map(Object.values(ofTls).map(({ code, named_group }) => [named_group, groups.get(code)]));
  return Object.entries(known).flatMap(([key, { name, oid, size, group_type }]): [string, string, number][] => {
    if (oid === null || group_type !== 'ELLIPTIC_CURVE' || OTHER_KEYS.test(oid)) return [];
    return [[oid, names.get(key) ?? name.replace('brainpoolp', 'brainpoolP'), size]];
  });
}

function curveTable(rows: readonly (readonly [string, string, number])[]): string {
  const sorted = [...rows].sort(([, a, aSize], [, b, bSize]) => aSize - bSize || (a < b ? -1 : 1));
  const lines = sorted.map(([oid, name, size]) => `  ['${oid}', '${name}', ${size}],\n`);
  return `\n/** Curves of keys of type EC: object identifier, name, and size of the field in bits. */\nexport const CURVES: readonly (readonly [string, string, number])[] = [\n${lines.join('')}];\n`;
}

function table(constant: string, comment: string, names: Names, digits: number): string {
  const rows = [...names]
    .sort(([a], [b]) => a - b)
    .map(([code, name]) => `  [0x${code.toString(16).padStart(digits, '0')}, '${name}'],\n`);
  return `\n/** ${comment} */\nexport const ${constant}: readonly (readonly [number, string])[] = [\n${rows.join('')}];\n`;
}

/** The text of `src/dissect/iana-tables.ts`. */
export function generate(sources: string): string {
  const read = (...path: string[]) => readFileSync(join(sources, ...path), 'utf8');
  const suites = assigned(read('iana', 'tls-parameters-4.csv'));

  const groups = assigned(read('iana', 'tls-parameters-8.csv'));
  for (const file of readdirSync(join(sources, 'iana'))
    .filter((name) => name.startsWith('ADDENDUM'))
    .sort()) {
    for (const match of read('iana', file).matchAll(/^(\d+),([^,]+),[YN],[YND],/gm)) {
      groups.set(Number(match[1]), (match[2] ?? '').replace(/ \(OBSOLETE\)$/, ''));
    }
  }
  addMissing(groups, MORE_GROUPS);

  const schemes = assigned(read('iana', 'tls-signaturescheme.csv'));
  addMissing(schemes, GOST_SCHEMES);
  addMissing(schemes, signaturePairs());

  const listed: Record<string, { code: number }> = JSON.parse(read('cryptodatahub', 'tls-extension-type.json'));
  const extensions: Names = new Map(Object.entries(listed).map(([name, { code }]) => [code, name.toLowerCase()]));
  for (const [type, name] of MORE_EXTENSIONS) extensions.set(type, name);

  const known: Record<string, SourceSuite> = JSON.parse(read('cryptodatahub', 'tls-cipher-suite.json'));
  const unregistered: Names = new Map();
  for (const [name, { code }] of Object.entries(known)) if (!suites.has(code)) unregistered.set(code, name);

  return [
    '/**\n * Generated by scripts/generate-iana.ts from the IANA registries: do not edit, run the script.\n */\n',
    table('CIPHER_SUITES', 'TLS Cipher Suites.', suites, 4),
    table(
      'UNREGISTERED_CIPHER_SUITES',
      'Suites that implementations used without registering them; a policy must not take them for unknown.',
      unregistered,
      4,
    ),
    table('GROUPS', 'TLS Supported Groups, with experiments that were widely deployed.', groups, 4),
    table('SIGNATURE_SCHEMES', 'TLS SignatureScheme, with the pairs of hash and signature of TLS 1.2.', schemes, 4),
    table('EXTENSIONS', 'TLS ExtensionType Values, with experiments that were widely deployed.', extensions, 4),
    curveTable(
      curves(
        JSON.parse(read('cryptodatahub', 'common-named-group.json')),
        JSON.parse(read('cryptodatahub', 'tls-named-curve.json')),
        groups,
      ),
    ),
  ].join('');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const sources = process.argv[2];
  if (sources === undefined) {
    process.stderr.write('usage: node generate-iana.js SOURCES > src/dissect/iana-tables.ts\n');
    process.exitCode = 2;
  } else {
    process.stdout.write(generate(sources));
  }
}

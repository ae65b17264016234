/**
 * JA4 (github.com/FoxIO-LLC/ja4, technical_details/JA4.md, BSD 3-Clause; the rest of JA4+ is under another license):
 *
 *     t13d1516h2_8daaf6152771_e5627efa2ab1
 *
 * transport, version, server name or not, number of suites and of extensions, ALPN; hash of the sorted suites; hash of the
 * sorted extensions without server name and ALPN, and of the signature algorithms in their order. GREASE counts nowhere.
 */
import type { ClientHello } from '../event.ts';
import { ExtensionType } from './extensions.ts';
import { isGrease } from './versions.ts';

/** TLS over TCP, QUIC, DTLS. */
export type Ja4Transport = 't' | 'q' | 'd';

/** `s1` is OpenSSL's DTLS of before its standard: so the format's own tools and Wireshark spell it. */
const VERSIONS: ReadonlyMap<number, string> = new Map([
  [0x0002, 's2'],
  [0x0100, 's1'],
  [0x0300, 's3'],
  [0x0301, '10'],
  [0x0302, '11'],
  [0x0303, '12'],
  [0x0304, '13'],
  [0xfeff, 'd1'],
  [0xfefd, 'd2'],
  [0xfefc, 'd3'],
]);

/** Two digits: more than 99 count as 99. */
function count(values: readonly number[]): string {
  let number = 0;
  for (let i = 0; i < values.length; i++) if (!isGrease(values[i]!)) number++;
  return number < 10 ? `0${number}` : `${Math.min(number, 99)}`;
}

/** The bytes of a protocol name whose text is escaped as `readText` does. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replaceAll(/\\(\d{3}|\\)/g, (_, code: string) =>
    code === '\\' ? '\\' : String.fromCharCode(Number(code)),
  );
}

const isAlphanumeric = (character: string): boolean => /^[0-9A-Za-z]$/.test(character);

/** First and last character of the first protocol; of its hexadecimal digits where one of them is not alphanumeric. */
function alpnCharacters(alpn: readonly string[]): string {
  const name = unescaped(alpn[0] ?? '');
  if (name === '') return '00';
  const first = name[0]!;
  const last = name[name.length - 1]!;
  if (isAlphanumeric(first) && isAlphanumeric(last)) return first + last;
  const digits = (character: string): string => character.charCodeAt(0).toString(16).padStart(2, '0');
  return digits(first)[0]! + digits(last)[1]!;
}

/** The greatest number offered, a draft's too: the format takes the maximum, whatever the versions mean. */
function versionOf({ supportedVersions, legacyVersion }: ClientHello): number {
  let greatest = 0;
  for (const version of supportedVersions) if (version > greatest && !isGrease(version)) greatest = version;
  return greatest || legacyVersion;
}

/** The part before the first underscore. */
export function ja4Prefix(hello: ClientHello, transport: Ja4Transport): string {
  const version = VERSIONS.get(versionOf(hello)) ?? '00';
  const name = hello.extensions.includes(ExtensionType.serverName) ? 'd' : 'i';
  return `${transport}${version}${name}${count(hello.cipherSuites)}${count(hello.extensions)}${alpnCharacters(hello.alpn)}`;
}

const hex = (value: number): string => value.toString(16).padStart(4, '0');

/** In hexadecimal with commas; '' where nothing but GREASE is left. */
function hexList(values: readonly number[]): string {
  let text = '';
  for (let i = 0; i < values.length; i++) text += text === '' ? hex(values[i]!) : `,${hex(values[i]!)}`;
  return text;
}

function sorted(values: readonly number[]): number[] {
  return values.filter((value) => !isGrease(value)).sort((a, b) => a - b);
}

/** What the second part hashes; '' for no suites, which have no hash but zeros. */
export function ja4Suites(hello: ClientHello): string {
  return hexList(sorted(hello.cipherSuites));
}

/** What the third part hashes; '' for no extensions, which have no hash but zeros. */
export function ja4Extensions(hello: ClientHello): string {
  const isNamed = (type: number): boolean =>
    type === ExtensionType.serverName || type === ExtensionType.applicationLayerProtocolNegotiation;
  const extensions = hexList(sorted(hello.extensions).filter((type) => !isNamed(type)));
  const schemes = hexList(hello.signatureAlgorithms.filter((scheme) => !isGrease(scheme)));
  return schemes === '' ? extensions : `${extensions}_${schemes}`;
}

/** Hexadecimal digits of a SHA-256 that each hashed part shows; zeros for an empty list. */
export const JA4_HASH_DIGITS = 12;

/** Names as node:crypto writes them, in the forms of the event. */

import type { NameAttributes } from '../event.ts';
import { formatIp, parseIp } from '../net/address.ts';

/** A name (RFC 5280 §4.1.2.4): whole, and the attributes that are told apart. */
export interface DistinguishedName {
  /** RFC 4514: the most specific first. */
  readonly text: string;
  readonly commonName: string | undefined;
  readonly organization: string | undefined;
  readonly attributes: NameAttributes;
}

/** By the short name that OpenSSL writes. */
const ATTRIBUTES: ReadonlyMap<string, keyof NameAttributes> = new Map([
  ['OU', 'unit'],
  ['L', 'locality'],
  ['ST', 'state'],
  ['street', 'street'],
  ['emailAddress', 'email'],
]);

/** Bytes of a name's text that are kept: a certificate may carry 64 KB of it. */
const MAX_NAME_LENGTH = 2_048;
/** RFC 5280 appendix A.1 allows 128 characters, and 255 in an email address. */
const MAX_ATTRIBUTE_LENGTH = 256;
/** SANs kept: certificates of content networks name about a hundred hosts. */
const MAX_ALTERNATIVE_NAMES = 256;
/** Host names, which handshakes are judged by, have at most 253 characters (RFC 1035 §2.3.4). */
const MAX_ALTERNATIVE_NAME_LENGTH = 512;

/** `a` cut to `length`, as a string of its own: a slice would keep the whole. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(text.slice(0, length)).toString();
}

/** RFC 4514 §2.4 read back: `\` before a character, or before two hexadecimal digits of a byte of UTF-8. */
function unescaped(value: string): string {
  if (!value.includes('\\')) return value;
  const bytes: Buffer[] = [];
  for (const [, digits, character, plain] of value.matchAll(/\\([0-9A-Fa-f]{2})|\\(.)|([^\\]+)/gsu)) {
    bytes.push(digits === undefined ? Buffer.from(character ?? plain ?? '') : Buffer.from(digits, 'hex'));
  }
  return Buffer.concat(bytes).toString();
}

/**
 * @param lines a relative name a line, as `X509Certificate.subject` has them: values escaped as in RFC 4514, the parts of
 * one with several values joined by ` + `
 */
export function distinguishedName(lines: string | undefined): DistinguishedName {
  const relative = lines === undefined || lines === '' ? [] : lines.split('\n').reverse();
  let commonName: string | undefined;
  let organization: string | undefined;
  const attributes: { -readonly [key in keyof NameAttributes]: string } = {};
  for (const one of relative) {
    for (const attribute of one.split(' + ')) {
      if (attribute.startsWith('CN=')) commonName ??= cut(unescaped(attribute.slice(3)), MAX_NAME_LENGTH);
      else if (attribute.startsWith('O=')) organization ??= cut(unescaped(attribute.slice(2)), MAX_NAME_LENGTH);
      else {
        const end = attribute.indexOf('=');
        const key = ATTRIBUTES.get(attribute.slice(0, end));
        if (key !== undefined) attributes[key] ??= cut(unescaped(attribute.slice(end + 1)), MAX_ATTRIBUTE_LENGTH);
      }
    }
  }
  const text = relative.map((one) => one.replaceAll(' + ', '+')).join(',');
  return { text: cut(text, MAX_NAME_LENGTH), commonName, organization, attributes };
}

export interface AlternativeNames {
  readonly names: readonly string[];
  /** Of all, those too that are not kept. */
  readonly count: number;
}

/** What node:crypto puts in quotes is written as in JSON. */
function withoutQuotes(quoted: string): string {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return quoted.slice(1, -1);
  }
}

/** OpenSSL writes IPv6 addresses with all their groups and in upper case; what is no address stays as it is. */
function address(text: string): string {
  const parsed = parseIp(text);
  return parsed === undefined ? text : formatIp(parsed.version, ...parsed.words);
}

/** @param list `X509Certificate.subjectAltName`: `DNS:a, IP Address:192.0.2.1`, entries with odd characters in JSON quotes */
export function alternativeNames(list: string | undefined): AlternativeNames {
  const names: string[] = [];
  let count = 0;
  if (list === undefined) return { names, count };
  for (const [, type = '', quoted, plain = ''] of list.matchAll(/([^:,]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/gs)) {
    if (++count > MAX_ALTERNATIVE_NAMES) continue;
    const value = quoted === undefined ? plain : withoutQuotes(quoted);
    const name = type === 'IP Address' ? `IP:${address(value)}` : `${type}:${value}`;
    names.push(cut(name, MAX_ALTERNATIVE_NAME_LENGTH));
  }
  return { names, count };
}

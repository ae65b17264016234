/**
 * How a cipher suite agrees on keys and who is authenticated, read from its name. The registry builds names by one grammar,
 * `TLS_<key exchange>_WITH_<cipher>_<MAC or hash>` and for TLS 1.3 `TLS_<AEAD>_<hash>` (RFC 8446 appendix B.4); what the
 * rest of a name says is a matter of policies (src/policy/suites.ts).
 */
import { CIPHER_SUITES, UNREGISTERED_CIPHER_SUITES } from '../iana-tables.ts';

export type KeyExchange =
  | 'RSA'
  | 'DH'
  | 'DHE'
  | 'ECDH'
  | 'ECDHE'
  | 'PSK'
  | 'SRP'
  | 'KRB5'
  | 'ECCPWD'
  | 'CECPQ1'
  | 'GOST'
  | 'SM2'
  | 'SM9'
  | 'SM9DHE'
  | 'FORTEZZA'
  | 'NULL'
  | 'any';

export type Authentication =
  | 'RSA'
  | 'DSS'
  | 'ECDSA'
  | 'PSK'
  | 'SRP'
  | 'KRB5'
  | 'ECCPWD'
  | 'GOST'
  | 'SM2'
  | 'SM9'
  | 'FORTEZZA'
  | 'anonymous'
  | 'any';

export interface SuiteKeys {
  /** `any` for TLS 1.3, whose suites leave it to extensions (RFC 8446 §1.2). Anonymous (EC)DH is ephemeral. */
  readonly keyExchange: KeyExchange;
  /** `any` for TLS 1.3. */
  readonly authentication: Authentication;
}

/** A name in its parts. */
export interface SuiteName extends SuiteKeys {
  /** Weakened for export from the USA before 2000. */
  readonly exported: boolean;
  /** Cipher, mode, and MAC or hash: `AES_128_CBC_SHA`. */
  readonly cipher: string;
}

const KEYS = new Map<string, readonly [KeyExchange, Authentication]>([
  ['NULL', ['NULL', 'anonymous']],
  ['RSA', ['RSA', 'RSA']],
  ['RSA_PSK', ['RSA', 'PSK']],
  ['DH_DSS', ['DH', 'DSS']],
  ['DH_RSA', ['DH', 'RSA']],
  ['DH_anon', ['DHE', 'anonymous']],
  ['DHE_DSS', ['DHE', 'DSS']],
  ['DHE_RSA', ['DHE', 'RSA']],
  ['DHE_PSK', ['DHE', 'PSK']],
  ['PSK_DHE', ['DHE', 'PSK']], // RFC 6655 §4 turned two names round
  ['ECDH_ECDSA', ['ECDH', 'ECDSA']],
  ['ECDH_RSA', ['ECDH', 'RSA']],
  ['ECDH_anon', ['ECDHE', 'anonymous']],
  ['ECDHE_ECDSA', ['ECDHE', 'ECDSA']],
  ['ECDHE_RSA', ['ECDHE', 'RSA']],
  ['ECDHE_PSK', ['ECDHE', 'PSK']],
  ['PSK', ['PSK', 'PSK']],
  ['KRB5', ['KRB5', 'KRB5']],
  ['SRP_SHA', ['SRP', 'SRP']],
  ['SRP_SHA_RSA', ['SRP', 'RSA']],
  ['SRP_SHA_DSS', ['SRP', 'DSS']],
  ['ECCPWD', ['ECCPWD', 'ECCPWD']],
  ['CECPQ1_RSA', ['CECPQ1', 'RSA']],
  ['CECPQ1_ECDSA', ['CECPQ1', 'ECDSA']],
  ['GOSTR341094', ['GOST', 'GOST']],
  ['GOSTR341001', ['GOST', 'GOST']],
  ['GOSTR341112_256', ['GOST', 'GOST']],
  ['FORTEZZA_KEA', ['FORTEZZA', 'FORTEZZA']],
  // The names of GM/T 0024 and GB/T 38636, which have no `_WITH_`.
  ['ECDHE', ['ECDHE', 'SM2']],
  ['ECC', ['SM2', 'SM2']],
  ['IBSDH', ['SM9DHE', 'SM9']],
  ['IBC', ['SM9', 'SM9']],
]);

/** Undefined for what is no suite's name; a signaling value reads like one of TLS 1.3. */
export function splitSuiteName(name: string): SuiteName | undefined {
  const [, body] = /^(?:OLD_)?TLS_(.+)$/.exec(name) ?? [];
  if (body === undefined) return undefined;
  const [left = '', right] = body.split('_WITH_');
  if (right === undefined) {
    const [, chinese = '', rest = ''] = /^(ECDHE|ECC|IBSDH|IBC|RSA)_(.+)$/.exec(body) ?? [];
    const [keyExchange, authentication] = KEYS.get(chinese) ?? (['any', 'any'] as const);
    return { keyExchange, authentication, exported: false, cipher: chinese === '' ? body : rest };
  }
  const keys = KEYS.get(left.replace(/_(?:EXPORT(?:1024)?|FIPS)$/, ''));
  if (keys === undefined) return undefined;
  return { keyExchange: keys[0], authentication: keys[1], exported: left.includes('_EXPORT'), cipher: right };
}

/** By code, once a handshake asks: it takes two milliseconds, which others do not wait for. */
let keysByCode: ReadonlyMap<number, SuiteKeys | undefined> | undefined;

/** Of a suite by its code, registered or not; undefined for one that nobody knows. */
export function suiteKeys(code: number): SuiteKeys | undefined {
  keysByCode ??= new Map(
    [...CIPHER_SUITES, ...UNREGISTERED_CIPHER_SUITES].map(([known, name]) => [known, splitSuiteName(name)]),
  );
  return keysByCode.get(code);
}

const SIGNED: ReadonlySet<Authentication> = new Set(['RSA', 'DSS', 'ECDSA']);

/** Whether the server signs its ServerKeyExchange (RFC 5246 §7.4.3; RFC 5054 §2.8.3 for SRP). */
export function signsKeyExchange({ keyExchange, authentication }: SuiteKeys): boolean {
  return (keyExchange === 'DHE' || keyExchange === 'ECDHE' || keyExchange === 'SRP') && SIGNED.has(authentication);
}

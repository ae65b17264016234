/** The names that OpenSSL and GnuTLS give to cipher suites, made from IANA's: both build theirs by rules. */

const OPENSSL_KEY_EXCHANGES: Readonly<Record<string, string>> = {
  RSA: '',
  DH_anon: 'ADH-',
  ECDH_anon: 'AECDH-',
  SRP_SHA: 'SRP-',
  SRP_SHA_RSA: 'SRP-RSA-',
  SRP_SHA_DSS: 'SRP-DSS-',
  PSK_DHE: 'DHE-PSK-',
};

function opensslCipher(cipher: string, keyExchange: string): string {
  const preShared = keyExchange.includes('PSK');
  const passwords = keyExchange.startsWith('SRP');
  return cipher
    .replace(/^3DES_EDE_CBC/, preShared || passwords ? '3DES-EDE-CBC' : 'DES-CBC3')
    .replace(/^(?:DES40_CBC|DES_CBC_40)/, 'DES-CBC')
    .replace(/^RC4_(?:40|56|128)/, 'RC4')
    .replace(/^RC2_CBC_(?:40|56)/, 'RC2-CBC')
    .replace(/^AES_(\d+)_CBC/, passwords ? 'AES-$1-CBC' : preShared ? 'AES$1-CBC' : 'AES$1')
    .replace(/^CAMELLIA_(\d+)_CBC/, 'CAMELLIA$1')
    .replace(/^(AES|CAMELLIA|ARIA)_(\d+)/, '$1$2')
    .replace(/^SEED_CBC/, 'SEED')
    .replace(/CCM_8$/, 'CCM8')
    .replace(/^CHACHA20_POLY1305_SHA256$/, 'CHACHA20-POLY1305')
    .replaceAll('_', '-');
}

function opensslNames(left: string, right: string): string[] {
  const [, keyExchange = '', exported] = /^(.+?)(?:_(EXPORT(?:1024)?))?$/.exec(left) ?? [];
  const strength = exported === undefined ? '' : exported.replace('EXPORT', 'EXP').concat('-');
  const aria = keyExchange === 'ECDHE_RSA' && right.startsWith('ARIA');
  const prefix = aria ? 'ECDHE-' : (OPENSSL_KEY_EXCHANGES[keyExchange] ?? `${keyExchange.replaceAll('_', '-')}-`);
  const name = `${strength}${prefix}${opensslCipher(right, keyExchange)}`;
  // Before OpenSSL 1.1.0, ephemeral DH with DES or 3DES was EDH.
  return /DHE-(?:RSA|DSS)-DES/.test(name) ? [name, name.replace('DHE-', 'EDH-')] : [name];
}

function gnutlsName(left: string, right: string): string {
  const cipher = right
    .replace(/^RC4_128/, 'ARCFOUR_128')
    .replace(/^CHACHA20_POLY1305_SHA256$/, 'CHACHA20_POLY1305')
    .replace(/_SHA$/, '_SHA1');
  return `TLS_${left.replace('anon', 'ANON').replace('PSK_DHE', 'DHE_PSK')}_${cipher}`;
}

/** Other names of the suite that IANA calls `name`; none for TLS 1.3, where all three agree. */
export function suiteAliases(name: string): string[] {
  const [, left, right] = /^TLS_(.+)_WITH_(.+)$/.exec(name) ?? [];
  if (left === undefined || right === undefined || left.startsWith('GOST')) return [];
  return [...opensslNames(left, right), gnutlsName(left, right)];
}

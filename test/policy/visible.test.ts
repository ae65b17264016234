import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HandshakeDetails, ServerHello, TlsHandshakeEvent } from '../../src/dissect/event.ts';
import { certificate, clientHello, detailed, handshake, serverHello } from './handshakes.ts';
import { policy, summary } from './policies.ts';

const TLS12 = 0x0303;
const TLS13 = 0x0304;
const ECDHE = 0xc02f;
const DHE = 0x009e;
const STATIC_RSA = 0x009c;
const ANONYMOUS = 0x006c;
const STATIC_ECDH = 0xc031;
const STATIC_DH = 0x00a0;

/** Outcome, violations and rules not observed of a policy with one rule. */
const judged = (requirements: string, event: TlsHandshakeEvent) => summary(policy(requirements).judge(event));

const KEPT = ['compliant'];
const LOST = ['not_observable', 'r?'];

describe('groups', () => {
  const allow = 'negotiated: { groups: { allow: [P-256, { hybrid_pq: true }] } }';

  test("TLS 1.3: the ServerHello's key share", () => {
    const share = (keyShareGroup: number): TlsHandshakeEvent =>
      handshake(clientHello({}), { ...serverHello(TLS13, 0x1301), keyShareGroup });
    assert.deepEqual(judged(allow, share(0x11ec)), KEPT);
    assert.deepEqual(judged(allow, share(0x001d)), ['non_compliant', 'r: x25519, not one of P-256, hybrid pq']);
  });

  test('TLS 1.2: ServerKeyExchange only', () => {
    assert.deepEqual(judged(allow, detailed(TLS12, ECDHE, { group: 0x0017 })), KEPT);
    assert.deepEqual(judged(allow, detailed(TLS12, ECDHE, {})), LOST);
    assert.deepEqual(judged(allow, detailed(TLS12, ECDHE, { resumed: true })), LOST);
  });

  test('a key exchange without a named group is no matter of groups', () => {
    assert.deepEqual(judged(allow, detailed(TLS12, STATIC_RSA, {})), KEPT);
    assert.deepEqual(judged(allow, detailed(TLS12, DHE, { dhBits: 2048 })), KEPT);
    assert.deepEqual(judged(allow, detailed(TLS12, 0x1234, {})), LOST);
  });

  test('a curve that the handshake defines has a size that its group does not tell', () => {
    const explicit = detailed(TLS12, ECDHE, { group: 0xff01 });
    const groups = (lists: string) => judged(`negotiated: { groups: { ${lists} } }`, explicit);
    assert.equal(groups('deny: [arbitrary_explicit_prime_curves, { bits: "< 224" }]')[0], 'non_compliant');
    assert.equal(groups('allow: [P-256, { ffdhe: true, bits: ">= 2048" }]')[0], 'non_compliant');
    assert.deepEqual(groups('deny: [{ ffdhe: false, bits: "< 224" }]'), LOST);
    assert.deepEqual(groups('deny: [{ ffdhe: true, bits: "< 3072" }]'), KEPT);
    assert.deepEqual(groups('deny: [{ strength_bits: "< 112" }]'), LOST);
    assert.deepEqual(groups('allow: [{ bits: ">= 224" }]'), LOST);
  });

  describe('of static ECDH', () => {
    const certified = (curve: string | undefined, bits: number | undefined, type = 'EC') =>
      detailed(TLS12, STATIC_ECDH, { certificates: [certificate({ key: { type, bits, curve } })] });
    const groups = (lists: string, curve: string | undefined, bits?: number) =>
      judged(`negotiated: { groups: { ${lists} } }`, certified(curve, bits));
    const short = 'deny: [{ ffdhe: false, bits: "< 224" }]';

    test("it is the curve of the certificate's key", () => {
      assert.deepEqual(judged(allow, certified('secp256r1', 256)), KEPT);
      assert.deepEqual(groups(short, 'secp160r1', 160), [
        'non_compliant',
        "r: secp160r1 of the certificate's key, not not no ffdhe and below 224 bits",
      ]);
      assert.deepEqual(groups(short, 'secp224r1', 224), KEPT);
      assert.equal(groups('deny: [P-192]', 'secp192r1', 192)[0], 'non_compliant');
      assert.equal(groups('deny: [{ strength_bits: "< 112" }]', 'secp192r1', 192)[0], 'non_compliant');
    });

    test('which need not be a group of TLS', () => {
      assert.equal(groups(short, 'secp112r1', 112)[0], 'non_compliant');
      assert.equal(groups('deny: [{ strength_bits: "< 112" }]', 'brainpoolP160r1', 160)[0], 'non_compliant');
      assert.deepEqual(groups(short, 'prime239v1', 239), KEPT);
      assert.deepEqual(groups('deny: [P-192]', 'prime239v1', 239), KEPT);
      assert.equal(groups('allow: [P-256]', 'prime239v1', 239)[0], 'non_compliant');
      assert.deepEqual(groups('allow: [P-256, { ffdhe: false, bits: ">= 224" }]', 'prime239v1', 239), KEPT);
    });

    test('without a name it is none of the allowed; its size is not known', () => {
      const unnamed = '2.23.43.1.4.12';
      assert.equal(groups('allow: [P-256]', unnamed)[0], 'non_compliant');
      assert.deepEqual(groups('allow: [{ bits: ">= 224" }]', unnamed), LOST);
      assert.deepEqual(groups('allow: [{ ffdhe: false }]', unnamed), KEPT);
      assert.deepEqual(groups(short, unnamed), LOST);
      assert.deepEqual(groups('deny: [P-192]', unnamed), LOST);
      assert.equal(groups('deny: [{ post_quantum: false }]', unnamed)[0], 'non_compliant');
    });

    test('by explicit parameters, in another key, or in a certificate that was not seen, it is not observed', () => {
      for (const lists of [short, 'allow: [P-256]']) {
        assert.deepEqual(groups(lists, undefined), LOST);
        assert.deepEqual(judged(`negotiated: { groups: { ${lists} } }`, certified(undefined, 2048, 'RSA')), LOST);
        assert.deepEqual(judged(`negotiated: { groups: { ${lists} } }`, detailed(TLS12, STATIC_ECDH, {})), LOST);
      }
      const both = `negotiated: { versions: { min: TLSv1_2 }, groups: { ${short} } }`;
      assert.deepEqual(judged(both, detailed(TLS12, STATIC_ECDH, {})), LOST);
      assert.deepEqual(judged(both, detailed(TLS12, STATIC_ECDH, { resumed: true })), ['compliant', 'r?']);
    });
  });

  test('properties: post-quantum, finite field, bits, strength', () => {
    const denied = (selector: string, group: number) =>
      judged(`negotiated: { groups: { deny: [${selector}] } }`, detailed(TLS13, 0x1301, { group }))[0] !== 'compliant';
    assert.ok(denied('{ post_quantum: false }', 0x001d));
    assert.ok(!denied('{ post_quantum: false }', 0x0202));
    assert.ok(!denied('{ hybrid_pq: true }', 0x0202));
    assert.ok(denied('{ ffdhe: true, bits: "< 3072" }', 0x0100));
    assert.ok(!denied('{ ffdhe: true, bits: "< 3072" }', 0x0101));
    assert.ok(denied('{ strength_bits: "< 128" }', 0x0015));
    assert.ok(!denied('{ strength_bits: "< 128" }', 0x001d));
    assert.ok(denied('0x1234', 0x1234));
    assert.ok(denied('prime256v1', 0x0017));
  });
});

describe('extensions', () => {
  const rule = 'negotiated: { extensions: { require: [extended_master_secret], deny: [truncated_hmac] } }';
  const agreed = (version: number, extensions: number[], malformed = false): TlsHandshakeEvent =>
    handshake(undefined, { ...serverHello(version, ECDHE), extensions, malformed });

  test("TLS 1.2: the ServerHello's", () => {
    assert.deepEqual(judged(rule, agreed(TLS12, [23, 65281])), KEPT);
    assert.deepEqual(judged(rule, agreed(TLS12, [])), [
      'non_compliant',
      'r: no extended_master_secret, not extended_master_secret',
    ]);
    assert.deepEqual(judged(rule, agreed(TLS12, [4, 23])), [
      'non_compliant',
      'r: truncated_hmac, not not truncated_hmac',
    ]);
  });

  test('TLS 1.3 encrypts them, a hello that breaks off lost them', () => {
    assert.deepEqual(judged(`${rule}, offered: { groups: { deny: [P-256] } }`, { ...agreed(TLS13, []) }), LOST);
    assert.deepEqual(judged(rule, agreed(TLS12, [], true)), LOST);
    assert.deepEqual(judged(rule, handshake(undefined, undefined)), LOST);
  });
});

describe('size of Diffie-Hellman', () => {
  const rule = 'negotiated: { dh_bits: ">= 2048" }';

  test('of ServerKeyExchange, or of the group of TLS 1.3', () => {
    assert.deepEqual(judged(rule, detailed(TLS12, DHE, { dhBits: 2048 })), KEPT);
    assert.deepEqual(judged(rule, detailed(TLS12, DHE, { dhBits: 1024 })), [
      'non_compliant',
      'r: DH of 1024 bits, not DH of at least 2048 bits',
    ]);
    assert.deepEqual(judged(rule, detailed(TLS13, 0x1301, { group: 0x0100 })), KEPT);
    assert.deepEqual(judged('negotiated: { dh_bits: "> 2048" }', detailed(TLS13, 0x1301, { group: 0x0100 })), [
      'non_compliant',
      'r: DH of 2048 bits, not DH of above 2048 bits',
    ]);
  });

  test("of static Diffie-Hellman it is the prime of the certificate's key", () => {
    const certified = (type: string, bits: number | undefined) =>
      detailed(TLS12, STATIC_DH, { certificates: [certificate({ key: { type, bits, curve: undefined } })] });
    assert.deepEqual(judged(rule, certified('DH', 2048)), KEPT);
    assert.deepEqual(judged(rule, certified('DH', 1024)), [
      'non_compliant',
      "r: DH of 1024 bits of the certificate's key, not DH of at least 2048 bits",
    ]);
    assert.deepEqual(judged(rule, certified('DH', undefined)), LOST);
    assert.deepEqual(judged(rule, certified('RSA', 1024)), LOST);
    assert.deepEqual(judged(rule, detailed(TLS12, STATIC_DH, {})), LOST);
    assert.deepEqual(judged('negotiated: { groups: { allow: [P-256] } }', detailed(TLS12, STATIC_DH, {})), KEPT);
  });

  test('concerns nothing else, and is lost with ServerKeyExchange', () => {
    assert.deepEqual(judged(rule, detailed(TLS12, ECDHE, {})), KEPT);
    assert.deepEqual(judged(rule, detailed(TLS13, 0x1301, { group: 0x001d })), KEPT);
    assert.deepEqual(judged(rule, detailed(TLS12, DHE, {})), LOST);
  });
});

describe('signature schemes', () => {
  const rule = 'negotiated: { signature_schemes: { deny: [{ hash: SHA1 }] } }';

  test('of ServerKeyExchange', () => {
    assert.deepEqual(judged(rule, detailed(TLS12, ECDHE, { signatureScheme: 0x0401 })), KEPT);
    assert.deepEqual(judged(rule, detailed(TLS12, ECDHE, { signatureScheme: 0x0201 })), [
      'non_compliant',
      'r: rsa_pkcs1_sha1, not not hash SHA1',
    ]);
    assert.deepEqual(judged(rule, detailed(TLS12, ECDHE, {})), LOST);
  });

  test('no matter where nothing is signed; hidden in TLS 1.3 and before 1.2', () => {
    assert.deepEqual(judged(rule, detailed(TLS12, STATIC_RSA, {})), KEPT);
    assert.deepEqual(judged(rule, detailed(TLS12, ANONYMOUS, {})), KEPT);
    assert.deepEqual(judged(rule, detailed(TLS13, 0x1301, {})), LOST);
    assert.deepEqual(judged(rule, detailed(0x0301, 0xc013, {})), LOST);
  });
});

test('resumption: told by the dissector, or by the pre_shared_key of TLS 1.3', () => {
  const rule = 'negotiated: { resumed: false }';
  const psk: ServerHello = { ...serverHello(TLS13, 0x1301), extensions: [43, 41] };
  assert.deepEqual(judged(rule, detailed(TLS12, ECDHE, { resumed: false })), KEPT);
  assert.deepEqual(judged(rule, detailed(TLS12, ECDHE, { resumed: true })), [
    'non_compliant',
    'r: a resumed session, not a full handshake',
  ]);
  assert.deepEqual(judged(rule, handshake(clientHello({}), psk)), [
    'non_compliant',
    'r: a resumed session, not a full handshake',
  ]);
  assert.deepEqual(judged(rule, handshake(clientHello({}), serverHello(TLS13, 0x1301))), KEPT);
  assert.deepEqual(judged(rule, detailed(TLS12, ECDHE, {})), LOST);
});

test('compression: of the ServerHello', () => {
  const rule = 'negotiated: { compression: false }';
  const by = (compressionMethod: number) =>
    judged(rule, handshake(clientHello({}), { ...serverHello(TLS12, ECDHE), compressionMethod }));
  assert.deepEqual(by(0), KEPT);
  assert.deepEqual(by(1), ['non_compliant', 'r: compression by DEFLATE, not no compression']);
  assert.deepEqual(by(64), ['non_compliant', 'r: compression by LZS, not no compression']);
  assert.deepEqual(by(7), ['non_compliant', 'r: compression by method 7, not no compression']);
  assert.deepEqual(judged(rule, handshake(clientHello({ compressionMethods: [1, 0] }), undefined)), LOST);
});

describe('TLS 1.3 by a pre-shared key', () => {
  const rule = 'negotiated: { cipher_suites: { deny: [{ forward_secrecy: false }] } }';
  const alone: ServerHello = { ...serverHello(TLS13, 0x1301), extensions: [43, 41] };
  const broken = ['non_compliant', 'r: TLS_AES_128_GCM_SHA256 by a pre-shared key alone, not forward secrecy'];

  test('is forward secret together with a key share, and not alone', () => {
    assert.deepEqual(judged(rule, handshake(undefined, alone)), broken);
    assert.deepEqual(judged(rule, handshake(undefined, { ...alone, version: 0x7f1c })), broken);
    assert.deepEqual(judged('negotiated: { cipher_suites: { deny: [{ mode: GCM }] } }', handshake(undefined, alone)), [
      'non_compliant',
      'r: TLS_AES_128_GCM_SHA256, not not mode GCM',
    ]);
    assert.deepEqual(judged(rule, handshake(undefined, { ...alone, keyShareGroup: 0x001d })), KEPT);
    assert.deepEqual(judged(rule, handshake(undefined, serverHello(TLS13, 0x1301))), KEPT);
    assert.deepEqual(
      judged('negotiated: { cipher_suites: { deny: [{ encryption: RC4 }] } }', handshake(undefined, alone)),
      KEPT,
    );
  });

  test('is not known where the ServerHello breaks off or was not seen', () => {
    const cut = { ...serverHello(TLS13, 0x1301), malformed: true };
    assert.deepEqual(judged(rule, handshake(undefined, cut)), LOST);
    assert.deepEqual(
      judged('negotiated: { cipher_suites: { deny: [{ encryption: RC4 }] } }', handshake(undefined, cut)),
      KEPT,
    );
    const retry = { ...serverHello(TLS13, 0x1301), helloRetryRequest: true };
    assert.deepEqual(judged(rule, { ...handshake(clientHello({}), undefined), retry }), LOST);
  });

  test('is what a condition on suites sees', () => {
    const condition = `applies_to: { cipher_suites: { allow: [{ forward_secrecy: false }] } }, negotiated: { resumed: false }`;
    assert.equal(judged(condition, handshake(undefined, alone))[0], 'non_compliant');
    assert.deepEqual(judged(condition, handshake(undefined, { ...alone, keyShareGroup: 0x001d })), KEPT);
    assert.deepEqual(judged(condition, handshake(undefined, { ...alone, malformed: true })), LOST);
  });
});

describe('the outcome where something was not seen', () => {
  const rules = (event: TlsHandshakeEvent) =>
    summary(
      policy(
        'negotiated: { versions: { min: TLSv1_2 } }',
        'negotiated: { certificate: { key_bits: { RSA: ">= 2048" } } }',
        'negotiated: { groups: { allow: [P-256, x25519] } }',
      ).judge(event),
    );
  const full: HandshakeDetails = { group: 0x0017, certificates: [certificate({})] };

  test('all seen', () => assert.deepEqual(rules(detailed(TLS12, ECDHE, full)), ['compliant']));

  test('TLS 1.3 hides the certificate: the rest decides', () => {
    assert.deepEqual(rules(detailed(TLS13, 0x1301, { group: 0x001d })), ['compliant', 'r1?']);
    assert.deepEqual(rules(detailed(0xfefc, 0x1301, { group: 0x001d })), ['compliant', 'r1?']);
    assert.equal(rules(detailed(TLS13, 0x1301, { group: 0x0018 }))[0], 'non_compliant');
  });

  test('a resumed session shows neither certificate nor group: the rest decides', () => {
    assert.deepEqual(rules(detailed(TLS12, ECDHE, { resumed: true })), ['compliant', 'r1?', 'r2?']);
    assert.deepEqual(rules(handshake(clientHello({}), { ...serverHello(TLS13, 0x1301), extensions: [41, 43] })), [
      'compliant',
      'r1?',
      'r2?',
    ]);
  });

  test('TLS 1.2 shows it and the capture does not have it', () => {
    assert.deepEqual(rules(detailed(TLS12, ECDHE, { group: 0x0017 })), ['not_observable', 'r1?']);
    assert.deepEqual(rules(detailed(TLS12, ECDHE, { certificates: [certificate({})] })), ['not_observable', 'r2?']);
  });

  test('no ServerHello, or only a HelloRetryRequest', () => {
    const nothing = ['not_observable', 'r0?', 'r1?', 'r2?'];
    assert.deepEqual(rules(handshake(clientHello({}), undefined)), nothing);
    const retry = { ...serverHello(TLS13, 0x1301), helloRetryRequest: true, keyShareGroup: 0x0018 };
    assert.deepEqual(rules({ ...handshake(clientHello({}), undefined), retry }), nothing);
  });

  test('a policy of which nothing could be judged is not compliant', () => {
    const certificates = 'negotiated: { certificate: { expired: false } }';
    assert.deepEqual(judged(certificates, detailed(TLS13, 0x1301, {})), LOST);
    assert.deepEqual(judged(certificates, detailed(TLS12, ECDHE, { resumed: true })), LOST);
  });

  test('a suite without a certificate is no matter of certificates', () => {
    const certificates = 'negotiated: { certificate: { expired: false } }';
    assert.deepEqual(judged(certificates, detailed(TLS12, ANONYMOUS, {})), KEPT);
    assert.deepEqual(judged(certificates, detailed(TLS12, 0x00a8, {})), KEPT);
    assert.deepEqual(judged(certificates, detailed(TLS12, 0x00ac, {})), LOST);
  });
});

describe('offers that have to be made', () => {
  const offer = (requirements: string, hello: Parameters<typeof clientHello>[0]) =>
    judged(`offered: { ${requirements} }`, handshake(clientHello(hello), undefined));

  test('every entry of `require` selects something offered', () => {
    const require = 'versions: { require: [TLSv1_2, TLSv1_3] }';
    assert.deepEqual(offer(require, { supportedVersions: [0x0304, 0x0303] }), KEPT);
    assert.deepEqual(offer(require, { supportedVersions: [0x0303] }), [
      'non_compliant',
      'r: TLSv1_2, not TLSv1_3 among them',
    ]);
    assert.deepEqual(offer('groups: { require: [{ post_quantum: true }] }', { groups: [0x001d, 0x11ec] }), KEPT);
    assert.deepEqual(offer('key_shares: { require: [{ post_quantum: true }] }', { keyShares: [0x001d] }), [
      'non_compliant',
      'r: x25519, not post quantum among them',
    ]);
    assert.deepEqual(offer('signature_schemes: { require: [ed25519] }', {}), [
      'non_compliant',
      'r: none, not ed25519 among them',
    ]);
  });

  test('signatures are no matter of a client that no server has to show a certificate', () => {
    const require = 'signature_schemes: { require: [{ hash: SHA256 }] }';
    const none = ['non_compliant', 'r: none, not hash SHA256 among them'];
    const GREASE = 0x0a0a;
    const SCSV = 0x00ff;
    assert.deepEqual(offer(require, { cipherSuites: [GREASE, 0x00a8, 0xc035, 0x006c, 0xc01d, SCSV] }), KEPT);
    // RSA_PSK has one, and so may what nobody knows.
    for (const suite of [0x00ac, 0xc02f, 0x009c, 0xc021, 0x1234]) {
      assert.deepEqual(offer(require, { cipherSuites: [0x00a8, suite] }), none);
    }
    assert.deepEqual(offer(require, { sslv2: true, sslv2CipherKinds: [0x010080] }), none);
    // TLS 1.3 by a pre-shared key, and not without (RFC 8446 §9.2).
    assert.deepEqual(offer(require, { cipherSuites: [0x1301], extensions: [41] }), KEPT);
    assert.deepEqual(offer(require, { cipherSuites: [0x1301] }), none);
    assert.deepEqual(offer(require, { cipherSuites: [0x1301, 0xc02f], extensions: [41] }), none);
    // What is asked for all the same is judged.
    assert.deepEqual(offer(require, { cipherSuites: [0x00a8], signatureAlgorithms: [0x0201] }), [
      'non_compliant',
      'r: rsa_pkcs1_sha1, not hash SHA256 among them',
    ]);
  });

  test("key shares are the first hello's: the second has the one that the server named", () => {
    const rule = 'offered: { key_shares: { require: [{ post_quantum: true }] } }';
    const first = clientHello({ groups: [0x11ec, 0x001d, 0x0017], keyShares: [0x11ec, 0x001d] });
    const second = clientHello({ groups: [0x11ec, 0x001d, 0x0017], keyShares: [0x0017] });
    const retry = { ...serverHello(TLS13, 0x1301), helloRetryRequest: true, keyShareGroup: 0x0017 };
    const event = handshake(second, serverHello(TLS13, 0x1301));
    assert.deepEqual(judged(rule, { ...event, firstClient: first, retry }), KEPT);
    assert.deepEqual(judged(rule, { ...event, firstClient: clientHello({ keyShares: [0x001d] }), retry }), [
      'non_compliant',
      'r: x25519, not post quantum among them',
    ]);
    // The first hello was not seen: the retry tells it, or the cookie that it asked for.
    assert.deepEqual(judged(rule, { ...event, retry }), LOST);
    assert.deepEqual(judged(rule, handshake({ ...second, extensions: [43, 44, 51] }, event.server)), LOST);
    assert.deepEqual(judged(rule, { ...event, firstClient: clientHello({ malformed: true }), retry }), LOST);
  });

  test('a hello that breaks off may have offered more', () => {
    const broken = { malformed: true, groups: [0x001d] };
    assert.deepEqual(offer('groups: { require: [P-256] }', broken), LOST);
    assert.deepEqual(offer('groups: { deny: [P-256] }', broken), LOST);
    assert.equal(offer('groups: { deny: [x25519] }', broken)[0], 'non_compliant');
  });
});

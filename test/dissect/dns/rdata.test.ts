import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NameReader } from '../../../src/dissect/dns/name.ts';
import { formatRdata } from '../../../src/dissect/dns/rdata.ts';
import { MAX_DATA_TEXT, RdataReader } from '../../../src/dissect/dns/rdata-reader.ts';
import { hex, pointer, u16, wireName } from './bytes.ts';

/**
 * One record of every type whose presentation form is known: RDATA and text, most from the examples of the RFCs. The
 * texts were compared with BIND 9.18's (`named-rrchecker`); they differ from it in case of hexadecimal digits, in trailing
 * dots, and where BIND uses mnemonics of CERT and the older form of `dohpath`, or leaves out leading zeros.
 */
const RECORDS: readonly (readonly [type: number, rdata: string, text: string])[] = [
  [1, 'c0000201', '192.0.2.1'],
  [2, '026e73076578616d706c6503636f6d00', 'ns.example.com'],
  [3, '046d61696c076578616d706c6503636f6d00', 'mail.example.com'],
  [4, '046d61696c076578616d706c6503636f6d00', 'mail.example.com'],
  [5, '03777777076578616d706c6503636f6d00', 'www.example.com'],
  [
    6,
    '026e73076578616d706c6503636f6d000b686f73742e6d6173746572076578616d706c6503636f6d0078a3f17400001c2000000e10001275000000012c',
    'ns.example.com host\\.master.example.com 2024010100 7200 3600 1209600 300',
  ],
  [7, '03626f78076578616d706c6503636f6d00', 'box.example.com'],
  [8, '0567726f7570076578616d706c6503636f6d00', 'group.example.com'],
  [9, '036e6577076578616d706c6503636f6d00', 'new.example.com'],
  [12, '04686f7374076578616d706c6503636f6d00', 'host.example.com'],
  [13, '05414d443634094c696e757820227822', '"AMD64" "Linux \\"x\\""'],
  [
    14,
    '056f776e6572076578616d706c6503636f6d00066572726f7273076578616d706c6503636f6d00',
    'owner.example.com errors.example.com',
  ],
  [15, '000a046d61696c076578616d706c6503636f6d00', '10 mail.example.com'],
  [16, '0b763d73706631202d616c6c09636166c3a9205c203b', '"v=spf1 -all" "caf\\195\\169 \\\\ ;"'],
  [17, '0561646d696e076578616d706c6503636f6d0000', 'admin.example.com .'],
  [18, '000103616673076578616d706c6503636f6d00', '1 afs.example.com'],
  [19, '0c333131303631373030393536', '"311061700956"'],
  [20, '0f31353038363230323830303332313703303034', '"150862028003217" "004"'],
  [21, '000a0572656c6179076578616d706c6503636f6d00', '10 relay.example.com'],
  [22, '47000580ffff000000321099991111222233334444', '0x47000580ffff000000321099991111222233334444'],
  [23, '03666f6f076578616d706c6503636f6d00', 'foo.example.com'],
  [
    24,
    '000108020000012c70dbd8806efaa5003039076578616d706c6503636f6d0001020304',
    'A 8 2 300 20300101000000 20290101000000 12345 example.com AQIDBA==',
  ],
  [25, '0100030801020304', '256 3 8 AQIDBA=='],
  [
    26,
    '000a066d6170383232076578616d706c6503636f6d00076d617078343030076578616d706c6503636f6d00',
    '10 map822.example.com mapx400.example.com',
  ],
  [27, '082d33322e36383832083131362e383635320431302e30', '"-32.6882" "116.8652" "10.0"'],
  [28, '20010db8000000000000000000000001', '2001:db8::1'],
  [29, '0033161389172dd070be15f000988d20', '42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m'],
  [29, '0050009974caa7448008174a00989a9a', '52 14 5.500 S 0 8 50.250 E 10.50m 0.05m 0.00m 90000000m'],
  [33, '000a003c13c403736970076578616d706c6503636f6d00', '10 60 5060 sip.example.com'],
  [
    35,
    '0064000a0155074532552b7369701b215e2e2a24217369703a696e666f406578616d706c652e636f6d2100',
    '100 10 "U" "E2U+sip" "!^.*$!sip:info@example.com!" .',
  ],
  [36, '000a026b78076578616d706c6503636f6d00', '10 kx.example.com'],
  [37, '000130390801020304', '1 12345 8 AQIDBA=='],
  [39, '076578616d706c65036e657400', 'example.net'],
  [42, '00011503c0a82000011c83c0a826', '1:192.168.32.0/21 !1:192.168.38.0/28'],
  [43, 'ec4505012bb183af5f22588179a53b0a98631fad1a292118', '60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118'],
  [44, '0201123456789abcdef67890123456789abcdef67890', '2 1 123456789abcdef67890123456789abcdef67890'],
  [
    45,
    '0a0102c0000226010351537986ed35533b6064478eeeb27b5bd74dae149b6e81ba3a0521af82ab7801',
    '10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==',
  ],
  [45, '0a0302096d7967617465776179076578616d706c6503636f6d00010351537986', '10 3 2 mygateway.example.com AQNRU3mG'],
  [
    46,
    '00010503000151803e7c9dd73e5510d70a52076578616d706c6503636f6d00a090755ba58d1affa576f4375831b4310920e481218d18a9f164eb',
    'A 5 3 86400 20030322173103 20030220173103 2642 example.com oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTr',
  ],
  [
    47,
    '04686f7374076578616d706c6503636f6d000006400100000003041b000000000000000000000000000000000000000000000000000020',
    'host.example.com A MX RRSIG NSEC TYPE1234',
  ],
  [48, '010003050103d22a6ca77f35b893206fd35e4c506d83788437', '256 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3'],
  [
    49,
    '000201636fc0b8271c82825bb1ac5c41cf5351aa69b4febd94e8f17cdb95000da48c40',
    'AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=',
  ],
  [
    50,
    '0101000c04aabbccdd14174eb2409fe28bcb4887a1836f957f0a8425e27b000722010000000290',
    '1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr NS SOA MX RRSIG DNSKEY NSEC3PARAM',
  ],
  [51, '0100000000', '1 0 0 -'],
  [
    52,
    '030101d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971',
    '3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971',
  ],
  [
    53,
    '030101d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971',
    '3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971',
  ],
  [
    55,
    '10020012200100107b1a74df365639cc39f1d57803010001b771ca136e4aeb5ce44333c53b3d03727673076578616d706c6503636f6d00',
    '2 200100107b1a74df365639cc39f1d578 AwEAAbdxyhNuSutc5EMzxTs9 rvs.example.com',
  ],
  [56, '067374617475730474657874', '"status" "text"'],
  [57, '0000030801020304', '0 3 8 AQIDBA=='],
  [58, '00076578616d706c6503636f6d00', '. example.com'],
  [59, 'ec4505012bb183af5f22588179a53b0a98631fad1a292118', '60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118'],
  [60, '0101030d01020304', '257 3 13 AQIDBA=='],
  [61, '01020304', 'AQIDBA=='],
  [62, '000000420003000460000008', '66 3 A NS AAAA'],
  [
    63,
    '7848b91c010162e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306',
    '2018031900 1 1 62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306',
  ],
  [64, '000003666f6f076578616d706c6503636f6d00', '0 foo.example.com'],
  [
    64,
    '001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c0000201',
    '16 foo.example.org mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1',
  ],
  [
    65,
    '0001000001000602683202683300040008681084e5681085e500060010260647000000000000000000681084e5',
    '1 . alpn="h2,h3" ipv4hint=104.16.132.229,104.16.133.229 ipv6hint=2606:4700::6810:84e5',
  ],
  [
    64,
    '0001000001000c08665c6f6f2c626172026832000700102f646e732d71756572797b3f646e737d',
    '1 . alpn="f\\\\\\\\oo\\\\,bar,h2" dohpath="/dns-query{?dns}"',
  ],
  [99, '0b763d73706631202d616c6c', '"v=spf1 -all"'],
  [104, '000a00144fffff20ee64', '10 0014:4fff:ff20:ee64'],
  [105, '000a0a010200', '10 10.1.2.0'],
  [106, '000a20010db811401000', '10 2001:0db8:1140:1000'],
  [107, '000a0b6c36342d7375626e657431076578616d706c6503636f6d00', '10 l64-subnet1.example.com'],
  [108, '00005e00532a', '00-00-5e-00-53-2a'],
  [109, '00005eef1000002a', '00-00-5e-ef-10-00-00-2a'],
  [256, '000a00016674703a2f2f667470312e6578616d706c652e636f6d2f7075626c6963', '10 1 "ftp://ftp1.example.com/public"'],
  [257, '000569737375656c657473656e63727970742e6f7267', '0 issue "letsencrypt.org"'],
  [257, '8003746273556e6b6e6f776e', '128 tbs "Unknown"'],
  [258, '116170702d6e616d653a574f4c4647414e470d6170702d636c6173733a4f414d', '"app-name:WOLFGANG" "app-class:OAM"'],
  [260, '0a01cb00710f', '10 0 1 203.0.113.15'],
  [260, '0a8309616d7472656c617973076578616d706c6503636f6d00', '10 1 3 amtrelays.example.com'],
  [261, '08716e616d656d696e0c6578746572723d31352d3137', '"qnamemin" "exterr=15-17"'],
  [262, '0342544303616263', '"BTC" "abc"'],
  [32768, 'ec4505012bb183af5f22588179a53b0a98631fad1a292118', '60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118'],
  [32769, 'ec4505012bb183af5f22588179a53b0a98631fad1a292118', '60485 5 1 2bb183af5f22588179a53b0a98631fad1a292118'],
  [
    65,
    '0001 00 0002 0000 0003 0002 20fb 0005 0004 01020304 029b 0009 68656c6c6fd2716f6f',
    '1 . no-default-alpn port=8443 ech="AQIDBA==" key667="hello\\210qoo"',
  ],
  [66, '003b 01 14eb 01 6e 00', 'CDS 1 5355 n'],
];

function format(type: number, rdata: Buffer, rrClass = 1): { text: string; contradicts: boolean } {
  const names = new NameReader();
  const reader = new RdataReader(names);
  // What lies around the RDATA must not show.
  const bytes = Buffer.concat([Buffer.alloc(12), wireName('before.example'), rdata, Buffer.alloc(40, 0x07)]);
  names.begin(0);
  reader.reset(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 28, 28 + rdata.length);
  const text = formatRdata(reader, type, rrClass);
  return { text, contradicts: reader.truncated };
}

const generic = (rdata: Buffer): string =>
  rdata.length === 0 ? '\\# 0' : `\\# ${rdata.length} ${rdata.toString('hex')}`;

describe('RDATA', () => {
  it('shows every known type in its presentation form', () => {
    for (const [type, rdata, text] of RECORDS) assert.deepEqual(format(type, hex(rdata)), { text, contradicts: false });
  });

  it('shows what contradicts its type, cut anywhere, in RFC 3597 form or as a shorter record', () => {
    for (const [type, rdata, text] of RECORDS) {
      const whole = hex(rdata);
      for (let length = 0; length < whole.length; length++) {
        const cut = whole.subarray(0, length);
        const shown = format(type, cut);
        if (shown.contradicts) assert.equal(shown.text, generic(cut));
        else assert.notEqual(shown.text, text);
      }
    }
  });

  it('shows other types in RFC 3597 form', () => {
    assert.deepEqual(format(65534, hex('0a000001')), { text: '\\# 4 0a000001', contradicts: false });
    assert.deepEqual(format(10, hex('')), { text: '\\# 0', contradicts: false });
  });

  it('takes compressed names in RDATA', () => {
    assert.equal(format(15, Buffer.concat([u16(10), hex('026d78'), pointer(12)])).text, '10 mx.before.example');
  });

  it('refuses addresses of the wrong length, and CHAOS addresses', () => {
    for (const length of [1, 3, 5, 16]) assert.ok(format(1, Buffer.alloc(length)).contradicts);
    for (const length of [4, 15, 17]) assert.ok(format(28, Buffer.alloc(length)).contradicts);
    assert.equal(format(1, hex('0a000001'), 3).text, '\\# 4 0a000001');
  });

  it('has no text for the data that an update leaves out (RFC 2136 §2.4)', () => {
    assert.deepEqual(format(1, hex(''), 255), { text: '', contradicts: false });
    assert.deepEqual(format(1, hex(''), 254), { text: '', contradicts: false });
    assert.deepEqual(format(1, hex('0a000001'), 254), { text: '10.0.0.1', contradicts: false });
  });

  it('refuses SVCB parameters out of order, repeated, empty or overrunning (RFC 9460 §2.2)', () => {
    const head = '0001 00';
    for (const bad of [
      '0003 0002 01bb 0001 0003 026832',
      '0003 0002 01bb 0003 0002 01bb',
      '0001 0000',
      '0001 0001 00',
      '0003 0003 01bb00',
      '0004 0003 010203',
      '0003 0009 01bb',
      '0002 0001 00',
    ]) {
      assert.ok(format(64, hex(`${head} ${bad}`)).contradicts, bad);
    }
  });

  it('refuses type bitmaps out of order, empty, too long (RFC 4034 §4.1.2)', () => {
    for (const bad of ['0000', '0001400001 40', '0101400001 40', '0021', '000240']) {
      assert.ok(format(47, hex(`00 ${bad}`)).contradicts, bad);
    }
  });

  it('shows prefixes that no address has, and others than the one encoding of a prefix, in RFC 3597 form (RFC 3123 §4.1)', () => {
    const good: [string, string][] = [
      ['00012000', '1:0.0.0.0/32'],
      ['00028000', '2:::/128'],
      ['000110010a', '1:10.0.0.0/16'],
    ];
    for (const [rdata, text] of good) assert.deepEqual(format(42, hex(rdata)), { text, contradicts: false });
    for (const bad of ['00012c00', '00012100', '00028100', '000110020a00', '0001180400000000', '0001200501020304 05']) {
      assert.deepEqual(format(42, hex(bad)), { text: generic(hex(bad)), contradicts: true });
    }
  });

  it('refuses LOC of another version, beyond the poles, with digits above nine (RFC 1876 §2)', () => {
    const good = '00 33 16 13 89172dd0 70be15f0 00988d20';
    assert.ok(!format(29, hex(good)).contradicts);
    for (const bad of [
      good.replace('00', '01'),
      good.replace('33', 'a3'),
      good.replace('13', '1a'),
      good.replace('89172dd0', 'ffffffff'),
    ]) {
      assert.ok(format(29, hex(bad)).contradicts, bad);
    }
  });

  it('cuts long data and tells its true length', () => {
    const strings = Buffer.concat(
      Array.from({ length: 40 }, () => Buffer.concat([Buffer.from([255]), Buffer.alloc(255, 0x61)])),
    );
    const { text } = format(16, strings);
    assert.equal(text.length, MAX_DATA_TEXT + '... (10240 bytes)'.length);
    assert.match(text, /^("a{255}" ){15}"a+\.\.\. \(10240 bytes\)$/);
    assert.equal(format(65534, Buffer.alloc(5000)).text, `\\# 5000 ${'00'.repeat(MAX_DATA_TEXT / 2)}...`);
    const key = format(61, Buffer.alloc(65_000)).text;
    assert.equal(key, `${'A'.repeat(MAX_DATA_TEXT)}... (65000 bytes)`);
    assert.match(
      format(256, Buffer.concat([u16(1), u16(1), Buffer.alloc(3000)])).text,
      /^1 1 "(\\000)+\\?\d*\.\.\. \(3004 bytes\)$/,
    );
  });

  it('shows any bytes under any type without reading outside', () => {
    const types = [...new Set([...RECORDS.map(([type]) => type), 41, 250, 65534])];
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 200 }), (type, data) => {
        const rdata = Buffer.from(data);
        const { text, contradicts } = format(type, rdata);
        if (contradicts) assert.equal(text, generic(rdata));
        assert.doesNotMatch(text, /undefined|NaN/);
      }),
      { numRuns: 2000 },
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NativeFormat } from '../../src/cim/native.ts';
import type { Certificate, CertificateChain, NetworkEvent } from '../../src/dissect/event.ts';
import { conversationOf } from '../conversation.ts';
import { certificate } from '../policy/handshakes.ts';
import { CERTIFICATE } from './oracle/fixtures.ts';
import { clientHello, FINDING, FLOW, ICMP_FLOW, message, RESPONSE, serverHello, TCP, TIME } from './samples.ts';

const RESOLVER = conversationOf(
  {
    client: { ip: '192.168.109.2', port: 54_329 },
    server: { ip: '192.168.109.1', port: 53 },
    transport: 'udp',
  },
  TCP,
);

const HEAD = '{"time":"2022-09-19T14:41:27.127059667+00:00","type":';
const TO_SERVER = '"source":{"ip":"192.168.109.2","port":54329},"destination":{"ip":"198.51.100.7","port":443}';

function lineOf(event: NetworkEvent): string {
  const made = new NativeFormat().normalize(event);
  assert.ok(made);
  return made.line;
}

const dns = (changes: Parameters<typeof message>[0]) =>
  lineOf({ kind: 'dns_message', time: TIME, conversation: RESOLVER, protocol: 'dns', message: message(changes) });

describe('native format', () => {
  it('writes DnsQuery byte for byte', () => {
    assert.equal(
      dns({}),
      `${HEAD}"DnsQuery","event":{"DnsQuery":{"source":{"ip":"192.168.109.2","port":54329},` +
        '"destination":{"ip":"192.168.109.1","port":53},"id":57975,' +
        '"questions":[{"type":"A","name":"connectivity-check.ubuntu.com"}]}}}',
    );
  });

  it('writes DnsResponse byte for byte', () => {
    assert.equal(
      dns({ ...RESPONSE, answers: RESPONSE.answers.slice(0, 2) }),
      `${HEAD}"DnsResponse","event":{"DnsResponse":{"source":{"ip":"192.168.109.2","port":54329},` +
        '"destination":{"ip":"192.168.109.1","port":53},"id":57975,"status":"NoError","authoritative":false,' +
        '"recursive":true,"questions":[{"type":"A","name":"connectivity-check.ubuntu.com"}],' +
        '"answers":[{"type":"CNAME","name":"connectivity-check.ubuntu.com","value":"check.example.net","ttl":60},' +
        '{"type":"A","name":"connectivity-check.ubuntu.com","value":"35.232.111.17","ttl":300}]}}}',
    );
  });

  it('names every status and writes empty sections', () => {
    const response = (rcode: number) => JSON.parse(dns({ response: true, rcode, questions: [] })).event.DnsResponse;
    assert.deepEqual(
      [0, 1, 2, 3, 5, 16, 23, 12, 4000].map((rcode) => response(rcode).status),
      [
        'NoError',
        'FormErr',
        'ServFail',
        'NxDomain',
        'Refused',
        'BadVers',
        'BadCookie',
        'UNKNOWN (12)',
        'UNKNOWN (4000)',
      ],
    );
    assert.deepEqual([response(3).questions, response(3).answers], [[], []]);
  });

  it('writes TlsClientHello byte for byte, GREASE left out', () => {
    const hello = clientHello({ cipherSuites: [0x2a2a, 0x1301, 0x1234] });
    assert.equal(
      lineOf({ kind: 'client_hello', time: TIME, conversation: TCP, hello }),
      `${HEAD}"TlsClientHello","event":{"TlsClientHello":{${TO_SERVER},"version":"TLSv1_3",` +
        '"ciphers":["TLS_AES_128_GCM_SHA256","UNKNOWN (0x1234)"],"server_name":"www.example.com",' +
        '"alpn":["h2","http/1.1"],"groups":["x25519","secp256r1"],"key_shares":["x25519"],' +
        '"signature_algorithms":["ecdsa_secp256r1_sha256","rsa_pss_rsae_sha256"],"transport":"tcp"}}}',
    );
  });

  it('writes TlsServerHello from the server to the client', () => {
    const hello = serverHello({ alpn: 'h2' });
    assert.equal(
      lineOf({ kind: 'server_hello', time: TIME, conversation: TCP, hello }),
      `${HEAD}"TlsServerHello","event":{"TlsServerHello":{"source":{"ip":"198.51.100.7","port":443},` +
        '"destination":{"ip":"192.168.109.2","port":54329},"version":"TLSv1_3","cipher":"TLS_AES_128_GCM_SHA256",' +
        '"group":"x25519","alpn":"h2","hello_retry_request":false,"transport":"tcp"}}}',
    );
  });

  it('writes TlsCertificate once a chain, with an empty object in the place of what could not be read', () => {
    const [leaf, issuer] = [certificate({ sha256: 'aa'.repeat(32) }), certificate({ sha256: 'bb'.repeat(32) })];
    const lineAt = (chain: CertificateChain, index: number): string | undefined =>
      new NativeFormat().normalize({ ...CERTIFICATE, certificate: issuer, chain, index })?.line;
    const chainAt = (chain: CertificateChain, index: number): (string | undefined)[] =>
      JSON.parse(lineAt(chain, index) ?? '').event.TlsCertificate.certificate_chain.map((one: Partial<Certificate>) =>
        Object.keys(one).length === 0 ? undefined : one.sha256?.slice(0, 2),
      );
    assert.deepEqual(chainAt([leaf, undefined, issuer], 0), ['aa', undefined, 'bb']);
    assert.equal(lineAt([leaf, undefined, issuer], 2), undefined);
    assert.deepEqual(chainAt([undefined, issuer, issuer], 1), [undefined, 'bb', 'bb']);
    assert.equal(lineAt([undefined, issuer, issuer], 2), undefined);
  });

  it('writes Flow byte for byte', () => {
    assert.equal(
      lineOf(FLOW),
      `${HEAD}"Flow","event":{"Flow":{${TO_SERVER},"transport":"tcp","packets_out":9,"packets_in":6,` +
        '"bytes_out":900,"bytes_in":600,"payload_bytes_out":420,"payload_bytes_in":280,' +
        '"start":"2022-09-19T14:41:27.127059667+00:00","duration":1.872940,"retransmits_out":1,"retransmits_in":0,' +
        '"rtt":0.000012,"state":"closed","end_reason":"fin","community_id":"1:LQU9qZlK+B5F3KDmev6m5PMibrg="}}}',
    );
    assert.deepEqual(JSON.parse(lineOf(ICMP_FLOW)).event.Flow.source, { ip: '192.0.2.1' });
  });

  it('writes PolicyViolation byte for byte', () => {
    assert.equal(
      new NativeFormat().finding(FINDING).line,
      `${HEAD}"PolicyViolation","event":{"PolicyViolation":{${TO_SERVER},"policy":"baseline","rule":"no-old-versions",` +
        '"severity":"high","message":"TLS 1.0 and TLS 1.1 are deprecated","observed":"TLSv1_0",' +
        '"expected":"TLSv1_2 or later","reference":"RFC 8996 §4"}}}',
    );
  });
});

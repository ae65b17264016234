import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { NativeFormat } from '../../src/cim/native.ts';
import { Normalizer } from '../../src/cim/normalize.ts';
import { reverse } from '../../src/dissect/conversation.ts';
import type { FlowEvent, NetworkEvent } from '../../src/dissect/event.ts';
import type { Verdict } from '../../src/policy/verdict.ts';
import { conversationOf } from '../conversation.ts';
import { flow } from './arbitraries.ts';
import {
  clientHello,
  DNS,
  DNS_FINDING,
  FINDING,
  FLOW,
  ICMP_FLOW,
  message,
  OPTIONS,
  RESPONSE,
  record,
  serverHello,
  TCP,
  TIME,
  TLS,
  VERDICTS,
  VIOLATION,
} from './samples.ts';

/** The line of the first event of a run. */
function lineOf(event: NetworkEvent, verdicts: readonly Verdict[] = [], options = OPTIONS): string {
  const made = new Normalizer(options).normalize(event, verdicts);
  assert.ok(made);
  return made.line;
}

// biome-ignore lint/suspicious/noExplicitAny: the shape is what the test is about
const fieldsOf = (event: NetworkEvent, verdicts: readonly Verdict[] = [], options = OPTIONS): any =>
  JSON.parse(lineOf(event, verdicts, options));

const HEAD = '{"time":1663598487.127059,"event_id":"r0-0",';
const SENSOR = '"dvc":"sensor-1","vendor_product":"Vesper",';

describe('Network_Traffic', () => {
  it('writes a TCP flow byte for byte', () => {
    assert.equal(
      lineOf(FLOW, VERDICTS),
      `${HEAD}"action":"allowed",${SENSOR}"transport":"tcp","protocol":"ip","protocol_version":"ipv4",` +
        '"src":"192.168.109.2","src_ip":"192.168.109.2","src_port":54329,' +
        '"dest":"198.51.100.7","dest_ip":"198.51.100.7","dest_port":443,' +
        '"src_mac":"00:00:5e:00:53:01","dest_mac":"00:00:5e:00:53:02","vlan":"12","app":"tls",' +
        '"bytes":1500,"bytes_in":600,"bytes_out":900,"packets":15,"packets_in":6,"packets_out":9,"duration":1.872940,' +
        '"response_time":0.000012,' +
        '"tos":"0","ttl":64,"tcp_flag":["FIN","SYN","PSH","ACK"],' +
        '"flow_id":"1:LQU9qZlK+B5F3KDmev6m5PMibrg=","session_id":"r0-h",' +
        '"vesper":{"flow":{"end_reason":"fin","record":1,"payload_bytes_in":280,"payload_bytes_out":420,' +
        '"state":"closed","rtt":0.000012,"retransmits_in":0,"retransmits_out":1,"retransmitted_bytes_out":52},' +
        '"policy":[{"policy":"baseline","outcome":"non_compliant","rules":["no-old-versions"]},' +
        '{"policy":"strict","outcome":"not_observable"}]}}',
    );
  });

  it('writes an ICMP flow without ports', () => {
    assert.equal(
      lineOf(ICMP_FLOW),
      `${HEAD}"action":"allowed",${SENSOR}"transport":"icmp","protocol":"icmp","protocol_version":"ipv4",` +
        '"src":"192.0.2.1","src_ip":"192.0.2.1","dest":"192.0.2.2","dest_ip":"192.0.2.2","app":"icmp",' +
        '"bytes":84,"bytes_in":0,"bytes_out":84,"packets":1,"packets_in":0,"packets_out":1,"duration":0.000000,' +
        '"icmp_type":8,"icmp_code":0,"tos":"0","ttl":64,' +
        '"flow_id":"1:X0snYXpgwiv9TZtqg64sgzUn6Dk=","session_id":"r0-j",' +
        '"vesper":{"flow":{"end_reason":"idle_timeout","record":1,"payload_bytes_in":0,"payload_bytes_out":56}}}',
    );
  });

  it('says the same as the event, whatever its numbers', () => {
    fc.assert(fc.property(flow, (event) => assertSameNumbers(fieldsOf(event), event)));
  });

  it('tells the direction from the addresses of the host', () => {
    const direction = (...local: string[]) =>
      fieldsOf(FLOW, [], { ...OPTIONS, localAddresses: new Set(local) }).direction;
    assert.equal(direction('192.168.109.2'), 'outbound');
    assert.equal(direction('198.51.100.7'), 'inbound');
    assert.equal(direction('192.168.109.2', '198.51.100.7'), undefined);
    assert.equal(direction('203.0.113.1'), undefined);
    assert.equal(direction(), undefined);
  });

  it('tells process, interface and tunnels', () => {
    const line = fieldsOf({
      ...FLOW,
      conversation: conversationOf(
        {
          innerVlan: 7,
          interfaceName: 'eth0',
          owner: {
            processId: 4711,
            userId: 33,
            userName: 'www-data',
            command: 'nginx',
            executable: '/usr/sbin/nginx',
          },
          tunnels: [{ type: 'vxlan', id: 42, source: '192.0.2.9', destination: '192.0.2.10' }],
        },
        TCP,
      ),
    });
    assert.equal(line.process_id, 4711);
    assert.equal(line.user, 'www-data');
    assert.deepEqual(line.vesper.process, {
      user_id: 33,
      id: 4711,
      name: 'nginx',
      user: 'www-data',
      executable: '/usr/sbin/nginx',
    });
    assert.equal(line.vesper.interface, 'eth0');
    assert.equal(line.vesper.inner_vlan, 7);
    assert.deepEqual(line.vesper.tunnels, [{ type: 'vxlan', source: '192.0.2.9', destination: '192.0.2.10', id: 42 }]);
  });

  it('leaves out a duration that packets with wrong clocks make negative', () => {
    assert.equal('duration' in fieldsOf({ ...FLOW, duration: -0.5 }), false);
  });
});

// biome-ignore lint/suspicious/noExplicitAny: the shape is what the test is about
function assertSameNumbers(line: any, event: FlowEvent): void {
  assert.equal(line.bytes_out, event.out.bytes);
  assert.equal(line.bytes_in, event.in.bytes);
  assert.equal(line.bytes, event.out.bytes + event.in.bytes);
  assert.equal(line.packets_out, event.out.packets);
  assert.equal(line.packets_in, event.in.packets);
  assert.equal(line.packets, event.out.packets + event.in.packets);
  assert.ok(Math.abs(line.duration - event.duration) <= 1e-6);
  assert.equal(line.src, event.conversation.client.ip);
  assert.equal(line.src_ip, line.src);
  assert.equal(line.dest, event.conversation.server.ip);
  assert.equal(line.dest_ip, line.dest);
  assert.equal(line.app, event.app ?? event.conversation.transport);
  assert.equal(line.icmp_type, event.icmp?.type);
  assert.equal(line.icmp_code, event.icmp?.code);
  assert.equal(line.session_id, `r0-${event.conversation.session.toString(36)}`);
  assert.equal(line.vesper.flow.payload_bytes_out, event.out.payloadBytes);
  assert.equal(line.vesper.flow.resets_in ?? 0, event.tcp?.in.resets ?? 0);
  assert.equal(line.vesper.flow.zero_windows_out ?? 0, event.tcp?.out.zeroWindows ?? 0);
}

describe('Network_Resolution', () => {
  it('writes an answered transaction byte for byte', () => {
    assert.equal(
      lineOf(DNS),
      `${HEAD}"vendor_product":"Vesper","transport":"udp","src":"2001:db8::2","src_port":54329,` +
        '"dest":"2001:db8::53","dest_port":53,"message_type":"Response","transaction_id":57975,' +
        '"query_type":"Query","query":"connectivity-check.ubuntu.com","query_count":1,"record_type":"A",' +
        '"reply_code":"No Error","reply_code_id":0,' +
        '"answer":["check.example.net","35.232.111.17","35.224.170.84"],"answer_count":3,' +
        '"authority_answer_count":0,"additional_answer_count":1,"ttl":60,"response_time":0.000001,' +
        '"vesper":{"dvc":"sensor-1","flow_id":"1:d/FP5EW3wiY1vCndhwleRRKHowQ=","session_id":"r0-i",' +
        '"dns":{"protocol":"dns","flags":["RD","RA"],"answer_types":["CNAME","A","A"],' +
        '"edns":{"dnssec_ok":false,"udp_size":1232,"options":[10]},' +
        '"cname_chain":["check.example.net"],"answer_ttls":[60,300,300]}}}',
    );
  });

  it('says what the EDNS options say, the error and the server cookie from the response', () => {
    const edns = (...options: [number, string][]) => ({
      version: 0,
      udpSize: 1232,
      dnssecOk: true,
      options: options.map(([code, data]) => ({ code, data })),
    });
    const line = fieldsOf({
      ...DNS,
      query: message({ edns: edns([8, '00011800c00002'], [10, '0102030405060708']) }),
      response: message({
        response: true,
        rcode: 3,
        edns: edns([8, '00011810c00002'], [10, `0102030405060708${'ab'.repeat(8)}`], [15, '000f706f6c696379']),
      }),
    });
    assert.deepEqual(line.vesper.dns.edns, {
      dnssec_ok: true,
      udp_size: 1232,
      options: [8, 10],
      client_subnet: '192.0.2.0/24',
      client_subnet_scope: 16,
      client_cookie: '0102030405060708',
      server_cookie: 'ab'.repeat(8),
      extended_errors: [{ code: 15, name: 'Blocked', text: 'policy' }],
    });
  });

  it('refers to the truncated transaction that it repeats over TCP', () => {
    const line = fieldsOf({ ...DNS, retryOf: { session: 17, id: 4711 } });
    assert.deepEqual(line.vesper.dns.tcp_retry_of, { session_id: 'r0-h', transaction_id: 4711 });
  });

  it('writes a query that nobody answered', () => {
    const line = fieldsOf({ ...DNS, query: message(), response: undefined, responseTime: undefined, retries: 2 });
    assert.equal(line.message_type, 'Query');
    for (const key of ['reply_code', 'reply_code_id', 'answer', 'answer_count', 'ttl', 'response_time']) {
      assert.equal(key in line, false, key);
    }
    assert.deepEqual(line.vesper.dns, { protocol: 'dns', flags: ['RD'], retries: 2 });
  });

  it('spells reply codes and opcodes as CIM does', () => {
    const reply = (rcode: number) => fieldsOf({ ...DNS, response: message({ response: true, rcode }) });
    const spelled = [0, 1, 2, 3, 4, 5, 6, 9, 16, 23].map((rcode) => reply(rcode).reply_code);
    assert.deepEqual(spelled.slice(0, 4), ['No Error', 'Format Error', 'Server Failure', 'Non-Existent Domain']);
    assert.deepEqual(spelled.slice(4), ['NotImp', 'Refused', 'YXDomain', 'NotAuth', 'BADVERS', 'BADCOOKIE']);
    assert.equal(reply(3).reply_code_id, 3);
    assert.deepEqual([reply(3).answer_count, reply(3).answer], [0, undefined]);
    const opcode = (code: number) => fieldsOf({ ...DNS, query: message({ opcode: code }) }).query_type;
    assert.deepEqual([0, 1, 2, 4, 5, 6].map(opcode), ['Query', 'IQuery', 'Status', 'Notify', 'Update', 'DSO']);
  });

  it('writes the root, escaped names, several questions and none', () => {
    const asked = (...names: string[]) => {
      const questions = names.map((name) => ({ name, type: 255, class: 3, unicastResponse: false }));
      const said = (response: boolean) => message({ response, questions, counts: [names.length, 0, 0, 0] });
      return fieldsOf({ ...DNS, query: said(false), response: said(true) });
    };
    assert.equal(asked('.').query, '.');
    assert.equal(asked('a\\032b\\"c').query, 'a\\032b\\"c');
    assert.deepEqual(asked('a.example', 'b.example').query, ['a.example', 'b.example']);
    assert.equal(asked('a.example', 'b.example').query_count, 2);
    assert.equal(asked('a.example').record_type, 'ANY');
    assert.equal(asked('a.example').vesper.dns.class, 'CH');
    assert.deepEqual([asked().query, asked().query_count, asked().record_type], [undefined, 0, undefined]);
  });

  it('says where sections were cut by the wire', () => {
    const response = message({
      response: true,
      answers: [record(1, '192.0.2.1')],
      counts: [1, 9, 0, 0],
      incomplete: true,
    });
    const line = fieldsOf({ ...DNS, response });
    assert.equal(line.answer_count, 1);
    assert.equal(line.vesper.dns.answer_count, 9);
    assert.equal(line.vesper.dns.incomplete, true);
  });

  it('takes the question from a response that came alone', () => {
    const line = fieldsOf({ ...DNS, query: undefined, response: RESPONSE, responseTime: undefined });
    assert.equal(line.query, 'connectivity-check.ubuntu.com');
    assert.equal(line.message_type, 'Response');
  });
});

describe('TLS handshakes', () => {
  it('writes a handshake byte for byte, GREASE left out', () => {
    assert.equal(
      lineOf(TLS, VERDICTS.slice(1)),
      `${HEAD}"action":"allowed","app":"tls","cim_model":"none",${SENSOR}"transport":"tcp","protocol":"ip",` +
        '"protocol_version":"ipv4","src":"192.168.109.2","src_ip":"192.168.109.2","src_port":54329,' +
        '"dest":"198.51.100.7","dest_ip":"198.51.100.7","dest_port":443,' +
        '"src_mac":"00:00:5e:00:53:01","dest_mac":"00:00:5e:00:53:02","vlan":"12",' +
        '"ssl_version":"TLSv1.3","ssl_cipher":"TLS_AES_128_GCM_SHA256","ssl_server_name":"www.example.com",' +
        '"response_time":0.012346,"flow_id":"1:LQU9qZlK+B5F3KDmev6m5PMibrg=","session_id":"r0-h",' +
        '"vesper":{"tls":{"hellos":"both","offered_version":"TLSv1.3","supported_versions":["TLSv1.3","TLSv1.2"],' +
        '"groups":["x25519","secp256r1"],"key_shares":["x25519"],' +
        '"signature_algorithms":["ecdsa_secp256r1_sha256","rsa_pss_rsae_sha256"],"alpn":["h2","http/1.1"],' +
        '"extensions":[0,10,43,51],"group":"x25519",' +
        '"ciphers":["TLS_AES_128_GCM_SHA256","TLS_AES_256_GCM_SHA384","TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",' +
        '"TLS_EMPTY_RENEGOTIATION_INFO_SCSV"]},"policy":[{"policy":"strict","outcome":"not_observable"}]}}',
    );
  });

  it('tells excepted rules and rules that could not be judged', () => {
    const verdict: Verdict = {
      policy: 'strict',
      outcome: 'not_observable',
      violations: [],
      excepted: [{ ...VIOLATION, rule: 'old-printer', reason: 'until it is replaced', exceptedUntil: '2026-12-31' }],
      notObserved: ['certificate-key'],
    };
    assert.deepEqual(fieldsOf(TLS, [verdict]).vesper.policy, [
      { policy: 'strict', outcome: 'not_observable', excepted: ['old-printer'], not_observed: ['certificate-key'] },
    ]);
  });

  it('counts as Network_Traffic only where flows are not collected', () => {
    assert.equal(fieldsOf(TLS).cim_model, 'none');
    assert.equal(fieldsOf(TLS, [], { ...OPTIONS, flowsCollected: false }).cim_model, 'Network_Traffic');
  });

  it('tells a hello alone from a handshake', () => {
    const alone = fieldsOf({ ...TLS, server: undefined, responseTime: undefined });
    assert.equal(alone.vesper.tls.hellos, 'client');
    for (const key of ['ssl_version', 'ssl_cipher', 'response_time']) assert.equal(key in alone, false, key);
    const answer = fieldsOf({ ...TLS, client: undefined, server: serverHello({ alpn: 'h2', compressionMethod: 1 }) });
    assert.deepEqual(answer.vesper.tls, {
      hellos: 'server',
      server_alpn: 'h2',
      compression_method: 1,
      group: 'x25519',
    });
    const retried = fieldsOf({ ...TLS, retry: serverHello({ helloRetryRequest: true }) });
    assert.equal(retried.vesper.tls.hello_retry_request, true);
  });

  it('names SSLv2 kinds and unknown versions', () => {
    const line = fieldsOf({
      ...TLS,
      client: clientHello({ version: 0x0002, cipherSuites: [], sslv2: true, sslv2CipherKinds: [0x010080] }),
      server: serverHello({ version: 0x0002, cipherSuite: 0x0700c0, keyShareGroup: undefined }),
    });
    assert.equal(line.ssl_version, 'SSLv2');
    assert.equal(line.ssl_cipher, 'SSL_CK_DES_192_EDE3_CBC_WITH_MD5');
    assert.deepEqual(line.vesper.tls.ciphers, ['SSL_CK_RC4_128_WITH_MD5']);
    assert.equal(line.vesper.tls.sslv2_hello, true);
    const odd = fieldsOf({ ...TLS, server: serverHello({ version: 0x0999 }) });
    assert.equal('ssl_version' in odd, false);
  });
});

describe('Intrusion_Detection', () => {
  it('writes a finding byte for byte', () => {
    assert.equal(
      new Normalizer(OPTIONS).finding(FINDING, 0).line,
      `${HEAD}"action":"allowed","category":"TLS policy violation","ids_type":"network",${SENSOR}"transport":"tcp",` +
        '"src":"192.168.109.2","src_port":54329,"dest":"198.51.100.7","dest_port":443,"severity":"high",' +
        '"signature":"TLS 1.0 and TLS 1.1 are deprecated","signature_id":"baseline/no-old-versions",' +
        '"vesper":{"flow_id":"1:LQU9qZlK+B5F3KDmev6m5PMibrg=","session_id":"r0-h",' +
        '"finding":{"app":"tls","policy":"baseline","rule":"no-old-versions","level":"must",' +
        '"observed":"TLSv1_0",' +
        '"expected":"TLSv1_2 or later","reference":"RFC 8996 §4",' +
        '"remediation":"Turn on TLS 1.2 or TLS 1.3.","server_name":"www.example.com"}}}',
    );
  });

  it('tells the name asked for in DNS, and how many findings were held back', () => {
    const line = JSON.parse(new Normalizer(OPTIONS).finding(DNS_FINDING, 41).line);
    assert.equal(line.category, 'DNS policy violation');
    assert.deepEqual([line.src, line.dest, line.dest_port], ['2001:db8::2', '2001:db8::53', 53]);
    const { app, query, suppressed, rule, observed } = line.vesper.finding;
    assert.deepEqual(
      { app, query, suppressed, rule, observed },
      {
        app: 'dns',
        query: 'connectivity-check.ubuntu.com',
        suppressed: 41,
        rule: 'resolvers',
        observed: 'resolver 2001:db8::53',
      },
    );
  });
});

describe('Normalizer', () => {
  it('gives each event an id of its own, and the same ones in a second run', () => {
    const run = () => {
      const normalizer = new Normalizer(OPTIONS);
      return Array.from({ length: 2_000 }, (_, i) => {
        const event = i % 3 === 0 ? normalizer.finding(FINDING, 0) : normalizer.normalize(FLOW, []);
        return event?.line ?? '';
      });
    };
    const first = run();
    assert.deepEqual(run(), first);
    assert.equal(new Set(first.map((line) => JSON.parse(line).event_id)).size, first.length);
    const other = lineOf(FLOW, [], { ...OPTIONS, runId: 'r1' });
    assert.notEqual(other.slice(0, 256), first[1]?.slice(0, 256));
  });

  it('keeps the kind and the time beside the line', () => {
    const normalizer = new Normalizer(OPTIONS);
    const events = [FLOW, DNS, TLS].map((event) => normalizer.normalize(event, []));
    assert.deepEqual(
      events.map((event) => event?.kind),
      ['flow', 'dns', 'tls'],
    );
    for (const event of events) assert.deepEqual([event?.seconds, event?.nanos], [TIME.seconds, TIME.nanos]);
    assert.equal(normalizer.finding(FINDING, 0).kind, 'finding');
  });

  it('has no event for single messages, and native none for pairs', () => {
    const hello = { kind: 'client_hello' as const, time: TIME, conversation: TCP, hello: clientHello() };
    assert.equal(new Normalizer(OPTIONS).normalize(hello, []), undefined);
    assert.equal(new NativeFormat().normalize(TLS), undefined);
    assert.equal(new NativeFormat().normalize(DNS), undefined);
  });

  it('keeps src and dest apart from in and out', () => {
    const line = fieldsOf({ ...FLOW, conversation: reverse(TCP) });
    assert.deepEqual([line.src, line.src_port, line.src_mac], ['198.51.100.7', 443, '00:00:5e:00:53:02']);
  });
});

/** The three captures on the same traffic of real programs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupRoot } from '../../src/capture/cgroups.ts';
import { Assessor, kindOf } from '../cim/oracle/assessor.ts';
import { unaccounted } from '../support/counting.ts';
import { Cable, HERE, HERE6, THERE, THERE6 } from '../support/netns.ts';
import { skipWithoutCapture } from '../support/privilege.ts';
import { skipWithout } from '../support/shared.ts';
import { BACKENDS, differences, type Event, SideBySide, WAYS } from '../support/side-by-side.ts';

/** Whose peer sends it segments of 64 bytes, options included. */
const HERE_SLOW = '10.99.0.3';
const ENDS = [HERE, HERE6, HERE_SLOW, THERE, THERE6];

/** Servers of the other end, by what they speak. */
const Port = {
  rsa: '8443',
  ecdsa: '12345',
  dtls: '4433',
  dtls10: '4434',
  dtlsRefused: '4435',
  gnutls: '5556',
  quic: '4443',
  bind: '5300',
};
/** Of a server at this end: its sockets are accepted ones. */
const HERE_PORT = '9443';

/** Versions and suites that OpenSSL 3.0 still speaks; the name is the server name that the client sends. */
const TLS_CLIENTS: readonly (readonly [name: string, port: string, ...options: string[]])[] = [
  ['tls1.0', Port.rsa, '-tls1'],
  ['tls1.1', Port.rsa, '-tls1_1'],
  ['rsa-cbc', Port.rsa, '-tls1_2', '-cipher', 'AES128-SHA'],
  ['ecdhe-gcm', Port.rsa, '-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ['ecdhe-cbc', Port.rsa, '-tls1_2', '-cipher', 'ECDHE-RSA-AES256-SHA384', '-curves', 'P-384'],
  ['dhe-gcm', Port.rsa, '-tls1_2', '-cipher', 'DHE-RSA-AES256-GCM-SHA384'],
  ['chacha', Port.rsa, '-tls1_2', '-cipher', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['camellia', Port.rsa, '-tls1_2', '-cipher', 'CAMELLIA128-SHA'],
  ['anonymous', Port.rsa, '-tls1_2', '-cipher', 'ADH-AES128-SHA'],
  ['null', Port.rsa, '-tls1_2', '-cipher', 'NULL-SHA256'],
  ['ecdsa-gcm', Port.ecdsa, '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ['ecdsa-ccm8', Port.ecdsa, '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-CCM8'],
  ['1.3-aes128', Port.ecdsa, '-tls1_3', '-ciphersuites', 'TLS_AES_128_GCM_SHA256'],
  ['1.3-aes256', Port.rsa, '-tls1_3', '-ciphersuites', 'TLS_AES_256_GCM_SHA384'],
  ['1.3-chacha', Port.rsa, '-tls1_3', '-ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256'],
  ['1.3-retry', Port.rsa, '-tls1_3', '-curves', 'X448:P-256'],
];
const STARTTLS: readonly (readonly [protocol: string, port: string])[] = [
  ['smtp', '587'],
  ['imap', '143'],
  ['pop3', '110'],
];
/** As long as a hello with an ML-KEM share. */
const LONG_ALPN = Array.from({ length: 50 }, (_, i) => `an-application-protocol-of-${i}`.padEnd(32, 'x')).join(',');

const NGINX = (folder: string, modules: string): string => `
${modules}
daemon off; pid ${folder}/nginx.pid; error_log ${folder}/nginx.log; worker_processes 1; user root;
events {}
http {
  access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server {
    listen 443 ssl http2; listen [::]:443 ssl http2;
    ssl_certificate ${folder}/cert; ssl_certificate_key ${folder}/key;
    location / { return 200 "hello"; }
  }
}
mail {
  auth_http 127.0.0.1:1/; server_name mail.test; starttls on;
  ssl_certificate ${folder}/cert; ssl_certificate_key ${folder}/key;
  server { listen 587; protocol smtp; } server { listen 143; protocol imap; } server { listen 110; protocol pop3; }
}`;
const NAMED = (folder: string): string => `
options {
  directory "${folder}"; pid-file none; recursion no; max-udp-size 4096; dnssec-validation no; empty-zones-enable no;
  session-keyfile none; listen-on port ${Port.bind} { any; }; listen-on-v6 port ${Port.bind} { any; };
};
controls {};
zone "example.test" { type master; file "${folder}/zone"; };`;
const ZONE = `$TTL 60
@ IN SOA ns host 1 1 1 1 1
@ IN NS ns
ns IN A 192.0.2.53
www IN A 192.0.2.1
www IN AAAA 2001:db8::1
long IN TXT ${Array.from({ length: 12 }, (_, i) => `"${String(i).padStart(250, 'x')}"`).join(' ')}
`;

/** As a container runtime names a cgroup. */
const CONTAINER = 'ab'.repeat(32);
const CONTAINER_CGROUP = `vesper-test-${process.pid}-${CONTAINER}.scope`;

const skip = skipWithoutCapture('ebpf') || skipWithoutCapture('af_packet');

describe('eBPF, AF_PACKET and tcpdump with replay see the same', { skip }, () => {
  let cable: Cable;
  let side: SideBySide;

  function startServers(): void {
    const path = (name: string): string => side.path(name);
    const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
    for (const [suffix, ...algorithm] of [
      ['', 'rsa:2048'],
      ['2', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
    ]) {
      const subject = ['-subj', '/CN=server.test', '-keyout', path(`key${suffix}`), '-out', path(`cert${suffix}`)];
      openssl('req', '-x509', '-newkey', ...algorithm, '-nodes', ...subject);
    }
    writeFileSync(path('nginx.conf'), NGINX(side.folder, 'include /etc/nginx/modules-enabled/*.conf;'));
    writeFileSync(path('named.conf'), NAMED(side.folder));
    writeFileSync(path('zone'), ZONE);
    const tls = (where: string, port: string, suffix: string, ...more: string[]) => {
      const identity = ['-key', path(`key${suffix}`), '-cert', path(`cert${suffix}`)];
      const all = ['-cipher', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'];
      cable.start(where, ['openssl', 's_server', '-quiet', '-accept', port, ...identity, ...all, ...more]);
    };
    tls(cable.there, Port.rsa, '');
    tls(cable.there, Port.ecdsa, '2');
    tls(cable.there, Port.dtls, '', '-dtls', '-listen', '-mtu', '600');
    tls(cable.there, Port.dtls10, '', '-dtls1');
    tls(cable.there, Port.dtlsRefused, '', '-dtls1_2');
    tls(cable.here, HERE_PORT, '');
    cable.start(cable.there, ['nginx', '-c', path('nginx.conf'), '-e', path('nginx.log')]);
    cable.start(cable.there, ['named', '-f', '-c', path('named.conf')]);
    const serve = ['--x509keyfile', path('key'), '--x509certfile', path('cert'), '-p', Port.gnutls];
    cable.start(cable.there, ['gnutls-serv', '-q', '--http', ...serve]);
    const quic = ['--max-gso-dgrams=1', '-q', `--htdocs=${side.folder}`, THERE, Port.quic, path('key'), path('cert')];
    cable.start(cable.there, ['gtlsserver', ...quic]);
    const names = ['--no-resolv', '--no-hosts', '--address=/example.test/192.0.2.1', '--interface=vb'];
    cable.start(cable.there, ['dnsmasq', '-k', '--user=root', '-x', path('pid'), '--bind-dynamic', ...names]);
  }

  async function traffic(): Promise<void> {
    const run = (...command: string[]) => cable.run(cable.here, ['timeout', '10', ...command], 'hello\n');
    const client = (name: string, connect: string, ...more: string[]) =>
      run(
        'openssl',
        's_client',
        '-connect',
        connect,
        '-servername',
        `${name}.test`,
        '-cipher',
        'ALL:@SECLEVEL=0',
        ...more,
      );

    const dig = ['dig', '+tries=1', '+time=3'];
    for (const server of [THERE, THERE6]) {
      await run(...dig, `@${server}`, 'www.example.test');
      await run(...dig, `@${server}`, 'www.example.test', 'AAAA', '+tcp');
      await run(...dig, '-p', Port.bind, `@${server}`, 'www.example.test', 'AAAA');
      await run(...dig, '-p', Port.bind, `@${server}`, 'nowhere.example.test', '+tcp');
      // Comes in fragments.
      await run(...dig, '-p', Port.bind, `@${server}`, 'long.example.test', 'TXT', '+bufsize=4096');
    }
    const enter = `echo $$ > ${join(cgroupRoot() as string, CONTAINER_CGROUP, 'cgroup.procs')}`;
    const contained = [...dig, `@${THERE}`, 'container.example.test'].join(' ');
    await run('sh', '-c', `${enter} && exec ${contained}`);
    for (const [name, port, ...options] of TLS_CLIENTS) await client(name, `${THERE}:${port}`, ...options);
    await client('ipv6', `[${THERE6}]:${Port.rsa}`);
    await client('long', `${THERE}:${Port.rsa}`, '-alpn', LONG_ALPN);
    await client('slow', `${THERE}:${Port.rsa}`, '-bind', `${HERE_SLOW}:0`);
    await client('slow-long', `${THERE}:${Port.rsa}`, '-bind', `${HERE_SLOW}:0`, '-alpn', LONG_ALPN);
    for (const [protocol, port] of STARTTLS) await client(protocol, `${THERE}:${port}`, '-starttls', protocol);
    await client('dtls', `${THERE}:${Port.dtls}`, '-dtls1_2', '-mtu', '600');
    await client('dtls10', `${THERE}:${Port.dtls10}`, '-dtls1');
    // The server has an RSA certificate alone.
    const ecdsa = ['-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'];
    await client('dtls-refused', `${THERE}:${Port.dtlsRefused}`, '-dtls1_2', ...ecdsa);
    for (const host of [THERE, `[${THERE6}]`]) {
      await run('curl', '-sk', '--http2', '--connect-to', `curl.test:443:${host}:443`, 'https://curl.test/');
    }
    const gnutls = ['gnutls-cli', '--insecure', '-p', Port.gnutls, THERE];
    await run(...gnutls, '--sni-hostname=gnutls.test');
    await run(...gnutls, '--sni-hostname=gnutls12.test', '--priority=NORMAL:-VERS-TLS1.3');
    // From Node.js 24 on with an ML-KEM share.
    const connect = `const s = require('tls').connect({ host: '${THERE}', port: ${Port.rsa}, servername: 'node.test',
      rejectUnauthorized: false }, () => s.end())`;
    await run(process.execPath, '-e', connect);
    const quic = ['--exit-on-all-streams-close', '-q', THERE, Port.quic, 'https://quic.test/zone'];
    await run('gtlsclient', '--no-http-dump', '--no-quic-dump', ...quic);
    await run('gtlsclient', '--version=v2draft', '--no-http-dump', '--no-quic-dump', ...quic);
    await cable.run(
      cable.there,
      ['openssl', 's_client', '-connect', `${HERE}:${HERE_PORT}`, '-servername', 'here.test'],
      '\n',
    );
    for (const [host, size] of [
      [THERE, '56'],
      [THERE6, '56'],
      [THERE, '4000'],
      [THERE6, '4000'],
    ] as const) {
      await run('ping', '-c', '2', '-i', '0.2', '-s', size, host);
    }
  }

  before(async () => {
    cable = new Cable();
    side = new SideBySide(cable, {
      interface: 'va',
      settings: [`dns.ports=${Port.bind}`],
      wanted: ({ src, dest }) => [src, dest].every((end) => ENDS.includes(end as string)),
    });
    execFileSync('ip', ['-n', cable.here, 'addr', 'add', `${HERE_SLOW}/24`, 'dev', 'va']);
    execFileSync('ip', ['-n', cable.there, 'route', 'add', HERE_SLOW, 'dev', 'vb', 'advmss', '64']);
    mkdirSync(join(cgroupRoot() as string, CONTAINER_CGROUP));
    startServers();
    await sleep(1500);
    await side.capture(traffic);
  });

  after(() => {
    cable.close();
    rmdirSync(join(cgroupRoot() as string, CONTAINER_CGROUP));
    side.remove();
  });

  const tlsOf = (way: (typeof WAYS)[number]): Event[] => side.found[way].filter((event) => 'ssl_version' in event);

  it('all of them had an answer', () => {
    const names = new Set(tlsOf('replay').map((event) => event.ssl_server_name));
    const sent = [...TLS_CLIENTS, ...STARTTLS].map(([name]) => `${name}.test`);
    const others = [
      'ipv6',
      'long',
      'slow',
      'slow-long',
      'dtls',
      'dtls10',
      'curl',
      'gnutls',
      'gnutls12',
      'node',
      'here',
    ];
    for (const name of [...sent, ...others.map((other) => `${other}.test`)]) assert.ok(names.has(name), name);
    // gtlsclient gives an address this name.
    assert.ok(names.has('localhost'), 'QUIC');
    const queries = side.found.replay.filter((event) => 'query' in event);
    assert.equal(queries.length, 11);
    assert.ok(queries.every((event) => event.reply_code !== undefined));
  });

  it('tells the alert with which a server refuses DTLS', () => {
    for (const way of WAYS) {
      const refused = side.found[way].find((event) => event.ssl_server_name === 'dtls-refused.test');
      const { alert } = (refused?.vesper.tls ?? {}) as { alert?: unknown };
      assert.deepEqual(alert, { from: 'server', level: 'fatal', description: 'handshake_failure' }, way);
    }
  });

  for (const backend of BACKENDS) {
    it(`${backend}: equal events`, () => {
      assert.deepEqual(differences(side.found[backend], side.found.replay), []);
    });

    // A loaded machine may hold a packet up between the two hooks, but not most of them.
    it(`${backend}: times within a millisecond of tcpdump's`, () => {
      const key = (event: Event): string => `${event.flow_id} ${'query' in event} ${'ssl_version' in event}`;
      const theirs = new Map(side.found.replay.map((event) => [key(event), Number(event.time)]));
      const apart = side.found[backend].map((event) => Math.abs(Number(event.time) - (theirs.get(key(event)) ?? 0)));
      const median = apart.sort((a, b) => a - b)[apart.length >> 1] as number;
      assert.ok(median <= 0.001, `${median} s apart`);
    });
  }

  it('counts every frame once and loses none', () => {
    for (const way of WAYS) {
      const counters = side.counters[way];
      assert.ok((counters['frames.received'] ?? 0) > 500);
      assert.equal(unaccounted(counters), 0, way);
      assert.equal(counters['frames.dropped.ring'] ?? 0, 0, way);
    }
  });

  it('gives events that Splunk accepts', { skip: skipWithout('cim') }, () => {
    const assessor = new Assessor();
    for (const way of WAYS) {
      const complaints = side.found[way].flatMap((event) => assessor.complaints(kindOf(event), JSON.stringify(event)));
      assert.deepEqual([...new Set(complaints)], []);
    }
  });

  it('tells user, program, cgroup and container', () => {
    const { process: owner } = side.found.ebpf.find(({ query }) => query === 'container.example.test')?.vesper ?? {};
    const { id, ...others } = owner as Record<string, unknown>;
    assert.ok(Number(id) > 0);
    assert.equal(others.container_id, CONTAINER);
    assert.equal(others.cgroup, `/${CONTAINER_CGROUP}`);
    assert.equal(others.user, 'root');
    assert.equal(others.name, 'dig');
  });

  it('names the processes of clients, however short they live, and of servers older than the agent', () => {
    const nameOf = (event: Event): unknown => (event.vesper.process as { name?: string } | undefined)?.name;
    for (const event of side.found.ebpf) {
      const ofClient = event.src !== THERE && event.src !== THERE6;
      if ('query' in event) assert.equal(nameOf(event), 'dig');
      else if (event.ssl_server_name === 'curl.test') assert.equal(nameOf(event), 'curl');
      else if (event.transport === 'tcp' && ofClient) assert.ok(nameOf(event), JSON.stringify(event));
      else if (event.transport === 'tcp') assert.equal(nameOf(event), 'openssl', JSON.stringify(event));
    }
  });
});

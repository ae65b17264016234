import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUpgradable } from '../../../src/dissect/tls/preface.ts';
import { TlsTest } from './connection.ts';
import { SIMPLE_CLIENT_HELLO, SIMPLE_SERVER_HELLO } from './traces.ts';

type Line = readonly ['client' | 'server', Buffer];
const C = (text: string): Line => ['client', Buffer.from(text, 'latin1')];
const S = (text: string): Line => ['server', Buffer.from(text, 'latin1')];
const hex = (side: 'client' | 'server', digits: string): Line => [side, Buffer.from(digits.replaceAll(' ', ''), 'hex')];

/** Conversations up to the hello, by the documents of each protocol; none is on its own port (the tests' is 443). */
const PREFACES: Readonly<Record<string, readonly Line[]>> = {
  smtp: [
    S('220 mail.example.org ESMTP\r\n'),
    C('EHLO a\r\n'),
    S('250 STARTTLS\r\n'),
    C('STARTTLS\r\n'),
    S('220 go\r\n'),
  ],
  imap: [S('* OK IMAP4rev1 ready\r\n'), C('a STARTTLS\r\n'), S('a OK begin\r\n')],
  pop3: [S('+OK ready\r\n'), C('STLS\r\n'), S('+OK\r\n')],
  ftp: [S('220 FTP server\r\n'), C('AUTH TLS\r\n'), S('234 go\r\n')],
  ldap: [
    hex('client', '301d 020101 7718 8016 312e332e362e312e342e312e313436362e3230303337'),
    hex('server', '300c020101780 70a010004000400'),
  ],
  xmpp: [
    C("<?xml version='1.0'?><stream:stream to='example.org'>"),
    S('<stream:features/>'),
    C('<starttls/>'),
    S('<proceed/>'),
  ],
  postgresql: [hex('client', '00000008 04d2162f'), S('S')],
  mysql: [hex('server', '0c000000 0a 382e302e3000 01020304 05'), hex('client', '20000001 85aeff19')],
  nntp: [S('200 news.example.org InterNetNews ready\r\n'), C('STARTTLS\r\n'), S('382 go\r\n')],
  sieve: [S('"IMPLEMENTATION" "Dovecot"\r\nOK\r\n'), C('STARTTLS\r\n'), S('OK\r\n')],
  rdp: [
    hex('client', '03000013 0ee00000000000 0100080003000000'),
    hex('server', '03000013 0ed00000123400 0200080002000000'),
  ],
  http: [C('CONNECT example.org:443 HTTP/1.1\r\n\r\n'), S('HTTP/1.1 200 OK\r\n\r\n')],
  socks: [
    hex('client', '050100'),
    hex('server', '0500'),
    hex('client', '05010001c0000201 01bb'),
    hex('server', '05000001000000000000'),
  ],
  plaintext: [S('hello'), C('upgrade'), S('yes')],
};

for (const [name, lines] of Object.entries(PREFACES)) {
  test(`${name} before the hello`, () => {
    const connection = new TlsTest();
    for (const [side, bytes] of lines) assert.equal(connection.send(side, bytes), true);
    if (name !== 'plaintext') assert.equal(connection.flows.apps.get(0), name);
    connection.send('client', SIMPLE_CLIENT_HELLO);
    connection.send('server', SIMPLE_SERVER_HELLO);
    assert.equal(connection.handshakes[0]?.details?.after, name);
    assert.equal(connection.flows.apps.get(0), 'tls');
  });
}

test('what is not one of them is not named', () => {
  const others: Line[][] = [
    [C('GET / HTTP/1.1\r\n\r\n'), S('HTTP/1.1 200 OK\r\n\r\n')],
    // Redis, an industrial controller, an SSH server.
    [C('*1\r\n$4\r\nPING\r\n'), S('+OK\r\n')],
    [hex('client', '03000016 11e00000000100 c0010ac1020100c2020102')],
    [S('SSH-2.0-OpenSSH_9.2\r\n')],
  ];
  for (const lines of others) {
    const connection = new TlsTest();
    for (const [side, bytes] of lines) connection.send(side, bytes);
    assert.equal(connection.flows.apps.get(0), undefined);
  }
});

test('a hello at once comes after nothing; proxies have nothing to upgrade', () => {
  const connection = new TlsTest();
  connection.send('client', SIMPLE_CLIENT_HELLO);
  connection.send('server', SIMPLE_SERVER_HELLO);
  assert.equal(connection.handshakes[0]?.details?.after, undefined);
  assert.equal(isUpgradable('smtp'), true);
  assert.equal(isUpgradable('http'), false);
  assert.equal(isUpgradable('dns'), false);
  assert.equal(isUpgradable(undefined), false);
});

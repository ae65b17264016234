/** `vesper config --check`: what `vesper run` would refuse, without running. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Certificates, makeCertificates } from '../services/certificates.ts';
import { vesper } from '../support/cli.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-check-'));
const path = (name: string): string => join(folder, name);
after(() => rmSync(folder, { recursive: true }));

async function check(settings: string, ...args: string[]): Promise<{ status: number | null; told: string[] }> {
  writeFileSync(path('vesper.yaml'), settings);
  const { status, stdout, stderr } = await vesper(['config', '--check', '-c', path('vesper.yaml'), ...args]);
  const told = (stdout + stderr).replaceAll(`${folder}/`, '').replaceAll('vesper: ', '').trimEnd().split('\n');
  return { status, told };
}

/** The one mistake of an output of these options, without the name of the output. */
async function mistake(options: string): Promise<string> {
  const { status, told } = await check(`outputs:\n  - name: o\n${options.replaceAll(/^ */gm, '    ')}\n`);
  assert.equal(status, 2, told.join('\n'));
  assert.equal(told.length, 1, told.join('\n'));
  return (told[0] ?? '').replace('output o: ', '').replaceAll('output o', 'o');
}

describe('vesper config --check', () => {
  let certificates: Certificates;
  before(() => {
    certificates = makeCertificates(folder);
    writeFileSync(path('token'), 'a-token\n');
    writeFileSync(path('text'), 'a text\n');
  });

  it('says in a line that everything is right, and makes nothing', async () => {
    const settings = `
outputs:
  - ${path('events')}/all.ndjson
  - target: hec://h
    token_file: ${path('token')}
    tls: { ca_file: ${certificates.ca}, cert_file: ${certificates.client.cert}, key_file: ${certificates.client.key} }
  - target: kafka://h/t
    sasl: { mechanism: plain, username: u, password_file: ${path('token')} }
    compression: snappy
  - target: otlp+http://h
    headers: { X-Scope: ü }
spool: { directory: ${path('spool')} }
`;
    assert.deepEqual(await check(settings), { status: 0, told: ['vesper.yaml: the settings are right'] });
    assert.ok(!existsSync(path('events')) && !existsSync(path('spool')));
    assert.equal((await vesper(['config', '--check'])).stdout, 'the settings are right\n');
  });

  it('tells the mistakes of policies and of every output together', async () => {
    const { status, told } = await check(
      'policies: [basline, /nope.yaml]\noutputs: [hec://h, "hec://i?token_file=/nope", "kafka://h/t?sasl.mechanism=plain"]\n',
    );
    assert.equal(status, 2);
    assert.deepEqual(told, [
      'basline: no built-in policy has this name; did you mean baseline?',
      '/nope.yaml: cannot be read (ENOENT); check the path and its permissions',
      'output hec://h: give the token by token_file or token_env',
      "cannot read the token of output hec://i: ENOENT: no such file or directory, open '/nope'",
      'output kafka://h/t: sasl.mechanism needs sasl.username, and sasl.password_file or sasl.password_env',
    ]);
  });

  it('tells the warnings of policies that are right', async () => {
    writeFileSync(
      path('warned.yaml'),
      'id: warned\ntitle: T\nversion: "1"\nsource: S\nextends: [baseline]\n' +
        'exceptions:\n  - { rules: [no-rc4], reason: R, until: 2020-01-01 }\n',
    );
    const { status, told } = await check('format: cim\n', '--policy', path('warned.yaml'));
    assert.equal(status, 0, told.join('\n'));
    assert.equal(told[0], 'vesper.yaml: the settings are right');
    assert.match(told[1] ?? '', /^warning: warned\.yaml:7:\d+: .*expired/);
    assert.equal(told.length, 2);
  });

  it('is refused together with --docs, which checks nothing', async () => {
    const { status, stdout, stderr } = await vesper(['config', '--check', '--docs']);
    assert.deepEqual([status, stdout], [2, '']);
    assert.equal(stderr, 'vesper: vesper config: give --check or --docs, not both\n');
  });

  it('looks into the files of certificates', async () => {
    const { ca, server, client } = certificates;
    const hec = `target: hec://h\ntoken_file: ${path('token')}\n`;
    assert.equal(
      await mistake(`${hec}tls: { ca_file: ${path('text')} }`),
      'tls.ca_file: there is no certificate in PEM in text',
    );
    assert.match(await mistake(`${hec}tls: { ca_file: /nope }`), /^tls\.ca_file: cannot read \/nope: ENOENT/);
    assert.equal(
      await mistake(`${hec}tls: { cert_file: ${client.cert} }`),
      'tls.cert_file and tls.key_file go together',
    );
    assert.match(
      await mistake(`${hec}tls: { cert_file: ${client.cert}, key_file: ${ca} }`),
      /^tls\.key_file: ca\.pem cannot be used: it holds no private key in PEM/,
    );
    assert.match(
      await mistake(`${hec}tls: { cert_file: ${client.cert}, key_file: ${server.key} }`),
      /^tls\.cert_file client\.pem and tls\.key_file server\.key cannot be used: .*key values mismatch/,
    );
    writeFileSync(path('broken'), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
    assert.match(
      await mistake(`${hec}tls: { ca_file: ${path('broken')} }`),
      /^tls\.ca_file: the certificate in broken cannot be read: /,
    );
    // Node would take the first and say nothing of the others.
    const authority = readFileSync(ca, 'utf8');
    writeFileSync(path('cut'), authority + (authority.split('-----END')[0] ?? '') + authority);
    assert.equal(
      await mistake(`${hec}tls: { ca_file: ${path('cut')} }`),
      'tls.ca_file: certificate 2 in cut cannot be read: no END line after its base64',
    );
    writeFileSync(path('bundle'), `\uFEFF${authority}a text\n${authority.replaceAll('\n', '\r\n')}`);
    assert.equal(
      (await check(`outputs:\n  - ${`${hec}tls: { ca_file: ${path('bundle')} }`.replaceAll('\n', '\n    ')}\n`)).status,
      0,
    );
    writeFileSync(path('locked'), '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n');
    assert.match(
      await mistake(`${hec}tls: { cert_file: ${client.cert}, key_file: ${path('locked')} }`),
      /it is encrypted, and there is nobody to ask/,
    );
  });

  it('reads headers from a file as from the settings, and shows none', async () => {
    const withFile = `target: otlp+http://h\nheaders_file: ${path('headers')}`;
    writeFileSync(path('headers'), 'X-Scope: ü\n\r\nX-Tab:\ta\tb \n');
    assert.equal((await check(`outputs:\n  - ${withFile.replace('\n', '\n    ')}\n`)).status, 0);
    writeFileSync(path('headers'), 'X-Scope: a\n\nhunter2\n');
    assert.equal(await mistake(withFile), 'line 3 of headers is no header: write Name: value');
    writeFileSync(path('headers'), 'Authorization:  \n');
    assert.equal(await mistake(withFile), 'line 1 of headers is no header: write Name: value');
    writeFileSync(path('headers'), 'X-Scope: hunter2☃\n');
    assert.equal(await mistake(withFile), 'the value in line 1 of headers has characters that no HTTP header has');
  });

  it('knows whether this Node has Zstandard', async () => {
    const { status, told } = await check('outputs: [kafka://h/t?compression=zstd]\n');
    const { zstdCompress } = (await import('node:zlib')) as { zstdCompress?: unknown };
    assert.equal(status, zstdCompress === undefined ? 2 : 0, told.join('\n'));
  });
});

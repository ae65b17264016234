/** `vesper inventory` from a capture and from the events that were recorded of it, in all three forms. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { inventoryCbom } from '../../src/inventory/cbom.ts';
import { Inventory } from '../../src/inventory/inventory.ts';
import { certificateFacts, observe } from '../../src/inventory/observation.ts';
import { TLS, VERDICTS } from '../cim/samples.ts';
import { certificate } from '../policy/handshakes.ts';
import { MAIN, vesper } from '../support/cli.ts';
import { PROJECT } from '../support/shared.ts';

const OFFICE = join(PROJECT, 'test', 'fixtures', 'cases', 'office-hour', 'input.pcap');
const folder = mkdtempSync(join(tmpdir(), 'vesper-inventory-'));
after(() => rmSync(folder, { recursive: true }));

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);

describe('vesper inventory', () => {
  it('shows every server and client with what they really used', async () => {
    const { status, stdout, stderr } = await vesper(['inventory', OFFICE]);
    assert.equal(status, 0, stderr);
    const [servers = '', clients = ''] = stdout.split('\n\n');
    assert.match(servers, /^server +names +handshakes +first and last +negotiated +groups +certificates +verdicts\n/);
    assert.match(servers, /\n192\.0\.2\.80:443 +\S+ +3 +2026-11-23T13:44:31Z +TLSv1\.\d TLS_\S+ 1/);
    assert.match(servers, /\n\[2001:db8::80\]:443 +www\.example\.test +1 /);
    assert.match(servers, /baseline: .*non_compliant\n(?:.*\n)? +.* {2}no-tls-1\.0-1\.1 2\n/);
    assert.match(clients, /^client +handshakes /);
    assert.match(clients, /\n192\.0\.2\.12 +1 .*TLSv1\.2 TLS_RSA_WITH_AES_128_CBC_SHA 1 /);
  });

  it('makes the same of a capture and of the events recorded of it', async () => {
    const recorded = join(folder, 'events.ndjson');
    const zipped = join(folder, 'events.ndjson.gz');
    assert.equal((await vesper(['replay', OFFICE, '-o', recorded])).status, 0);
    writeFileSync(zipped, gzipSync(readFileSync(recorded)));
    const made = async (file: string) => {
      const { status, stdout, stderr } = await vesper(['inventory', file, '--json']);
      assert.equal(status, 0, stderr);
      return { ...JSON.parse(stdout), files: [] };
    };
    const fromCapture = await made(OFFICE);
    assert.deepEqual(await made(recorded), fromCapture);
    assert.deepEqual(await made(zipped), fromCapture);
    assert.ok(fromCapture.servers.length >= 4);
    const sum = (entries: { handshakes: number }[]) => entries.reduce((all, { handshakes }) => all + handshakes, 0);
    assert.equal(sum(fromCapture.servers), fromCapture.handshakes);
    assert.equal(sum(fromCapture.clients), fromCapture.handshakes);
  });

  it("has no issuer's certificate as a server's whose own cannot be read", async () => {
    const capture = OFFICE.replace('office-hour', 'tls-unreadable-leaf');
    const recorded = join(folder, 'unreadable-leaf.ndjson');
    assert.equal((await vesper(['replay', capture, '-o', recorded])).status, 0);
    assert.match(readFileSync(recorded, 'utf8'), /Example Issuing CA/);
    for (const file of [capture, recorded]) {
      const { stdout } = await vesper(['inventory', file, '--json']);
      assert.deepEqual(
        JSON.parse(stdout).servers.map(({ certificates }: { certificates: unknown }) => certificates),
        [[]],
      );
    }
  });

  it('says so where there was no TLS', async () => {
    const fragments = OFFICE.replace('office-hour', 'ipv4-fragments');
    const { status, stdout } = await vesper(['inventory', fragments]);
    assert.equal(status, 0);
    assert.equal(stdout, `no TLS handshake in ${fragments}\n`);
  });

  it('writes a CycloneDX document that its schema accepts', async () => {
    const { status, stdout, stderr } = await vesper(['inventory', OFFICE, '--cbom']);
    assert.equal(status, 0, stderr);
    assert.equal(await validator.validate(stdout), null);
    const { specVersion, components, services, dependencies } = JSON.parse(stdout);
    assert.equal(specVersion, '1.6');
    const protocol = components.find(
      (one: { 'bom-ref': string }) => one['bom-ref'] === 'protocol/192.0.2.25:443/TLSv1.0',
    );
    assert.deepEqual(protocol.cryptoProperties, {
      assetType: 'protocol',
      protocolProperties: {
        type: 'tls',
        version: '1.0',
        cipherSuites: [
          {
            name: 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
            algorithms: ['algorithm/AES-256-CBC'],
            identifiers: ['0xC0', '0x14'],
          },
        ],
      },
    });
    assert.ok(services.some((one: { 'bom-ref': string }) => one['bom-ref'] === 'server/192.0.2.25:443'));
    const of = dependencies.find((one: { ref: string }) => one.ref === 'server/192.0.2.25:443');
    assert.ok(of.dependsOn.includes('protocol/192.0.2.25:443/TLSv1.0'));
  });

  it('reads a capture from a pipe', async () => {
    const fromPipe = `exec "$0" "$1" inventory <(cat "$2")`;
    const { stdout, stderr } = spawnSync('bash', ['-c', fromPipe, process.execPath, MAIN, OFFICE], {
      encoding: 'utf8',
    });
    assert.equal(stderr, '');
    assert.equal(stdout, (await vesper(['inventory', OFFICE])).stdout);
  });

  it('says why a zipped file of events cannot be read to its end', async () => {
    const { stdout } = await vesper(['replay', OFFICE]);
    const cut = join(folder, 'cut.ndjson.gz');
    writeFileSync(cut, gzipSync(stdout).subarray(0, -20));
    const { status, stderr } = await vesper(['inventory', cut]);
    assert.equal(status, 2);
    assert.match(stderr, /^vesper: cannot read .*cut\.ndjson\.gz: unexpected end of file\n$/);
  });

  it('counts lines that are no events', async () => {
    const file = join(folder, 'mixed.ndjson');
    writeFileSync(file, '{"a":1}\nnonsense\n');
    const { status, stderr } = await vesper(['inventory', file]);
    assert.equal(status, 1);
    assert.match(stderr, /mixed\.ndjson: 2 lines are no events in CIM form/);
  });

  it('refuses what it cannot read', async () => {
    assert.equal((await vesper(['inventory'])).status, 2);
    const { status, stderr } = await vesper(['inventory', join(folder, 'nowhere')]);
    assert.equal(status, 2);
    assert.match(stderr, /cannot read .*nowhere/);
  });
});

describe('inventoryCbom', () => {
  it('has certificates with their keys and signatures, and is valid', async () => {
    const inventory = new Inventory();
    inventory.handshake(observe(TLS, VERDICTS));
    inventory.certificate(TLS.conversation.server, certificateFacts(certificate({ sha256: 'ff'.repeat(32) })));
    const text = inventoryCbom(inventory, '1.2.3');
    assert.equal(await validator.validate(text), null);
    const assets = JSON.parse(text).components.filter((one: { type: string }) => one.type === 'cryptographic-asset');
    const kinds = assets
      .map((one: { cryptoProperties: { assetType: string } }) => one.cryptoProperties.assetType)
      .sort();
    assert.deepEqual(kinds, [
      ...['algorithm', 'algorithm', 'algorithm', 'certificate', 'protocol', 'related-crypto-material'],
    ]);
    const group = assets.find((one: { name: string }) => one.name === 'x25519');
    assert.deepEqual(group.cryptoProperties.algorithmProperties, {
      primitive: 'key-agree',
      curve: 'x25519',
      cryptoFunctions: ['keygen', 'keyderive'],
      classicalSecurityLevel: 128,
      nistQuantumSecurityLevel: 0,
    });
    assert.equal(inventoryCbom(inventory, '1.2.3'), text);
  });

  it('is valid where nothing was seen', async () => {
    assert.equal(await validator.validate(inventoryCbom(new Inventory(), '1.2.3')), null);
  });
});

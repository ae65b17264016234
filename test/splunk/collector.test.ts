/**
 * config/splunk/otel-collector.yaml at work: the agent sends to a collector that runs it, which sends to a receiver of the
 * HTTP Event Collector, and what arrives there is the agent's lines, by the byte.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse, stringify } from 'yaml';
import { COLLECTOR, skipWithoutService } from '../services/cache.ts';
import { Collector } from '../services/collector.ts';
import { freePorts, Server } from '../services/process.ts';
import { vesper } from '../support/cli.ts';
import { PROJECT } from '../support/shared.ts';

const CASE = join(PROJECT, 'test/fixtures/cases/office-hour');

/** The example between free ports, without TLS and without the parts that the tests' collector is built without. */
function configuration(otlpPort: number, hecPort: number): string {
  const config = parse(readFileSync(join(PROJECT, 'config/splunk/otel-collector.yaml'), 'utf8'));
  config.receivers.otlp.protocols.http = { endpoint: `127.0.0.1:${otlpPort}` };
  config.exporters.splunk_hec.endpoint = `http://127.0.0.1:${hecPort}/services/collector`;
  config.exporters.splunk_hec.token = 'token';
  delete config.exporters.splunk_hec.tls;
  delete config.exporters.splunk_hec.sending_queue.storage;
  const { logs } = config.service.pipelines;
  return stringify({
    receivers: config.receivers,
    exporters: config.exporters,
    service: { telemetry: { metrics: { level: 'none' } }, pipelines: { logs: { ...logs, processors: [] } } },
  });
}

describe('the example of an OpenTelemetry Collector', { skip: skipWithoutService('collector') }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-otel-'));
  let splunk: Collector;
  let between: Server;
  let port: number;
  before(async () => {
    splunk = await Collector.start({ receivers: { splunk_hec: {} } });
    [port] = (await freePorts(1)) as [number];
    const file = join(folder, 'collector.yaml');
    writeFileSync(file, configuration(port, splunk.hecPort));
    between = new Server(COLLECTOR, ['--config', file], folder);
    await between.until('ready', () => between.log.includes('Everything is ready'));
  });
  after(async () => {
    await between?.stop('SIGTERM');
    await splunk?.close();
    rmSync(folder, { recursive: true });
  });

  it('hands every line over unchanged, with its sourcetype, index, source and host', async () => {
    const settings = join(folder, 'vesper.yaml');
    const output = { target: `otlp+http://127.0.0.1:${port}`, body: 'line', splunk: { index: 'netops' } };
    writeFileSync(settings, stringify({ outputs: [output], sensor: { name: 'sensor' } }));
    const { status, stderr } = await vesper(['replay', '-c', settings, join(CASE, 'input.pcap')]);
    assert.equal(status, 0, stderr);
    const lines = readFileSync(join(CASE, 'expected.ndjson'), 'utf8').split('\n').filter(Boolean);
    const records = await splunk.received(lines.length);
    assert.deepEqual(records.map(({ body }) => body).sort(), lines.sort());
    for (const { body, resource } of records) {
      const { vesper: extras } = JSON.parse(body as string) as { vesper: Record<string, unknown> };
      const { 'com.splunk.sourcetype': sourcetype, ...rest } = resource;
      assert.ok(Object.hasOwn(extras, String(sourcetype).replace('vesper:', '')), `${sourcetype}: ${body}`);
      assert.deepEqual(rest, { 'host.name': 'sensor', 'com.splunk.index': 'netops', 'com.splunk.source': 'vesper' });
    }
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { describe, it } from 'node:test';
import { COUNTERS, createCounters } from '../src/counters.ts';
import { metricsText, serveMetrics } from '../src/metrics.ts';
import { Ledger } from '../src/outputs/ledger.ts';
import { ObstacleError } from '../src/usage-error.ts';

const SAMPLE = /^([a-z_]+)(\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})? (\d+(?:\.\d+)?)$/;

describe('metrics for Prometheus', () => {
  it('hold every counter once, with help and type before', () => {
    const counters = createCounters();
    counters['frames.dropped.ring'] = 7;
    counters['flows.active'] = 3;
    counters['tls.handshakes'] = 5;
    const text = metricsText(counters, 'ebpf', []);
    const described = new Set<string>();
    const samples: string[] = [];
    for (const line of text.trimEnd().split('\n')) {
      const [, comment, name] = /^# (HELP|TYPE) ([a-z_]+) ./.exec(line) ?? [];
      if (comment === 'TYPE') {
        assert.ok(!described.has(name as string), `${name} twice`);
        described.add(name as string);
      } else if (comment === undefined) {
        const sample = SAMPLE.exec(line);
        assert.ok(sample, line);
        assert.ok(described.has(sample[1] as string), line);
        samples.push(line);
      }
    }
    assert.equal(
      samples.filter((line) => line.startsWith('vesper_') && !line.startsWith('vesper_info')).length,
      Object.keys(COUNTERS).length,
    );
    for (const line of [
      'vesper_frames_dropped_total{reason="ring"} 7',
      'vesper_flows_active 3',
      'vesper_tls_handshakes_total 5',
    ]) {
      assert.ok(samples.includes(line), line);
    }
  });

  it('hold the counts of each output, whatever its name', () => {
    const outputs = ['a "b"\\c', 'd'].map((name) => {
      const ledger = new Ledger(createCounters());
      ledger.add('events.produced', 5);
      ledger.add('events.queued', 5);
      ledger.settle('spool_full', 2);
      return { name, counts: ledger.own };
    });
    const lines = metricsText(createCounters(), 'ebpf', outputs).split('\n');
    for (const line of [
      'vesper_output_queued{output="a \\"b\\"\\\\c"} 3',
      'vesper_output_dropped_spool_full_total{output="d"} 2',
      'vesper_output_produced_total{output="d"} 5',
    ])
      assert.ok(lines.includes(line), line);
    const types = lines.filter((line) => line.startsWith('# TYPE'));
    assert.equal(new Set(types).size, types.length);
    assert.ok(types.includes('# TYPE vesper_output_queued gauge'));
  });

  it('are served while somebody holds connections and says nothing', async () => {
    const server = await serveMetrics({ address: '127.0.0.1', port: 0 }, () => 'vesper_up 1\n');
    const { port } = server.address() as AddressInfo;
    const idle = Array.from({ length: 40 }, () => connect(port, '127.0.0.1'));
    try {
      for (const socket of idle) socket.on('error', () => {});
      await Promise.all(idle.map((socket) => (socket.connecting ? once(socket, 'connect') : undefined)));
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text(), 'vesper_up 1\n');
    } finally {
      for (const socket of idle) socket.destroy();
      server.close();
    }
  });

  it('are served at /metrics and nowhere else', async () => {
    const server = await serveMetrics({ address: '127.0.0.1', port: 0 }, () => 'vesper_up 1\n');
    try {
      const { port } = server.address() as AddressInfo;
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
      assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
      assert.equal(await answer.text(), 'vesper_up 1\n');
      assert.equal((await fetch(`http://127.0.0.1:${port}/metrics?job=hosts`)).status, 200);
      assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
      assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`, { method: 'POST' })).status, 404);
      await assert.rejects(
        serveMetrics({ address: '127.0.0.1', port }, () => ''),
        ObstacleError,
      );
    } finally {
      server.close();
    }
  });
});

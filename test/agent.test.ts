/** The pipeline from frames to lines: what is judged, by which policies, and what becomes a finding. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Agent } from '../src/agent.ts';
import { PcapFile } from '../src/capture/pcap-file.ts';
import { loadConfig } from '../src/config.ts';
import { type Counters, createCounters, unaccountedEvents, unaccountedFrames } from '../src/counters.ts';
import type { Frame } from '../src/dissect/frame.ts';
import { Delivery } from '../src/outputs/delivery.ts';
import type { Output } from '../src/outputs/output.ts';
import { MAX_QUEUED_BYTES } from '../src/outputs/queue.ts';
import { PolicySet } from '../src/policy/policy.ts';
import { PolicyFiles } from '../src/policy-reload.ts';
import { route } from './outputs/routes.ts';
import { HEAD, policy, ruleText } from './policy/policies.ts';
import { frameOf } from './support/frames.ts';
import { PROJECT } from './support/shared.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-agent-'));
after(() => rmSync(folder, { recursive: true }));

const capture = (name: string): string => join(PROJECT, 'test', 'fixtures', 'cases', name, 'input.pcap');
const NO_TLS12 = 'negotiated: { versions: { deny: [TLSv1_2] } }';
const NO_TLS13 = 'negotiated: { versions: { deny: [TLSv1_3] } }';
const RESOLVERS = 'dns: { resolvers: [203.0.113.0/24] }';

// biome-ignore lint/suspicious/noExplicitAny: lines are what the test is about
type Line = any;

interface Run {
  readonly policies: PolicySet;
  readonly settings?: Readonly<Record<string, string>>;
  /** Called before each frame. */
  readonly before?: (agent: Agent, frame: number) => void;
  /** Called after each frame. */
  readonly counted?: (counters: Counters) => void;
}

async function replay(file: string, { policies, settings = {}, before, counted }: Run) {
  const lines: Line[] = [];
  const output: Output = {
    name: 'test',
    send: async (events) => {
      for (const event of events) lines.push(JSON.parse(event.line));
    },
    close: async () => {},
  };
  const counters = createCounters();
  const config = loadConfig(undefined, new Map(Object.entries({ 'sensor.name': 'test', ...settings })), {});
  const routes = config.outputs.map((settings) => route(output, { settings }));
  const delivery = new Delivery(routes, counters, (notice) => assert.fail(JSON.stringify(notice)));
  const agent = new Agent({ config, counters, policies, delivery, interfaceName: () => undefined });
  const source = await PcapFile.open(file, { onWarning: assert.fail });
  let count = 0;
  const sink = {
    frame(frame: Frame) {
      before?.(agent, count++);
      agent.frame(frame);
      counted?.(counters);
    },
    ready: () => agent.ready(),
  };
  await source.run(sink, new AbortController().signal);
  await agent.end();
  await delivery.close();
  return { lines, counters, findings: lines.filter((line) => line.category !== undefined) };
}

/** One UDP datagram without payload of each of so many clients (RFC 791, RFC 768), raw IP. */
function* datagrams(count: number): Generator<Frame> {
  const frame = frameOf(Buffer.from('4500001c00000000401100000a000000c00002013000000700080000', 'hex'), {
    linkType: 101,
  });
  for (let client = 0; client < count; client++) {
    frame.view.setUint32(12, 0x0a000000 + client);
    yield frame;
  }
}

const setOf = (...rules: string[]) => new PolicySet([policy(...rules)]);

describe('Agent', () => {
  it('reports no more flows at the end than an output takes that nobody waited for before', async () => {
    const lines = new Set<string>();
    const output: Output = {
      name: 'test',
      send: async (events) => {
        await new Promise((resolve) => setImmediate(resolve));
        for (const { line } of events) lines.add(line);
      },
      close: async () => {},
    };
    const counters = createCounters();
    const config = loadConfig(undefined, new Map(), {});
    const delivery = new Delivery([route(output)], counters, (notice) => assert.fail(JSON.stringify(notice)));
    const parts = { config, counters, policies: setOf(RESOLVERS), delivery, interfaceName: () => undefined };
    const agent = new Agent({ ...parts, live: true });
    // Their lines are half as much again as may wait.
    const flows = Math.ceil((1.5 * MAX_QUEUED_BYTES) / 600);
    for (const frame of datagrams(flows)) agent.frame(frame);
    await agent.end();
    await delivery.close();
    assert.equal(counters['flows.created'], flows);
    assert.equal(lines.size, flows);
    assert.equal(counters['events.dropped.queue_full'], 0);
  });

  it('judges DNS and tells the name that was asked for', async () => {
    const { lines, findings, counters } = await replay(capture('dns-udp'), { policies: setOf(RESOLVERS) });
    assert.ok(findings.length > 0);
    assert.equal(counters['policy.violations'], findings.length);
    assert.equal(counters['policy.dns_transactions'], lines.filter((line) => line.vesper.dns !== undefined).length);
    for (const { category, dest_port, vesper } of findings) {
      assert.equal(category, 'DNS policy violation');
      assert.equal(dest_port, 53);
      assert.equal(vesper.finding.app, 'dns');
      assert.ok(vesper.finding.query.includes('.'), vesper.finding.query);
    }
  });

  it('judges DNS where only findings are collected, and in the native format', async () => {
    const policies = setOf(RESOLVERS);
    const all = await replay(capture('dns-udp'), { policies });
    const alone = await replay(capture('dns-udp'), { policies, settings: { collect: 'finding' } });
    assert.equal(alone.lines.length, all.findings.length);
    const native = await replay(capture('dns-udp'), { policies, settings: { format: 'native' } });
    const violations = native.lines.filter(({ type }) => type === 'PolicyViolation');
    assert.equal(violations.length, all.findings.length);
    assert.deepEqual(Object.keys(violations[0].event.PolicyViolation), [
      ...['source', 'destination', 'policy', 'rule', 'severity', 'message', 'observed', 'expected', 'reference'],
    ]);
  });

  it('holds back findings within the window, and loses none', async () => {
    const policies = setOf(NO_TLS12, RESOLVERS);
    const all = await replay(capture('office-hour'), { policies });
    const some = await replay(capture('office-hour'), { policies, settings: { 'findings.suppress_s': '600' } });
    assert.equal(all.counters['policy.suppressed'], 0);
    assert.ok(some.findings.length < all.findings.length, `${some.findings.length} of ${all.findings.length}`);
    const told = some.findings.reduce((sum, { vesper }) => sum + 1 + (vesper.finding.suppressed ?? 0), 0);
    assert.equal(told, all.findings.length);
    assert.equal(some.counters['policy.violations'], all.findings.length);
    assert.equal(some.counters['policy.findings'] + some.counters['policy.suppressed'], all.findings.length);
  });
});

describe('counts of the agent', () => {
  const cases = [
    { what: 'all kinds', settings: {} },
    { what: 'ignored domains', settings: { 'ignore.domains': '*.example.test' } },
    { what: 'one kind', settings: { collect: 'finding', 'findings.suppress_s': '600' } },
    { what: 'the native format', settings: { format: 'native', 'ignore.domains': '*.example.test' } },
  ];
  for (const { what, settings } of cases) {
    it(`account for every frame and every event at every moment: ${what}`, async () => {
      let moments = 0;
      const { counters, lines } = await replay(capture('office-hour'), {
        policies: setOf(NO_TLS12, RESOLVERS),
        settings,
        counted(counts) {
          moments++;
          assert.equal(unaccountedFrames(counts), 0);
          assert.equal(unaccountedEvents(counts), 0);
        },
      });
      assert.equal(moments, counters['frames.received']);
      assert.equal(unaccountedEvents(counters), 0);
      assert.equal(counters['events.sent'], lines.length);
      assert.equal(counters['events.filtered.domain'] > 0, 'ignore.domains' in settings);
    });
  }
});

describe('a reload of policies', () => {
  const file = join(folder, 'policy.yaml');
  const write = (rules: string): void => writeFileSync(file, `${HEAD}rules:\n${rules}`);
  const logger = () => {
    const said: string[] = [];
    const say = (text: unknown) => void said.push(String(text));
    return { said, warn: say, error: say, info: say };
  };

  it('takes over between two events, all policies at once', async () => {
    const counters = createCounters();
    const files = new PolicyFiles([file], counters, logger());
    write(ruleText('old', NO_TLS12) + ruleText('old-too', NO_TLS13));
    const policies = files.open();
    const all = await replay(capture('office-hour'), { policies });
    write(ruleText('new', NO_TLS12) + ruleText('new-too', NO_TLS13));
    const half = Math.floor(all.counters['frames.received'] / 2);
    const { findings } = await replay(capture('office-hour'), {
      policies,
      before: (agent, frame) => frame === half && assert.ok(files.reload(agent)),
    });
    const rules: string[] = findings.map(({ vesper }) => vesper.finding.rule);
    const turn = rules.findIndex((rule) => rule.startsWith('new'));
    assert.ok(turn > 0);
    assert.ok(rules.slice(0, turn).every((rule) => rule.startsWith('old')));
    assert.ok(rules.slice(turn).every((rule) => rule.startsWith('new')));
    assert.equal(rules.length, all.findings.length);
    assert.deepEqual([counters['policy.reloads'], counters['policy.reloads_refused']], [1, 0]);
  });

  it('is refused with every error where a policy is broken, and the old ones stay', async () => {
    const log = logger();
    const counters = createCounters();
    const files = new PolicyFiles([file], counters, log);
    write(ruleText('old', NO_TLS12));
    const policies = files.open();
    const all = await replay(capture('office-hour'), { policies });
    write(ruleText('new', 'negotiated: { versions: { deny: [TLSv9] } }') + ruleText('new', NO_TLS12));
    const { findings } = await replay(capture('office-hour'), {
      policies,
      before: (agent, frame) => frame === 0 && assert.equal(files.reload(agent), false),
    });
    assert.equal(findings.length, all.findings.length);
    assert.deepEqual([counters['policy.reloads'], counters['policy.reloads_refused']], [0, 1]);
    assert.match(log.said[0] ?? '', /policy\.yaml:6:.*TLSv9/);
    assert.match(log.said[0] ?? '', /policy\.yaml:7:.*rule `new` has the id/);
  });

  it('warns once of an exception that has expired', () => {
    const log = logger();
    write(`${ruleText('r', NO_TLS12)}exceptions: [{ rules: [r], reason: x, until: 2020-01-01 }]\n`);
    new PolicyFiles([file, file], createCounters(), log).open();
    assert.equal(log.said.length, 1);
    assert.match(log.said[0] ?? '', /expired on 2020-01-01/);
  });
});

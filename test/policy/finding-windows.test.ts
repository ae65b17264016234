/** Findings that are told and those that they tell add up to all violations, whatever order they come in. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createCounters } from '../../src/counters.ts';
import type { Finding } from '../../src/policy/finding.ts';
import { FindingWindows, MAX_WINDOWS } from '../../src/policy/finding-windows.ts';
import { FINDING } from '../cim/samples.ts';
import { conversationOf } from '../conversation.ts';

interface Changes {
  readonly at?: number;
  readonly rule?: string;
  readonly client?: string;
  readonly server?: string;
  readonly name?: string;
  readonly session?: number;
  readonly observed?: string;
  readonly app?: 'tls' | 'dns';
}

function finding(changes: Changes): Finding {
  const { at = 0, rule = 'r', client = '192.0.2.1', server = '192.0.2.2', name, session = at } = changes;
  return {
    time: { seconds: at, nanos: 0 },
    conversation: conversationOf(
      { client: { ip: client, port: 50_000 }, server: { ip: server, port: 443 }, session },
      FINDING.conversation,
    ),
    app: changes.app ?? 'tls',
    name,
    violation: { ...FINDING.violation, rule, observed: changes.observed ?? 'o' },
  };
}

/** Windows of 10 seconds, and `second rule suppressed` of what they tell. */
function windows(seconds = 10) {
  const told: string[] = [];
  const counters = createCounters();
  const sink = ({ time, violation }: Finding, suppressed: number) =>
    told.push(`${time.seconds} ${violation.rule} ${suppressed}`);
  return { told, counters, findings: new FindingWindows(seconds, counters, sink) };
}

describe('suppression of findings', () => {
  it('tells every finding where no window is set', () => {
    const { told, findings, counters } = windows(0);
    for (let at = 0; at < 3; at++) findings.add(finding({ at }));
    findings.end();
    assert.deepEqual(told, ['0 r 0', '1 r 0', '2 r 0']);
    assert.equal(counters['policy.findings'], 3);
  });

  it('holds back what follows within the window, and lets the next finding tell how many', () => {
    const { told, findings, counters } = windows();
    for (const at of [0, 1, 9]) findings.add(finding({ at }));
    assert.deepEqual(told, ['0 r 0']);
    assert.equal(counters['policy.suppressed'], 2);
    findings.add(finding({ at: 10 }));
    assert.deepEqual(told, ['0 r 0', '10 r 2']);
  });

  it('tells each rule, client, server and name by itself', () => {
    const { told, findings } = windows();
    const others: Changes[] = [
      {},
      { rule: 's' },
      { client: '192.0.2.9' },
      { server: '192.0.2.9' },
      { name: 'a.example' },
    ];
    for (const other of others) findings.add(finding({ session: 1, ...other }));
    for (const other of others) findings.add(finding({ session: 2, ...other }));
    assert.equal(told.length, others.length);
  });

  it('tells a DNS name again only where the rule is about names', () => {
    const { told, findings } = windows();
    findings.add(finding({ app: 'dns', observed: 'resolver 192.0.2.2', name: 'a.example', session: 1 }));
    findings.add(finding({ app: 'dns', observed: 'resolver 192.0.2.2', name: 'b.example', session: 2 }));
    findings.add(finding({ app: 'dns', observed: 'b.example', name: 'b.example', session: 3 }));
    assert.equal(told.length, 2);
  });

  it('tells all violations that one event has of a rule', () => {
    const { told, findings } = windows();
    findings.add(finding({ observed: 'RSA of 1024 bits' }));
    findings.add(finding({ observed: 'expired on 2026-01-01' }));
    assert.deepEqual(told, ['0 r 0', '0 r 0']);
  });

  it('tells the last one held back when none came for another window', () => {
    const { told, findings, counters } = windows();
    for (const at of [0, 3, 7]) findings.add(finding({ at }));
    findings.tick(19);
    assert.deepEqual(told, ['0 r 0']);
    findings.tick(20);
    assert.deepEqual(told, ['0 r 0', '7 r 1']);
    assert.equal(counters['policy.suppressed'], 1);
    findings.add(finding({ at: 21 }));
    assert.equal(told.at(-1), '21 r 0', 'the window was forgotten');
  });

  it('tells what is left at the end', () => {
    const { told, findings } = windows();
    for (const at of [0, 3, 7]) findings.add(finding({ at }));
    findings.end();
    findings.end();
    assert.deepEqual(told, ['0 r 0', '7 r 1']);
  });

  it('closes the oldest windows early when there are too many, and tells what they held', () => {
    const { told, findings, counters } = windows();
    findings.add(finding({ at: 1 }));
    findings.add(finding({ at: 2 }));
    for (let i = 0; i < MAX_WINDOWS; i++) findings.add(finding({ at: 3, rule: `r${i}` }));
    assert.equal(counters['policy.windows_evicted'], 1);
    assert.deepEqual([told[0], told[MAX_WINDOWS]], ['1 r 0', '2 r 0']);
  });

  it('loses no violation', () => {
    const steps = fc.array(fc.record({ step: fc.integer({ min: -3, max: 25 }), rule: fc.constantFrom('a', 'b', 'c') }));
    fc.assert(
      fc.property(steps, (all) => {
        let sum = 0;
        const counters = createCounters();
        const findings = new FindingWindows(10, counters, (_, suppressed) => {
          sum += 1 + suppressed;
        });
        let at = 100;
        all.forEach(({ step, rule }, session) => {
          at += step;
          findings.tick(at);
          findings.add(finding({ at, rule, session }));
          assert.equal(counters['policy.findings'] + counters['policy.suppressed'], session + 1);
        });
        findings.end();
        assert.equal(sum, all.length);
      }),
    );
  });
});

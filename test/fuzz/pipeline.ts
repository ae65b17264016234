/** Everything between a frame and its lines, with the checks that must hold whatever the frame says. */
import { MAX_CIM_LINE } from '../../src/cim/line-parts.ts';
import { NativeFormat } from '../../src/cim/native.ts';
import { Normalizer } from '../../src/cim/normalize.ts';
import { type Counters, createCounters, unaccountedFrames } from '../../src/counters.ts';
import { Engine } from '../../src/dissect/engine.ts';
import type { NetworkEvent } from '../../src/dissect/event.ts';
import { FLOW_DEFAULTS } from '../../src/dissect/flow/options.ts';
import { Frame } from '../../src/dissect/frame.ts';
import { dnsFinding, handshakeFinding } from '../../src/policy/finding.ts';
import { loadPolicies } from '../../src/policy/load.ts';
import type { Verdict } from '../../src/policy/verdict.ts';
import { everyEvent } from '../support/engine-options.ts';
import { type Draft, MAX_FRAME } from './mutations.ts';

/** What the native format's own limits leave of a line. */
const MAX_NATIVE_LINE = 96 * 1024;
const NO_VERDICTS: readonly Verdict[] = [];
const policies = loadPolicies(['baseline']);

/** The frame ends where the memory ends: a read beyond it throws. */
const memory = Buffer.from(new ArrayBuffer(MAX_FRAME));
const view = new DataView(memory.buffer);

export class Pipeline {
  readonly counters: Counters = createCounters();
  /** Lines, where they are to be kept. */
  readonly lines: string[] | undefined;
  lineCount = 0;
  private second = -1;

  private readonly cim = new Normalizer({
    dvc: 'fuzz',
    runId: 'f',
    extras: 'full',
    localAddresses: new Set(),
    deviceAddresses: () => undefined,
    flowsCollected: true,
  });
  private readonly native = new NativeFormat();
  private readonly frame = new Frame();
  private readonly engine: Engine;

  constructor(keepLines: boolean) {
    this.lines = keepLines ? [] : undefined;
    this.engine = new Engine(
      everyEvent({ ...FLOW_DEFAULTS, capacity: 1_024 }, [], () => undefined),
      this.counters,
      (event) => this.event(event),
    );
  }

  /** What is due at this time: flows and queries that time out. Costs by what is due, not by the frame that comes. */
  tick(seconds: number, nanos: number): void {
    if (seconds === this.second) return;
    this.second = seconds;
    this.engine.tick(seconds, nanos);
  }

  /** @param around what lies before the frame in memory: nobody may look */
  send(draft: Draft, seconds: number, nanos: number, around: number): void {
    const { frame } = this;
    const start = MAX_FRAME - draft.end;
    memory.fill(around, Math.max(0, start - 64), start);
    draft.bytes.copy(memory, start, 0, draft.end);
    frame.bytes = memory;
    frame.view = view;
    frame.start = start;
    frame.end = MAX_FRAME;
    frame.originalLength = draft.originalLength;
    frame.linkType = draft.linkType;
    frame.seconds = seconds;
    frame.nanos = nanos;
    this.engine.frame(frame);
  }

  /** Throws where something does not add up. */
  end(): void {
    this.engine.end();
    const { counters } = this;
    if (counters['frames.held'] !== 0) throw new Error(`${counters['frames.held']} frames held at the end`);
    if (unaccountedFrames(counters) !== 0) throw new Error(`${unaccountedFrames(counters)} frames not accounted for`);
    if (counters['flows.active'] !== 0) throw new Error(`${counters['flows.active']} flows active at the end`);
  }

  private event(event: NetworkEvent): void {
    const verdicts =
      event.kind === 'tls_handshake'
        ? policies.judge(event, undefined)
        : event.kind === 'dns_transaction'
          ? policies.judgeDns(event, undefined)
          : NO_VERDICTS;
    this.check(this.cim.normalize(event, verdicts)?.line, MAX_CIM_LINE);
    this.check(this.native.normalize(event)?.line, MAX_NATIVE_LINE);
    for (const { violations } of verdicts) {
      for (const violation of violations) {
        if (event.kind === 'tls_handshake') this.finding(handshakeFinding(event, violation));
        else if (event.kind === 'dns_transaction') this.finding(dnsFinding(event, violation));
      }
    }
  }

  private finding(finding: ReturnType<typeof dnsFinding>): void {
    this.check(this.cim.finding(finding, 0).line, MAX_CIM_LINE);
    this.check(this.native.finding(finding).line, MAX_NATIVE_LINE);
  }

  private check(line: string | undefined, limit: number): void {
    if (line === undefined) return;
    this.lineCount++;
    this.lines?.push(line);
    if (Buffer.byteLength(line) > limit)
      throw new Error(`a line of ${Buffer.byteLength(line)} bytes: ${line.slice(0, 200)}`);
    JSON.parse(line);
  }
}

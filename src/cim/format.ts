/** What turns network events into lines: `Normalizer` for CIM, `NativeFormat` for one event per message. */
import type { NetworkEvent } from '../dissect/event.ts';
import type { Finding } from '../policy/finding.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { CimEvent } from './event.ts';

export interface EventFormat {
  /** The event's line with what the policies say of it, or undefined where the format has no event for it. */
  normalize(event: NetworkEvent, verdicts: readonly Verdict[]): CimEvent | undefined;
  /** @param suppressed findings of the same kind that were held back before this one */
  finding(finding: Finding, suppressed: number): CimEvent;
}

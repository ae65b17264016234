/** What turns network events into lines: `Normalizer` for CIM, `NativeFormat` for one event per message. */
import type { NetworkEvent, TlsHandshakeEvent } from '../dissect/event.ts';
import type { Verdict, Violation } from '../policy/verdict.ts';
import type { CimEvent } from './event.ts';

export interface EventFormat {
  /** The event's line with what the policies say of it, or undefined where the format has no event for it. */
  normalize(event: NetworkEvent, verdicts: readonly Verdict[]): CimEvent | undefined;
  /** One policy violation of a handshake. */
  finding(handshake: TlsHandshakeEvent, violation: Violation): CimEvent;
}

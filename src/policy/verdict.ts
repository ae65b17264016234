/** What a policy says of a handshake or of a DNS transaction. */

export type Severity = 'critical' | 'high' | 'medium' | 'low' | 'informational';
export type Level = 'must' | 'should';
export type Outcome = 'compliant' | 'non_compliant' | 'not_observable';
/** As the host that captures sees it; undefined where neither end is the host. */
export type Direction = 'inbound' | 'outbound';

export interface Violation {
  readonly policy: string;
  readonly rule: string;
  readonly level: Level;
  readonly severity: Severity;
  /** One sentence for a person. */
  readonly message: string;
  readonly observed: string;
  readonly expected: string;
  /** Document and clause. */
  readonly reference: string;
  /** One sentence: what to do about it. */
  readonly remediation: string;
}

/** What would be a violation, but for an exception in force. */
export interface ExceptedViolation extends Violation {
  readonly reason: string;
  /** Last day of the exception, `2026-12-31`. */
  readonly exceptedUntil: string;
}

/** Every violation, never only the first. docs/policies.md tells what each outcome means. */
export interface Verdict {
  readonly policy: string;
  readonly outcome: Outcome;
  readonly violations: readonly Violation[];
  /** Left out where there is none. */
  readonly excepted?: readonly ExceptedViolation[];
  /** Ids of the rules that could not be judged, and so neither passed nor failed; left out where there is none. */
  readonly notObserved?: readonly string[];
}

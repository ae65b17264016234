/** What a policy says of a handshake. */

export type Severity = 'critical' | 'high' | 'medium' | 'low' | 'informational';
export type Level = 'must' | 'should';
export type Outcome = 'compliant' | 'non_compliant' | 'not_observable';

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

/** Every violation, never only the first. */
export interface Verdict {
  readonly policy: string;
  readonly outcome: Outcome;
  readonly violations: readonly Violation[];
}

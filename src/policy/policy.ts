/** Compiled policies and the verdicts they give. */
import type { DnsTransactionEvent, TlsHandshakeEvent } from '../dissect/event.ts';
import { Match, matchAll, type Traffic } from './conditions.ts';
import { HIDDEN, KEPT, LOST } from './requirement.ts';
import { compileDnsRules, compileException, compileHandshakeRules, covers, type Exception, type Rule } from './rule.ts';
import type { ResolvedPolicy, RuleSource } from './source.ts';
import type { Direction, ExceptedViolation, Verdict, Violation } from './verdict.ts';
import { VerdictCache } from './verdict-cache.ts';

const NO_VERDICTS: readonly Verdict[] = [];

export class Policy {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly source: string;
  /** What the policy says, with all that it inherits. */
  readonly resolved: ResolvedPolicy;
  readonly handshakeRules: readonly Rule<TlsHandshakeEvent>[];
  readonly dnsRules: readonly Rule<DnsTransactionEvent>[];
  readonly exceptions: readonly Exception[];
  /** Shared by all without a finding. */
  readonly #compliant: Verdict;

  constructor(resolved: ResolvedPolicy) {
    this.id = resolved.id;
    this.title = resolved.title;
    this.version = resolved.version;
    this.source = resolved.source;
    this.resolved = resolved;
    this.handshakeRules = compileHandshakeRules(resolved.rules);
    this.dnsRules = compileDnsRules(resolved.rules);
    this.exceptions = resolved.exceptions.map(compileException);
    this.#compliant = { policy: this.id, outcome: 'compliant', violations: [] };
  }

  /** Every violation, in the order of the rules; docs/policies.md tells the outcomes. */
  judge(handshake: TlsHandshakeEvent, direction?: Direction): Verdict {
    return this.#judge(this.handshakeRules, handshake, direction);
  }

  judgeDns(transaction: DnsTransactionEvent, direction?: Direction): Verdict {
    return this.#judge(this.dnsRules, transaction, direction);
  }

  #judge<Event extends Traffic>(rules: readonly Rule<Event>[], event: Event, direction?: Direction): Verdict {
    const violations: Violation[] = [];
    const excepted: ExceptedViolation[] = [];
    const notObserved: string[] = [];
    let judged = 0;
    let lost = false;
    for (const rule of rules) {
      if (!covers(rule, event)) continue;
      const applies = matchAll(rule.conditions, event, direction);
      if (applies === Match.no) continue;
      const tally = { kept: 0, violated: 0, hidden: 0, lost: 0 };
      let exception: Exception | undefined;
      for (const { expected, judge } of rule.requirements) {
        const finding = judge(event);
        if (finding === KEPT) tally.kept++;
        else if (finding === HIDDEN) tally.hidden++;
        // Whether the rule applies is not known: it can be kept, but nobody can be accused by it.
        else if (finding === LOST || applies === Match.unknown) tally.lost++;
        else {
          tally.violated++;
          const violation = this.#violation(rule.source, expected, finding.observed);
          exception ??= this.#exception(rule.source.id, event, direction);
          if (exception === undefined) violations.push(violation);
          else excepted.push({ ...violation, reason: exception.source.reason, exceptedUntil: exception.source.until });
        }
      }
      if (tally.violated === 0 && tally.hidden + tally.lost > 0) notObserved.push(rule.source.id);
      if (tally.kept + tally.violated > 0) judged++;
      if (tally.violated === 0 && tally.lost > 0) lost = true;
    }
    if (violations.length + excepted.length + notObserved.length === 0) return this.#compliant;
    const blind = lost || (judged === 0 && notObserved.length > 0);
    const outcome = violations.length > 0 ? 'non_compliant' : blind ? 'not_observable' : 'compliant';
    return {
      policy: this.id,
      outcome,
      violations,
      ...(excepted.length > 0 && { excepted }),
      ...(notObserved.length > 0 && { notObserved }),
    };
  }

  /** Of a doubtful exception the violation has the benefit: it stands. */
  #exception(rule: string, event: Traffic, direction: Direction | undefined): Exception | undefined {
    return this.exceptions.find(
      (exception) =>
        covers(exception, event) &&
        (exception.source.rules?.includes(rule) ?? true) &&
        matchAll(exception.conditions, event, direction) === Match.yes,
    );
  }

  #violation(source: RuleSource, expected: string, observed: string): Violation {
    const { id, level, severity, message, reference, remediation } = source;
    return { policy: this.id, rule: id, level, severity, message, observed, expected, reference, remediation };
  }
}

/** The policies that traffic is judged by, in the order in which they were asked for. */
export class PolicySet {
  readonly policies: readonly Policy[];
  readonly #handshakePolicies: readonly Policy[];
  readonly #dnsPolicies: readonly Policy[];
  readonly #cache: VerdictCache;

  constructor(policies: readonly Policy[]) {
    this.policies = policies;
    this.#handshakePolicies = policies.filter(({ handshakeRules }) => handshakeRules.length > 0);
    this.#dnsPolicies = policies.filter(({ dnsRules }) => dnsRules.length > 0);
    this.#cache = new VerdictCache(
      policies.flatMap(({ handshakeRules }) => handshakeRules),
      this.#handshakePolicies.flatMap(({ exceptions }) => exceptions),
    );
  }

  /**
   * One verdict for each policy that has rules for handshakes. Handshakes of one kind share their list.
   * @param direction as the capturing host sees the conversation, where it is known
   */
  judge(handshake: TlsHandshakeEvent, direction?: Direction): readonly Verdict[] {
    const kept = this.#cache.find(handshake, direction);
    if (kept !== undefined) return kept;
    const verdicts = this.#handshakePolicies.map((policy) => policy.judge(handshake, direction));
    this.#cache.keep(verdicts);
    return verdicts;
  }

  /** One verdict for each policy that has rules for DNS in the clear. */
  judgeDns(transaction: DnsTransactionEvent, direction?: Direction): readonly Verdict[] {
    if (this.#dnsPolicies.length === 0) return NO_VERDICTS;
    return this.#dnsPolicies.map((policy) => policy.judgeDns(transaction, direction));
  }
}

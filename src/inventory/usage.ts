/** What one end of TLS connections really used: how often, when, and what the policies said. */
import type { Outcome } from '../policy/verdict.ts';
import type { Observation } from './observation.ts';

/** Different values of one thing: the registry has some 350 suites, of which a server uses a few. */
const MAX_VALUES = 64;

/** A host name has at most 253 characters, the longest suite 60. What is longer is counted with the others. */
const MAX_VALUE_LENGTH = 256;

/** Rules that one policy saw violated. */
const MAX_RULES = 128;

/** Policies that verdicts are from. */
const MAX_POLICIES = 32;

/** How often each value was seen. */
export class Counts {
  readonly #counts = new Map<string, number>();
  readonly #limit: number;
  /** Times that a value was seen for which there was no room. */
  others = 0;

  constructor(limit: number = MAX_VALUES) {
    this.#limit = limit;
  }

  add(value: string | undefined): void {
    if (value === undefined || value === '') return;
    const count = this.#counts.get(value);
    if (count !== undefined) this.#counts.set(value, count + 1);
    else if (this.#counts.size < this.#limit && value.length <= MAX_VALUE_LENGTH) this.#counts.set(value, 1);
    else this.others++;
  }

  /** The most frequent first, then by name. */
  entries(): [value: string, count: number][] {
    return [...this.#counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  }
}

export interface PolicyUsage {
  readonly outcomes: Record<Outcome, number>;
  /** How many handshakes violated each rule. */
  readonly rules: Counts;
}

export class Usage {
  handshakes = 0;
  /** Seconds since 1970-01-01 UTC. */
  firstSeen = Number.POSITIVE_INFINITY;
  lastSeen = Number.NEGATIVE_INFINITY;
  readonly versions = new Counts();
  readonly cipherSuites = new Counts();
  /** Both together: `TLSv1.2 TLS_RSA_WITH_AES_128_CBC_SHA`. */
  readonly negotiated = new Counts();
  readonly groups = new Counts();
  readonly signatureSchemes = new Counts();
  readonly policies = new Map<string, PolicyUsage>();

  add(observation: Observation): void {
    this.handshakes++;
    this.firstSeen = Math.min(this.firstSeen, observation.time);
    this.lastSeen = Math.max(this.lastSeen, observation.time);
    this.versions.add(observation.version);
    this.cipherSuites.add(observation.cipherSuite);
    if (observation.version !== undefined && observation.cipherSuite !== undefined) {
      this.negotiated.add(`${observation.version} ${observation.cipherSuite}`);
    }
    this.groups.add(observation.group);
    this.signatureSchemes.add(observation.signatureScheme);
    for (const { policy, outcome, rules } of observation.verdicts) {
      const usage = this.#policy(policy);
      if (usage === undefined) continue;
      usage.outcomes[outcome]++;
      for (const rule of rules) usage.rules.add(rule);
    }
  }

  #policy(id: string): PolicyUsage | undefined {
    let usage = this.policies.get(id);
    if (usage === undefined && this.policies.size < MAX_POLICIES) {
      usage = { outcomes: { compliant: 0, non_compliant: 0, not_observable: 0 }, rules: new Counts(MAX_RULES) };
      this.policies.set(id, usage);
    }
    return usage;
  }
}

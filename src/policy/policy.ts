/** A compiled policy and the verdicts it gives. */
import type { ClientHello, TlsHandshakeEvent } from '../dissect/event.ts';
import { cipherSuiteName, tlsVersionName } from '../dissect/iana.ts';
import { isGrease } from '../dissect/tls/versions.ts';
import { type Requirement, suiteRequirements, versionRequirements } from './matchers.ts';
import type { PolicySource, RequirementsSource, RuleSource } from './source.ts';
import { SUITES } from './suites.ts';
import type { Verdict, Violation } from './verdict.ts';

/**
 * Pairs of version and suite whose verdicts are kept. A network negotiates a few dozen; the bound is for servers that
 * make pairs up, about 1 KB each at worst.
 */
const MAX_KEPT_VERDICTS = 2048;

/** Names in one `observed`: enough to act on, and an event stays under 5 KB. */
const MAX_OBSERVED_NAMES = 16;

const SSL2 = 0x0002;

interface Rule {
  readonly source: RuleSource;
  readonly versions: readonly Requirement[];
  readonly suites: readonly Requirement[];
}

export class Policy {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly source: string;
  readonly #negotiated: readonly Rule[];
  readonly #offered: readonly Rule[];
  /** By version, then by suite: two look-ups of small integers cost less than one of a number beyond 31 bits. */
  readonly #kept = new Map<number, Map<number, Verdict>>();
  #keptCount = 0;
  /** Shared by all handshakes without a violation. */
  readonly #compliant: Verdict;
  readonly #notObservable: Verdict;

  constructor(source: PolicySource) {
    this.id = source.id;
    this.title = source.title;
    this.version = source.version;
    this.source = source.source;
    this.#negotiated = source.rules.flatMap((rule) => compile(rule, rule.negotiated));
    this.#offered = source.rules.flatMap((rule) => compile(rule, rule.offered));
    this.#compliant = { policy: source.id, outcome: 'compliant', violations: [] };
    this.#notObservable = { policy: source.id, outcome: 'not_observable', violations: [] };
  }

  /**
   * Every violation, those of what was negotiated first. Without a ServerHello nothing is known of what was negotiated,
   * without a ClientHello nothing of what was offered: such rules neither pass nor fail, and the outcome is
   * `not_observable` unless another rule was violated.
   */
  judge({ client, server }: TlsHandshakeEvent): Verdict {
    const negotiated = server ? this.#judgeNegotiated(server.version, server.cipherSuite) : this.#withoutServer();
    if (this.#offered.length === 0) return negotiated;
    if (client === undefined) return negotiated.outcome === 'compliant' ? this.#notObservable : negotiated;
    const violations = this.#judgeOffered(client);
    if (violations.length === 0) return negotiated;
    return { policy: this.id, outcome: 'non_compliant', violations: [...negotiated.violations, ...violations] };
  }

  #withoutServer(): Verdict {
    return this.#negotiated.length === 0 ? this.#compliant : this.#notObservable;
  }

  #judgeNegotiated(version: number, suite: number): Verdict {
    const kept = this.#kept.get(version)?.get(suite);
    if (kept !== undefined) return kept;
    const violations: Violation[] = [];
    for (const rule of this.#negotiated) {
      for (const requirement of rule.versions) {
        if (!requirement.holds(version)) violations.push(this.#violation(rule, requirement, tlsVersionName(version)));
      }
      for (const requirement of rule.suites) {
        if (!requirement.holds(suite)) violations.push(this.#violation(rule, requirement, suiteText(suite)));
      }
    }
    const verdict: Verdict =
      violations.length === 0 ? this.#compliant : { policy: this.id, outcome: 'non_compliant', violations };
    this.#keep(version, suite, verdict);
    return verdict;
  }

  #keep(version: number, suite: number, verdict: Verdict): void {
    if (this.#keptCount === MAX_KEPT_VERDICTS) {
      this.#kept.clear();
      this.#keptCount = 0;
    }
    let bySuite = this.#kept.get(version);
    if (bySuite === undefined) {
      bySuite = new Map();
      this.#kept.set(version, bySuite);
    }
    bySuite.set(suite, verdict);
    this.#keptCount++;
  }

  #judgeOffered(hello: ClientHello): Violation[] {
    const violations: Violation[] = [];
    for (const rule of this.#offered) {
      for (const requirement of rule.versions) {
        const bad = offeredVersions(hello).filter((version) => !requirement.holds(version));
        if (bad.length > 0) violations.push(this.#violation(rule, requirement, list(bad, tlsVersionName)));
      }
      for (const requirement of rule.suites) {
        const bad = offeredSuites(hello).filter((suite) => !requirement.holds(suite));
        if (bad.length > 0) violations.push(this.#violation(rule, requirement, list(bad, suiteText)));
      }
    }
    return violations;
  }

  #violation({ source }: Rule, { expected }: Requirement, observed: string): Violation {
    const { id, level, severity, message, reference, remediation } = source;
    return { policy: this.id, rule: id, level, severity, message, observed, expected, reference, remediation };
  }
}

/** The policies that every handshake is judged by, in the order in which they were asked for. */
export class PolicySet {
  readonly policies: readonly Policy[];

  constructor(policies: readonly Policy[]) {
    this.policies = policies;
  }

  /** One verdict for each policy. */
  judge(handshake: TlsHandshakeEvent): Verdict[] {
    return this.policies.map((policy) => policy.judge(handshake));
  }
}

function compile(source: RuleSource, requirements: RequirementsSource | undefined): Rule[] {
  if (requirements === undefined) return [];
  const { versions, cipher_suites } = requirements;
  return [
    {
      source,
      versions: versions ? versionRequirements(versions) : [],
      suites: cipher_suites ? suiteRequirements(cipher_suites) : [],
    },
  ];
}

/**
 * Without `supported_versions` a hello tells its highest version only (RFC 8446 §4.2.1), and SSL 2.0 by cipher kinds
 * that no later version has (RFC 5246 appendix E.2).
 */
function offeredVersions(hello: ClientHello): number[] {
  const versions = hello.supportedVersions.filter((version) => !isGrease(version));
  if (versions.length === 0) versions.push(hello.version);
  if (hello.sslv2CipherKinds.length > 0 && !versions.includes(SSL2)) versions.push(SSL2);
  return versions;
}

function offeredSuites(hello: ClientHello): number[] {
  return [...hello.cipherSuites.filter((suite) => !isGrease(suite)), ...hello.sslv2CipherKinds];
}

/** The IANA name; a suite that was used without being registered by its common name and its code. */
function suiteText(code: number): string {
  const name = cipherSuiteName(code);
  const known = SUITES.get(code);
  return known === undefined || known.name === name ? name : `${known.name} (0x${code.toString(16).padStart(4, '0')})`;
}

function list(codes: readonly number[], name: (code: number) => string): string {
  const names = [...new Set(codes.map(name))];
  const shown = names.slice(0, MAX_OBSERVED_NAMES).join(', ');
  const more = names.length - MAX_OBSERVED_NAMES;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** Rules and exceptions of a policy, compiled. */
import type { DnsTransactionEvent, TlsHandshakeEvent } from '../dissect/event.ts';
import { type Condition, compileConditions, type Traffic } from './conditions.ts';
import { dayEnd, dayStart } from './day.ts';
import { dnsRequirements, encryptedDnsRequirements } from './dns.ts';
import { negotiatedRequirements } from './negotiated.ts';
import { offeredRequirements } from './offered.ts';
import type { Requirement } from './requirement.ts';
import type { ExceptionSource, RuleSource } from './source.ts';

/** Seconds since 1970: from the first up to, not including, the second. */
interface Period {
  readonly start: number;
  readonly end: number;
}

export interface Rule<Event> extends Period {
  readonly source: RuleSource;
  readonly conditions: readonly Condition[];
  readonly requirements: readonly Requirement<Event>[];
}

export interface Exception extends Period {
  readonly source: ExceptionSource;
  readonly conditions: readonly Condition[];
}

export function covers({ start, end }: Period, { time }: Traffic): boolean {
  return time.seconds >= start && time.seconds < end;
}

function handshakeRequirements({ negotiated, offered, dns }: RuleSource): Requirement<TlsHandshakeEvent>[] {
  return [
    ...(negotiated ? negotiatedRequirements(negotiated) : []),
    ...(offered ? offeredRequirements(offered) : []),
    ...(dns ? encryptedDnsRequirements(dns) : []),
  ];
}

/** The rules that say something of handshakes. */
export function compileHandshakeRules(sources: readonly RuleSource[]): Rule<TlsHandshakeEvent>[] {
  return compileRules(sources, handshakeRequirements);
}

/** The rules that say something of DNS in the clear. */
export function compileDnsRules(sources: readonly RuleSource[]): Rule<DnsTransactionEvent>[] {
  return compileRules(sources, ({ dns }) => (dns ? dnsRequirements(dns) : []));
}

export function compileException(source: ExceptionSource): Exception {
  return {
    source,
    start: Number.NEGATIVE_INFINITY,
    end: dayEnd(source.until) ?? Number.POSITIVE_INFINITY,
    conditions: compileConditions(source.applies_to ?? {}),
  };
}

function compileRules<Event>(
  sources: readonly RuleSource[],
  compile: (source: RuleSource) => Requirement<Event>[],
): Rule<Event>[] {
  return sources.flatMap((source) => {
    const requirements = compile(source);
    if (requirements.length === 0) return [];
    const start = dayStart(source.from ?? '') ?? Number.NEGATIVE_INFINITY;
    const end = dayEnd(source.until ?? '') ?? Number.POSITIVE_INFINITY;
    return [{ source, start, end, conditions: compileConditions(source.applies_to ?? {}), requirements }];
  });
}

/** What a policy says of one version, suite, group or signature scheme by itself, whatever the rest of a handshake is. */
import { Conversation } from '../dissect/conversation.ts';
import type { ServerHello, TlsHandshakeEvent } from '../dissect/event.ts';
import { dayEnd, dayStart } from './day.ts';
import { GROUPS_BY_CODE } from './groups.ts';
import { negotiatedRequirements } from './negotiated.ts';
import type { NegotiatedSource, ResolvedPolicy, RuleSource } from './source.ts';

export type Kind = 'versions' | 'cipher_suites' | 'groups' | 'signature_schemes';

export interface Stance {
  /** `allowed`: a list or a least version lets it pass; `unmentioned`: no rule is against it, and none speaks for it. */
  readonly mark: 'allowed' | 'unmentioned' | 'should_not' | 'must_not';
  /** The rules against it. */
  readonly against: readonly RuleSource[];
}

interface Statement {
  readonly rule: RuleSource;
  /** Whether what keeps to it is let pass by name, not for lack of a rule. */
  readonly permits: boolean;
  readonly keeps: (code: number) => boolean;
}

const TLS13 = 0x0304;

function event(server: Partial<ServerHello>, signatureScheme?: number): TlsHandshakeEvent {
  return {
    kind: 'tls_handshake',
    time: { seconds: 0, nanos: 0 },
    conversation: new Conversation(),
    client: undefined,
    retry: undefined,
    server: {
      recordVersion: TLS13,
      legacyVersion: TLS13,
      version: TLS13,
      random: '',
      sessionIdLength: 0,
      sessionId: '',
      cipherSuite: 0,
      compressionMethod: 0,
      extensions: [],
      alpn: undefined,
      keyShareGroup: undefined,
      helloRetryRequest: false,
      sslv2: false,
      malformed: false,
      ...server,
    },
    responseTime: undefined,
    ...(signatureScheme !== undefined && { details: { signatureScheme } }),
  };
}

const EVENTS: Readonly<Record<Kind, (code: number) => TlsHandshakeEvent>> = {
  versions: (version) => event({ version }),
  cipher_suites: (cipherSuite) => event({ cipherSuite }),
  groups: (keyShareGroup) => event({ keyShareGroup }),
  signature_schemes: (scheme) => event({}, scheme),
};

function statement(rule: RuleSource, kind: Kind, part: NegotiatedSource, concerns = (_: number) => true): Statement {
  const requirements = negotiatedRequirements(part);
  const lists = { ...part[kind] };
  return {
    rule,
    permits: 'allow' in lists || 'min' in lists || 'max' in lists,
    // The size of an explicit curve is not told by its group: no rule on sizes is against that.
    keeps: (code) =>
      !concerns(code) || requirements.every(({ judge }) => typeof judge(EVENTS[kind](code)) === 'string'),
  };
}

/** Rules with conditions say nothing of a thing by itself. The prime of a group of RFC 7919 is known by its name. */
function statements(rule: RuleSource, kind: Kind): Statement[] {
  const { negotiated, applies_to } = rule;
  if (negotiated === undefined || applies_to !== undefined) return [];
  const found: Statement[] = [];
  const lists = negotiated[kind];
  if (lists !== undefined) found.push(statement(rule, kind, { [kind]: lists }));
  if (kind === 'groups' && negotiated.dh_bits !== undefined) {
    const ffdhe = (code: number) => GROUPS_BY_CODE.get(code)?.properties.ffdhe ?? false;
    found.push(statement(rule, kind, { dh_bits: negotiated.dh_bits }, ffdhe));
  }
  return found;
}

/**
 * What the policy says on a day of whatever is negotiated.
 * @param day of the calendar, `2026-12-31`
 */
export function stances({ rules }: ResolvedPolicy, kind: Kind, day: string): (code: number) => Stance {
  const time = dayStart(day) ?? 0;
  const inForce = rules.filter(
    ({ from, until }) =>
      (dayStart(from ?? '') ?? Number.NEGATIVE_INFINITY) <= time &&
      time < (dayEnd(until ?? '') ?? Number.POSITIVE_INFINITY),
  );
  const all = inForce.flatMap((rule) => statements(rule, kind));
  const permitting = all.some(({ permits }) => permits);
  return (code) => {
    const against = all.filter(({ keeps }) => !keeps(code)).map(({ rule }) => rule);
    if (against.length === 0) return { mark: permitting ? 'allowed' : 'unmentioned', against };
    return { mark: against.some(({ level }) => level === 'must') ? 'must_not' : 'should_not', against };
  };
}

/** `vesper policy test`: every handshake of a capture with its verdicts, and the DNS that breaks a policy. */
import { askedIn } from '../dissect/dns/asked.ts';
import type { DnsTransactionEvent, TlsHandshakeEvent } from '../dissect/event.ts';
import { cipherSuiteName, sslVersionName, tlsVersionName } from '../dissect/iana.ts';
import type { PolicySet } from '../policy/policy.ts';
import type { Outcome, Verdict, Violation } from '../policy/verdict.ts';
import { toStandardError } from '../standard-error.ts';
import { print } from './print.ts';
import { readCaptures } from './read-captures.ts';
import { formatEndpoint, formatTable } from './table.ts';

/** What was judged, in the words of both outputs. */
interface Judged {
  readonly time: string;
  readonly client: string;
  readonly server: string;
  readonly [detail: string]: string;
}

interface Row {
  readonly judged: Judged;
  readonly verdicts: readonly Verdict[];
}

export interface PolicyTest {
  readonly handshakes: readonly Row[];
  readonly dns: readonly Row[];
}

function common({ time, conversation }: TlsHandshakeEvent | DnsTransactionEvent): Judged {
  return {
    time: `${new Date(time.seconds * 1000).toISOString().slice(0, 19)}.${String(time.nanos).padStart(9, '0')}Z`,
    client: conversation.client.ip,
    server: formatEndpoint(conversation.server),
  };
}

function handshakeRow(event: TlsHandshakeEvent, verdicts: readonly Verdict[]): Row {
  const { client, server } = event;
  const judged = {
    ...common(event),
    server_name: client?.serverName ?? '',
    version: server ? (sslVersionName(server.version) ?? tlsVersionName(server.version)) : 'no ServerHello',
    cipher_suite: server ? cipherSuiteName(server.cipherSuite) : '',
  };
  return { judged, verdicts };
}

function dnsRow(event: DnsTransactionEvent, verdicts: readonly Verdict[]): Row {
  const query = askedIn(event)?.questions[0]?.name ?? '';
  return { judged: { ...common(event), query }, verdicts };
}

/** Reads and judges; DNS is kept where a policy is violated. */
export async function judgeCaptures(policies: PolicySet, files: readonly string[]): Promise<PolicyTest> {
  const handshakes: Row[] = [];
  const dns: Row[] = [];
  const onWarning = (text: string): void => void toStandardError(`vesper: warning: ${text}\n`);
  await readCaptures(files, { dns: true, onWarning }, (event) => {
    if (event.kind === 'tls_handshake') handshakes.push(handshakeRow(event, policies.judge(event)));
    else if (event.kind === 'dns_transaction') {
      const verdicts = policies.judgeDns(event);
      if (verdicts.some(isBroken)) dns.push(dnsRow(event, verdicts));
    }
  });
  return { handshakes, dns };
}

function isBroken({ outcome }: Verdict): boolean {
  return outcome === 'non_compliant';
}

function table(columns: readonly string[], rows: readonly Row[]): string {
  const cells = rows.flatMap(({ judged, verdicts }) =>
    verdicts.map(({ policy, outcome, violations }) => [
      outcome,
      policy,
      ...columns.map((column) => judged[column] ?? ''),
      [...new Set(violations.map(({ rule }) => rule))].join(', '),
    ]),
  );
  const header = ['verdict', 'policy', ...columns.map((column) => column.replaceAll('_', ' ')), 'violated rules'];
  return formatTable(header, cells);
}

/** Verdicts as JSON: snake_case as in events. */
function jsonVerdict({ policy, outcome, violations, excepted, notObserved }: Verdict): object {
  return {
    policy,
    outcome,
    violations: violations.map(({ policy: _, ...violation }) => violation),
    ...(excepted && {
      excepted: excepted.map(({ policy: _, exceptedUntil, ...rest }) => ({ ...rest, excepted_until: exceptedUntil })),
    }),
    ...(notObserved && { not_observed: notObserved }),
  };
}

function jsonRow({ judged, verdicts }: Row): object {
  const known = Object.entries(judged).filter(([, value]) => value !== '');
  return { ...Object.fromEntries(known), verdicts: verdicts.map(jsonVerdict) };
}

const OUTCOMES = ['compliant', 'non_compliant', 'not_observable'] as const satisfies readonly Outcome[];

/** How many verdicts of each outcome, by policy. */
function summary(rows: readonly Row[]): Record<string, Record<Outcome, number>> {
  const sums: Record<string, Record<Outcome, number>> = {};
  for (const { policy, outcome } of rows.flatMap(({ verdicts }) => verdicts)) {
    sums[policy] ??= { compliant: 0, non_compliant: 0, not_observable: 0 };
    sums[policy][outcome]++;
  }
  return sums;
}

function toJson({ handshakes, dns }: PolicyTest, policies: PolicySet): string {
  const document = {
    policies: policies.policies.map(({ id, version, title }) => ({ id, version, title })),
    summary: summary(handshakes),
    handshakes: handshakes.map(jsonRow),
    dns: dns.map(jsonRow),
  };
  return JSON.stringify(document, null, 2);
}

/** A row for each policy. */
function summaryTable(rows: readonly Row[]): string {
  const cells = Object.entries(summary(rows)).map(([policy, counts]) => [
    policy,
    ...OUTCOMES.map((outcome) => String(counts[outcome])),
  ]);
  return formatTable(['policy', ...OUTCOMES], cells);
}

/** A row for each violated rule, those of the most verdicts first: what the document says, and what to do. */
function ruleTable(rows: readonly Row[]): string {
  const found = new Map<string, { readonly violation: Violation; count: number }>();
  for (const { violations } of rows.flatMap(({ verdicts }) => verdicts)) {
    for (const [rule, violation] of new Map(violations.map((one) => [`${one.policy} ${one.rule}`, one]))) {
      const known = found.get(rule);
      if (known === undefined) found.set(rule, { violation, count: 1 });
      else known.count++;
    }
  }
  const cells = [...found.values()]
    .sort((a, b) => b.count - a.count)
    .map(({ count, violation: { policy, rule, level, severity, reference, message, remediation } }) => [
      String(count),
      policy,
      rule,
      level,
      severity,
      `${reference}\n${message}\n${remediation}`,
    ]);
  return formatTable(['times', 'policy', 'violated rule', 'level', 'severity', 'reference, meaning and remedy'], cells);
}

/** Prints the verdicts; 1 if one is not compliant, else 0. */
export async function testPolicies(policies: PolicySet, files: readonly string[], json: boolean): Promise<number> {
  const result = await judgeCaptures(policies, files);
  const { handshakes, dns } = result;
  if (json) print(`${toJson(result, policies)}\n`);
  else {
    const columns = ['client', 'server', 'server_name', 'version', 'cipher_suite'];
    const tables = [handshakes.length > 0 ? table(columns, handshakes) : `no TLS handshake in ${files.join(', ')}`];
    if (dns.length > 0) tables.push(table(['client', 'server', 'query'], dns));
    if ([...handshakes, ...dns].some(({ verdicts }) => verdicts.some(isBroken))) {
      tables.push(ruleTable([...handshakes, ...dns]));
    }
    if (handshakes.length > 0) tables.push(summaryTable(handshakes));
    print(`${tables.join('\n\n')}\n`);
  }
  return [...handshakes, ...dns].some(({ verdicts }) => verdicts.some(isBroken)) ? 1 : 0;
}

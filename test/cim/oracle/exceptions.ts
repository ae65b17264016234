/**
 * What the test add-on rejects although the event is right: its known defects, and what no sensor on the wire can know. Each
 * has a reason, names its fields and the events it is for, and must be met by at least one event of the tests. Whatever is
 * not listed here fails.
 */
import type { Fields } from './fields.ts';
import type { Failure, Rule } from './judge.ts';
import type { ModelName } from './models.ts';
import { parseSearch } from './search.ts';

export interface Exception {
  readonly id: string;
  readonly model: ModelName;
  readonly fields: readonly string[];
  readonly rules: readonly Rule[];
  /** The events it is for, as a search. */
  readonly when: string;
  readonly reason: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  {
    id: 'E1',
    model: 'Network_Resolution',
    fields: ['reply_code_id'],
    rules: ['invalid'],
    when: 'reply_code_id=0 reply_code="No Error"',
    reason: 'The list of codes lost its 0 in 2024; the manual prescribes it.',
  },
  {
    id: 'E2',
    model: 'Network_Resolution',
    fields: ['answer', 'answer_count'],
    rules: ['missing', 'invalid'],
    when: 'message_type=Response answer_count=0',
    reason: 'A response without answers (NXDOMAIN, NODATA, SERVFAIL) has none, and their number is 0.',
  },
  {
    id: 'E2',
    model: 'Network_Resolution',
    fields: ['answer', 'answer_count', 'reply_code', 'reply_code_id', 'response_time'],
    rules: ['missing'],
    when: 'message_type=Query NOT reply_code=*',
    reason: 'A query that nobody answered has nothing of a response.',
  },
  {
    id: 'E2',
    model: 'Network_Resolution',
    fields: ['response_time'],
    rules: ['missing'],
    when: 'message_type=Response NOT response_time=*',
    reason: 'The time of a response is known only where its query was seen, and before it.',
  },
  {
    id: 'E3',
    model: 'Network_Traffic',
    fields: ['bytes_in', 'bytes_out', 'bytes+bytes_in+bytes_out'],
    rules: ['invalid', 'cluster'],
    when: 'bytes_in=0 OR bytes_out=0',
    reason: 'Nobody answered, or only the answers were seen: 0 bytes one way is the truth.',
  },
  {
    id: 'E4',
    model: 'Network_Traffic',
    fields: ['icmp_type', 'icmp_type+icmp_code'],
    rules: ['invalid', 'cluster'],
    when: 'transport=icmp',
    reason: 'The check of icmp_type asks for a duration above 0 and below 254; it means the type.',
  },
  {
    id: 'E5',
    model: 'Network_Traffic',
    fields: ['transport', 'protocol'],
    rules: ['invalid'],
    when: 'transport=sctp OR transport=gre OR transport=esp OR transport=igmp',
    reason: 'SCTP, GRE, ESP and IGMP are transports that the list does not know.',
  },
  {
    id: 'E6',
    model: 'Network_Resolution',
    fields: ['query_type'],
    rules: ['invalid'],
    when: 'query_type=DSO OR query_type="OPCODE*"',
    reason:
      'The list has the opcodes of RFC 1035, 1996 and 2136 and four record types; later opcodes keep their names.',
  },
  {
    id: 'E7',
    model: 'Network_Resolution',
    fields: ['reply_code', 'reply_code_id'],
    rules: ['invalid'],
    when: 'reply_code="RCODE*" reply_code_id=*',
    reason: 'Response codes that IANA has not assigned are in no list; they keep their number.',
  },
  {
    id: 'E8',
    model: 'Certificates',
    fields: [
      'ssl_subject_organization',
      'ssl_subject_common_name',
      'ssl_issuer_common_name',
      'ssl_subject',
      'ssl_issuer',
    ],
    rules: ['missing'],
    when: 'ssl_hash=*',
    reason:
      'Domain-validated certificates name no organization, many no common name (RFC 9525), some have no subject at all.',
  },
  {
    id: 'E9',
    model: 'Alerts',
    fields: ['user'],
    rules: ['missing'],
    when: 'NOT user=*',
    reason: 'A sensor on the wire sees no user. Vesper therefore reports violations as Intrusion_Detection.',
  },
  {
    id: 'E10',
    model: 'Network_Resolution',
    fields: ['record_type'],
    rules: ['invalid'],
    when: 'record_type=NULL',
    reason: 'The record type NULL (RFC 1035 §3.3.10) reads like "no value".',
  },
];

const SEARCHES = new Map(EXCEPTIONS.map((exception) => [exception, parseSearch(exception.when)]));

/** The exception that a failure falls under, or undefined. */
export function exceptionOf({ model, field, rule }: Failure, fields: Fields): Exception | undefined {
  return EXCEPTIONS.find(
    (exception) =>
      exception.model === model &&
      exception.fields.includes(field) &&
      exception.rules.includes(rule) &&
      SEARCHES.get(exception)!(fields),
  );
}

/**
 * Every count that the agent keeps, by name. A frame is counted once: at every moment
 *
 *     frames.received = frames.emitted + Σ frames.filtered.* + Σ frames.dropped.* + Σ frames.undecodable.* + frames.held
 *
 * and an event once for each output:
 *
 *     events.produced + events.recovered = events.sent + Σ events.filtered.* + Σ events.dropped.* + events.queued
 */
export const COUNTERS = {
  'frames.received': 'frames that the capture handed over',
  'frames.emitted': 'frames whose innermost IP packet was counted in a flow',
  'frames.held': 'fragments waiting for the rest of their packet (a gauge)',
  'frames.filtered.network': 'frames from or to ignored networks',
  'frames.filtered.source': 'frames of flows that came from ignored networks',
  'frames.filtered.destination': 'frames of flows that went to ignored networks',
  'frames.filtered.port': 'frames of ignored ports',
  'frames.filtered.protocol': 'frames of IP protocols that are not collected (other than TCP, UDP, ICMP, ICMPv6)',
  'frames.filtered.kind': 'frames that no collected kind of event needs',
  'frames.filtered.duplicate': 'frames of packets that were counted on another interface already',
  'frames.filtered.not_ip': 'frames that carry no IP packet (ARP, LLDP, spanning tree …)',
  'frames.dropped.ring': 'frames lost because the ring between kernel and agent was full',
  'frames.dropped.fragment_timeout': 'fragments whose packet was never completed',
  'frames.dropped.fragment_limit': 'fragments that the reassembly limits threw out',
  'frames.dropped.fragment_overlap': 'fragments of a packet whose pieces contradict each other',
  'frames.undecodable.link_type': 'frames of a link type that is not decoded',
  'frames.undecodable.link': 'frames cut or malformed in the link layer',
  'frames.undecodable.network': 'frames cut or malformed in the network layer',
  'frames.undecodable.transport': 'frames cut or malformed in the transport header',
  'frames.undecodable.tunnel_depth': 'frames with more nested tunnels than are followed',
  'capture.unseen': 'frames of counted flows that the dissectors would have seen, had the ring not been full',
  'capture.behind': 'times that more than half of the ring was waiting for the agent',
  'capture.map_full': 'frames of flows for which the kernel had no room; the agent counted them',
  'log.lost': 'lines of the log that standard error did not take',
  'flows.created': 'flows that entered the table',
  'flows.evicted': 'flows reported early because the table was full',
  'flows.active': 'flows in the table (a gauge)',
  'dns.messages': 'DNS messages decoded',
  'dns.malformed': 'DNS messages that break the grammar',
  'dns.not_dns': 'datagrams and streams on a DNS port that are not DNS',
  'dns.transactions': 'DNS transactions produced',
  'dns.unanswered': 'DNS transactions whose query was never answered',
  'dns.unsolicited': 'DNS responses whose query was not seen',
  'dns.pending_evicted': 'queries reported unanswered early because too many were waiting',
  'dns.incomplete':
    'DNS messages over TCP that began and never became whole, gaps that the capture left, and datagrams of which it cut away even the header',
  'dns.stream_limit': 'DNS-over-TCP streams given up because a limit was reached',
  'tls.client_hellos': 'ClientHellos decoded',
  'tls.server_hellos': 'ServerHellos and HelloRetryRequests decoded',
  'tls.malformed': 'hellos that break the grammar',
  'tls.incomplete': 'hellos that began and never became whole, and those that begin in a gap of the capture',
  'tls.handshakes': 'TLS handshakes produced',
  'tls.certificates': 'certificates seen in handshakes',
  'tls.certificates_unreadable': 'entries of certificate chains that are no certificate',
  'tls.certificates_left_out': 'certificates beyond the limits of a chain, of a message or of a second',
  'tls.details_cut': 'handshakes whose messages after the hellos could not all be read',
  'tls.stream_limit': 'TLS streams given up because a limit was reached',
  'quic.initials': 'QUIC Initial packets decrypted',
  'quic.undecryptable':
    'QUIC Initial packets of which no key is known: the connection began before the capture, or damaged',
  'aggregate.merged': 'flow records and DNS transactions that became part of the sum of another one (aggregate)',
  'aggregate.evicted': 'sums told before their time, for want of room',
  'events.produced': 'events for the outputs, counted for each of them; once where they were filtered',
  'events.recovered': 'events that an earlier run left in a spool',
  'events.sent': 'events that the outputs acknowledged',
  'events.queued': 'events waiting for an output, in memory or in its spool (a gauge)',
  'events.filtered.domain': 'events of ignored domains',
  'events.filtered.output': 'events that an output did not want, by its kinds and min_severity',
  'events.dropped.queue_full': 'events that came while the queue of an output without a spool was full',
  'events.dropped.spool_full': 'events that the size limit of a spool threw out, or that a full disk kept out of it',
  'events.dropped.spool_damaged': 'events of a spool that could not be read back',
  'events.dropped.refused': 'events that the other side will never take',
  'events.dropped.output': 'events of an output that failed for good',
  'events.dropped.shutdown': 'events that could not be sent before the agent had to end',
  'delivery.batches': 'batches acknowledged',
  'delivery.retries': 'batches sent again after an error',
  'policy.handshakes': 'handshakes judged',
  'policy.dns_transactions': 'DNS transactions judged',
  'policy.violations': 'policy violations found',
  'policy.findings': 'findings reported',
  'policy.suppressed': 'violations held back, counted by the next finding of their kind',
  'policy.windows_evicted': 'suppression windows closed early because too many were open',
  'policy.reloads': 'times that policies were read anew and took over',
  'policy.reloads_refused': 'times that policies were read anew and refused, the old ones staying',
} as const;

export type CounterName = keyof typeof COUNTERS;
export type Counters = Record<CounterName, number>;

const namesWhere = (test: (name: string, doc: string) => boolean): ReadonlySet<string> =>
  new Set(Object.entries(COUNTERS).flatMap(([name, doc]) => (test(name, doc) ? [name] : [])));

/** What is so at a moment; all others only grow. */
export const GAUGES = namesWhere((_, doc) => doc.endsWith('(a gauge)'));

/**
 * What did not become an event although it should have, by reason. Fragments that never made a packet are the traffic's own
 * doing, unless it was a limit that threw them out.
 */
export const LOSSES = namesWhere((name) =>
  /^frames\.dropped\.(ring|fragment_limit)$|^events\.dropped\.|^capture\.unseen$/.test(name),
);

export function createCounters(): Counters {
  // A copy of the literal keeps V8's fast properties; an object filled key by key becomes a dictionary (15 ns a packet).
  const counters = { ...COUNTERS } as unknown as Counters;
  for (const name of Object.keys(COUNTERS) as CounterName[]) counters[name] = 0;
  return counters;
}

/** Zero at every moment: what was received less all that has been accounted for. */
export function unaccountedFrames(counters: Counters): number {
  let accounted = counters['frames.emitted'] + counters['frames.held'];
  for (const name of Object.keys(counters) as CounterName[]) {
    if (/^frames\.(filtered|dropped|undecodable)\./.test(name)) accounted += counters[name];
  }
  return counters['frames.received'] - accounted;
}

/** Zero at every moment: the events that were produced or recovered less all that has been accounted for. */
export function unaccountedEvents(counters: Counters): number {
  let accounted = counters['events.sent'] + counters['events.queued'];
  for (const name of Object.keys(counters) as CounterName[]) {
    if (/^events\.(filtered|dropped)\./.test(name)) accounted += counters[name];
  }
  return counters['events.produced'] + counters['events.recovered'] - accounted;
}

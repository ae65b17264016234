/** Settings of the flow table. Times are seconds of packet time. */
export interface FlowOptions {
  /** Flows kept at once; beyond it the longest silent of a sample is reported early. */
  readonly capacity: number;
  /** A flow that goes on is reported each time that a record of it has lasted this long. */
  readonly activeTimeout: number;
  /** A silent TCP connection is over after this time. */
  readonly tcpIdleTimeout: number;
  /** A silent UDP flow is over after this time. */
  readonly udpIdleTimeout: number;
  /** A silent ICMP flow is over after this time. */
  readonly icmpIdleTimeout: number;
  /** A packet that several interfaces show counts once (`duplicates.ts`): for live captures. */
  readonly deduplicate: boolean;
}

export const FLOW_DEFAULTS: FlowOptions = {
  /** The busiest hosts' connections with room; untouched records cost no memory. */
  capacity: 1_048_576,
  /** NetFlow and IPFIX exporters' usual half hour (RFC 5102 §5.11.3): a day-long tunnel is seen the day it runs. */
  activeTimeout: 1800,
  /** Above the keep-alive intervals of most applications (60 to 240 s); RFC 5382's 2 h 4 min would hold dead flows. */
  tcpIdleTimeout: 300,
  /** Long enough for a retried query and a 30 s application keep-alive; RFC 4787 §4.3 lets a NAT forget after 120 s. */
  udpIdleTimeout: 60,
  /** A ping a second is one flow; the answer to a single request comes within seconds or never. */
  icmpIdleTimeout: 30,
  /** A file of several interfaces tells what each of them saw. */
  deduplicate: false,
};

/**
 * Silence after which a TCP attempt without an answer is over. SYNs are retransmitted after 1, 2, 4 … 32 s (RFC 6298
 * doubling), so that the attempts of one `connect` stay together.
 */
export const ATTEMPT_IDLE_TIMEOUT = 60;

/** Silence after both FINs or a reset before the flow is reported: time for the last ACKs and data in flight. */
export const CLOSED_LINGER = 5;

/**
 * Silence after which a closed and reported connection is forgotten: more than the longest pause between two
 * retransmissions of a FIN (RFC 6298 §2.5 allows a maximum of 60 s, BSD takes 64 s). FINs and resets that come late are
 * a further record of it, not a connection of their own with guessed roles.
 */
export const CLOSED_MEMORY = 70;

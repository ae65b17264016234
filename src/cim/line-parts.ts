/** The parts that CIM events of several data models share. */
import { type Conversation, NO_MAC, type Transport } from '../dissect/conversation.ts';
import type { Timestamp } from '../dissect/event.ts';
import type { Owner } from '../dissect/frame.ts';
import type { Outcome, Verdict } from '../policy/verdict.ts';
import type { Extras } from './event.ts';
import { type LineWriter, Piece } from './json-line.ts';
import { ListWriter, listSpec } from './pieces.ts';

/** One interface of the sensor's host. */
export interface DeviceAddresses {
  /** RFC 5952 text. */
  readonly ip: string | undefined;
  /** Lower case with colons. */
  readonly mac: string | undefined;
}

export interface CimOptions {
  /** Name of the sensor, `dvc` of the models that have one. */
  readonly dvc: string;
  readonly extras: Extras;
  /** Makes `event_id` and `session_id` unique among runs; letters, digits, hyphens. A replay gives the same each time. */
  readonly runId: string;
  /** Addresses of the host itself as RFC 5952 text, for `direction`; empty where they mean nothing, as in a replay. May change. */
  readonly localAddresses: ReadonlySet<string>;
  /**
   * Addresses of the host's interface of that name, for `dvc_ip` and `dvc_mac`: another object once they have changed;
   * undefined in a replay.
   */
  readonly deviceAddresses: (interfaceName: string) => DeviceAddresses | undefined;
  /** Whether `flow` events are made too: then TLS handshakes are not counted as Network_Traffic. */
  readonly flowsCollected: boolean;
}

/**
 * Splunk extracts no field beyond 5,000 bytes of an event. The limits of all texts and lists of an event keep it below
 * that; the writer's room for a line is more, for the item that is written first and then taken back.
 */
export const MAX_CIM_LINE = 5_000;
export const CIM_LINE_ROOM = 2 * MAX_CIM_LINE;

/** What `tail` writes at most: the ends, interface and VLAN; the process; the tunnels. */
const TAIL_BYTES = 100;
const PROCESS_BYTES = 760;
const TUNNEL_BYTES = 500;
/** What `verdicts` writes at most, and for one policy of which there is nothing but the outcome to say. */
const VERDICT_BYTES = 930;
const OUTCOME_BYTES = 120;

/** A host name has at most 253 characters. */
const MAX_SENSOR_BYTES = 256;
const MAX_INTERFACE_BYTES = 32;
const MAX_COMMAND_BYTES = 48;
/** useradd(8) allows 32 characters. */
const MAX_USER_BYTES = 64;
/** Paths may have 4,096 bytes; events have 5 KB. */
const MAX_EXECUTABLE_BYTES = 160;
const MAX_CGROUP_BYTES = 256;
const CONTAINER_BYTES = 64;
const INNER_VLAN = new Piece(',"inner_vlan":');

/** Deeper than a decoder of ordinary traffic sees; the true depth is kept. */
const TUNNELS = listSpec('tunnels', 3, 450, 'tunnel_count');
const POLICIES = listSpec('policy', 6, 880, 'policy_count');
/** Ids of the rules that were violated, that would be but for an exception, and that nobody could judge. */
const RULES = listSpec('rules', 12, 300, 'rule_count');
const EXCEPTED = listSpec('excepted', 12, 150, 'excepted_count');
const NOT_OBSERVED = listSpec('not_observed', 12, 150, 'not_observed_count');
const MAX_ID_BYTES = 64;

const piece = (text: string): Piece => new Piece(text);

const TIME = piece('{"time":');
const END_EVENT = piece('}}');
const AGGREGATE = {
  alone: piece(',"vesper":{"aggregate":{"count":'),
  within: piece(',"aggregate":{"count":'),
};
const CONNECTIONS = piece(',"connections":');
const LAST = piece(',"last":');
const SLOWEST = piece(',"response_time_max":');
const QUOTE = piece('"');
const END_OBJECT = piece('}');
const SRC_IP = piece('","src_ip":"');
const SRC_PORT = piece(',"src_port":');
const DEST = piece(',"dest":"');
const DEST_IP = piece('","dest_ip":"');
const DEST_PORT = piece(',"dest_port":');
const SRC_MAC = piece(',"src_mac":"');
const DEST_MAC = piece(',"dest_mac":"');
const VLAN = piece(',"vlan":"');
const FLOW_ID = piece(',"flow_id":"');
const INBOUND = piece(',"direction":"inbound"');
const OUTBOUND = piece(',"direction":"outbound"');
const PROCESS_ID = piece(',"process_id":');
const USER = piece(',"user":"');
const INTERFACE = piece(',"interface":"');
const SRC_INTERFACE = piece(',"src_interface":"');
const DEST_INTERFACE = piece(',"dest_interface":"');
const NO_ADDRESSES = piece('');
const PROCESS = piece(',"process":{"user_id":');
const COMMAND = piece(',"name":"');
const PROCESS_NUMBER = piece(',"id":');
const EXECUTABLE = piece(',"executable":"');
const CGROUP = piece(',"cgroup":"');
const CONTAINER = piece(',"container_id":"');
const TUNNEL_TYPE = piece('{"type":"');
const TUNNEL_SOURCE = piece('","source":"');
const TUNNEL_DESTINATION = piece('","destination":"');
const TUNNEL_ID = piece(',"id":');
const POLICY = piece('{"policy":"');
const OUTCOMES: Readonly<Record<Outcome, Piece>> = {
  compliant: piece('","outcome":"compliant"'),
  non_compliant: piece('","outcome":"non_compliant"'),
  not_observable: piece('","outcome":"not_observable"'),
};

/** The name as JSON, its end left out as far as needed. */
function sensorName(name: string): string {
  let kept = name.slice(0, MAX_SENSOR_BYTES);
  while (Buffer.byteLength(JSON.stringify(kept)) > MAX_SENSOR_BYTES) kept = kept.slice(0, -1);
  return JSON.stringify(kept);
}

/** Interfaces whose addresses are remembered; a host has fewer, and names come from the host alone. */
const MAX_INTERFACES = 1_024;

/** What a data model knows of every event besides its ends. */
export interface ModelKnows {
  /** `dvc`; elsewhere the sensor's name is in `vesper`. */
  readonly sensor: boolean;
  readonly vendor: boolean;
  /** `protocol` and `protocol_version`. */
  readonly layers: boolean;
}

/** What an event that stands for several says of them. */
export interface Aggregated {
  readonly count: number;
  readonly connections?: number;
  readonly last?: Timestamp;
  readonly slowest?: number | undefined;
}

/** What is constant for a transport and an IP version. */
export type HeadPieces = Readonly<Record<Transport, readonly [ipv4: Piece, ipv6: Piece]>>;

export class LineParts {
  readonly writer: LineWriter;
  readonly list: ListWriter;
  private readonly innerList: ListWriter;
  private readonly eventId: Piece;
  private readonly sessionId: Piece;
  /** See `CimOptions`. */
  readonly runId: string;
  /** `vesper` begins with what joins the event to others, where the data model has no fields for it. */
  private readonly joins: { readonly known: Piece; readonly unknown: Piece };
  readonly extras: Extras;
  private readonly dvc: string;
  private readonly localAddresses: ReadonlySet<string>;
  private readonly deviceAddresses: CimOptions['deviceAddresses'];
  /** `dvc_ip` and `dvc_mac` by interface, and what they were made of. */
  private readonly devices = new Map<string, { readonly of: DeviceAddresses | undefined; readonly piece: Piece }>();
  private ordinal = 0;

  constructor(options: CimOptions, writer: LineWriter) {
    this.writer = writer;
    this.list = new ListWriter(writer);
    this.innerList = new ListWriter(writer);
    this.eventId = piece(`,"event_id":"${options.runId}-`);
    this.runId = options.runId;
    this.sessionId = piece(`","session_id":"${options.runId}-`);
    this.dvc = sensorName(options.dvc);
    this.joins = {
      known: piece(',"vesper":{"flow_id":"'),
      unknown: piece(`,"vesper":{"dvc":${this.dvc},"flow_id":"`),
    };
    this.extras = options.extras;
    this.deviceAddresses = options.deviceAddresses;
    this.localAddresses = options.localAddresses;
  }

  /**
   * Everything from after the event id up to the source address, made once.
   * @param fields constant CIM fields of the kind, such as `"action":"allowed"`
   */
  headPieces(fields: readonly string[], { sensor, vendor, layers }: ModelKnows): HeadPieces {
    const head = (transport: Transport, version: 4 | 6): Piece => {
      const members = [...fields];
      if (sensor) members.push(`"dvc":${this.dvc}`);
      if (vendor) members.push('"vendor_product":"Vesper"');
      members.push(`"transport":"${transport}"`);
      if (layers)
        members.push(`"protocol":"${transport === 'icmp' ? 'icmp' : 'ip'}","protocol_version":"ipv${version}"`);
      return piece(`",${members.join(',')},"src":"`);
    };
    const both = (transport: Transport): readonly [Piece, Piece] => [head(transport, 4), head(transport, 6)];
    return { tcp: both('tcp'), udp: both('udp'), icmp: both('icmp') };
  }

  /** `time`, `event_id` and the constant fields. */
  head(time: Timestamp, heads: HeadPieces, { transport, ipVersion }: Conversation): void {
    const { writer } = this;
    writer.begin();
    writer.piece(TIME);
    writer.epoch(time.seconds, time.nanos);
    writer.piece(this.eventId);
    writer.base36(this.ordinal++);
    writer.piece(heads[transport][ipVersion === 4 ? 0 : 1]);
  }

  /** The two ends where the data model knows `src` and `dest` alone. */
  ends(conversation: Conversation): void {
    this.bothEnds(conversation);
  }

  /** The two ends with everything that Network_Traffic says of them. */
  trafficEnds(conversation: Conversation): void {
    const { writer } = this;
    const { clientMacHigh, serverMacHigh, vlan, owner } = conversation;
    this.bothEnds(conversation, SRC_IP, DEST_IP);
    if (clientMacHigh !== NO_MAC) this.mac(SRC_MAC, clientMacHigh, conversation.clientMacLow);
    if (serverMacHigh !== NO_MAC) this.mac(DEST_MAC, serverMacHigh, conversation.serverMacLow);
    if (vlan !== undefined) writer.quotedCount(VLAN, vlan);
    if (this.localAddresses.size > 0) this.here(conversation);
    if (owner !== undefined) writer.count(PROCESS_ID, owner.processId);
    this.user(conversation);
  }

  /** Whose process it is. */
  user({ owner }: Conversation): void {
    if (owner?.userName !== undefined) this.text(USER, owner.userName, MAX_USER_BYTES);
  }

  private bothEnds(conversation: Conversation, srcIp?: Piece, destIp?: Piece): void {
    const { writer } = this;
    const { ipVersion } = conversation;
    const hasPorts = conversation.transport !== 'icmp';
    let start = writer.position;
    writer.ip(ipVersion, conversation.client0, conversation.client1, conversation.client2, conversation.client3);
    this.endAddress(start, srcIp);
    if (hasPorts) writer.count(SRC_PORT, conversation.clientPort);
    writer.piece(DEST);
    start = writer.position;
    writer.ip(ipVersion, conversation.server0, conversation.server1, conversation.server2, conversation.server3);
    this.endAddress(start, destIp);
    if (hasPorts) writer.count(DEST_PORT, conversation.serverPort);
  }

  /** The address from `start` once more after `repeat`, where that is given, and the closing quote. */
  private endAddress(start: number, repeat: Piece | undefined): void {
    const { writer } = this;
    if (repeat !== undefined) {
      const end = writer.position;
      writer.piece(repeat);
      writer.again(start, end);
    }
    writer.piece(QUOTE);
  }

  private text(key: Piece, value: string, maxBytes: number): void {
    if (value === '') return;
    this.writer.piece(key);
    this.writer.text(value, maxBytes);
    this.writer.piece(QUOTE);
  }

  private mac(key: Piece, high: number, low: number): void {
    this.writer.piece(key);
    this.writer.mac(high, low);
    this.writer.piece(QUOTE);
  }

  /** What the host knows of its own place in it: between two of its own addresses, or two others, there is no direction. */
  private here({ client, server, interfaceName }: Conversation): void {
    const { writer } = this;
    const fromHere = this.localAddresses.has(client.ip);
    const directed = fromHere !== this.localAddresses.has(server.ip);
    if (directed) writer.piece(fromHere ? OUTBOUND : INBOUND);
    if (interfaceName === undefined || interfaceName === '') return;
    if (directed) this.text(fromHere ? DEST_INTERFACE : SRC_INTERFACE, interfaceName, MAX_INTERFACE_BYTES);
    writer.piece(this.device(interfaceName));
  }

  private device(interfaceName: string): Piece {
    const addresses = this.deviceAddresses(interfaceName);
    const known = this.devices.get(interfaceName);
    if (known !== undefined && known.of === addresses) return known.piece;
    const { ip, mac } = addresses ?? {};
    const text = (ip === undefined ? '' : `,"dvc_ip":"${ip}"`) + (mac === undefined ? '' : `,"dvc_mac":"${mac}"`);
    const made = text === '' ? NO_ADDRESSES : piece(text);
    if (known !== undefined || this.devices.size < MAX_INTERFACES)
      this.devices.set(interfaceName, { of: addresses, piece: made });
    return made;
  }

  /** The keys that join the events of one connection, as Network_Traffic has them. */
  session(conversation: Conversation): void {
    this.writer.piece(FLOW_ID);
    this.sessionOf(conversation);
  }

  /** The same at the beginning of `vesper`, and the sensor where the data model has no field for it either. */
  joinKeys(conversation: Conversation, sensor: keyof typeof this.joins): void {
    this.writer.piece(this.joins[sensor]);
    this.sessionOf(conversation);
  }

  private sessionOf(conversation: Conversation): void {
    const { writer } = this;
    writer.communityId(conversation);
    writer.piece(this.sessionId);
    writer.base36(conversation.session);
    writer.piece(QUOTE);
  }

  /** What `verdicts` and `tail` will write at most: a list before them may take what is left. */
  tailRoom(verdicts: readonly Verdict[], { owner, tunnels }: Conversation): number {
    const isPlain = verdicts.every(
      ({ violations, excepted, notObserved }) => violations.length === 0 && !excepted && !notObserved,
    );
    const ofVerdicts = isPlain ? Math.min(verdicts.length * OUTCOME_BYTES, VERDICT_BYTES) : VERDICT_BYTES;
    return TAIL_BYTES + ofVerdicts + (owner ? PROCESS_BYTES : 0) + (tunnels ? TUNNEL_BYTES : 0);
  }

  /** What the policies say, inside `vesper`. */
  verdicts(verdicts: readonly Verdict[]): void {
    if (verdicts.length === 0) return;
    const { writer, list, innerList } = this;
    list.begin(POLICIES);
    for (const { policy, outcome, violations, excepted, notObserved } of verdicts) {
      if (!list.next()) continue;
      writer.piece(POLICY);
      writer.text(policy, MAX_ID_BYTES);
      writer.piece(OUTCOMES[outcome]);
      innerList.begin(RULES);
      for (const { rule } of violations) innerList.item(rule, MAX_ID_BYTES);
      innerList.end();
      if (excepted !== undefined) {
        innerList.begin(EXCEPTED);
        for (const { rule } of excepted) innerList.item(rule, MAX_ID_BYTES);
        innerList.end();
      }
      if (notObserved !== undefined) {
        innerList.begin(NOT_OBSERVED);
        for (const rule of notObserved) innerList.item(rule, MAX_ID_BYTES);
        innerList.end();
      }
      writer.piece(END_OBJECT);
      list.done();
    }
    list.end();
  }

  /** The process that owns the socket, whatever the model has of it. */
  private process({ processId, userId, userName, command, executable, cgroup, containerId }: Owner): void {
    const { writer } = this;
    writer.piece(PROCESS);
    writer.word(userId >>> 0);
    writer.count(PROCESS_NUMBER, processId);
    this.text(COMMAND, command, MAX_COMMAND_BYTES);
    if (userName !== undefined) this.text(USER, userName, MAX_USER_BYTES);
    if (this.extras === 'full') {
      if (executable !== undefined) this.text(EXECUTABLE, executable, MAX_EXECUTABLE_BYTES);
      if (cgroup !== undefined) this.text(CGROUP, cgroup, MAX_CGROUP_BYTES);
    }
    if (containerId !== undefined) this.text(CONTAINER, containerId, CONTAINER_BYTES);
    writer.piece(END_OBJECT);
  }

  /** The end of an event without `vesper`, but for the count of what the event stands for. */
  end(aggregated?: Aggregated): void {
    if (aggregated !== undefined) {
      this.aggregateOf(AGGREGATE.alone, aggregated);
      this.writer.piece(END_OBJECT);
    }
    this.writer.piece(END_OBJECT);
  }

  /** How many events this one stands for, inside `vesper`. */
  aggregate(aggregated: Aggregated | undefined): void {
    if (aggregated !== undefined) this.aggregateOf(AGGREGATE.within, aggregated);
  }

  private aggregateOf(key: Piece, { count, connections, last, slowest }: Aggregated): void {
    const { writer } = this;
    writer.count(key, count);
    if (connections !== undefined) writer.count(CONNECTIONS, connections);
    if (last !== undefined) {
      writer.piece(LAST);
      writer.epoch(last.seconds, last.nanos);
    }
    if (slowest !== undefined) writer.seconds(SLOWEST, slowest);
    writer.piece(END_OBJECT);
  }

  /** How the packets were carried, and the end of `vesper` and of the event. */
  tail({ interfaceName, innerVlan, tunnels, owner }: Conversation): void {
    const { writer, list } = this;
    if (interfaceName !== undefined && interfaceName !== '') {
      writer.piece(INTERFACE);
      writer.text(interfaceName, MAX_INTERFACE_BYTES);
      writer.piece(QUOTE);
    }
    if (innerVlan !== undefined) writer.count(INNER_VLAN, innerVlan);
    if (owner !== undefined) this.process(owner);
    if (tunnels !== undefined && this.extras === 'full') {
      list.begin(TUNNELS);
      for (const { type, id, source, destination } of tunnels) {
        if (!list.next()) continue;
        writer.piece(TUNNEL_TYPE);
        writer.safe(type);
        writer.piece(TUNNEL_SOURCE);
        writer.safe(source);
        writer.piece(TUNNEL_DESTINATION);
        writer.safe(destination);
        writer.piece(QUOTE);
        if (id !== undefined) writer.count(TUNNEL_ID, id);
        writer.piece(END_OBJECT);
        list.done();
      }
      list.end();
    }
    writer.piece(END_EVENT);
  }
}

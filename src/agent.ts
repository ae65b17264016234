/** The pipeline: frames in; events judged, made into lines and handed to the outputs. */
import { createHash } from 'node:crypto';
import type { LiveSink } from './capture/capture.ts';
import { Aggregator } from './cim/aggregation/aggregator.ts';
import type { Kind } from './cim/event.ts';
import type { EventFormat } from './cim/format.ts';
import { NativeFormat } from './cim/native.ts';
import { Normalizer } from './cim/normalize.ts';
import type { Config } from './config.ts';
import type { Counters } from './counters.ts';
import { Engine, type KernelFlows } from './dissect/engine.ts';
import type { DnsTransactionEvent, NetworkEvent, TlsHandshakeEvent } from './dissect/event.ts';
import type { TrafficFilterOptions } from './dissect/filter.ts';
import type { Frame } from './dissect/frame.ts';
import { DEFAULT_NETWORK_OPTIONS } from './dissect/net/decoder.ts';
import type { Tally } from './dissect/tally.ts';
import { domainFilter } from './event-filter.ts';
import { type FilterUser, needsTls } from './filter-reload.ts';
import { Host } from './host.ts';
import { type Delivery, NEVER } from './outputs/delivery.ts';
import type { Format } from './outputs/options.ts';
import { directionOf } from './policy/direction.ts';
import { dnsFinding, type Finding, handshakeFinding } from './policy/finding.ts';
import { FindingWindows } from './policy/finding-windows.ts';
import type { PolicySet } from './policy/policy.ts';
import type { Verdict, Violation } from './policy/verdict.ts';
import type { PolicyUser } from './policy-reload.ts';

export interface AgentParts {
  readonly config: Config;
  readonly counters: Counters;
  readonly policies: PolicySet;
  readonly delivery: Delivery;
  /** The name of an interface of the capture that runs. */
  readonly interfaceName: (index: number) => string | undefined;
  /** The traffic of this host as it passes, on several interfaces perhaps. */
  readonly live?: boolean;
  /** Where the capture's kernel program counts flows. */
  readonly kernelFlows?: KernelFlows;
}

interface NamedFormat {
  readonly name: Format;
  readonly format: EventFormat;
}

const NO_VERDICTS: readonly Verdict[] = [];

/** `findings.suppress_s: auto`: who replays a capture wants to see all of it, who watches a host wants to be told. */
const LIVE_SUPPRESS_S = 3600;

/** The name of a run comes from its first frame: replaying a file gives the same ids, two files give different ones. */
function runName(frame: Frame): string {
  const hash = createHash('sha256');
  hash.update(`${frame.seconds}.${frame.nanos} ${frame.linkType} ${frame.originalLength} `);
  hash.update(frame.bytes.subarray(frame.start, frame.end));
  return hash.digest('hex').slice(0, 10);
}

function trafficFilter({ ignore }: Config): TrafficFilterOptions {
  return {
    ignoreSources: ignore.sources,
    ignoreDestinations: ignore.destinations,
    ignoreNetworks: ignore.networks,
    ignorePorts: ignore.ports,
  };
}

export class Agent implements LiveSink, PolicyUser, FilterUser {
  private readonly counters: Counters;
  private policies: PolicySet;
  private readonly delivery: Delivery;
  private readonly engine: Engine;
  private kinds: ReadonlySet<Kind>;
  /** Without addresses in a replay: they mean nothing there. */
  private readonly host = new Host();
  private readonly findings: FindingWindows;
  private readonly aggregator: Aggregator | undefined;
  private isIgnored: (event: NetworkEvent) => boolean;
  private readonly makeFormats: (runId: string) => readonly NamedFormat[];
  private formats: readonly NamedFormat[] | undefined;
  /** Verdicts of connections in the flow table, by session: `flows.capacity` bounds them. */
  private readonly verdicts = new Map<number, readonly Verdict[]>();

  constructor({ config, counters, policies, delivery, interfaceName, live = false, kernelFlows }: AgentParts) {
    this.counters = counters;
    this.policies = policies;
    this.delivery = delivery;
    this.kinds = new Set(config.collect);
    this.isIgnored = domainFilter(config.ignore.domains);
    const flows = this.kinds.has('flow');
    if (live) this.host.read();
    const { suppress_s } = config.findings;
    const suppressed = suppress_s === 'auto' ? (live ? LIVE_SUPPRESS_S : 0) : suppress_s;
    this.findings = new FindingWindows(suppressed, counters, (finding, held) => {
      for (const { name, format } of this.formats ?? []) this.delivery.push(format.finding(finding, held), name);
    });
    const { window_s } = config.aggregate;
    if (window_s > 0) {
      this.aggregator = new Aggregator(window_s, counters, (event, verdicts) => this.aggregated(event, verdicts));
    }
    const cim = delivery.formats.has('cim');
    const native = delivery.formats.has('native');
    const cimOptions = {
      dvc: config.sensor.name,
      extras: config.extras,
      localAddresses: this.host.addresses,
      deviceAddresses: (name: string) => this.host.device(name),
      flowsCollected: flows,
    };
    this.makeFormats = (runId) => {
      const made: NamedFormat[] = [];
      if (cim) made.push({ name: 'cim', format: new Normalizer({ ...cimOptions, runId }) });
      if (native) made.push({ name: 'native', format: new NativeFormat() });
      return made;
    };
    this.engine = new Engine(
      {
        flows,
        dns: this.kinds.has('dns') || this.kinds.has('finding'),
        tls: needsTls(config.collect),
        network: DEFAULT_NETWORK_OPTIONS,
        flow: {
          capacity: config.flows.capacity,
          activeTimeout: config.flows.active_timeout_s,
          tcpIdleTimeout: config.flows.tcp_idle_timeout_s,
          udpIdleTimeout: config.flows.udp_idle_timeout_s,
          icmpIdleTimeout: config.flows.icmp_idle_timeout_s,
          deduplicate: live,
        },
        dnsOptions: {
          messages: native,
          transactions: cim || this.kinds.has('finding'),
          ports: config.dns.ports,
          queryTimeout: config.dns.query_timeout_s,
        },
        tlsOptions: {
          messages: native,
          transactions: true,
          certificates: config.tls.certificates,
          certificateEvents: this.kinds.has('certificate'),
          fingerprints: config.tls.fingerprints,
        },
        filter: trafficFilter(config),
        interfaceName,
        sessionEnd: (session) => this.verdicts.delete(session),
        ...(kernelFlows && { kernelFlows }),
      },
      counters,
      (event) => this.event(event),
    );
  }

  frame(frame: Frame): void {
    this.formats ??= this.makeFormats(runName(frame));
    this.engine.frame(frame);
  }

  tracked(frame: Frame, tally: Tally): boolean {
    this.formats ??= this.makeFormats(runName(frame));
    return this.engine.tracked(frame, tally);
  }

  settle(tally: Tally): boolean {
    return this.engine.settle(tally);
  }

  tick(seconds: number, nanos: number): void {
    this.engine.tick(seconds, nanos);
    this.aggregator?.tick(seconds);
  }

  ready(): Promise<void> | undefined {
    return this.delivery.ready();
  }

  /**
   * The end of the traffic: everything still open becomes an event, as fast as the outputs take them.
   * @param deadline when it resolves, outputs are not waited for any more; left out: no end to waiting
   */
  async end(deadline: Promise<void> = NEVER): Promise<void> {
    for (const _ of this.engine.ending()) {
      const slow = this.delivery.ready();
      if (slow !== undefined) await Promise.race([slow, deadline]);
    }
    this.aggregator?.end();
    this.findings.end();
  }

  /** From the next event on, traffic is judged by these. What was judged keeps its verdicts. */
  replacePolicies(policies: PolicySet): void {
    this.policies = policies;
  }

  /** See `reloadFilters`: kinds are a part of those at the start. */
  replaceFilters(config: Config): void {
    this.kinds = new Set(config.collect);
    this.isIgnored = domainFilter(config.ignore.domains);
    this.engine.replaceFilters(trafficFilter(config), config.dns.ports);
  }

  /** Addresses of this host have come or gone. */
  addressesChanged(): void {
    this.host.read();
  }

  private event(event: NetworkEvent): void {
    if (this.isIgnored(event)) {
      this.counters['events.produced']++;
      this.counters['events.filtered.domain']++;
      return;
    }
    this.findings.tick(event.time.seconds);
    switch (event.kind) {
      case 'tls_handshake':
        this.handshake(event);
        break;
      case 'dns_transaction':
        this.transaction(event);
        break;
      case 'dns_message':
        if (this.kinds.has('dns')) this.make(event, NO_VERDICTS);
        break;
      case 'flow':
        if (this.kinds.has('flow')) this.make(event, this.verdicts.get(event.conversation.session) ?? NO_VERDICTS);
        break;
      case 'client_hello':
      case 'server_hello':
        if (this.kinds.has('tls')) this.make(event, NO_VERDICTS);
        break;
      default:
        if (this.kinds.has('certificate')) this.make(event, NO_VERDICTS);
    }
  }

  private handshake(event: TlsHandshakeEvent): void {
    const verdicts = this.policies.judge(event, directionOf(event.conversation, this.host.addresses));
    if (verdicts.length > 0) this.counters['policy.handshakes']++;
    if (this.kinds.has('flow')) this.verdicts.set(event.conversation.session, verdicts);
    if (this.kinds.has('tls')) this.make(event, verdicts);
    this.report(verdicts, (violation) => handshakeFinding(event, violation));
  }

  private transaction(event: DnsTransactionEvent): void {
    const verdicts = this.policies.judgeDns(event, directionOf(event.conversation, this.host.addresses));
    if (verdicts.length > 0) this.counters['policy.dns_transactions']++;
    if (this.kinds.has('dns')) this.make(event, NO_VERDICTS);
    this.report(verdicts, (violation) => dnsFinding(event, violation));
  }

  private report(verdicts: readonly Verdict[], makeFinding: (violation: Violation) => Finding): void {
    for (const { violations } of verdicts) {
      this.counters['policy.violations'] += violations.length;
      if (!this.kinds.has('finding')) continue;
      for (const violation of violations) this.findings.add(makeFinding(violation));
    }
  }

  private make(event: NetworkEvent, verdicts: readonly Verdict[]): void {
    for (const named of this.formats ?? []) {
      if (named.name === 'cim' && this.aggregator?.take(event, verdicts)) continue;
      this.push(named, event, verdicts);
    }
  }

  private aggregated(event: NetworkEvent, verdicts: readonly Verdict[]): void {
    for (const named of this.formats ?? []) if (named.name === 'cim') this.push(named, event, verdicts);
  }

  private push({ name, format }: NamedFormat, event: NetworkEvent, verdicts: readonly Verdict[]): void {
    const made = format.normalize(event, verdicts);
    if (made !== undefined) this.delivery.push(made, name);
  }
}

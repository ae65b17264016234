/** What the operator chose not to see: networks, ports and domains. */
import { parseCidr } from './net/address.ts';
import { Disposition } from './net/layer.ts';
import type { Packet } from './net/packet.ts';

export interface TrafficFilterOptions {
  /** CIDR blocks ignored as source of a flow's first packet, as its destination, or as either. */
  readonly ignoreSources: readonly string[];
  readonly ignoreDestinations: readonly string[];
  readonly ignoreNetworks: readonly string[];
  /** TCP and UDP ports ignored on either end. */
  readonly ignorePorts: readonly number[];
}

interface Block {
  readonly version: 4 | 6;
  readonly words: readonly [number, number, number, number];
  readonly masks: readonly [number, number, number, number];
}

/** A mask word for the `bits` leading bits that fall into word `index`. */
function maskWord(bits: number, index: number): number {
  const inWord = Math.min(32, Math.max(0, bits - 32 * index));
  return inWord === 0 ? 0 : (0xffffffff << (32 - inWord)) >>> 0;
}

function compile(cidr: string): Block {
  const parsed = parseCidr(cidr);
  if (!parsed) throw new TypeError(`not a network in CIDR form: ${cidr}`);
  const masks = [0, 1, 2, 3].map((i) => maskWord(parsed.prefix, i)) as unknown as Block['masks'];
  const words = parsed.words.map((word, i) => (word & (masks[i] ?? 0)) >>> 0) as unknown as Block['words'];
  return { version: parsed.version, words, masks };
}

function covers(block: Block, version: 4 | 6, w0: number, w1: number, w2: number, w3: number): boolean {
  const { words, masks } = block;
  return (
    block.version === version &&
    (w0 & masks[0]) >>> 0 === words[0] &&
    (w1 & masks[1]) >>> 0 === words[1] &&
    (w2 & masks[2]) >>> 0 === words[2] &&
    (w3 & masks[3]) >>> 0 === words[3]
  );
}

const isSource = (block: Block, p: Packet): boolean =>
  covers(block, p.ipVersion, p.source0, p.source1, p.source2, p.source3);
const isDestination = (block: Block, p: Packet): boolean =>
  covers(block, p.ipVersion, p.destination0, p.destination1, p.destination2, p.destination3);

/** Judged once a flow, on its first packet; the flow table remembers the answer. */
export class TrafficFilter {
  private readonly sources: readonly Block[];
  private readonly destinations: readonly Block[];
  private readonly either: readonly Block[];
  private readonly ports: ReadonlySet<number>;

  constructor(options: TrafficFilterOptions) {
    this.sources = options.ignoreSources.map(compile);
    this.destinations = options.ignoreDestinations.map(compile);
    this.either = options.ignoreNetworks.map(compile);
    this.ports = new Set(options.ignorePorts);
  }

  admit(packet: Packet): Disposition {
    for (const block of this.either) {
      if (isSource(block, packet) || isDestination(block, packet)) return Disposition.filteredNetwork;
    }
    for (const block of this.sources) if (isSource(block, packet)) return Disposition.filteredSource;
    for (const block of this.destinations) if (isDestination(block, packet)) return Disposition.filteredDestination;
    if (this.ports.has(packet.sourcePort) || this.ports.has(packet.destinationPort)) return Disposition.filteredPort;
    return Disposition.emitted;
  }
}

/** Ignored names: `example.com` is that name alone, `*.example.com` every name below it. Case does not count. */
export class DomainFilter {
  private readonly exact = new Set<string>();
  private readonly below = new Set<string>();

  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      const name = pattern.toLowerCase().replace(/\.$/, '');
      if (name.startsWith('*.')) this.below.add(name.slice(2));
      else this.exact.add(name);
    }
  }

  get empty(): boolean {
    return this.exact.size === 0 && this.below.size === 0;
  }

  ignores(name: string): boolean {
    const lower = name.toLowerCase();
    if (this.exact.has(lower)) return true;
    if (this.below.size === 0) return false;
    for (let dot = lower.indexOf('.'); dot !== -1; dot = lower.indexOf('.', dot + 1)) {
      if (this.below.has(lower.slice(dot + 1))) return true;
    }
    return false;
  }
}

/** Which interfaces a live capture watches, by the patterns of the settings, as they come and go. */
import type { Frame } from '../dissect/frame.ts';
import { Hardware, type Link, type Links } from './links.ts';

/** LINKTYPE_ numbers of the frames that a live capture hands over. */
const LINKTYPE_ETHERNET: Frame['linkType'] = 1;
const LINKTYPE_RAW: Frame['linkType'] = 101;

/** What frames of this hardware type look like; undefined where they cannot be captured. */
export function linkTypeOf(hardware: number): number | undefined {
  switch (hardware) {
    case Hardware.ethernet:
    case Hardware.loopback:
      return LINKTYPE_ETHERNET;
    case Hardware.none:
    case Hardware.ppp:
    case Hardware.ipip:
    case Hardware.ip6tnl:
    case Hardware.sit:
      return LINKTYPE_RAW;
    default:
      return undefined;
  }
}

/**
 * The links that the patterns choose: names, globs (`*`, `?`), and `auto` for all but loopback. Links that are down
 * carry nothing and are left out until they come up.
 */
export function chooseLinks(links: readonly Link[], patterns: readonly string[]): Link[] {
  const named = patterns.filter((pattern) => pattern !== 'auto').map(globExpression);
  const auto = patterns.includes('auto');
  return links.filter(({ name, hardware, up }) => {
    if (!up || linkTypeOf(hardware) === undefined) return false;
    return (auto && hardware !== Hardware.loopback) || named.some((expression) => expression.test(name));
  });
}

/** Patterns that no link has, up or down. */
export function unmatched(links: readonly Link[], patterns: readonly string[]): string[] {
  return patterns.filter((pattern) => {
    const expression = globExpression(pattern);
    return pattern !== 'auto' && !links.some(({ name }) => expression.test(name));
  });
}

function globExpression(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`);
}

/** Names kept: those of interfaces that are gone are wanted until their flows have been reported. */
const MAX_NAMES = 4096;

export interface InterfaceListener {
  attach(link: Link): void;
  detach(link: Link): void;
}

/** Follows the chosen interfaces and tells what to attach to and to detach from. */
export class InterfaceWatch {
  private readonly links: Links;
  private readonly patterns: readonly string[];
  private readonly listener: InterfaceListener;
  private readonly attached = new Map<number, Link>();
  /** Also of interfaces that are gone: their flows are still to be reported. */
  private readonly names = new Map<number, string>();

  constructor(links: Links, patterns: readonly string[], listener: InterfaceListener) {
    this.links = links;
    this.patterns = patterns;
    this.listener = listener;
  }

  name(index: number): string | undefined {
    return this.names.get(index);
  }

  /** Attaches to what is there now, and warns of patterns that nothing has. */
  start(onWarning: (text: string) => void): void {
    this.links.changed();
    for (const pattern of unmatched(this.update(), this.patterns)) {
      onWarning(`no interface matches ${pattern} yet; it is captured when it appears`);
    }
  }

  /** Attaches and detaches if something changed; returns whether it did, perhaps only addresses. */
  poll(): boolean {
    const changed = this.links.changed();
    if (changed) this.update();
    return changed;
  }

  private update(): Link[] {
    const all = this.links.list();
    const chosen = new Map(chooseLinks(all, this.patterns).map((link) => [link.index, link]));
    for (const [index, link] of this.attached) {
      if (chosen.has(index)) continue;
      this.attached.delete(index);
      this.listener.detach(link);
    }
    for (const [index, link] of chosen) {
      this.names.set(index, link.name);
      const isNew = !this.attached.has(index);
      this.attached.set(index, link);
      if (isNew) this.listener.attach(link);
    }
    for (const index of this.names.keys()) {
      if (this.names.size <= MAX_NAMES) break;
      if (!this.attached.has(index)) this.names.delete(index);
    }
    return all;
  }
}

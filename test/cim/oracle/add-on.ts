/**
 * What a search head makes of a line with the add-on installed: the settings of its .conf files, applied in Splunk's order
 * (extraction, FIELDALIAS, EVAL, event types, tags). A setting that would change fields and is not modeled is an error.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseExpression } from './expression.ts';
import type { Fields } from './fields.ts';
import { type Predicate, parseSearch } from './search.ts';
import type { Expression } from './values.ts';

export type Stanzas = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** `[stanza]`, `key = value`, `# comment`; a backslash at its end carries a value on to the next line. */
export function parseConf(text: string): Stanzas {
  const stanzas = new Map<string, Map<string, string>>();
  let stanza: Map<string, string> | undefined;
  for (const line of text.replaceAll('\\\n', '').split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue;
    const head = /^\[(.*)\]\s*$/.exec(line);
    if (head !== null) {
      stanza = new Map();
      if (stanzas.has(head[1]!)) throw new Error(`two stanzas [${head[1]}]`);
      stanzas.set(head[1]!, stanza);
      continue;
    }
    const setting = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (setting === null || stanza === undefined) throw new Error(`no setting: ${line}`);
    stanza.set(setting[1]!, setting[2]!);
  }
  return stanzas;
}

interface Alias {
  readonly from: string;
  readonly to: string;
  /** `AS` removes the target where the source is missing, `ASNEW` keeps it. */
  readonly keeps: boolean;
}

interface SourceType {
  readonly aliases: readonly Alias[];
  readonly evals: readonly (readonly [name: string, expression: Expression])[];
}

export interface Seen {
  readonly fields: Fields;
  readonly eventTypes: readonly string[];
  readonly tags: ReadonlySet<string>;
}

/** Settings of lines and times, and words for people: they make no fields. */
const WITHOUT_FIELDS =
  /^(SHOULD_LINEMERGE|LINE_BREAKER|TRUNCATE|CHARSET|TIME_PREFIX|TIME_FORMAT|TZ|MAX_TIMESTAMP_LOOKAHEAD|MAX_DAYS_AGO|MAX_DAYS_HENCE|EVENT_BREAKER|EVENT_BREAKER_ENABLE|category|description|pulldown_type)$/;

function aliasesOf(value: string): Alias[] {
  const words = value.split(/\s+/).map((word) => word.replaceAll(/^["']|["']$/g, ''));
  const aliases: Alias[] = [];
  for (let i = 0; i < words.length; i += 3) {
    const [from, how, to] = words.slice(i, i + 3);
    if (!/^as(new)?$/i.test(how ?? '') || to === undefined) throw new Error(`no alias: ${value}`);
    aliases.push({ from: from!, to, keeps: how!.toLowerCase() === 'asnew' });
  }
  return aliases;
}

function sourceTypeOf(name: string, settings: ReadonlyMap<string, string>): SourceType {
  const aliases: Alias[] = [];
  const evals: [string, Expression][] = [];
  if (settings.get('KV_MODE') !== 'json') throw new Error(`${name}: KV_MODE is not json`);
  for (const [key, value] of settings) {
    if (key.startsWith('FIELDALIAS-')) aliases.push(...aliasesOf(value));
    else if (key.startsWith('EVAL-')) evals.push([key.slice('EVAL-'.length), parseExpression(value)]);
    else if (key !== 'KV_MODE' && !WITHOUT_FIELDS.test(key)) throw new Error(`${name}: ${key} is not modeled`);
  }
  return { aliases, evals };
}

/** `KV_MODE = json`: a field for each leaf, its path joined by dots, arrays marked by `{}`. */
export function extractJson(line: string): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  const walk = (path: string, value: unknown): void => {
    if (Array.isArray(value)) for (const one of value) walk(`${path}{}`, one);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) walk(path === '' ? key : `${path}.${key}`, inner);
    } else {
      const values = fields.get(path);
      // A null comes as the text "null", which no model takes for a value.
      if (values === undefined) fields.set(path, [String(value)]);
      else values.push(String(value));
    }
  };
  walk('', JSON.parse(line));
  return fields;
}

export class AddOn {
  private readonly sourceTypes: ReadonlyMap<string, SourceType>;
  private readonly eventTypes: readonly (readonly [name: string, search: Predicate])[];
  private readonly tags: ReadonlyMap<string, readonly string[]>;

  /** @param folder the add-on's `default` folder */
  constructor(folder: string) {
    const conf = (file: string): Stanzas => parseConf(readFileSync(join(folder, file), 'utf8'));
    this.sourceTypes = new Map([...conf('props.conf')].map(([name, settings]) => [name, sourceTypeOf(name, settings)]));
    this.eventTypes = [...conf('eventtypes.conf')].map(([name, settings]) => [
      name,
      parseSearch(settings.get('search')!),
    ]);
    this.tags = new Map(
      [...conf('tags.conf')].map(([stanza, settings]) => {
        const eventType = /^eventtype=(.+)$/.exec(stanza)?.[1];
        if (eventType === undefined) throw new Error(`tags of [${stanza}] are not modeled`);
        return [eventType, [...settings].filter(([, state]) => state === 'enabled').map(([tag]) => tag)];
      }),
    );
  }

  /** Fields that the settings of a sourcetype make. */
  names(sourceType: string): string[] {
    const { aliases, evals } = this.sourceTypes.get(sourceType)!;
    return [...aliases.map(({ to }) => to), ...evals.map(([name]) => name)];
  }

  hasEventType(wanted: string): boolean {
    return this.eventTypes.some(([name]) => name === wanted);
  }

  see(sourceType: string, line: string): Seen {
    const settings = this.sourceTypes.get(sourceType);
    if (settings === undefined) throw new Error(`no stanza [${sourceType}] in props.conf`);
    const fields = extractJson(line);
    for (const { from, to, keeps } of settings.aliases) {
      const values = fields.get(from);
      if (values !== undefined) fields.set(to, values);
      else if (!keeps) fields.delete(to);
    }
    // As if all at once: none of them sees what another one made.
    const made = settings.evals.map(([name, expression]) => [name, expression(fields)] as const);
    for (const [name, value] of made) {
      if (value === null) fields.delete(name);
      else fields.set(name, Array.isArray(value) ? value.map(String) : [String(value)]);
    }
    fields.set('sourcetype', [sourceType]);
    const eventTypes = this.eventTypes.filter(([, search]) => search(fields)).map(([name]) => name);
    const tags = new Set(eventTypes.flatMap((name) => this.tags.get(name) ?? []));
    return { fields, eventTypes, tags };
  }
}

/** The YAML file of the settings: their values, the place of each, and a complaint about whatever is no setting. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Alias, Document, Node, YAMLMap } from 'yaml';
import { SETTINGS } from './settings.ts';
import { nearest } from './suggest.ts';
import type { Tree } from './tree.ts';
import { UsageError } from './usage-error.ts';
import { misencoded, misencodedText } from './utf8.ts';

export interface SettingsFile {
  readonly values: Tree;
  /**
   * `file:line:column` of each setting that the file holds, of the items of lists (`collect.0`), and of the options of outputs
   * (`outputs.0.rotate.bytes`).
   */
  readonly places: ReadonlyMap<string, string>;
}

const require = createRequire(import.meta.url);
/** Loaded where there is a file: it takes 40 ms of a start. */
const yaml = (): typeof import('yaml') => require('yaml');

/** `file:line:column` of an offset in the text. */
type PlaceAt = (offset: number) => string;

/** @throws UsageError with every complaint, each with its place and, of an unknown key, the nearest name */
export function readSettingsFile(file: string): SettingsFile {
  const { LineCounter, parseDocument, YAMLMap } = yaml();
  const lines = new LineCounter();
  const document = parseDocument(readText(file), { lineCounter: lines, prettyErrors: false });
  const placeAt: PlaceAt = (offset) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  // A tag that nobody knows is a warning of the parser, which takes the value without it.
  refuse([...document.errors, ...document.warnings].map((error) => `${placeAt(error.pos[0])}: ${parserText(error)}`));
  if (document.contents === null) return { values: {}, places: new Map() };
  if (!(document.contents instanceof YAMLMap))
    throw new UsageError(`${file}:1:1: a configuration is a map of settings`);
  const { places, complaints } = readKeys(document, placeAt);
  refuse(complaints);
  return { values: valuesOf(document, placeAt), places };
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UsageError(`cannot read the configuration ${file}: ${(error as Error).message}`);
  }
  const wrong = misencoded(bytes);
  if (wrong !== undefined)
    throw new UsageError(`${file}:${wrong.line}:${wrong.column}: ${misencodedText(wrong)}; save the file as UTF-8`);
  return bytes.toString('utf8');
}

function refuse(complaints: readonly string[]): void {
  if (complaints.length > 0) throw new UsageError(complaints.join('\n'));
}

function parserText({ code, message }: { readonly code: string; readonly message: string }): string {
  if (code === 'MULTIPLE_DOCS') return 'the settings end here: a file has one document, without `---`';
  return code === 'TAG_RESOLVE_FAILED' ? `${message}; settings have no tags` : message;
}

/** Goes through the keys: that each is a setting, and where it stands. */
function readKeys(document: Document, placeAt: PlaceAt): { places: Map<string, string>; complaints: string[] } {
  const { Alias, Pair, Scalar, visit, YAMLMap } = yaml();
  const groups = new Set([...SETTINGS.keys()].filter((path) => path.includes('.')).map((path) => path.split('.')[0]));
  const places = new Map<string, string>();
  const complaints: string[] = [];
  visit(document, {
    Pair(_, pair, ancestors) {
      const keys = ancestors.filter((node) => node instanceof Pair).map(({ key }) => keyText(key));
      const key = keyText(pair.key);
      const path = [...keys, key].join('.');
      const place = placeAt((pair.key as Node).range?.[0] ?? 0);
      const setting = SETTINGS.get(path);
      if (groups.has(path)) {
        if (pair.value instanceof YAMLMap) return undefined;
        // All that was in it may be commented out.
        if (pair.value instanceof Scalar && pair.value.value === null) return visit.REMOVE;
        complaints.push(`${place}: ${path} is a map of settings`);
      } else if (key.includes('.') && setting !== undefined) {
        const [group, name] = path.split('.');
        complaints.push(`${place}: write ${path} as ${name} below ${group}, on a line of its own`);
      } else if (setting !== undefined) {
        places.set(path, place);
        for (const [member, offset] of new Map(members(path, pair.value))) {
          places.set(member, placeAt(offset));
          // The library that merges the sources would lose it without a word.
          if (member.endsWith('.__proto__')) complaints.push(`${placeAt(offset)}: ${path}: __proto__ is no name here`);
        }
        const value = pair.value instanceof Alias ? pair.value.resolve(document) : pair.value;
        // It would add the map's keys to the default, which stays what it is where that is a list.
        const wrong = value instanceof YAMLMap ? mapComplaint(path, value) : undefined;
        if (wrong !== undefined) complaints.push(`${place}: ${path}: ${wrong}`);
      } else {
        const near = nearest(
          path,
          [...SETTINGS.keys(), ...groups].filter((name) => name !== undefined),
        );
        complaints.push(`${place}: unknown setting ${path}${near ? ` (did you mean ${near}?)` : ''}`);
      }
      return visit.SKIP;
    },
  });
  return { places, complaints };
}

function keyText(key: unknown): string {
  return String(yaml().isScalar(key) ? key.value : key);
}

/** What is wrong with a map as the value of a setting. */
function mapComplaint(path: string, map: YAMLMap): string | undefined {
  if (path === 'outputs' && map.has('target'))
    return 'must be a list, of one output too: write `- target: …`, and its options below `target`';
  return SETTINGS.get(path)?.format.complaint({});
}

/** Where items and keys below a value begin, by path such as `outputs.0.rotate.bytes`; a key's place comes after its value's. */
function members(path: string, value: unknown): [string, number][] {
  const { isMap, isNode, isSeq } = yaml();
  const found: [string, number][] = [];
  const walk = (node: unknown, at: string): void => {
    if (isNode(node) && node.range && at !== path) found.push([at, node.range[0]]);
    if (isSeq(node)) for (const [i, item] of node.items.entries()) walk(item, `${at}.${i}`);
    if (!isMap(node)) return;
    for (const { key, value: below } of node.items) {
      const member = `${at}.${keyText(key)}`;
      walk(below, member);
      found.push([member, (key as Node).range?.[0] ?? 0]);
    }
  };
  walk(value, path);
  return found;
}

function valuesOf(document: Document, placeAt: PlaceAt): Tree {
  try {
    const values = document.toJS() as Tree;
    // Throws where an alias stands within what it stands for.
    JSON.stringify(values);
    return values;
  } catch (error) {
    const { alias, reason } = wrongAlias(document, error as Error);
    throw new UsageError(`${placeAt(alias?.range?.[0] ?? 0)}: ${reason}; write the values out`);
  }
}

/** The alias that stands for nothing; else the first of those that are too many or go round in a circle. */
function wrongAlias(document: Document, error: Error): { alias: Alias | undefined; reason: string } {
  const aliases: Alias[] = [];
  yaml().visit(document, { Alias: (_, alias) => void aliases.push(alias) });
  const unresolved = aliases.find((alias) => alias.resolve(document) === undefined);
  if (unresolved !== undefined)
    return {
      alias: unresolved,
      reason: `*${unresolved.source} stands for nothing: no &${unresolved.source} before it`,
    };
  const reason = error instanceof TypeError ? 'this alias stands within what it stands for' : error.message;
  return { alias: aliases[0], reason };
}

/** From the setting `outputs` to the settings of each output, every option checked. */
import { resolve } from 'node:path';
import { type OutputOption, optionsOf } from './output-options.ts';
import type { Format, OutputSettings } from './outputs/options.ts';
import { parseTarget, type Target } from './outputs/target.ts';
import { complaintsOf, hasControls } from './setting-formats.ts';
import { nearest } from './suggest.ts';
import { isTree, setPath, type Tree } from './tree.ts';
import { UsageError } from './usage-error.ts';

/** What is wrong, and with which member of the setting: `1.rotate.bytes` is that of the second output. */
export interface OutputComplaint {
  readonly path: string;
  readonly text: string;
  /** Index of the item that is wrong, where the member is a list. */
  readonly item?: number | undefined;
}

type Complain = (path: string, text: string, item?: number) => void;

export interface ParsedOutputs {
  readonly outputs: readonly OutputSettings[];
  readonly complaints: readonly OutputComplaint[];
}

/**
 * @param list each a target, or a map of `target` and options
 * @param format that of outputs that do not say theirs
 */
export function parseOutputs(list: readonly unknown[], format: Format): ParsedOutputs {
  const complaints: OutputComplaint[] = [];
  const outputs: OutputSettings[] = [];
  const names = new Map<string, string>();
  for (const [index, item] of list.entries()) {
    const complain: Complain = (path, text, member) => {
      complaints.push({ path: path === '' ? `${index}` : `${index}.${path}`, text, item: member });
    };
    const output = parseOutput(item, format, complain);
    if (output === undefined) continue;
    outputs.push(output);
    for (const [what, identity] of Object.entries(identities(output))) {
      if (names.has(identity)) complain('', `output ${output.name} is given twice: ${what}`);
      names.set(identity, output.name);
    }
  }
  return { outputs, complaints };
}

/** What two outputs must not share, by what would happen. */
function identities(output: OutputSettings): Record<string, string> {
  const place =
    output.type === 'file' ? { 'every event would be in it twice': `file ${resolve(output.path)}` } : undefined;
  const stdout = output.type === 'stdout' ? { 'every event would be in it twice': 'stdout' } : undefined;
  return { 'its name must be its own': `name ${output.name}`, ...place, ...stdout };
}

function parseOutput(item: unknown, format: Format, complain: Complain): OutputSettings | undefined {
  const given: Tree = isTree(item) ? { ...item } : { target: item };
  if (typeof given.target !== 'string') {
    complain('', 'an output must be a target, or a map with a target and options');
    return undefined;
  }
  if (hasControls(given.target)) {
    complain('', 'a target must have no control characters, such as line ends');
    return undefined;
  }
  let target: Target;
  try {
    target = parseTarget(given.target);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complain('', error.message);
    return undefined;
  }
  const { target: _, ...rest } = given;
  const options = optionsOf(target.type);
  const values = new Map<string, unknown>();
  for (const [path, value] of [...flatten(rest, options), ...target.options]) {
    const option = options.get(path);
    if (option === undefined) complain(path, unknownOption(path, target, options));
    else values.set(path, option.format.coerce(value));
  }
  // A URL may hold options, but its name is shown everywhere: it ends where they begin.
  const settings: Tree = { type: target.type, name: given.target.split('?')[0], format };
  for (const [path, option] of options) {
    const group = /^(.+)\./.exec(path)?.[1];
    if (group !== undefined) settings[group] ??= {};
    const value = values.get(path) ?? option.default;
    if (value === undefined) continue;
    const wrong = complaintsOf(option.format, value);
    for (const { text, item: member } of wrong) complain(path, text, member);
    if (wrong.length === 0) setPath(settings, path, value);
  }
  const idle = idleTls(target, values);
  if (idle !== undefined) complain(...idle);
  return { ...settings, ...target.place } as unknown as OutputSettings;
}

/** An option of TLS where there will be none: who gives it takes the connection for one that is encrypted. */
function idleTls(
  { type, place }: Target,
  values: ReadonlyMap<string, unknown>,
): [path: string, text: string] | undefined {
  // Null is the default, as of every option.
  const given = [...values].filter(([, value]) => value !== null).map(([name]) => name);
  const path = given.find((name) => name.startsWith('tls.') && name !== 'tls.enabled');
  if (path === undefined) return undefined;
  // Who writes `enabled: false` knows.
  if (type === 'kafka')
    return given.includes('tls.enabled')
      ? undefined
      : [path, 'has no effect without tls.enabled: true (or false, to keep it)'];
  if (!String(place.url).startsWith('http:')) return undefined;
  return [path, `has no effect without TLS: write the target as ${type === 'hec' ? 'hec' : 'otlp+https'}://…`];
}

/** The leaves of a tree by dotted path; what an option takes as a map is a leaf. */
function flatten(tree: Tree, options: ReadonlyMap<string, OutputOption>, prefix = ''): [string, unknown][] {
  return Object.entries(tree).flatMap(([key, value]): [string, unknown][] => {
    const path = prefix + key;
    if (options.has(path)) return [[path, value]];
    // All that was in a group may be commented out.
    if (value === null && isGroup(path, options)) return [];
    if (!isTree(value)) return [[path, value]];
    const below = flatten(value, options, `${path}.`);
    return below.length > 0 || isGroup(path, options) ? below : [[path, value]];
  });
}

function isGroup(path: string, options: ReadonlyMap<string, OutputOption>): boolean {
  return [...options.keys()].some((option) => option.startsWith(`${path}.`));
}

function unknownOption(path: string, { type }: Target, options: ReadonlyMap<string, OutputOption>): string {
  if (isGroup(path, options)) return 'must be a map of options';
  const near = nearest(path, options.keys());
  return `unknown option of ${type === 'stdout' ? 'standard output' : `a ${type} output`}${near ? ` (did you mean ${near}?)` : ''}`;
}

/** Names of the environment variables that hold secrets of outputs. */
export function secretVariables(outputs: readonly OutputSettings[]): string[] {
  return outputs.flatMap((output) => {
    if (output.type === 'kafka') return output.sasl.password_env ?? [];
    return output.type === 'hec' ? (output.token_env ?? []) : [];
  });
}

/** The settings as `vesper config` shows them: where secrets are, never what they are. */
export function shownOutput(output: OutputSettings): object {
  if (output.type !== 'otlp') return output;
  // Not meant for secrets, but that is where one would be put.
  return { ...output, headers: Object.fromEntries(Object.keys(output.headers).map((name) => [name, '(hidden)'])) };
}

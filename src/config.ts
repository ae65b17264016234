/** The settings in force: defaults, then the YAML file, then the environment, then flags; later over earlier. */
import { createRequire } from 'node:module';
import type convict from 'convict';
import type { Extras, Kind } from './cim/event.ts';
import type { FingerprintName } from './dissect/tls/fingerprints.ts';
import { OUTPUT_OPTIONS } from './output-options.ts';
import { parseOutputs, secretVariables } from './output-settings.ts';
import type { OutputSettings } from './outputs/options.ts';
import { complaintsOf } from './setting-formats.ts';
import { SETTINGS } from './settings.ts';
import { readSettingsFile, type SettingsFile } from './settings-file.ts';
import { nearest } from './suggest.ts';
import { setPath, type Tree } from './tree.ts';
import { UsageError } from './usage-error.ts';

export interface Config {
  readonly capture: 'auto' | 'ebpf' | 'af_packet';
  readonly interfaces: readonly string[];
  readonly collect: readonly Kind[];
  readonly format: 'cim' | 'native';
  readonly extras: Extras;
  readonly aggregate: { readonly window_s: number };
  readonly outputs: readonly OutputSettings[];
  readonly spool: { readonly directory: string };
  readonly shutdown_timeout_s: number;
  readonly policies: readonly string[];
  readonly findings: { readonly suppress_s: number | 'auto' };
  readonly sensor: { readonly name: string };
  readonly ignore: {
    readonly networks: readonly string[];
    readonly sources: readonly string[];
    readonly destinations: readonly string[];
    readonly ports: readonly number[];
    readonly domains: readonly string[];
  };
  readonly tls: { readonly certificates: boolean; readonly fingerprints: readonly FingerprintName[] };
  readonly dns: { readonly ports: readonly number[]; readonly query_timeout_s: number };
  readonly flows: {
    readonly capacity: number;
    readonly active_timeout_s: number;
    readonly tcp_idle_timeout_s: number;
    readonly udp_idle_timeout_s: number;
    readonly icmp_idle_timeout_s: number;
  };
  readonly agent: { readonly interval_s: number };
  readonly metrics: { readonly address: string; readonly port: number };
  readonly log: { readonly level: string; readonly format: 'auto' | 'json' | 'text' };
}

const require = createRequire(import.meta.url);
/** An import of CommonJS would have its text searched for exports first, by a parser that nothing else needs. */
const convictOf: typeof convict = require('convict');

/** What the project's own tests are told; no settings. */
const TEST_VARIABLES: ReadonlySet<string> = new Set([
  'VESPER_CORPUS',
  'VESPER_REQUIRE',
  'VESPER_SERVICES',
  'VESPER_TEST_KAFKA',
  'VESPER_TEST_OTLP',
]);

/** The schema in convict's form. The values are judged by `judge`, which knows where each of them came from. */
function convictSchema(): convict.Schema<Tree> {
  const schema: Tree = {};
  for (const [path, { doc, default: value, env, format }] of SETTINGS) {
    const name = `vesper:${path}`;
    convictOf.addFormat({ name, validate: () => {}, coerce: format.coerce });
    setPath(schema, path, { doc, default: value, env, format: name });
  }
  return schema as unknown as convict.Schema<Tree>;
}

/** The value at a dotted path. */
function getPath(tree: Tree, path: string): unknown {
  let node: unknown = tree;
  for (const key of path.split('.')) node = (node as Tree | undefined)?.[key];
  return node;
}

/**
 * @param file the YAML file, or undefined for none
 * @param flags values from the command line by dotted path, as text or lists of text
 * @throws UsageError with every complaint, each with its place
 */
export function loadConfig(
  file: string | undefined,
  flags: ReadonlyMap<string, unknown>,
  env: NodeJS.ProcessEnv = process.env,
): Config {
  const fromFile: SettingsFile = file === undefined ? { values: {}, places: new Map() } : readSettingsFile(file);
  const config = convictOf(convictSchema(), { env, args: [] });
  config.load(fromFile.values);
  const complaints: string[] = [];
  for (const [path, value] of flags) {
    const setting = SETTINGS.get(path);
    if (setting) config.set(path, value as never);
    else {
      const near = nearest(path, SETTINGS.keys());
      complaints.push(`--set ${path}: unknown setting${near ? ` (did you mean ${near}?)` : ''}`);
    }
  }
  const values = config.getProperties() as Tree;
  for (const [path, setting] of SETTINGS) {
    // convict does so for the environment alone.
    const value = setting.format.coerce(getPath(values, path));
    setPath(values, path, value);
    for (const { text, item } of complaintsOf(setting.format, value)) {
      const itemPlace = item === undefined ? undefined : fromFile.places.get(`${path}.${item}`);
      let where = itemPlace ?? fromFile.places.get(path) ?? 'default';
      if (env[setting.env] !== undefined) where = `environment ${setting.env}`;
      if (flags.has(path)) where = 'command line';
      complaints.push(`${where}: ${path}: ${text}`);
    }
  }
  const places = (path: string, item: number | undefined): string => {
    if (flags.has('outputs')) return 'command line: ';
    if (env.VESPER_OUTPUTS !== undefined) return 'environment VESPER_OUTPUTS: ';
    const candidates = [...(item === undefined ? [] : [`${path}.${item}`]), path, path.split('.')[0]];
    const place = candidates.map((at) => fromFile.places.get(`outputs.${at}`)).find((at) => at !== undefined);
    return place === undefined ? '' : `${place}: `;
  };
  const { outputs, complaints: wrong } = parseOutputs(
    Array.isArray(values.outputs) ? values.outputs : [],
    values.format as Config['format'],
  );
  for (const { path, text, item } of wrong) {
    const option = path.split('.').slice(1).join('.');
    complaints.push(`${places(path, item)}${option === '' ? '' : `outputs: ${option}: `}${text}`);
  }
  const known = new Set([...SETTINGS.values()].map((setting) => setting.env));
  const secrets = new Set(secretVariables(outputs));
  for (const name of Object.keys(env)) {
    if (!name.startsWith('VESPER_') || known.has(name) || TEST_VARIABLES.has(name) || secrets.has(name)) continue;
    const near = nearest(name, known);
    complaints.push(`environment ${name}: unknown setting${near ? ` (did you mean ${near}?)` : ''}`);
  }
  if (complaints.length > 0) throw new UsageError(complaints.join('\n'));
  return { ...(values as unknown as Config), outputs };
}

/** Settings whose values differ, by path. */
export function changedSettings(one: Config, other: Config): string[] {
  const shown = (config: Config, path: string): string => JSON.stringify(getPath(config as unknown as Tree, path));
  return [...SETTINGS.keys()].filter((path) => shown(one, path) !== shown(other, path));
}

/** The reference of all settings as Markdown. */
export function settingsReference(): string {
  const cell = (value: unknown): string => `\`${JSON.stringify(value)}\``;
  const rows = [...SETTINGS].map(([path, { type, default: value, env, doc }]) => {
    const shown = path === 'sensor.name' ? 'host name' : cell(value);
    return `| \`${path}\` | ${type} | ${shown} | \`${env}\` | ${doc} |`;
  });
  return ['| setting | type | default | environment | meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

/** The reference of the options of outputs as Markdown. */
export function outputsReference(): string {
  const rows = OUTPUT_OPTIONS.map(({ path, outputs, type, default: value, doc }) => {
    const of = outputs.length === 5 ? 'all' : outputs.join(', ');
    return `| \`${path}\` | ${of} | ${type} | ${value === undefined ? '' : `\`${JSON.stringify(value)}\``} | ${doc} |`;
  });
  return ['| option | outputs | type | default | meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

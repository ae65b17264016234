/**
 * The data models of Splunk's own test add-on (splunk/pytest-splunk-addon, Apache-2.0), read from its files as they are.
 * A file that is not the one this reader was written for is an error, as is every key and expression unknown to it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseExpression } from './expression.ts';
import { type Predicate, parseSearch } from './search.ts';
import type { Expression } from './values.ts';

/** SHA-256 of the files at commit 41a6bfae (2026-05-14). */
export const DIGESTS: Readonly<Record<string, string>> = {
  'Network_Traffic.json': '0f7f9d93c44edcbab31e7b5ba2d6209a8ead47a2e84b6f76f2d8d36afb886b45',
  'Network_Resolution.json': 'd1aaf104eaeda42dd3adf0d2b1ff417553475ca66a0bcbea49bfdc3c5968d3b3',
  'Certificates.json': 'f7f098dfc436222b58dc8725abab3c9df5a53cf2ab8c16dcc773fa2136c5a5a1',
  'Alerts.json': '72346da0e753395afe426a948833593a16fb976f4ef1f9106f35347d1e78fb19',
  'Intrusion_Detection.json': '938dfdd8fef297402c0b65a338014b6d59fb8d5cb0d382ba5cfa15c0c8af48bf',
  'CommonFields.json': 'b497594e5f1b9a0321586f0dd998ec158412503afb14d478bb6c333e78d79aa7',
};

export const MODELS = [
  'Network_Traffic',
  'Network_Resolution',
  'Certificates',
  'Alerts',
  'Intrusion_Detection',
] as const;
export type ModelName = (typeof MODELS)[number];

export type FieldType = 'required' | 'conditional' | 'optional' | 'not_allowed_in_search';

export interface ModelField {
  readonly name: string;
  readonly type: FieldType;
  readonly multiValue: boolean;
  /** Of a conditional field: the events that must have it. */
  readonly condition: Predicate | undefined;
  /** Undefined where any value does. */
  readonly expectedValues: readonly string[] | undefined;
  /** Null where the field's value is not valid. */
  readonly validity: Expression | undefined;
}

export interface Dataset {
  readonly model: ModelName;
  readonly name: string;
  /** Any of these sets of tags puts an event into the dataset. */
  readonly tags: readonly (readonly string[])[];
  /** Of the dataset itself and of all above it. */
  readonly constraints: readonly Predicate[];
  readonly fields: readonly ModelField[];
  /** All of a cluster are there and valid, or none. */
  readonly clusters: readonly (readonly string[])[];
}

export interface Oracle {
  readonly datasets: readonly Dataset[];
  /** Fields that no event may have, whatever its model. */
  readonly forbidden: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

function read(folder: string, file: string): Json {
  const bytes = readFileSync(join(folder, file));
  const digest = createHash('sha256').update(bytes).digest('hex');
  if (digest !== DIGESTS[file]) throw new Error(`${file} is not the file that this reader knows (SHA-256 ${digest})`);
  return JSON.parse(bytes.toString('utf8')) as Json;
}

function onlyKeys(object: Json, known: readonly string[], what: string): void {
  for (const key of Object.keys(object)) if (!known.includes(key)) throw new Error(`unknown key ${key} of ${what}`);
}

const TYPES: readonly unknown[] = ['required', 'conditional', 'optional', 'not_allowed_in_search'];

export function parseField(json: Json): ModelField {
  const { name, type, condition, expected_values, validity, multi_value } = json;
  if (typeof name !== 'string') throw new Error('a field without a name');
  onlyKeys(json, ['name', 'type', 'condition', 'expected_values', 'validity', 'multi_value', 'comment'], name);
  if (!TYPES.includes(type)) throw new Error(`unknown type ${String(type)} of ${name}`);
  return {
    name,
    type: type as FieldType,
    multiValue: multi_value === true,
    // An empty condition holds for every event.
    condition: condition === undefined || condition === '' ? undefined : parseSearch(condition as string),
    expectedValues: expected_values as readonly string[] | undefined,
    validity: validity === undefined ? undefined : parseExpression(validity as string),
  };
}

function datasetsOf(model: ModelName, json: Json, above?: Dataset): Dataset[] {
  const name = json.name as string;
  onlyKeys(
    json,
    ['name', 'tags', 'fields_cluster', 'fields', 'child_dataset', 'search_constraints'],
    `${model}.${name}`,
  );
  const dataset: Dataset = {
    model,
    name,
    tags: json.tags as string[][],
    constraints: [...(above?.constraints ?? []), parseSearch(json.search_constraints as string)],
    fields: (json.fields as Json[]).map(parseField),
    clusters: json.fields_cluster as string[][],
  };
  return [dataset, ...(json.child_dataset as Json[]).flatMap((child) => datasetsOf(model, child, dataset))];
}

/** @throws where a file is not the known one or holds what this reader does not understand */
export function readOracle(folder: string): Oracle {
  const datasets = MODELS.flatMap((model) => {
    const json = read(folder, `${model}.json`);
    onlyKeys(json, ['model_name', 'version', 'objects'], model);
    return (json.objects as Json[]).flatMap((object) => datasetsOf(model, object));
  });
  const common = read(folder, 'CommonFields.json').fields as Json[];
  return { datasets, forbidden: common.map(({ name }) => name as string) };
}

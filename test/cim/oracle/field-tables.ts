/** The field tables of the models (manual 8.5 beside the test add-on), as `fields.md` of the oracle's folder lists them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Kind } from '../../../src/cim/event.ts';
import { MODELS, type ModelName } from './models.ts';

const DIGEST = '2b23ff20580ef075822c573ffbef307e707bb824ff5a64707fa2feff473b5804';

/** Names of the fields of each model. @throws where the file is not the known one */
export function readFieldTables(folder: string): ReadonlyMap<ModelName, ReadonlySet<string>> {
  const text = readFileSync(join(folder, 'fields.md'), 'utf8');
  const digest = createHash('sha256').update(text).digest('hex');
  if (digest !== DIGEST) throw new Error(`fields.md is not the file that this reader knows (SHA-256 ${digest})`);
  const tables = new Map<ModelName, ReadonlySet<string>>();
  for (const section of text.split('\n## ')) {
    const model = MODELS.find((name) => section.startsWith(`${name} - dataset`));
    if (model === undefined) continue;
    const names = [...section.matchAll(/^\| ([a-z_]+) \|/gm)].map((match) => match[1]!);
    tables.set(model, new Set(names.filter((name) => name !== 'field')));
  }
  return tables;
}

/** Of every event: when it was and which one it is. What CIM has no name for is in `vesper`. */
const ENVELOPE: readonly string[] = ['time', 'event_id', 'vesper'];

interface KindFields {
  readonly models: readonly ModelName[];
  /** Names besides those of its models. */
  readonly own: readonly string[];
}

/** Whose fields the events of a kind may have. */
const KIND_FIELDS: Readonly<Record<Exclude<Kind, 'agent'>, KindFields>> = {
  flow: { models: ['Network_Traffic'], own: [] },
  dns: { models: ['Network_Resolution'], own: [] },
  // Outside of the models where flows are collected; what was negotiated has the names that TLS events have elsewhere.
  tls: { models: ['Network_Traffic', 'Certificates'], own: ['cim_model', 'ssl_cipher', 'ssl_server_name'] },
  certificate: { models: ['Certificates'], own: [] },
  finding: { models: ['Intrusion_Detection'], own: [] },
};

/** Top-level keys of the line that are neither fields of the kind's model nor the agent's own. */
export function foreignKeys(
  tables: ReadonlyMap<ModelName, ReadonlySet<string>>,
  kind: Kind,
  keys: readonly string[],
): string[] {
  // No data model is about collectors.
  if (kind === 'agent') return [];
  const { models, own } = KIND_FIELDS[kind];
  return keys.filter(
    (key) =>
      !ENVELOPE.includes(key) && !own.includes(key) && !models.some((model) => tables.get(model)?.has(key) ?? false),
  );
}

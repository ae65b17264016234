/** Names that Splunk gives the fields of events, by the schemas of the events. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../support/shared.ts';

type Schema = {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $defs?: Readonly<Record<string, Schema>>;
};

const FOLDER = join(PROJECT, 'config/schema/events');

const read = (file: string): Schema => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Schema;

/** The schema that `file#/$defs/name` or `#/$defs/name` names, and the file that it is in. */
function follow(reference: string, file: string): [Schema, string] {
  const [name, pointer = ''] = reference.split('#');
  const target = name === '' || name === undefined ? file : name;
  let schema: unknown = read(target);
  for (const key of pointer.split('/').filter((part) => part !== '')) schema = (schema as Record<string, unknown>)[key];
  if (schema === undefined) throw new Error(`${file}: nothing at ${reference}`);
  return [schema as Schema, target];
}

/** Calls `leaf` with each field's name: paths joined by dots, arrays marked by `{}`. */
function walk(schema: Schema, file: string, path: string, leaf: (name: string) => void): void {
  if (schema.$ref !== undefined) {
    walk(...follow(schema.$ref, file), path, leaf);
    return;
  }
  const alternatives = [schema.oneOf, schema.anyOf, schema.allOf].flatMap((list) => list ?? []);
  for (const one of alternatives) walk(one, file, path, leaf);
  for (const [key, inner] of Object.entries(schema.properties ?? {})) {
    walk(inner, file, path === '' ? key : `${path}.${key}`, leaf);
  }
  if (schema.items !== undefined) walk(schema.items, file, `${path}{}`, leaf);
  if (schema.properties === undefined && schema.items === undefined && alternatives.length === 0) leaf(path);
}

/** @param kind of event, such as `flow` */
export function schemaFields(kind: string): ReadonlySet<string> {
  const file = `cim-${kind}.schema.json`;
  const names = new Set<string>();
  walk(read(file), file, '', (name) => names.add(name));
  return names;
}

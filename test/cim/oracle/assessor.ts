/** Lines in, what is wrong with them out: the oracle, the add-on and the field tables together. */
import { join } from 'node:path';
import { KINDS, type Kind } from '../../../src/cim/event.ts';
import { PROJECT, sharedFolder } from '../../support/shared.ts';
import { AddOn } from './add-on.ts';
import { exceptionOf } from './exceptions.ts';
import { foreignKeys, readFieldTables } from './field-tables.ts';
import { type Failure, judge, modelsOf } from './judge.ts';
import { type ModelName, type Oracle, readOracle } from './models.ts';

export const ADD_ON = join(PROJECT, 'config/splunk/TA-vesper/default');

export class Assessor {
  readonly oracle: Oracle;
  readonly addOn = new AddOn(ADD_ON);
  private readonly tables: ReadonlyMap<ModelName, ReadonlySet<string>>;
  /** Failures that fell under an exception, by its id. */
  readonly exceptions = new Map<string, number>();
  /** Events by the model that they are in, or `none`. */
  readonly models = new Map<string, number>();

  /** Only where the shared folder `cim` is there: see `skipWithout`. */
  constructor() {
    const folder = sharedFolder('cim')!;
    this.oracle = readOracle(join(folder, 'psa'));
    this.tables = readFieldTables(folder);
  }

  /** What is wrong with a line, in words; nothing where it is right or falls under an exception. */
  complaints(kind: Kind, line: string): string[] {
    const { fields, tags } = this.addOn.see(`vesper:${kind}`, line);
    const complaints = foreignKeys(this.tables, kind, Object.keys(JSON.parse(line))).map(
      (key) => `${key} is no field of the model of ${kind}`,
    );
    for (const failure of judge(this.oracle, fields, tags)) {
      const exception = exceptionOf(failure, fields);
      if (exception === undefined) complaints.push(inWords(failure));
      else this.exceptions.set(exception.id, (this.exceptions.get(exception.id) ?? 0) + 1);
    }
    const model = modelsOf(tags)[0] ?? 'none';
    this.models.set(model, (this.models.get(model) ?? 0) + 1);
    return complaints;
  }
}

/** The kind of an event in CIM form: the first of them that `vesper` has a part for. */
export const kindOf = ({ vesper }: { readonly vesper: object }): Kind => KINDS.find((kind) => kind in vesper)!;

export const inWords = ({ model, field, rule, values }: Failure): string =>
  `${model}.${field}: ${rule}${values.length > 0 ? ` (${values.join(', ').slice(0, 100)})` : ''}`;

/**
 * What Splunk's test add-on would say of one event. It counts over all events of a source type; judging each alone is
 * stricter, as is that optional fields must be valid too and that its two ways of reading lists of values must agree.
 */

import type { Fields } from './fields.ts';
import type { Dataset, ModelField, ModelName, Oracle } from './models.ts';
import { valueMatcher } from './search.ts';
import type { Value } from './values.ts';

export type Rule = 'missing' | 'multi-value' | 'invalid' | 'cluster' | 'forbidden' | 'models';

export interface Failure {
  readonly model: ModelName;
  readonly field: string;
  readonly rule: Rule;
  readonly values: readonly string[];
}

/** As `IN ("", "-", …)` of a search reads them: without regard to case. */
const NEGATIVE = new Set(['', '-', 'unknown', 'null', '(null)']);

/** Fields whose several values are the model's own: the manual and the model have them so. */
const SEVERAL: ReadonlySet<string> = new Set(['tcp_flag']);

const inList = (list: readonly string[], value: string): boolean =>
  list.includes(value) || list.some((one) => one.includes('*') && valueMatcher(one)(value));

/**
 * The models that an event's tags put it into, among all that the test add-on knows. Those that Vesper cannot touch by any
 * of its tags are left out.
 */
const TAGS_OF_MODELS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  Alerts: [['alert']],
  Authentication: [['authentication']],
  Certificates: [['certificate']],
  Change: [['change']],
  Compute_Inventory: [['inventory', 'network']],
  DLP: [['dlp', 'incident']],
  Endpoint: [
    ['listening', 'port'],
    ['process', 'report'],
  ],
  Event_Signatures: [['track_event_signatures']],
  Intrusion_Detection: [['ids', 'attack']],
  Malware: [['malware', 'attack']],
  Network_Resolution: [['network', 'resolution', 'dns']],
  Network_Sessions: [['network', 'session']],
  Network_Traffic: [['network', 'communicate']],
  Performance: [['performance', 'network']],
  Vulnerabilities: [['report', 'vulnerability']],
  Web: [['web']],
};

export function modelsOf(tags: ReadonlySet<string>): string[] {
  return Object.entries(TAGS_OF_MODELS)
    .filter(([, sets]) => sets.some((set) => set.every((tag) => tags.has(tag))))
    .map(([name]) => name);
}

/** Values that are none, or not in the field's list. */
function wrongValues({ expectedValues }: ModelField, values: readonly string[]): readonly string[] {
  return values.filter(
    (value) => NEGATIVE.has(value.toLowerCase()) || (expectedValues !== undefined && !inList(expectedValues, value)),
  );
}

function passesValidity({ validity }: ModelField, fields: Fields): boolean {
  const value: Value = validity === undefined ? true : validity(fields);
  return value !== null && value !== false;
}

interface Checked {
  readonly present: boolean;
  readonly valid: boolean;
}

class DatasetJudge {
  readonly failures: Failure[] = [];
  private readonly checked = new Map<string, Checked>();
  private readonly dataset: Dataset;
  private readonly fields: Fields;

  constructor(dataset: Dataset, fields: Fields) {
    this.dataset = dataset;
    this.fields = fields;
    for (const field of dataset.fields) this.field(field);
    for (const cluster of dataset.clusters) this.cluster(cluster);
  }

  private fail(field: string, rule: Rule, values: readonly string[] = []): void {
    this.failures.push({ model: this.dataset.model, field, rule, values });
  }

  private field(field: ModelField): void {
    const { name, type } = field;
    const { fields } = this;
    const values = fields.get(name);
    if (type === 'not_allowed_in_search') {
      if (values !== undefined) this.fail(name, 'forbidden', values);
      return;
    }
    // What a conditional field is checked for makes sense under its condition only: `src_mac` equals `src` where that is one.
    const applies = type !== 'conditional' || (field.condition?.(fields) ?? true);
    if (values === undefined) {
      this.checked.set(name, { present: false, valid: false });
      if (type !== 'optional' && applies) this.fail(name, 'missing');
      return;
    }
    const several = values.length > 1 && !field.multiValue && !SEVERAL.has(name);
    const wrong = wrongValues(field, values);
    const passes = passesValidity(field, fields);
    if (several) this.fail(name, 'multi-value', values);
    if (wrong.length > 0 || (applies && !passes)) this.fail(name, 'invalid', wrong.length > 0 ? wrong : values);
    this.checked.set(name, { present: true, valid: !several && wrong.length === 0 && passes });
  }

  private cluster(names: readonly string[]): void {
    const members = names.map((name) => this.checked.get(name) ?? { present: false, valid: false });
    const { present, valid } = members[0]!;
    if (members.some((member) => member.present !== present || member.valid !== valid)) {
      this.fail(names.join('+'), 'cluster');
    }
  }
}

/** Everything that is wrong with an event; nothing where its tags put it into no model. */
export function judge(oracle: Oracle, fields: Fields, tags: ReadonlySet<string>): Failure[] {
  const withTags = new Map([...fields, ['tag', [...tags]] as const]);
  const failures: Failure[] = [];
  const models = new Set<ModelName>();
  for (const dataset of oracle.datasets) {
    const tagged = dataset.tags.some((set) => set.every((tag) => tags.has(tag)));
    if (!tagged || !dataset.constraints.every((constraint) => constraint(withTags))) continue;
    models.add(dataset.model);
    failures.push(...new DatasetJudge(dataset, fields).failures);
  }
  for (const model of models) {
    for (const name of oracle.forbidden) {
      const values = fields.get(name);
      if (values !== undefined) failures.push({ model, field: name, rule: 'forbidden', values });
    }
  }
  const touched = modelsOf(tags);
  if (touched.length > 1) {
    for (const model of models) failures.push({ model, field: 'tag', rule: 'models', values: touched });
  }
  return failures;
}

/**
 * Classes of clients, servers, names: two that all conditions of a set of policies answer alike are of one class, which
 * one look-up tells. Ten policies may hold fifty conditions; asking each costs a look-up of its own.
 */
import type { TlsHandshakeEvent } from '../dissect/event.ts';
import type { Condition, Subject } from './conditions.ts';
import { suiteKey } from './negotiated-suites.ts';
import type { Direction } from './verdict.ts';

/** Addresses or names whose class is kept; more, and it begins anew: 100 bytes each. */
const MAX_KEPT_CLASSES = 4096;

/** The value that conditions on a subject look at; undefined where they look at several. */
const VALUES: Readonly<
  Record<Subject, ((event: TlsHandshakeEvent, direction: Direction | undefined) => unknown) | undefined>
> = {
  client: ({ conversation }) => conversation.client.ip,
  server: ({ conversation }) => conversation.server.ip,
  port: ({ conversation }) => conversation.server.port,
  process: ({ conversation }) => conversation.owner?.command,
  // Null: a hello that names no server.
  name: ({ client }) => (client === undefined ? undefined : (client.serverName ?? null)),
  direction: (_, direction) => direction,
  protocol: undefined,
  version: ({ server }) => server?.version,
  suite: ({ server }) => server && suiteKey(server),
  offer: undefined,
};

export class ConditionClasses {
  readonly #conditions: readonly Condition[];
  readonly #select: (typeof VALUES)[Subject];
  readonly #byValue = new Map<unknown, number>();
  /** By the answers. There are as many as the policies tell apart, whatever the traffic is. */
  readonly #byAnswers = new Map<string, number>();

  private constructor(subject: Subject, conditions: readonly Condition[]) {
    this.#conditions = conditions;
    this.#select = VALUES[subject];
  }

  /** One for each subject that a condition looks at. */
  static of(conditions: readonly Condition[]): ConditionClasses[] {
    const subjects = [...new Set(conditions.map(({ subject }) => subject))];
    return subjects.map(
      (subject) =>
        new ConditionClasses(
          subject,
          conditions.filter((condition) => condition.subject === subject),
        ),
    );
  }

  classOf(event: TlsHandshakeEvent, direction: Direction | undefined): number {
    const select = this.#select;
    if (select === undefined) return this.#ask(event, direction);
    const value = select(event, direction);
    let found = this.#byValue.get(value);
    if (found === undefined) {
      found = this.#ask(event, direction);
      if (this.#byValue.size >= MAX_KEPT_CLASSES) this.#byValue.clear();
      this.#byValue.set(value, found);
    }
    return found;
  }

  #ask(event: TlsHandshakeEvent, direction: Direction | undefined): number {
    let answers = '';
    for (let i = 0; i < this.#conditions.length; i++) answers += this.#conditions[i]?.match(event, direction);
    let found = this.#byAnswers.get(answers);
    if (found === undefined) {
      found = this.#byAnswers.size;
      this.#byAnswers.set(answers, found);
    }
    return found;
  }
}

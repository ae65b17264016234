/** The policies in force: read when the agent starts, and again while it runs. */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Counters } from './counters.ts';
import { hashOfText } from './policy/checked-policies.ts';
import { POLICY_DIRECTORY } from './policy/config-directory.ts';
import { loadPolicies } from './policy/load.ts';
import type { PolicySet } from './policy/policy.ts';
import { formatProblem } from './policy/problem.ts';

/**
 * How often the files are looked at. A change is acted on when it has lasted to the next look: whoever writes a file in
 * several steps is not caught in the middle. Looking, unlike inotify, needs no watch that may run out and notices every
 * way to change a file: written in place, renamed over (editors), behind a link that moved (Kubernetes), on a network
 * file system.
 */
const LOOK_INTERVAL_MS = 1000;

/** Who judges by policies, and can be given others between two events. */
export interface PolicyUser {
  replacePolicies(policies: PolicySet): void;
}

type PolicyLogger = Readonly<Record<'info' | 'warn' | 'error', (text: string) => void>>;

/** Its text's hash: a time of change may stay the same within a tick of the kernel's clock. */
function stateOf(file: string): string {
  try {
    return hashOfText(readFileSync(file, 'utf8'));
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}

/** The policies of the setting `policies`, and their files. */
export class PolicyFiles {
  #namesOrFiles: readonly string[];
  readonly #counters: Counters;
  readonly #logger: PolicyLogger;
  /** What each file was when it was read last. Built-in policies change with the package alone. */
  #states = new Map<string, string>();
  /** What changed files were at the last look; undefined where none had changed. */
  #changing: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #user: PolicyUser | undefined;

  /** @param namesOrFiles the setting `policies` */
  constructor(namesOrFiles: readonly string[], counters: Counters, logger: PolicyLogger) {
    this.#namesOrFiles = namesOrFiles;
    this.#counters = counters;
    this.#logger = logger;
  }

  /**
   * Reads the policies. Logs each warning once, such as that of an exception that has expired by now.
   * @throws PolicyError with every problem of every policy
   */
  open(namesOrFiles = this.#namesOrFiles): PolicySet {
    const warnings = new Set<string>();
    const states = new Map<string, string>();
    try {
      const policies = loadPolicies(namesOrFiles, {
        now: Date.now() / 1000,
        onWarning: (warning) => warnings.add(formatProblem(warning)),
        onFile(file) {
          if (dirname(file) !== POLICY_DIRECTORY && !states.has(file)) states.set(file, stateOf(file));
        },
      });
      for (const warning of warnings) this.#logger.warn(warning);
      this.#states = states;
      return policies;
    } catch (error) {
      // What a broken file extends was not come to: it is looked at as before.
      for (const [file, state] of states) this.#states.set(file, state);
      throw error;
    }
  }

  /**
   * Reads the policies anew. Either all of them take over at once, or, where one has a problem, none does and the old
   * ones stay.
   * @param namesOrFiles the setting `policies`, where it may have changed
   * @returns whether the new ones took over
   */
  reload(user: PolicyUser, namesOrFiles = this.#namesOrFiles): boolean {
    this.#changing = undefined;
    let policies: PolicySet;
    try {
      policies = this.open(namesOrFiles);
    } catch (error) {
      // Whatever it is, such as a directory that an upgrade of the package has taken away for a moment.
      this.#counters['policy.reloads_refused']++;
      this.#logger.error(`policies not changed:\n${(error as Error).message}`);
      return false;
    }
    this.#namesOrFiles = namesOrFiles;
    user.replacePolicies(policies);
    if (this.#user !== undefined) this.watch(this.#user);
    this.#counters['policy.reloads']++;
    const read = policies.policies.map(({ id, version }) => `${id} ${version}`).join(', ');
    this.#logger.info(`policies read anew: ${read}`);
    return true;
  }

  /** Reloads when a file has changed, until `close`. Of built-in policies alone there is nothing to look at. */
  watch(user: PolicyUser): void {
    this.#user = user;
    clearInterval(this.#timer);
    if (this.#states.size === 0) return;
    this.#timer = setInterval(() => this.look(user), LOOK_INTERVAL_MS).unref();
  }

  /** One look at the files. */
  look(user: PolicyUser): void {
    const changed = [...this.#states]
      .map(([file, state]) => ({ file, state, now: stateOf(file) }))
      .filter(({ state, now }) => now !== state);
    const changing = changed.length === 0 ? undefined : changed.map(({ file, now }) => `${file} ${now}`).join('\n');
    if (changing !== undefined && changing === this.#changing) this.reload(user);
    else this.#changing = changing;
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

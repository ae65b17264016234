/** From the targets that a user names to outputs. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { nearest } from '../suggest.ts';
import { UsageError } from '../usage-error.ts';
import { FileOutput, KIND_PLACEHOLDER } from './file.ts';
import type { Output } from './output.ts';
import { StdoutOutput } from './stdout.ts';

const STANDARD_OUTPUT = '-';

/** Schemes that later versions will know. */
const PLANNED = ['kafka', 'otlp+http', 'otlp+https', 'hec', 'hec+http', 'hec+https'];

/** @throws UsageError where a text is no target, or two targets are the same */
export function openTargets(targets: readonly string[]): Output[] {
  const seen = new Set<string>();
  return targets.map((target) => {
    const output = openTarget(target);
    const place = target === STANDARD_OUTPUT ? target : resolve(target);
    if (seen.has(place)) throw new UsageError(`output ${target} is given twice: every event would be in it twice`);
    seen.add(place);
    return output;
  });
}

/** Opens nothing yet: an output touches its target with its first batch. */
function openTarget(target: string): Output {
  if (target === STANDARD_OUTPUT) return new StdoutOutput();
  if (target === '')
    throw new UsageError('an output is -, for standard output, or the path of a file; this one is empty');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(target)?.[1]?.toLowerCase();
  if (scheme !== undefined) throw new UsageError(schemeComplaint(scheme));
  for (const [placeholder] of target.matchAll(/\{[^{}/]*\}/g)) {
    if (placeholder === KIND_PLACEHOLDER) continue;
    throw new UsageError(`output ${target}: ${placeholder} means nothing; a path may hold ${KIND_PLACEHOLDER}`);
  }
  if (target.endsWith('/') || statSync(target, { throwIfNoEntry: false })?.isDirectory()) {
    const inside = `${target.replace(/\/+$/, '')}/${KIND_PLACEHOLDER}.ndjson`;
    throw new UsageError(`output ${target} is a directory; for a file of each kind in it write ${inside}`);
  }
  return new FileOutput(target);
}

/** Names the scheme alone: the rest of a URL may hold a secret. */
function schemeComplaint(scheme: string): string {
  if (PLANNED.includes(scheme))
    return `output ${scheme}:// is not available yet in this version; write to a file or to -`;
  const near = nearest(scheme, PLANNED);
  return `output ${scheme}:// is not known${near ? ` (did you mean ${near}://?)` : ''}; write to a file or to -`;
}

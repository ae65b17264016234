/** Programs that a suite needs: skipped with a plain message where one is missing, failed where `VESPER_REQUIRE` names it. */
import { spawnSync } from 'node:child_process';

/** For a test's `skip` option. */
export function skipWithoutProgram(name: string): string | false {
  if (spawnSync(name, ['--version'], { stdio: 'ignore' }).error === undefined) return false;
  const reason = `${name} is not installed`;
  if ((process.env.VESPER_REQUIRE ?? '').split(',').includes(name)) throw new Error(reason);
  return reason;
}

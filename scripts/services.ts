/** `npm run services`: downloads and builds the real peers that tests start. What is there already stays. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { COLLECTOR, KAFKA_VERSIONS, kafkaFolder, SERVICES } from '../test/services/cache.ts';
import { PROJECT } from '../test/support/shared.ts';

const SOURCES = join(PROJECT, 'test/services');

/** What a step makes appears whole or not at all. */
function make(path: string, how: (path: string) => void): void {
  if (existsSync(path)) {
    console.log(`${path}: there`);
    return;
  }
  const partial = `${path}.partial`;
  rmSync(partial, { recursive: true, force: true });
  const started = performance.now();
  how(partial);
  renameSync(partial, path);
  console.log(`${path}: made in ${Math.round((performance.now() - started) / 1000)} s`);
}

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
}

mkdirSync(SERVICES, { recursive: true });
for (const version of KAFKA_VERSIONS) {
  make(kafkaFolder(version), (folder) => {
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${folder}`];
    run('mvn', ['-q', '-B', ...goal, `-Dkafka.version=${version}`], join(SOURCES, 'kafka'));
  });
}
make(COLLECTOR, (file) => {
  run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', file, '.'], join(SOURCES, 'collector'));
});

/** `npm run test:containers`: the suite of test/outputs/peers.test.ts with the peers of compose.test.yml. Needs Docker. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DockerComposeEnvironment, Wait } from 'testcontainers';
import { PROJECT } from '../test/support/shared.ts';

const out = join(PROJECT, '.cache', 'collector');
mkdirSync(out, { recursive: true });
const peers = await new DockerComposeEnvironment(PROJECT, 'compose.test.yml')
  .withEnvironment({ VESPER_TEST_USER: `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}` })
  .withWaitStrategy('kafka-1', Wait.forLogMessage(/Kafka Server started/))
  .withWaitStrategy('collector-1', Wait.forLogMessage(/Everything is ready/))
  .up();
try {
  const { status } = spawnSync(process.execPath, ['--test', 'dist/test/outputs/peers.test.js'], {
    cwd: PROJECT,
    stdio: 'inherit',
    env: {
      ...process.env,
      VESPER_TEST_KAFKA: '127.0.0.1:19092',
      VESPER_TEST_OTLP: `14318,18088,${join(out, 'out.json')}`,
      VESPER_REQUIRE: 'kafka,collector',
    },
  });
  process.exitCode = status ?? 1;
} finally {
  await peers.down();
}

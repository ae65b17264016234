import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The package's `config` directory: the nearest above this module, so that it is found from any output directory of the
 * compiler and from an installed package alike.
 */
function find(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const config = join(directory, 'config');
    if (existsSync(join(config, 'policies'))) return config;
    const parent = dirname(directory);
    if (parent === directory) throw new Error(`the package has no config/policies above ${import.meta.url}`);
    directory = parent;
  }
}

const config = find();

export const POLICY_DIRECTORY: string = join(config, 'policies');
export const POLICY_SCHEMA_FILE: string = join(config, 'schema', 'policy.schema.json');

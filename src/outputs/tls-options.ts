/** From the settings to what Node's TLS wants. */
import { readFileSync } from 'node:fs';
import { UsageError } from '../usage-error.ts';
import type { TlsSettings } from './options.ts';

export interface TlsOptions {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
}

/**
 * @param output its name, for errors
 * @throws UsageError where a file cannot be read, or a certificate comes without its key
 */
export function tlsOptions(output: string, { ca_file, cert_file, key_file, server_name }: TlsSettings): TlsOptions {
  if ((cert_file === undefined) !== (key_file === undefined))
    throw new UsageError(`output ${output}: tls.cert_file and tls.key_file go together`);
  const options: TlsOptions = {};
  if (ca_file !== undefined) options.ca = read(output, ca_file);
  if (cert_file !== undefined) options.cert = read(output, cert_file);
  if (key_file !== undefined) options.key = read(output, key_file);
  if (server_name !== undefined) options.servername = server_name;
  return options;
}

function read(output: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`output ${output}: cannot read ${file}: ${(error as Error).message}`);
  }
}

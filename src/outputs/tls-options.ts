/** From the settings to what Node's TLS wants, all of it looked at: Node takes what is no certificate without a word. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { UsageError } from '../usage-error.ts';
import type { TlsSettings } from './options.ts';

export interface TlsOptions {
  ca?: string;
  cert?: string;
  key?: string;
  servername?: string;
}

/**
 * RFC 7468 §5.1, and what OpenSSL calls it besides: from each line that begins one, to its end where there is one. OpenSSL
 * passes over what does not begin its line, but for a byte order mark.
 */
const CERTIFICATE = /^\uFEFF?-----BEGIN ((?:TRUSTED |X509 )?CERTIFICATE)-----([^-]*^-----END \1-----)?/gm;

/**
 * @param output its name, for errors
 * @throws UsageError where a file cannot be read or does not hold what it should, or a certificate comes without its key
 */
export function tlsOptions(output: string, { ca_file, cert_file, key_file, server_name }: TlsSettings): TlsOptions {
  if ((cert_file === undefined) !== (key_file === undefined))
    throw new UsageError(`output ${output}: tls.cert_file and tls.key_file go together`);
  const options: TlsOptions = {};
  if (ca_file !== undefined) options.ca = certificates(output, 'tls.ca_file', ca_file);
  if (cert_file !== undefined) options.cert = certificates(output, 'tls.cert_file', cert_file);
  if (key_file !== undefined) options.key = privateKey(output, key_file);
  if (options.cert !== undefined && options.key !== undefined)
    checkPair(`output ${output}: tls.cert_file ${cert_file} and tls.key_file ${key_file}`, options);
  if (server_name !== undefined) options.servername = server_name;
  return options;
}

/** A file that holds one or more certificates and nothing that looks like one and is none. */
function certificates(output: string, option: string, file: string): string {
  const text = read(output, option, file);
  const blocks = [...text.matchAll(CERTIFICATE)];
  if (blocks.length === 0)
    throw new UsageError(`output ${output}: ${option}: there is no certificate in PEM in ${file}`);
  for (const [index, [block, , end]] of blocks.entries()) {
    const which = blocks.length === 1 ? 'the certificate' : `certificate ${index + 1}`;
    // Node would take those before it and leave out all others.
    if (end === undefined)
      throw new UsageError(
        `output ${output}: ${option}: ${which} in ${file} cannot be read: no END line after its base64`,
      );
    try {
      new X509Certificate(block);
    } catch (error) {
      throw new UsageError(
        `output ${output}: ${option}: ${which} in ${file} cannot be read: ${(error as Error).message}`,
      );
    }
  }
  return text;
}

function privateKey(output: string, file: string): string {
  const text = read(output, 'tls.key_file', file);
  try {
    createPrivateKey(text);
  } catch (error) {
    const reason = /-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(text)
      ? 'it is encrypted, and there is nobody to ask for its passphrase'
      : `it holds no private key in PEM (${(error as Error).message})`;
    throw new UsageError(`output ${output}: tls.key_file: ${file} cannot be used: ${reason}`);
  }
  return text;
}

/** That they belong together, and are as strong as OpenSSL wants them here. */
function checkPair(subject: string, { cert, key }: TlsOptions): void {
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new UsageError(`${subject} cannot be used: ${(error as Error).message}`);
  }
}

function read(output: string, option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`output ${output}: ${option}: cannot read ${file}: ${(error as Error).message}`);
  }
}

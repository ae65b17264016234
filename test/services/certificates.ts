/** An authority and certificates of a server and a client for one test run, made by openssl. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  /** Paths of files in PEM. */
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

/** The server's is for 127.0.0.1 and localhost. */
export function makeCertificates(folder: string): Certificates {
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  );
  const signed = (name: string, extensions: string): { cert: string; key: string } => {
    const request = file(`${name}.csr`);
    openssl('req', ...key, '-keyout', file(`${name}.key`), '-out', request, '-subj', `/CN=${name}`);
    writeFileSync(file(`${name}.ext`), extensions);
    openssl(
      ...['x509', '-req', '-in', request, '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-days', '2'],
      ...['-out', file(`${name}.pem`), '-extfile', file(`${name}.ext`)],
    );
    return { cert: file(`${name}.pem`), key: file(`${name}.key`) };
  };
  return {
    ca: file('ca.pem'),
    server: signed('server', 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n'),
    client: signed('client', 'extendedKeyUsage=clientAuth\n'),
  };
}

/** Key and certificate in one file, as Kafka wants them. */
export function joined({ cert, key }: { readonly cert: string; readonly key: string }): string {
  const path = cert.replace(/\.pem$/, '-joined.pem');
  writeFileSync(path, readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'));
  return path;
}

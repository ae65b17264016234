/** Certificates made by openssl for one test run. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** DER of a self-signed certificate: `key` are the options of `openssl req -newkey`, `more` further ones. */
export function selfSigned(key: readonly string[], subject: string, ...more: string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-x509-'));
  try {
    const out = join(folder, 'cert.der');
    const options = ['-nodes', '-keyout', join(folder, 'key.pem'), '-outform', 'DER', '-out', out, '-days', '2'];
    execFileSync('openssl', ['req', '-x509', '-newkey', ...key, ...options, '-subj', subject, ...more], {
      stdio: 'pipe',
    });
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** DER of a certificate with a Diffie-Hellman key, which cannot sign: `key` are the options of `openssl genpkey`. */
export function diffieHellman(...key: readonly string[]): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'vesper-x509-'));
  const openssl = (...options: string[]) => execFileSync('openssl', options, { cwd: folder, stdio: 'pipe' });
  try {
    openssl('genpkey', ...key, '-out', 'dh.pem');
    openssl('pkey', '-in', 'dh.pem', '-pubout', '-out', 'dh.pub');
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca');
    openssl(
      'x509',
      '-in',
      'ca.pem',
      '-force_pubkey',
      'dh.pub',
      '-signkey',
      'ca.key',
      '-outform',
      'DER',
      '-out',
      'dh.der',
    );
    return readFileSync(join(folder, 'dh.der'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const P256 = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

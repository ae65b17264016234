/**
 * JA3 and JA3S (github.com/salesforce/ja3): the MD5 of a hello's lists in decimal, GREASE left out.
 *
 *     ClientHello: version,suites,extensions,groups,pointFormats      ServerHello: version,suite,extensions
 */
import type { ClientHello, ServerHello } from '../event.ts';
import { isGrease } from './versions.ts';

/** The numbers in decimal with `-` between them, GREASE left out. */
function decimalList(values: readonly number[]): string {
  let text = '';
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (isGrease(value)) continue;
    text += text === '' ? value : `-${value}`;
  }
  return text;
}

/** What JA3 hashes. Not defined for SSLv2. */
export function ja3Text({ legacyVersion, cipherSuites, extensions, groups, pointFormats }: ClientHello): string {
  // Point formats are bytes, of which none is GREASE.
  return `${legacyVersion},${decimalList(cipherSuites)},${decimalList(extensions)},${decimalList(groups)},${pointFormats.join('-')}`;
}

/** What JA3S hashes. Not defined for SSLv2. */
export function ja3sText({ legacyVersion, cipherSuite, extensions }: ServerHello): string {
  return `${legacyVersion},${cipherSuite},${decimalList(extensions)}`;
}

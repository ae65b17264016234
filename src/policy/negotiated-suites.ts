/** Rules on the suite that the server chose: one of TLS 1.3 is forward secret only together with a key share. */
import type { ServerHello } from '../dissect/event.ts';
import { PSK_ALONE_SUITE_CODES, SUITE_CODES } from './codes.ts';
import { codeMatchers } from './matchers.ts';
import type { CodesSource, SuiteSelectorSource } from './source.ts';
import { isPskAlone } from './visible.ts';

export interface SuiteMatcher {
  /** See `CodeMatcher`. */
  readonly expected: string;
  /** Undefined where it depends on the key share, and the hello breaks off before it tells of one. */
  readonly holds: (server: ServerHello) => boolean | undefined;
  /** Whether a suite keeps to it together with a key share. */
  readonly holdsWithShare: (code: number) => boolean;
}

/** One for each of `allow` and `deny`. */
export function suiteMatchers(source: CodesSource<SuiteSelectorSource>): SuiteMatcher[] {
  const alone = codeMatchers(source, PSK_ALONE_SUITE_CODES);
  return codeMatchers(source, SUITE_CODES).map(({ expected, holds }, i) => ({
    expected,
    holdsWithShare: holds,
    holds(server) {
      const withShare = holds(server.cipherSuite);
      const withoutShare = alone[i]?.holds(server.cipherSuite);
      if (withShare === withoutShare) return withShare;
      const isAlone = isPskAlone(server);
      if (isAlone === undefined) return undefined;
      return isAlone ? withoutShare : withShare;
    },
  }));
}

/** Above the three bytes of a suite. */
const PSK_ALONE = 1 << 24;
const PERHAPS_PSK_ALONE = 1 << 25;

/** One number for all that these matchers look at. */
export function suiteKey(server: ServerHello): number {
  const isAlone = isPskAlone(server);
  if (isAlone === undefined) return server.cipherSuite | PERHAPS_PSK_ALONE;
  return isAlone ? server.cipherSuite | PSK_ALONE : server.cipherSuite;
}

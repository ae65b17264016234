/** The OPT pseudo-record (RFC 6891 §6.1). */
import type { Edns, EdnsOption } from '../event.ts';
import { OptionCode } from './edns-options.ts';
import type { RdataReader } from './rdata-reader.ts';

/** Bytes of an option shown; a key tag or client subnet is shorter, padding (RFC 7830) says nothing. */
const MAX_OPTION_BYTES = 128;
/** An extended error's (RFC 8914), which may have a sentence: Unbound's is up to 255 bytes long. */
const MAX_EXTENDED_ERROR_BYTES = 512;
/** Options kept of a record: twice what the registry holds, where one datagram could hold 16,000. */
export const MAX_OPTIONS = 64;

const NO_OPTIONS: readonly EdnsOption[] = [];

/** The upper eight bits of the extended RCODE (§6.1.3). */
export function extendedRcode(ttl: number): number {
  return ttl >>> 24;
}

/**
 * Reads the options to the end of `r`, which is narrowed to the record's RDATA. `udpSize` is its CLASS, `ttl` its TTL
 * field: extended RCODE, version, DO and zeros. An option that overruns sets `r.truncated`; so do more than are kept.
 */
export function readEdns(r: RdataReader, udpSize: number, ttl: number): Edns {
  return {
    version: (ttl >>> 16) & 0xff,
    udpSize,
    dnssecOk: (ttl & 0x8000) !== 0,
    options: r.remaining === 0 ? NO_OPTIONS : readOptions(r),
  };
}

function readOptions(r: RdataReader): EdnsOption[] {
  const options: EdnsOption[] = [];
  while (r.remaining > 0) {
    const code = r.u16();
    const length = r.u16();
    const at = r.position;
    r.skip(length);
    if (r.truncated || options.length === MAX_OPTIONS) {
      r.truncated = true;
      break;
    }
    const kept = code === OptionCode.extendedError ? MAX_EXTENDED_ERROR_BYTES : MAX_OPTION_BYTES;
    options.push({ code, data: r.bytes.hexSlice(at, at + Math.min(length, kept)) });
  }
  return options;
}

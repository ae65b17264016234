/** Certificates by their hash: a server shows the same chain in every handshake, and reading one costs 0.1 ms and more. */
import { hash } from 'node:crypto';
import type { Counters } from '../../counters.ts';
import type { Certificate, CertificateChain } from '../event.ts';
import { Reader } from '../reader.ts';
import { readCertificate } from './certificate.ts';

/** Certificates kept, about 3 KB each. The least recently used half goes when it is full. */
export const MAX_KEPT = 4_096;
/** Certificates read of one chain: public ones have four at most. */
export const MAX_READ_A_CHAIN = 16;
/** Entries kept of one list: OpenSSL verifies no more than a hundred, and a message of 64 KB may have 20,000. */
export const MAX_ENTRIES = 100;
/**
 * Certificates read in one second of packet time. A sender of ever new ones could otherwise keep the agent busy with them
 * alone; ordinary traffic of a whole site shows a few new ones a second.
 */
export const MAX_READ_A_SECOND = 500;

/**
 * Certificates that are found without their hash, which takes 2 µs of a thousand bytes; comparing them takes a twentieth.
 * Each has one place, so that nobody can make the search long.
 */
const PLACES = 256;
/** Longer ones are hashed each time: all places together hold 2 MB at most. */
const MAX_PLACED_LENGTH = 4_096;

interface Placed {
  readonly der: Buffer;
  readonly sha256: string;
}

/** Shared: set and read out within one call. */
const reader = new Reader();

/** Of the length before each certificate. */
const LENGTH_SIZE = 3;

/** What is kept of bytes that are no certificate. */
const UNREADABLE = null;

export class CertificateStore {
  private readonly counters: Counters;
  private young = new Map<string, Certificate | null>();
  private old = new Map<string, Certificate | null>();
  private readonly placed: (Placed | undefined)[] = new Array(PLACES).fill(undefined);
  private second = 0;
  private readInSecond = 0;

  constructor(counters: Counters) {
    this.counters = counters;
  }

  /** The list of a Certificate message. `seconds` is the packet's time. */
  chain(list: Reader, seconds: number): CertificateChain {
    const chain: (Certificate | undefined)[] = [];
    // Those beyond the limit are counted, and have no place.
    const add = (certificate: Certificate | undefined): void => {
      if (chain.length < MAX_ENTRIES) chain.push(certificate);
    };
    // The list claims to have what its message does not.
    const { truncated: claimsMore } = list;
    let lastIsWhole = false;
    while (list.remaining >= LENGTH_SIZE) {
      const length = list.u24();
      const { bytes, position } = list;
      lastIsWhole = length <= list.remaining;
      if (!lastIsWhole || chain.length >= MAX_READ_A_CHAIN) add(this.leftOut());
      else add(this.certificate(bytes.subarray(position, position + length), seconds));
      list.skip(length);
    }
    // Between two certificates or within a length. Where it claims no more, stray bytes at its end are no certificate.
    if (claimsMore && (lastIsWhole || list.remaining > 0)) add(this.leftOut());
    return chain;
  }

  private leftOut(): undefined {
    this.counters['tls.certificates_left_out']++;
  }

  private certificate(der: Buffer, seconds: number): Certificate | undefined {
    const sha256 = this.sha256(der);
    let certificate = this.young.get(sha256) ?? this.old.get(sha256);
    if (certificate === undefined) {
      if (this.isBusy(seconds)) return this.leftOut();
      const view = new DataView(der.buffer, der.byteOffset, der.length);
      certificate = readCertificate(reader.reset(der, view, 0, der.length), sha256) ?? UNREADABLE;
    }
    this.keep(sha256, certificate);
    if (certificate === UNREADABLE) {
      this.counters['tls.certificates_unreadable']++;
      return undefined;
    }
    this.counters['tls.certificates']++;
    return certificate;
  }

  private sha256(der: Buffer): string {
    const { length } = der;
    if (length === 0 || length > MAX_PLACED_LENGTH) return hash('sha256', der);
    // Certificates end in their signature.
    const place = der[length - 1]!;
    const placed = this.placed[place];
    if (placed?.der.equals(der)) return placed.sha256;
    const sha256 = hash('sha256', der);
    this.placed[place] = { der: Buffer.from(der), sha256 };
    return sha256;
  }

  private isBusy(seconds: number): boolean {
    if (seconds !== this.second) {
      this.second = seconds;
      this.readInSecond = 0;
    }
    return ++this.readInSecond > MAX_READ_A_SECOND;
  }

  private keep(sha256: string, certificate: Certificate | null): void {
    if (this.young.has(sha256)) return;
    if (this.young.size >= MAX_KEPT / 2) {
      this.old = this.young;
      this.young = new Map();
    }
    this.young.set(sha256, certificate);
  }
}

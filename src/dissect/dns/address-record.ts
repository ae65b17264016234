/** A and AAAA records (RFC 1035 §3.4.1, RFC 3596 §2.2), most of all that are answered. */
import type { DnsRecord } from '../event.ts';
import { formatIp } from '../net/address.ts';

/** Keeps the address as numbers, from which lines are written: making the text takes longer than reading the record. */
export class AddressRecord implements DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly cacheFlush: boolean;
  readonly ipVersion: 4 | 6;
  /** IPv4 in the first. Signed: V8 keeps those in the object itself. */
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly word3: number;

  constructor(
    name: string,
    type: number,
    rrClass: number,
    ttl: number,
    cacheFlush: boolean,
    view: DataView,
    at: number,
  ) {
    this.name = name;
    this.type = type;
    this.class = rrClass;
    this.ttl = ttl;
    this.cacheFlush = cacheFlush;
    const isIpv4 = type === TYPE_A;
    this.ipVersion = isIpv4 ? 4 : 6;
    this.word0 = view.getInt32(at);
    this.word1 = isIpv4 ? 0 : view.getInt32(at + 4);
    this.word2 = isIpv4 ? 0 : view.getInt32(at + 8);
    this.word3 = isIpv4 ? 0 : view.getInt32(at + 12);
  }

  get data(): string {
    return formatIp(this.ipVersion, this.word0, this.word1, this.word2, this.word3);
  }
}

const TYPE_A = 1;
const TYPE_AAAA = 28;
const CLASS_CHAOS = 3;

/** Whether `length` bytes of data are an address. Of those of CHAOS there is no use left (RFC 1035 §3.4.1 is of IN alone). */
export function isAddress(type: number, rrClass: number, length: number): boolean {
  return type === TYPE_A ? length === 4 && rrClass !== CLASS_CHAOS : type === TYPE_AAAA && length === 16;
}

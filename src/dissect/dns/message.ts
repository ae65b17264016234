/** DNS messages (RFC 1035 §4); updates (RFC 2136), notifies (RFC 1996), mDNS (RFC 6762) and LLMNR (RFC 4795) share the form. */
import type { DnsMessage, DnsProtocol, DnsQuestion, DnsRecord } from '../event.ts';
import { Status } from '../reader.ts';
import { AddressRecord, isAddress } from './address-record.ts';
import { extendedRcode, readEdns } from './edns.ts';
import { NameReader } from './name.ts';
import { isOpcodeAssigned } from './names.ts';
import { formatRdata } from './rdata.ts';
import { RdataReader } from './rdata-reader.ts';

/** RFC 1035 §4.1.1. */
export const HEADER_LENGTH = 12;
/** Id and flags: less of a header, cut by the capture, tells nothing. */
export const LEAST_CAPTURED = 4;
/** The root's name, QTYPE, QCLASS. */
const MIN_QUESTION = 5;
/** The root's name, TYPE, CLASS, TTL, RDLENGTH. */
const MIN_RECORD = 11;
const TYPE_OPT = 41;
/** DNS Stateful Operations (RFC 8490). */
export const OPCODE_DSO = 6;
/** mDNS: unicast response wanted, or cache flush (RFC 6762 §18.12, §18.13). */
const TOP_BIT = 0x8000;

/** Sections without entries, shared by all messages; `append` never writes to them. */
const NO_QUESTIONS: DnsQuestion[] = [];
const NO_RECORDS: DnsRecord[] = [];
/** An OPT record was there: it is no record of the section (RFC 6891 §6.1.1). */
const OPT = 'opt';

/** A push into an empty array makes room for 17 entries; most sections have one. */
function append<T>(section: T[], entry: T): T[] {
  if (section.length === 0) return [entry];
  section.push(entry);
  return section;
}

/**
 * What the header alone tells: whether the bytes at `start` can be a DNS message of `length` bytes (on the wire).
 */
export function canBeDns(view: DataView, start: number, length: number): boolean {
  return length >= HEADER_LENGTH && isOpcodeAssigned(opcodeAt(view, start)) && hasRoom(view, start, length);
}

const opcodeAt = (view: DataView, start: number): number => (view.getUint8(start + 2) >> 3) & 15;

/** Entries that cannot fit are let through where there is room for one: some senders count what they then leave out. */
export function hasRoom(view: DataView, start: number, length: number): boolean {
  const questions = view.getUint16(start + 4);
  const records = view.getUint16(start + 6) + view.getUint16(start + 8) + view.getUint16(start + 10);
  const room = length - HEADER_LENGTH;
  // A bare header is an error's answer; a DSO message counts nothing (RFC 8490 §5.4).
  if (questions + records === 0) return room === 0 || opcodeAt(view, start) === OPCODE_DSO;
  return questions > 0 ? questions * MIN_QUESTION <= room : room >= MIN_RECORD;
}

/** The capture kept the id and the flags of a header but not all of it: what it says is told, without entries. */
function isCutHeader(view: DataView, start: number, end: number, length: number): boolean {
  return length >= HEADER_LENGTH && end - start >= LEAST_CAPTURED && isOpcodeAssigned(opcodeAt(view, start));
}

/** Of a message that breaks off: something was there or could be. An unassigned opcode takes a message that is whole. */
function isCredible(message: DnsMessage): boolean {
  return isOpcodeAssigned(message.opcode) && (!isEmpty(message) || fits(message));
}

/** Decodes messages, one after the other; what it returns owns its memory. */
export class DnsParser {
  /** Of the last message: `ok`, `truncated` (not all was captured), `malformed` or `notThis`. */
  status: Status = Status.ok;

  private readonly names = new NameReader();
  private readonly rdata = new RdataReader(this.names);
  /** The message is of mDNS, which has flags in the class field. */
  private hasTopBit = false;
  /** All entries that the last message counts were there. */
  private whole = false;
  /** Something in the last message contradicts the grammar but for its framing. */
  private contradiction = false;

  /**
   * The message at `[start, end)` of `bytes`, of `length` bytes on the wire, or undefined where it is not DNS: the first
   * entry must be there or the header beyond doubt. `like` is the message that it probably answers: equal names then
   * share their strings.
   */
  parse(
    bytes: Buffer,
    view: DataView,
    start: number,
    end: number,
    length: number,
    protocol: DnsProtocol,
    like: DnsMessage | undefined,
  ): DnsMessage | undefined {
    const headerCut = end - start < HEADER_LENGTH;
    if (headerCut ? !isCutHeader(view, start, end, length) : !hasRoom(view, start, length)) {
      this.status = Status.notThis;
      return undefined;
    }
    const r = this.rdata.reset(bytes, view, Math.min(start + HEADER_LENGTH, end), end);
    this.names.begin(start);
    this.hasTopBit = protocol === 'mdns';
    this.contradiction = false;
    const flags = view.getUint16(start + 2);
    // LLMNR has other flags in the places of AA and RD: conflict and tentative (RFC 4795 §2.1.1).
    const unicastDns = protocol !== 'llmnr';
    const message: DnsMessage = {
      id: view.getUint16(start),
      response: (flags & 0x8000) !== 0,
      opcode: (flags >> 11) & 15,
      authoritative: unicastDns && (flags & 0x0400) !== 0,
      truncated: (flags & 0x0200) !== 0,
      recursionDesired: unicastDns && (flags & 0x0100) !== 0,
      recursionAvailable: unicastDns && (flags & 0x0080) !== 0,
      authenticData: unicastDns && (flags & 0x0020) !== 0,
      checkingDisabled: unicastDns && (flags & 0x0010) !== 0,
      rcode: flags & 15,
      questions: NO_QUESTIONS,
      answers: NO_RECORDS,
      authority: NO_RECORDS,
      additional: NO_RECORDS,
      edns: undefined,
      counts: headerCut
        ? [0, 0, 0, 0]
        : [view.getUint16(start + 4), view.getUint16(start + 6), view.getUint16(start + 8), view.getUint16(start + 10)],
      length,
      incomplete: false,
    };
    this.sections(r, message, like);
    const { whole } = this;
    const cut = end - start < length;
    message.incomplete = !whole || cut;
    if (!whole && !headerCut && !isCredible(message)) {
      this.status = Status.notThis;
      return undefined;
    }
    if (cut) this.status = Status.truncated;
    else this.status = whole && !this.contradiction ? Status.ok : Status.malformed;
    return message;
  }

  /** Sets `whole` where all entries were there. */
  private sections(r: RdataReader, message: DnsMessage, like: DnsMessage | undefined): void {
    const { counts } = message;
    this.whole = true;
    for (let i = 0; i < counts[0]; i++) {
      const question = this.question(r, like?.questions[i]);
      if (question === undefined) {
        this.whole = false;
        return;
      }
      message.questions = append(message.questions, question);
    }
    message.answers = this.records(r, counts[1], undefined);
    message.authority = this.records(r, counts[2], undefined);
    message.additional = this.records(r, counts[3], message);
  }

  private records(r: RdataReader, count: number, owner: DnsMessage | undefined): DnsRecord[] {
    let section = NO_RECORDS;
    for (let i = 0; i < count && this.whole; i++) {
      const record = this.record(r, owner);
      if (record === undefined) this.whole = false;
      else if (record !== OPT) section = append(section, record);
    }
    return section;
  }

  private question(r: RdataReader, like: DnsQuestion | undefined): DnsQuestion | undefined {
    const name =
      like === undefined
        ? this.names.read(r.bytes, r.position, r.end)
        : this.names.readLike(r.bytes, r.position, r.end, like.name);
    if (name === undefined) return undefined;
    r.position = this.names.next;
    const type = r.u16();
    const field = r.u16();
    if (r.truncated) return undefined;
    const top = this.hasTopBit && (field & TOP_BIT) !== 0;
    return { name, type, class: top ? field - TOP_BIT : field, unicastResponse: top };
  }

  /** `owner`: the message whose OPT record this may be; it goes there, and `OPT` stands for it here. */
  private record(r: RdataReader, owner: DnsMessage | undefined): DnsRecord | typeof OPT | undefined {
    const { view } = r;
    const name = this.names.read(r.bytes, r.position, r.end);
    if (name === undefined) return undefined;
    const at = this.names.next;
    if (at + MIN_RECORD - 1 > r.end) return undefined;
    const type = view.getUint16(at);
    const field = view.getUint16(at + 2);
    const ttl = view.getUint32(at + 4);
    r.position = at + MIN_RECORD - 1;
    const outer = r.enter(view.getUint16(at + 8));
    if (r.truncated) return undefined;
    let record: DnsRecord | typeof OPT = OPT;
    if (type === TYPE_OPT && owner !== undefined) {
      this.opt(r, owner, field, ttl);
    } else {
      const top = this.hasTopBit && (field & TOP_BIT) !== 0;
      const rrClass = top ? field - TOP_BIT : field;
      record = isAddress(type, rrClass, r.remaining)
        ? new AddressRecord(name, type, rrClass, ttl, top, view, r.position)
        : { name, type, class: rrClass, ttl, data: formatRdata(r, type, rrClass), cacheFlush: top };
    }
    if (r.truncated) {
      r.truncated = false;
      this.contradiction = true;
    }
    r.leave(outer);
    return record;
  }

  /** The first counts; a second is an error (RFC 6891 §6.1.1). */
  private opt(r: RdataReader, message: DnsMessage, udpSize: number, ttl: number): void {
    if (message.edns !== undefined) {
      r.truncated = true;
      return;
    }
    message.edns = readEdns(r, udpSize, ttl);
    message.rcode |= extendedRcode(ttl) << 4;
  }
}

/**
 * Whether at least one question is counted and the wire had room for all entries that are: the evidence of a header
 * whose first question is cut or broken. Of random bytes one in 10^10 looks so.
 */
function fits({ counts, length }: DnsMessage): boolean {
  const [questions, answers, authority, additional] = counts;
  const least = questions * MIN_QUESTION + (answers + authority + additional) * MIN_RECORD;
  return questions > 0 && HEADER_LENGTH + least <= length;
}

function isEmpty(message: DnsMessage): boolean {
  const { questions, answers, authority, additional, edns } = message;
  return questions.length + answers.length + authority.length + additional.length === 0 && edns === undefined;
}

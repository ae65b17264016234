export const RecordType = { A: 1, CNAME: 5, SOA: 6, PTR: 12, AAAA: 28, OPT: 41, HTTPS: 65 } as const;

const IN = 1;
const TTL = 300;
const COUNT_AT = { question: 4, answer: 6, authority: 8, additional: 10 } as const;
/** The first name of a message starts right after its header. */
const QUESTION_AT = 12;

/** Writes DNS messages (RFC 1035 section 4) into one buffer, names compressed as resolvers do. */
export class DnsBuilder {
  readonly bytes = Buffer.alloc(1232);
  length = 0;
  /** Where the name that the next record is about was written. */
  private owner = QUESTION_AT;
  /** Where the question's name ends with its zone: the last two labels. */
  private zone = QUESTION_AT;

  begin(id: number, flags: number, additional: boolean): void {
    const { bytes } = this;
    bytes.writeUInt16BE(id, 0);
    bytes.writeUInt16BE(flags, 2);
    bytes.fill(0, 4, 12);
    bytes.writeUInt16BE(additional ? 1 : 0, COUNT_AT.additional);
    this.length = 12;
  }

  question(name: string, type: number): void {
    this.owner = QUESTION_AT;
    this.zone = QUESTION_AT + name.lastIndexOf('.', name.lastIndexOf('.') - 1) + 1;
    this.count(COUNT_AT.question);
    this.name(name);
    this.word(type);
    this.word(IN);
  }

  /** A CNAME of the last owner; the records that follow are about `target`. */
  alias(target: string): void {
    const lengthAt = this.record(COUNT_AT.answer, RecordType.CNAME);
    const start = this.length;
    this.name(target);
    this.finishRecord(lengthAt);
    this.owner = start;
  }

  pointer(target: string): void {
    const lengthAt = this.record(COUNT_AT.answer, RecordType.PTR);
    this.name(target);
    this.finishRecord(lengthAt);
  }

  /** An A, AAAA or HTTPS record of the last owner. */
  address(type: number, value: number): void {
    const lengthAt = this.record(COUNT_AT.answer, type);
    if (type === RecordType.AAAA) this.length += this.bytes.write('20010db8000000000000face', this.length, 'hex');
    // 1 . alpn="h2,h3" ipv4hint=… (RFC 9460 section 2.2)
    if (type === RecordType.HTTPS)
      this.length += this.bytes.write('0001000001000602683202683300040004', this.length, 'hex');
    this.length = this.bytes.writeUInt32BE(value, this.length);
    this.finishRecord(lengthAt);
  }

  /** The SOA that goes with an answer that has no records. */
  authority(): void {
    const { bytes } = this;
    this.count(COUNT_AT.authority);
    this.word(0xc000 | this.zone);
    const lengthAt = this.recordHead(RecordType.SOA);
    this.name('a.ns.example');
    this.name('hostmaster.ns.example');
    for (const value of [2_024_010_101, 3600, 600, 86_400, TTL]) this.length = bytes.writeUInt32BE(value, this.length);
    this.finishRecord(lengthAt);
  }

  /** An OPT record without options (RFC 6891); `begin` has counted it. */
  edns(): void {
    this.length += this.bytes.write('00002904d0000000000000', this.length, 'hex');
  }

  private record(section: number, type: number): number {
    this.count(section);
    this.word(0xc000 | this.owner);
    return this.recordHead(type);
  }

  /** Everything after the owner's name; returns where the length of the data goes. */
  private recordHead(type: number): number {
    this.word(type);
    this.word(IN);
    this.length = this.bytes.writeUInt32BE(TTL, this.length);
    this.word(0);
    return this.length - 2;
  }

  private finishRecord(lengthAt: number): void {
    this.bytes.writeUInt16BE(this.length - lengthAt - 2, lengthAt);
  }

  private count(at: number): void {
    this.bytes.writeUInt16BE(this.bytes.readUInt16BE(at) + 1, at);
  }

  private word(value: number): void {
    this.length = this.bytes.writeUInt16BE(value, this.length);
  }

  private name(name: string): void {
    for (let start = 0; start < name.length; ) {
      const dot = name.indexOf('.', start);
      const end = dot < 0 ? name.length : dot;
      this.bytes[this.length] = end - start;
      this.bytes.write(name.slice(start, end), this.length + 1, 'latin1');
      this.length += 1 + end - start;
      start = end + 1;
    }
    this.bytes[this.length++] = 0;
  }
}

/** An interface of a pcapng section: its link type, its name, and how its timestamps count. */
import type { Frame } from '../dissect/frame.ts';
import { LAST_SECOND } from './pcap-format.ts';

/** Bytes of a name that are kept: Linux names have 15, Windows device names about 50. */
const NAME_LIMIT = 255;

/** What writers put there that know none: `-` is standard input. */
const NO_NAME = /^(-|unknown)?$/i;
const OPTION = { end: 0, name: 2, timeResolution: 9, timeOffset: 14 } as const;

const MICROSECONDS = 6;

export class PcapngInterface {
  readonly linkType: number;
  /** Bytes of a packet that are captured at most; 0 for no limit. */
  readonly snapLength: number;
  name: string | undefined;
  /** if_tsresol: a timestamp counts 10^-n seconds, or 2^-n where the top bit is set. */
  private resolution = MICROSECONDS;
  /** if_tsoffset in seconds, added to every timestamp. */
  private offset = 0;
  /** Set where 32-bit arithmetic is exact (10^-6 to 10^-9), else 0. */
  private unitsPerSecond: number;
  private nanosPerUnit: number;

  /**
   * Reads the body of an Interface Description Block, `bytes[start, end)`:
   *
   *     body   = link:u16 reserved:u16 snaplen:u32 *option
   *     option = code:u16 length:u16 value padding-to-4
   */
  constructor(bytes: Buffer, view: DataView, start: number, end: number, little: boolean) {
    this.linkType = view.getUint16(start, little);
    this.snapLength = view.getUint32(start + 4, little);
    let at = start + 8;
    while (end - at >= 4) {
      const code = view.getUint16(at, little);
      const length = view.getUint16(at + 2, little);
      const value = at + 4;
      if (code === OPTION.end || value + length > end) break;
      if (code === OPTION.name) {
        const name = bytes.toString('utf8', value, value + Math.min(length, NAME_LIMIT)).replace(/\0+$/, '');
        this.name = NO_NAME.test(name) ? undefined : name;
      } else if (code === OPTION.timeResolution && length >= 1) this.resolution = view.getUint8(value);
      else if (code === OPTION.timeOffset && length >= 8) this.offset = Number(view.getBigInt64(value, little));
      at = value + ((length + 3) & ~3);
    }
    const exact = this.resolution >= 6 && this.resolution <= 9;
    this.unitsPerSecond = exact ? 10 ** this.resolution : 0;
    this.nanosPerUnit = exact ? 1_000_000_000 / this.unitsPerSecond : 0;
  }

  /** Sets the frame's time from the halves of a 64-bit timestamp. False where it had to be moved into 1970 to 9999. */
  setTime(frame: Frame, high: number, low: number): boolean {
    const units = this.unitsPerSecond;
    if (units === 0) return this.setRareTime(frame, high, low);
    // The quotient of doubles is off by one at most. The remainder is then within [-units, 2 units), which 32 bits
    // hold, so its exact value is the 32-bit difference: no lost nanosecond, and no BigInt, which takes 25 times as long.
    let seconds = Math.floor((high * 0x1_0000_0000 + low) / units);
    let remainder = (low - Math.imul(seconds, units)) | 0;
    if (remainder < 0) {
      seconds--;
      remainder += units;
    } else if (remainder >= units) {
      seconds++;
      remainder -= units;
    }
    return keepTime(frame, seconds + this.offset, remainder * this.nanosPerUnit);
  }

  /** Resolutions that hardly any writer uses; what is finer than a nanosecond is cut off. */
  private setRareTime(frame: Frame, high: number, low: number): boolean {
    const exponent = BigInt(this.resolution & 0x7f);
    const units = this.resolution & 0x80 ? 1n << exponent : 10n ** exponent;
    const stamp = (BigInt(high) << 32n) | BigInt(low);
    const nanos = ((stamp % units) * 1_000_000_000n) / units;
    return keepTime(frame, Number(stamp / units) + this.offset, Number(nanos));
  }
}

function keepTime(frame: Frame, seconds: number, nanos: number): boolean {
  const kept = seconds >= 0 && seconds <= LAST_SECOND;
  frame.seconds = kept ? seconds : seconds < 0 ? 0 : LAST_SECOND;
  frame.nanos = nanos;
  return kept;
}

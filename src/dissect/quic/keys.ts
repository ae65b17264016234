/** Keys of Initial packets: anybody who sees the client's first connection id can make them (RFC 9001 §5.2). */
import { type Cipher, createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import type { InitialProtection } from './version.ts';

/** AES-128-GCM's (RFC 9001 §5.3). */
const KEY_LENGTH = 16;
const IV_LENGTH = 12;
export const TAG_LENGTH = 16;
/** Bytes of ciphertext that make the header's mask, from 4 bytes after the packet number's start (RFC 9001 §5.4.2). */
export const SAMPLE_LENGTH = 16;
export const SAMPLE_OFFSET = 4;
const SHA256_LENGTH = 32;

function hmac(key: Buffer, data: Buffer): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/**
 * The input of HKDF-Expand (RFC 5869 §2.3) for one block: HkdfLabel (RFC 8446 §7.1) without context, then the block's
 * number.
 */
function expandInfo(label: string, length: number): Buffer {
  const full = `tls13 ${label}`;
  return Buffer.from([0, length, full.length, ...Buffer.from(full, 'latin1'), 0, 1]);
}

const CLIENT_IN = expandInfo('client in', SHA256_LENGTH);
const SERVER_IN = expandInfo('server in', SHA256_LENGTH);

const infosOf = (prefix: string) => ({
  key: expandInfo(`${prefix} key`, KEY_LENGTH),
  iv: expandInfo(`${prefix} iv`, IV_LENGTH),
  headerProtection: expandInfo(`${prefix} hp`, KEY_LENGTH),
});
const INFOS = { quic: infosOf('quic'), quicv2: infosOf('quicv2') } as const;

/** The keys of one sender. */
export class PacketKeys {
  private readonly key: Buffer;
  private readonly iv: Buffer;
  /** ECB keeps nothing between blocks: one object makes all masks. */
  private readonly mask: Cipher;
  private readonly nonce = Buffer.alloc(IV_LENGTH);

  constructor(secret: Buffer, label: InitialProtection['label']) {
    const infos = INFOS[label];
    this.key = hmac(secret, infos.key).subarray(0, KEY_LENGTH);
    this.iv = hmac(secret, infos.iv).subarray(0, IV_LENGTH);
    const headerKey = hmac(secret, infos.headerProtection).subarray(0, KEY_LENGTH);
    this.mask = createCipheriv('aes-128-ecb', headerKey, null);
  }

  /** The five bytes (and eleven more) that mask the first byte and the packet number (RFC 9001 §5.4.3). */
  headerMask(sample: Buffer): Buffer {
    return this.mask.update(sample);
  }

  /** The payload of a packet, undefined where the tag is not that of these keys. */
  open(packetNumber: number, header: Buffer, sealed: Buffer): Buffer | undefined {
    const { iv, nonce } = this;
    iv.copy(nonce);
    const low = IV_LENGTH - 4;
    nonce.writeUInt32BE((iv.readUInt32BE(low) ^ packetNumber) >>> 0, low);
    const decipher = createDecipheriv('aes-128-gcm', this.key, nonce, { authTagLength: TAG_LENGTH });
    const tagStart = sealed.length - TAG_LENGTH;
    decipher.setAAD(header).setAuthTag(sealed.subarray(tagStart));
    const payload = decipher.update(sealed.subarray(0, tagStart));
    try {
      decipher.final();
    } catch {
      // The one way in which node:crypto says that the tag is wrong.
      return undefined;
    }
    return payload;
  }
}

/** The keys that follow from the destination connection id of a client's first Initial, each side's made when needed. */
export class InitialKeys {
  private readonly protection: InitialProtection;
  private readonly secret: Buffer;
  private clientKeys: PacketKeys | undefined = undefined;
  private serverKeys: PacketKeys | undefined = undefined;

  constructor(protection: InitialProtection, connectionId: Buffer) {
    this.protection = protection;
    this.secret = hmac(protection.salt, connectionId);
  }

  get client(): PacketKeys {
    this.clientKeys ??= new PacketKeys(hmac(this.secret, CLIENT_IN), this.protection.label);
    return this.clientKeys;
  }

  get server(): PacketKeys {
    this.serverKeys ??= new PacketKeys(hmac(this.secret, SERVER_IN), this.protection.label);
    return this.serverKeys;
  }
}

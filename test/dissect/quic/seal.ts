/** Makes QUIC packets for tests, with HKDF and AES of node:crypto and nothing of the code under test. */
import { createCipheriv, createHmac } from 'node:crypto';

export const SALTS: Readonly<Record<number, string>> = {
  1: '38762cf7f55934b34d179ae6a4c80cadccbb7f0a',
  1798521807: '0dede3def700a6db819381be6e269dcbf9bd2ed9',
  4278190109: 'afbfec289993d24c9e9786f19c6111e04390a899',
};
export const V1 = 1;
export const V2 = 0x6b3343cf;
export const DRAFT_29 = 0xff00001d;

const hmac = (key: Buffer, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest();

function expandLabel(secret: Buffer, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])]);
  return hmac(secret, info).subarray(0, length);
}

export function varint(value: number): Buffer {
  if (value < 64) return Buffer.from([value]);
  if (value < 16_384) return Buffer.from([0x40 | (value >> 8), value & 0xff]);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE((value | 0x80000000) >>> 0);
  return bytes;
}

export interface InitialOptions {
  readonly version?: number;
  /** Of the client's first Initial: the keys come from it. */
  readonly originalId: Buffer;
  readonly from: 'client' | 'server';
  readonly destinationId?: Buffer;
  readonly sourceId?: Buffer;
  readonly token?: Buffer;
  readonly packetNumber?: number;
  readonly packetNumberLength?: number;
  readonly payload: Buffer;
}

const idBytes = (id: Buffer): Buffer => Buffer.concat([Buffer.from([id.length]), id]);
const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

/** An Initial packet, protected (RFC 9001 §5). */
export function sealInitial(options: InitialOptions): Buffer {
  const { version = V1, originalId, from, token = Buffer.alloc(0), packetNumber = 0, packetNumberLength = 4 } = options;
  const { destinationId = originalId, sourceId = Buffer.alloc(0), payload } = options;
  const prefix = version === V2 ? 'quicv2' : 'quic';
  const secret = expandLabel(hmac(Buffer.from(SALTS[version]!, 'hex'), originalId), `${from} in`, 32);
  const type = version === V2 ? 1 : 0;
  const header = Buffer.concat([
    Buffer.from([0xc0 | (type << 4) | (packetNumberLength - 1)]),
    uint32(version),
    idBytes(destinationId),
    idBytes(sourceId),
    varint(token.length),
    token,
    Buffer.from([
      0x40 | ((packetNumberLength + payload.length + 16) >> 8),
      (packetNumberLength + payload.length + 16) & 0xff,
    ]),
    uint32(packetNumber).subarray(4 - packetNumberLength),
  ]);
  const nonce = Buffer.from(expandLabel(secret, `${prefix} iv`, 12));
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ packetNumber) >>> 0, 8);
  const cipher = createCipheriv('aes-128-gcm', expandLabel(secret, `${prefix} key`, 16), nonce).setAAD(header);
  const sealed = Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
  const packet = Buffer.concat([header, sealed]);
  const numberAt = header.length - packetNumberLength;
  const mask = createCipheriv('aes-128-ecb', expandLabel(secret, `${prefix} hp`, 16), null).update(
    packet.subarray(numberAt + 4, numberAt + 20),
  );
  packet[0]! ^= mask[0]! & 0x0f;
  for (let i = 0; i < packetNumberLength; i++) packet[numberAt + i]! ^= mask[1 + i]!;
  return packet;
}

export function cryptoFrame(data: Buffer, offset = 0): Buffer {
  return Buffer.concat([Buffer.from([6]), varint(offset), varint(data.length), data]);
}

/** Frames padded to the length that a client's datagram must have (RFC 9000 §14.1). */
export function padded(...frames: readonly Buffer[]): Buffer {
  const all = Buffer.concat(frames);
  return Buffer.concat([all, Buffer.alloc(Math.max(0, 1_162 - all.length))]);
}

/** A long-header packet of another type, with contents that nobody can read. */
export function opaquePacket(typeBits: number, destinationId: Buffer, length = 200, version = V1): Buffer {
  return Buffer.concat([
    Buffer.from([0xc0 | (typeBits << 4)]),
    uint32(version),
    idBytes(destinationId),
    idBytes(Buffer.from('aa', 'hex')),
    varint(length),
    Buffer.alloc(length, 0x77),
  ]);
}

export function retryPacket(destinationId: Buffer, sourceId: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from([0xf0]),
    uint32(V1),
    idBytes(destinationId),
    idBytes(sourceId),
    Buffer.from('token'),
    Buffer.alloc(16, 0x5a),
  ]);
}

export function versionNegotiation(destinationId: Buffer, sourceId: Buffer, versions: readonly number[]): Buffer {
  return Buffer.concat([
    Buffer.from([0xa5]),
    uint32(0),
    idBytes(destinationId),
    idBytes(sourceId),
    ...versions.map(uint32),
  ]);
}

/** Compressions of Kafka record batches beside gzip, which the client has itself. */
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { UsageError } from '../usage-error.ts';

const require = createRequire(import.meta.url);

/** As kafkajs calls it; this client only produces. */
export interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

type Zstd = (buffer: Buffer) => Promise<Buffer>;

/** One block without framing; readers tell it from the framed form of old clients by its first bytes. */
export function snappyCodec(): Codec {
  const { compress, uncompress }: typeof import('snappy') = require('snappy');
  return {
    compress: ({ buffer }) => compress(buffer),
    decompress: async (buffer) => Buffer.from(await uncompress(buffer)),
  };
}

/** @throws UsageError where this Node has no Zstandard: it came with 22.15 */
export function zstdCodec(): Codec {
  // The types are those of the oldest Node that is supported.
  const { zstdCompress, zstdDecompress } = zlib as unknown as Record<string, Parameters<typeof promisify>[0]>;
  if (zstdCompress === undefined || zstdDecompress === undefined)
    throw new UsageError(
      `compression zstd needs Node.js 22.15 or later; this is ${process.version}; snappy works here`,
    );
  const compress = promisify(zstdCompress) as Zstd;
  return { compress: ({ buffer }) => compress(buffer), decompress: promisify(zstdDecompress) as Zstd };
}

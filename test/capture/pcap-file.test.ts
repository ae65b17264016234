import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { CaptureError } from '../../src/capture/capture.ts';
import { PcapFile } from '../../src/capture/pcap-file.ts';
import { StreamSource } from '../../src/capture/stream-source.ts';
import type { Frame } from '../../src/dissect/frame.ts';
import {
  BytesSource,
  drain,
  enhanced,
  interfaceBlock,
  LITTLE,
  option,
  pcapHeader,
  pcapRecord,
  type Result,
  read,
  refusal,
  section,
  simple,
} from './capture-bytes.ts';

const folder = mkdtempSync(join(tmpdir(), 'vesper-pcap-'));
after(() => rmSync(folder, { recursive: true }));

function stored(name: string, bytes: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const readPath = (path: string): Promise<Result> => drain((onWarning) => PcapFile.open(path, { onWarning }));

/** `count` packets of 100 random bytes each, so that gzip cannot shrink them. */
function capture(count: number): Buffer {
  const records = Array.from({ length: count }, (_, index) => pcapRecord(LITTLE, index, 0, randomBytes(100)));
  return Buffer.concat([pcapHeader(LITTLE), ...records]);
}

const CAPTURE = capture(5000);
const COMPRESSED = gzipSync(CAPTURE);

async function rejection(path: string): Promise<string> {
  try {
    await PcapFile.open(path, { onWarning: assert.fail });
  } catch (error) {
    assert.ok(error instanceof CaptureError, String(error));
    return error.message;
  }
  return assert.fail('it opened');
}

describe('capture file', () => {
  test('a file over many blocks', async () => {
    const { frames, warnings } = await readPath(stored('plain', CAPTURE));
    assert.deepEqual(frames, (await read(CAPTURE)).frames);
    assert.deepEqual([frames.length, frames.at(-1)?.time, warnings], [5000, '4999.000000000', []]);
  });

  test('progress ends at the size of the file', async () => {
    const seen: (number | undefined)[][] = [];
    const options = {
      onWarning: assert.fail,
      onProgress: (...progress: (number | undefined)[]) => seen.push(progress),
    };
    const file = await PcapFile.open(stored('progress', CAPTURE), options);
    await file.run({ frame() {}, ready: () => undefined }, new AbortController().signal);
    assert.deepEqual(seen.at(-1), [CAPTURE.length, CAPTURE.length]);
    assert.ok(seen.length > 2);
  });

  test('waits for the sink between two blocks, and lets the event loop turn', async () => {
    const log: string[] = [];
    let open: (() => void) | undefined;
    const file = await PcapFile.over(new BytesSource(CAPTURE), 'test', { onWarning: assert.fail });
    const running = file.run(
      {
        frame: () => void log.push('frame'),
        ready: () => new Promise<void>((resolve) => (open = resolve)),
      },
      new AbortController().signal,
    );
    let blocks = 0;
    let before = -1;
    while (log.length < 5000) {
      await new Promise(setImmediate);
      if (!open) continue;
      assert.ok(log.length > before, 'a block has frames');
      before = log.length;
      await new Promise(setImmediate);
      assert.equal(log.length, before, 'no frame while the sink is not ready');
      blocks++;
      const go: () => void = open;
      open = undefined;
      go();
    }
    open?.();
    await running;
    assert.ok(blocks > 2, `${blocks} blocks`);
  });

  test('an abort ends it without a warning and frees the file', async () => {
    const source = new BytesSource(CAPTURE);
    const abort = new AbortController();
    let frames = 0;
    const file = await PcapFile.over(source, 'test', { onWarning: assert.fail });
    await file.run({ frame: () => void (++frames === 100 && abort.abort()), ready: () => undefined }, abort.signal);
    assert.ok(frames >= 100 && frames < 5000, `${frames} frames`);
    assert.equal(source.closed, true);
  });

  test('an abort ends the wait for a pipe', async () => {
    const pipe = new PassThrough();
    pipe.write(CAPTURE.subarray(0, 200));
    const abort = new AbortController();
    let frames = 0;
    const file = await PcapFile.over(new StreamSource(pipe), 'test', { onWarning: assert.fail });
    const running = file.run({ frame: () => void frames++, ready: () => undefined }, abort.signal);
    while (frames === 0) await new Promise(setImmediate);
    abort.abort();
    await running;
    assert.equal(pipe.destroyed, true);
  });

  test('what a sink throws comes out, and the file is freed', async () => {
    const source = new BytesSource(CAPTURE);
    const file = await PcapFile.over(source, 'test', { onWarning: assert.fail });
    const sink = {
      frame() {
        throw new RangeError('broken sink');
      },
      ready: () => undefined,
    };
    await assert.rejects(file.run(sink, new AbortController().signal), /broken sink/);
    assert.equal(source.closed, true);
  });

  test('a read error on the way keeps what was read', async () => {
    class Failing extends BytesSource {
      override read(into: Buffer, at: number, length: number): number {
        if (this.taken >= 10_000) throw new Error('EIO: i/o error, read');
        return super.read(into, at, length);
      }
    }
    const open = (onWarning: (text: string) => void) =>
      PcapFile.over(new Failing(CAPTURE, 1000), 'test', { onWarning });
    const { frames, warnings } = await drain(open);
    assert.equal(frames.length, Math.floor((10_000 - 24) / 116));
    assert.deepEqual(warnings, ['test could not be read beyond byte 10000: EIO: i/o error, read']);
  });
});

describe('hostile bytes', () => {
  const to = LITTLE;
  const packet = Buffer.from('some packet');
  const pcap = Buffer.concat([pcapHeader(to), ...[1, 2, 3].map((second) => pcapRecord(to, second, 0, packet))]);
  const described = [section(to), interfaceBlock(to, 1, 64, option(to, 9, Buffer.of(9)), option(to, 2, packet))];
  const pcapng = Buffer.concat([...described, enhanced(to, 0, 1n, packet), simple(to, packet), ...described]);
  const change = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(0, 1, 6, 255), fc.nat(255))), { maxLength: 8 });

  for (const [name, whole] of [
    ['pcap', pcap],
    ['pcapng', pcapng],
    ['gzip', gzipSync(pcapng)],
  ] as const) {
    test(`${name} with changed bytes: frames stay inside, errors are said in words`, async () => {
      const property = fc.asyncProperty(change, fc.nat(whole.length), async (changes, length) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
        let file: PcapFile;
        try {
          file = await PcapFile.over(new BytesSource(bytes, 50), 'test', { onWarning() {} });
        } catch (error) {
          assert.ok(error instanceof CaptureError, String(error));
          return;
        }
        const frame = (frame: Frame) => {
          assert.ok(frame.start >= 0 && frame.start <= frame.end && frame.end <= frame.bytes.length);
          assert.ok(frame.originalLength >= frame.end - frame.start);
          assert.ok(Number.isInteger(frame.seconds) && frame.seconds >= 0);
          assert.ok(Number.isInteger(frame.nanos) && frame.nanos >= 0 && frame.nanos < 1e9);
        };
        await file.run({ frame, ready: () => undefined }, new AbortController().signal);
      });
      await fc.assert(property, { numRuns: 500 });
    });
  }
});

describe('gzip', () => {
  test('by its magic, whatever the name', async () => {
    const { frames, warnings } = await readPath(stored('compressed.pcap', COMPRESSED));
    assert.deepEqual(frames, (await read(CAPTURE)).frames);
    assert.deepEqual(warnings, []);
  });

  test('several members are one capture', async () => {
    const half = 24 + 116 * 2500 + 50;
    const members = Buffer.concat([gzipSync(CAPTURE.subarray(0, half)), gzipSync(CAPTURE.subarray(half))]);
    assert.deepEqual((await read(members)).frames, (await read(CAPTURE)).frames);
  });

  test('zeros after the last member are padding', async () => {
    const { frames, warnings } = await read(Buffer.concat([COMPRESSED, Buffer.alloc(70_000)]));
    assert.deepEqual([frames.length, warnings], [5000, []]);
  });

  test('cut: every packet before the cut, and one warning', async () => {
    // Stored, so that the place in the compressed data tells the place in the capture.
    const compressed = gzipSync(CAPTURE, { level: 0 });
    let before = 0;
    for (let cut = 1000; cut <= compressed.length; cut += 37_111) {
      const { frames, warnings } = await read(compressed.subarray(0, cut));
      const least = Math.floor((cut - 200 - 24) / 116);
      assert.ok(frames.length >= least && frames.length >= before, `${frames.length} packets at ${cut}`);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /^test could not be read beyond byte \d+: the gzip data is cut$/);
      before = frames.length;
    }
    assert.equal((await read(compressed.subarray(0, -1))).frames.length, 5000);
  });

  test('cut at every byte of a small file: an error or fewer packets, never anything else', async () => {
    const compressed = gzipSync(CAPTURE.subarray(0, 24 + 116 * 5));
    let before = 0;
    for (let cut = 2; cut < compressed.length; cut++) {
      let packets = 0;
      try {
        const { frames, warnings } = await read(compressed.subarray(0, cut));
        assert.equal(warnings.length, 1);
        packets = frames.length;
      } catch (error) {
        assert.ok(error instanceof CaptureError, String(error));
      }
      assert.ok(packets >= before, `cut at ${cut}`);
      before = packets;
    }
    assert.equal(before, 5);
  });

  test('damaged: what is before the damage but for a chunk, and a warning', async () => {
    const damaged = Buffer.from(COMPRESSED);
    const checksum = damaged.length - 8;
    damaged.writeUInt32LE(~damaged.readUInt32LE(checksum) >>> 0, checksum);
    const { frames, warnings } = await read(damaged);
    assert.ok(frames.length >= 5000 - (128 * 1024) / 116 - 1, `${frames.length} packets`);
    assert.deepEqual(warnings.length, 1);
    assert.match(warnings[0]!, /^test could not be read beyond byte \d+: the gzip data is damaged$/);
  });

  test('a bomb is read through in bounded memory', async () => {
    const packets = Buffer.concat(Array.from({ length: 200 }, () => pcapRecord(LITTLE, 0, 0, Buffer.alloc(1 << 20))));
    const bomb = gzipSync(Buffer.concat([pcapHeader(LITTLE), packets]), { level: 9 });
    assert.ok(bomb.length < 300_000);
    const path = stored('bomb', bomb);
    const script = `
      const { PcapFile } = await import(${JSON.stringify(new URL('../../src/capture/pcap-file.js', import.meta.url))});
      let frames = 0, peak = 0;
      const frame = () => { frames++; peak = Math.max(peak, process.memoryUsage.rss()); };
      const file = await PcapFile.open(${JSON.stringify(path)}, { onWarning: console.error });
      await file.run({ frame, ready() {} }, new AbortController().signal);
      console.log(frames, peak >> 20);`;
    const [frames, peak] = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
      .split(' ')
      .map(Number);
    assert.equal(frames, 200);
    assert.ok(peak! < 160, `${peak} MiB`);
  });

  test('not a capture inside', async () => {
    assert.match(await refusal(gzipSync('hello, world')), /is not a capture: it starts with 68 65 6c 6c/);
    assert.match(await refusal(gzipSync('')), /is empty/);
    assert.match(await refusal(gzipSync(COMPRESSED)), /is not a capture: it starts with 1f 8b/);
  });
});

describe('refused', () => {
  test('what is not there, not readable, a directory', async (context) => {
    assert.equal(
      await rejection('/no/such/file'),
      '/no/such/file cannot be read: there is no such file; check the path',
    );
    assert.match(await rejection(folder), /cannot be read: it is a directory; name the files in it$/);
    const path = stored('secret', CAPTURE);
    chmodSync(path, 0);
    if (process.getuid?.() === 0) context.diagnostic('root may read every file: permission not tested');
    else assert.match(await rejection(path), /cannot be read: permission denied; run as a user who may read it$/);
  });

  test('an empty file', async () => {
    const path = stored('empty', Buffer.alloc(0));
    assert.equal(
      await rejection(path),
      `${path} is empty: was the capture stopped before it wrote anything? (tcpdump -U writes at once)`,
    );
    assert.match(await rejection('/dev/null'), /^\/dev\/null is empty/);
  });

  test('other formats, with what to do about them', async () => {
    const others: [string, RegExp][] = [
      ['hello', /^test is not a capture: it starts with 68 65 6c 6c\. pcap, pcapng/],
      ['x', /^test is not a capture: it starts with 78\./],
      ['\xfd7zXZ\0', /but xz data: try "xz -dc test \| vesper replay -"$/],
      ['(\xb5/\xfd', /but zstd data: try "zstd -dc test/],
      ['BZh91AY', /but bzip2 data/],
      ['snoop\0\0\0\0\0\0\x02', /but a snoop capture: try "editcap -F pcapng test OUT/],
    ];
    for (const [bytes, message] of others) assert.match(await refusal(Buffer.from(bytes, 'latin1')), message);
  });
});

describe('standard input', () => {
  const script = `
    const { PcapFile } = await import(${JSON.stringify(new URL('../../src/capture/pcap-file.js', import.meta.url))});
    let frames = 0;
    try {
      const file = await PcapFile.open('-', { onWarning: (text) => console.log(text) });
      await file.run({ frame() { if (++frames === 1) console.log('first'); }, ready() {} }, new AbortController().signal);
      console.log(frames);
    } catch (error) { console.log(error.message); }`;
  const args = ['--input-type=module', '-e', script];
  const piped = (input: Buffer) => spawnSync(process.execPath, args, { input }).stdout.toString();

  test('a capture, plain and compressed', () => {
    assert.equal(piped(CAPTURE), 'first\n5000\n');
    assert.equal(piped(COMPRESSED), 'first\n5000\n');
    assert.equal(
      piped(CAPTURE.subarray(0, 2000)),
      'first\nstandard input is cut: it ends at byte 2000, within a record\n17\n',
    );
  });

  test('a file as standard input', () => {
    const command = `"$0" --input-type=module -e "$1" < "$2"`;
    const out = execFileSync('sh', ['-c', command, process.execPath, script, stored('redirected', CAPTURE)]);
    assert.equal(out.toString(), 'first\n5000\n');
  });

  test('nothing, and not a capture', () => {
    assert.match(piped(Buffer.alloc(0)), /^standard input is empty/);
    assert.match(piped(Buffer.from('GET / HTTP/1.1')), /^standard input is not a capture: it starts with 47 45 54 20/);
  });

  test('packets are seen as they arrive', async () => {
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.write(CAPTURE.subarray(0, 24 + 116));
    const out: string[] = [];
    for await (const text of child.stdout.setEncoding('utf8')) {
      // The first packet is out while the pipe is still open; only then comes the rest.
      if (out.push(text) === 1) child.stdin.end(CAPTURE.subarray(24 + 116, 24 + 116 * 3));
    }
    assert.deepEqual(out.join(''), 'first\n3\n');
  });

  test('a named pipe', { skip: process.platform === 'win32' }, async () => {
    mkdirSync(folder, { recursive: true });
    const path = join(folder, 'fifo');
    execFileSync('mkfifo', [path]);
    const writer = spawn('sh', ['-c', 'cat > "$0"', path], { stdio: ['pipe', 'ignore', 'inherit'] });
    writer.stdin.end(COMPRESSED);
    const { frames, warnings } = await readPath(path);
    assert.deepEqual([frames.length, warnings], [5000, []]);
  });
});

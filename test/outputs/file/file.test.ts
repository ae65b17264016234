import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FileOutput } from '../../../src/outputs/file/file.ts';
import { DeliveryError } from '../../../src/outputs/output.ts';
import { cleanEnvironment, MAIN, vesper } from '../../support/cli.ts';
import { PROJECT } from '../../support/shared.ts';
import { eventOf, eventsOf } from '../events.ts';
import { fileSettings } from '../routes.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'vesper-file-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const open = (path: string, options: object = {}): FileOutput =>
  new FileOutput(fileSettings(path, options), assert.fail);

const isRoot = process.getuid?.() === 0;

describe('FileOutput', () => {
  it('creates the file and its directories with the first batch, not before', async () => {
    const path = join(folder, 'a/b/all.ndjson');
    const output = open(path);
    output.sendNow([]);
    assert.equal(existsSync(join(folder, 'a')), false);
    await output.send(eventsOf(['{"n":1}', '{"n":2}']));
    assert.equal(readFileSync(path, 'utf8'), '{"n":1}\n{"n":2}\n');
    assert.equal(statSync(path).mode & 0o007, 0, 'not for everybody');
    await output.close();
    await output.close();
  });

  it('appends, also to what is there already', async () => {
    const path = join(folder, 'append.ndjson');
    writeFileSync(path, 'before\n');
    for (const line of ['one', 'two']) {
      const output = open(path);
      output.sendNow([eventOf(line)]);
      await output.close();
    }
    assert.equal(readFileSync(path, 'utf8'), 'before\none\ntwo\n');
  });

  it('ends a last line that a crash has torn', async () => {
    const path = join(folder, 'torn.ndjson');
    writeFileSync(path, '{"whole":1}\n{"torn');
    const output = open(path);
    output.sendNow([eventOf('{"next":1}')]);
    await output.close();
    assert.equal(readFileSync(path, 'utf8'), '{"whole":1}\n{"torn\n{"next":1}\n');
  });

  it('keeps the kinds apart, in order', async () => {
    const path = join(folder, '{kind}/{kind}.ndjson');
    const output = open(path);
    output.sendNow(eventsOf(['f1', 'd1', 'd2', 'f2', 'd3', 'd4'], ['flow', 'dns', 'dns']));
    output.sendNow([eventOf('f3'), eventOf('t1', 'tls')]);
    await output.close();
    const read = (kind: string): string => readFileSync(join(folder, kind, `${kind}.ndjson`), 'utf8');
    assert.equal(read('flow'), 'f1\nf2\nf3\n');
    assert.equal(read('dns'), 'd1\nd2\nd3\nd4\n');
    assert.equal(read('tls'), 't1\n');
    assert.equal(existsSync(join(folder, 'finding')), false);
  });

  it('writes events of several blocks and of any UTF-8', async () => {
    const path = join(folder, 'blocks.ndjson');
    const output = open(path);
    output.sendNow([...eventsOf(['é', '😀']), eventOf('x'), ...eventsOf(['1', '2']).reverse()]);
    await output.close();
    assert.equal(readFileSync(path, 'utf8'), 'é\n😀\nx\n2\n1\n');
  });

  it('says why it cannot write', async () => {
    const file = join(folder, 'plain');
    writeFileSync(file, '');
    for (const [path, reason] of [
      [join(file, 'below.ndjson'), /cannot write .*plain\/below.ndjson: .* \((ENOTDIR|EEXIST)\)$/],
      ['/dev/full', /^cannot write \/dev\/full: no space left on device \(ENOSPC\)$/],
    ] as const) {
      const output = open(path);
      await assert.rejects(output.send(eventsOf(['1', '2'])), (error) => {
        assert.ok(error instanceof DeliveryError);
        assert.match(error.message, reason);
        assert.equal(error.remaining?.length, 2);
        assert.equal(error.retryable, true);
        return true;
      });
      await output.close();
    }
  });

  it('does not wait for the reader of a pipe', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const capture = join(PROJECT, 'test/fixtures/cases/dns-udp/input.pcap');
    // In a process of its own: a program that waits here would wait forever.
    const command = ['60', process.execPath, MAIN, 'replay', capture, '-o', path];
    const unread = spawnSync('timeout', command, { encoding: 'utf8', env: cleanEnvironment() });
    assert.equal(unread.status, 1, unread.stderr);
    assert.match(unread.stderr, /cannot write .*pipe: it is a pipe that nobody reads/);
    const reader = spawn('cat', [path], { stdio: ['ignore', 'pipe', 'ignore'] });
    const parts: Buffer[] = [];
    reader.stdout.on('data', (part: Buffer) => parts.push(part));
    // Held from both ends: it has a reader for certain, and its end comes when the replay is over.
    const held = openSync(path, 'r+');
    const closed = once(reader, 'close');
    const [{ stdout }, read] = await Promise.all([
      vesper(['replay', capture]),
      vesper(['replay', capture, '-o', path]),
    ]);
    closeSync(held);
    await closed;
    assert.equal(read.status, 0, read.stderr);
    assert.equal(Buffer.concat(parts).toString(), stdout);
  });

  it('writes the other files where one cannot be written', async () => {
    const path = join(folder, 'parts/{kind}.ndjson');
    mkdirSync(join(folder, 'parts/dns.ndjson'), { recursive: true });
    const output = open(path);
    const isOfDns = (error: unknown): boolean => {
      assert.ok(error instanceof DeliveryError);
      assert.match(error.message, /dns\.ndjson: .*\(EISDIR\)$/);
      assert.deepEqual(
        error.remaining?.map(({ line }) => line),
        ['d1', 'd2'],
      );
      return true;
    };
    assert.throws(() => output.sendNow(eventsOf(['f1', 'd1', 't1', 'd2'], ['flow', 'dns', 'tls', 'dns'])), isOfDns);
    await assert.rejects(output.send(eventsOf(['f2', 'd1', 'd2', 't2'], ['flow', 'dns', 'dns', 'tls'])), isOfDns);
    await output.close();
    assert.equal(readFileSync(join(folder, 'parts/flow.ndjson'), 'utf8'), 'f1\nf2\n');
    assert.equal(readFileSync(join(folder, 'parts/tls.ndjson'), 'utf8'), 't1\nt2\n');
  });

  it('says that a directory is not writable', { skip: isRoot && 'root may write everywhere' }, () => {
    const closed = mkdtempSync(join(folder, 'closed-'));
    chmodSync(closed, 0o500);
    const output = open(join(closed, 'x.ndjson'));
    assert.throws(() => output.sendNow([eventOf('x')]), /permission denied \(EACCES\)$/);
    assert.deepEqual(readdirSync(closed), []);
  });

  it('counts the whole lines that were written before the disk was full', () => {
    const path = join(folder, 'limited.ndjson');
    const child = fileURLToPath(new URL('./file-child.js', import.meta.url));
    const limited = `trap '' XFSZ; ulimit -f 1; exec "$0" "$1" "$2"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', limited, process.execPath, child, path], { encoding: 'utf8' });
    const { size } = statSync(path);
    assert.ok(size > 0 && size < 10_000, `${size} bytes ${stderr}`);
    const { message, remaining } = JSON.parse(stdout);
    assert.match(message, /file too large \(EFBIG\)$/);
    assert.equal(remaining, 1_000 - Math.floor(size / 10));
  });
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

const MODULE = join(import.meta.dirname, '../src/standard-error.js');

/** A program that uses the module; what it says on standard output is JSON. */
function start(program: string, standardError: 'pipe' | number): ChildProcess {
  const whole = `const { toStandardError } = await import(${JSON.stringify(MODULE)});\n${program}`;
  return spawn(process.execPath, ['--input-type=module', '-e', whole], { stdio: ['pipe', 'pipe', standardError] });
}

async function answer(child: ChildProcess): Promise<unknown> {
  const said = await text(child.stdout!);
  if (child.exitCode === null) await once(child, 'exit');
  assert.equal(child.exitCode, 0);
  return JSON.parse(said);
}

const LINE = 'x'.repeat(99);

test('a full disk under standard error', async () => {
  const full = openSync('/dev/full', 'w');
  const child = start(`console.log(JSON.stringify([toStandardError('a\\n'), toStandardError('b\\n')]))`, full);
  closeSync(full);
  assert.deepEqual(await answer(child), [false, false]);
});

test('a reader that has gone', async () => {
  const child = start(
    `process.stdin.once('data', () => { console.log(JSON.stringify(toStandardError('a\\n'))); process.exit(); })`,
    'pipe',
  );
  child.stderr!.destroy();
  await once(child.stderr!, 'close');
  child.stdin!.write('go\n');
  assert.equal(await answer(child), false);
});

test('a reader that stands still holds nobody for ever, and gets whole lines when it goes on', async () => {
  const child = start(
    `process.stderr.isTTY;
    let lines = 0;
    while (toStandardError('${LINE}\\n')) lines++;
    const again = toStandardError('${LINE}\\n');
    process.stdout.write('[' + lines + ',' + again);
    process.stdin.once('data', async () => {
      while (!toStandardError('last\\n')) await new Promise((resolve) => setTimeout(resolve, 5));
      process.stdout.write(']');
      process.exit();
    });`,
    'pipe',
  );
  let said = '';
  child.stdout!.on('data', (part) => {
    said += part;
  });
  while (!said.includes(',')) await once(child.stdout!, 'data');
  let got = '';
  child.stderr!.on('data', (part) => {
    got += part;
  });
  child.stdin!.write('go\n');
  await once(child, 'close');
  const [lines, again] = JSON.parse(said) as [number, boolean];
  assert.ok(lines > 0);
  assert.equal(again, false);
  const read = got.trimEnd().split('\n');
  assert.equal(read.filter((line) => line === LINE).length, lines);
  assert.equal(read.at(-1), 'last');
  assert.ok(read.length <= lines + 2, 'one torn line at most');
});

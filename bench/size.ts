/**
 * Bytes an event of each kind, with each setting of `extras`, and of what Zeek writes of the same traffic.
 *
 *     node dist/bench/size.js CAPTURE…                        our events of the captures, together
 *     node dist/bench/size.js --corpus FOLDER                 our events and Zeek's expected logs, capture by capture
 *
 * The corpus has Zeek's logs as tables. They are turned into what its JSON writer makes of them: a key for each column, unset
 * fields left out; the times that the tables mask are as long as any other.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EXTRAS, type Extras, type Kind } from '../src/cim/event.ts';
import { replayLines } from '../test/cim/oracle/replay.ts';
import { capturesBelow } from '../test/support/shared.ts';

interface Size {
  events: number;
  bytes: number;
}

type Sizes = Map<string, Size>;

function add(sizes: Sizes, name: string, bytes: number): void {
  const size = sizes.get(name) ?? { events: 0, bytes: 0 };
  sizes.set(name, size);
  size.events++;
  size.bytes += bytes;
}

/** With its newline. */
const lengthOf = (line: string): number => Buffer.byteLength(line) + 1;

async function ours(files: readonly string[], extras: Extras): Promise<Sizes> {
  const sizes: Sizes = new Map();
  for (const file of files) {
    await replayLines(file, (kind, line) => add(sizes, kind, lengthOf(line)), { extras });
  }
  return sizes;
}

/** The logs of Zeek that tell what a kind of ours tells. */
const ZEEK_LOGS: Readonly<Record<string, Kind>> = {
  'conn.log': 'flow',
  'dns.log': 'dns',
  'ssl.log': 'tls',
  'x509.log': 'certificate',
};

/** What Zeek's JSON writer makes of one value of a table. */
function zeekValue(type: string, text: string): string {
  if (/^(set|vector)\[/.test(type)) {
    const inner = type.slice(type.indexOf('[') + 1, -1);
    return `[${
      text === '(empty)'
        ? ''
        : text
            .split(',')
            .map((one) => zeekValue(inner, one))
            .join(',')
    }]`;
  }
  if (type === 'bool') return text === 'T' ? 'true' : 'false';
  if (/^(count|int|port|double|time|interval)$/.test(type)) return text;
  return JSON.stringify(text === '(empty)' ? '' : text);
}

function* zeekLines(file: string): Generator<string> {
  let fields: string[] = [];
  let types: string[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.startsWith('#fields')) fields = line.split('\t').slice(1);
    else if (line.startsWith('#types')) types = line.split('\t').slice(1);
    else if (line !== '' && !line.startsWith('#')) {
      const members = line.split('\t').flatMap((text, i) => {
        const name = fields[i];
        return text === '-' || name === undefined ? [] : [`${JSON.stringify(name)}:${zeekValue(types[i] ?? '', text)}`];
      });
      yield `{${members.join(',')}}`;
    }
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** Zeek's logs beside a capture: complete ones, one of each kind. */
function zeekLogs(capture: string): ReadonlyMap<Kind, string> {
  const folder = `${capture.replace(/\.[a-z]+$/, '')}.expected`;
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return new Map();
  const logs = filesBelow(folder).filter((file) => ZEEK_LOGS[basename(file)] !== undefined && file.includes('/zeek/'));
  return new Map(logs.map((file) => [ZEEK_LOGS[basename(file)]!, file]));
}

function print(rows: readonly (readonly [string, Sizes])[]): void {
  const kinds = [...new Set(rows.flatMap(([, sizes]) => [...sizes.keys()]))];
  console.log(`| | ${kinds.map((kind) => `${kind}: bytes an event (events)`).join(' | ')} |`);
  console.log(`|---|${kinds.map(() => '---:|').join('')}`);
  for (const [name, sizes] of rows) {
    const cells = kinds.map((kind) => {
      const size = sizes.get(kind);
      return size === undefined ? '' : `${Math.round(size.bytes / size.events)} (${size.events})`;
    });
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

async function compareWithZeek(folder: string): Promise<void> {
  const zeek: Sizes = new Map();
  const same = new Map<Extras, Sizes>(EXTRAS.map((extras) => [extras, new Map()]));
  for (const capture of capturesBelow(folder)) {
    const logs = zeekLogs(capture);
    if (logs.size === 0) continue;
    for (const [kind, file] of logs) for (const line of zeekLines(file)) add(zeek, kind, lengthOf(line));
    for (const extras of EXTRAS) {
      await replayLines(
        capture,
        (kind, line) => {
          if (logs.has(kind)) add(same.get(extras)!, kind, lengthOf(line));
        },
        { extras },
      );
    }
  }
  print([...EXTRAS.map((extras) => [`vesper, extras ${extras}`, same.get(extras)!] as const), ['Zeek, JSON', zeek]]);
}

const [first, ...others] = process.argv.slice(2);
if (first === '--corpus' && others[0] !== undefined) await compareWithZeek(others[0]);
else if (first !== undefined) {
  const rows: [string, Sizes][] = [];
  for (const extras of EXTRAS) rows.push([`extras ${extras}`, await ours([first, ...others], extras)]);
  print(rows);
} else console.error('node dist/bench/size.js CAPTURE… | --corpus FOLDER');

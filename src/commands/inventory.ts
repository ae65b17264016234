/** `vesper inventory`: the TLS that servers and clients really used, from captures or from recorded events. */
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip, gunzipSync, constants as zlib } from 'node:zlib';
import { type ClientEntry, Inventory, type ServerEntry } from '../inventory/inventory.ts';
import { inventoryJson, isoTime } from '../inventory/json.ts';
import { certificateFacts, observe } from '../inventory/observation.ts';
import { linesOf, parseRecorded } from '../inventory/recorded.ts';
import type { Counts, Usage } from '../inventory/usage.ts';
import { loadPolicies } from '../policy/load.ts';
import { formatProblem } from '../policy/problem.ts';
import { toStandardError } from '../standard-error.ts';
import { UsageError } from '../usage-error.ts';
import { packageVersion } from '../version.ts';
import { type FlagSpec, HELP_FLAG, parseFlags } from './flags.ts';
import { print } from './print.ts';
import { readCaptures } from './read-captures.ts';
import { formatEndpoint, formatTable } from './table.ts';

const HELP = `vesper inventory FILE… [--json | --cbom] [--policy NAME|FILE…]

  Every server and every client of captures (pcap, pcapng, gzip, - for standard input) or of recorded events (one JSON
  object a line in CIM form, gzip or not): the versions, cipher suites, groups and certificates that were really
  negotiated, how often, from when to when, and what the policies said of it.

      --json                   one JSON document
      --cbom                   a CycloneDX 1.6 cryptography bill of materials
      --policy NAME|FILE       judge the handshakes of captures by it (default baseline); recorded events keep the verdicts
                               that they have. May be given several times.

  Exit status 1 if a line could not be read or a limit left something out.
`;

const FLAGS = {
  ...HELP_FLAG,
  json: { type: 'boolean' },
  cbom: { type: 'boolean' },
  policy: { type: 'string', multiple: true },
} as const satisfies FlagSpec;

/** Enough to tell events from captures, unzipped too. */
const HEAD_BYTES = 4096;
const GZIP_MAGIC = 0x1f8b;

const OBJECT_START = 0x7b;

interface Source {
  readonly file: string;
  readonly events: boolean;
  readonly zipped: boolean;
}

/** @throws UsageError where the file cannot be read */
async function look(file: string): Promise<Source> {
  if (file === '-') return { file, events: false, zipped: false };
  try {
    // What is looked at in a pipe is gone: only captures come through one, as through standard input.
    if (!(await stat(file)).isFile()) return { file, events: false, zipped: false };
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      const head = buffer.subarray(0, bytesRead);
      const zipped = bytesRead > 2 && head.readUInt16BE(0) === GZIP_MAGIC;
      return { file, events: (zipped ? unzip(head) : head)[0] === OBJECT_START, zipped };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`cannot read ${file}: ${code === 'EISDIR' ? 'it is a directory' : message}`);
  }
}

/** As far as it goes: the end is missing. */
function unzip(head: Buffer): Buffer {
  try {
    return gunzipSync(head, { finishFlush: zlib.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}

/** Lines that are no events in CIM form. */
async function readEvents({ file, zipped }: Source, inventory: Inventory): Promise<number> {
  let unreadable = 0;
  const bytes = createReadStream(file);
  // Its errors come out of the loop below.
  const stream: Readable = zipped ? pipeline(bytes, createGunzip(), () => {}) : bytes;
  try {
    for await (const line of linesOf(stream)) {
      const recorded = parseRecorded(line);
      if (recorded.kind === 'handshake') inventory.handshake(recorded.observation);
      else if (recorded.kind === 'certificate') inventory.certificate(recorded.server, recorded.certificate);
      else if (recorded.kind === 'unreadable') unreadable++;
    }
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
  return unreadable;
}

async function readTraffic(files: readonly string[], names: readonly string[], inventory: Inventory): Promise<boolean> {
  let whole = true;
  const warn = (text: string): void => void toStandardError(`vesper: warning: ${text}\n`);
  const policies = loadPolicies(names, {
    now: Date.now() / 1000,
    onWarning: (warning) => warn(formatProblem(warning)),
  });
  const onWarning = (text: string): void => {
    whole = false;
    warn(text);
  };
  await readCaptures(files, { dns: false, onWarning }, (event) => {
    if (event.kind !== 'tls_handshake') return;
    inventory.handshake(observe(event, policies.judge(event)));
    const leaf = event.details?.certificates?.[0];
    if (leaf !== undefined) inventory.certificate(event.conversation.server, certificateFacts(leaf));
  });
  return whole;
}

/** A value a line, with how often. */
function countsText(counts: Counts): string {
  return counts
    .entries()
    .map(([value, count]) => `${value} ${count}`)
    .join('\n');
}

/** `baseline: 3 compliant, 1 non_compliant`, and the rules below. */
function verdictsText({ policies }: Usage): string {
  return [...policies]
    .map(([policy, { outcomes, rules }]) => {
      const counts = Object.entries(outcomes).filter(([, count]) => count > 0);
      const said = counts.map(([outcome, count]) => `${count} ${outcome}`).join(', ');
      return [`${policy}: ${said}`, ...rules.entries().map(([rule, count]) => `  ${rule} ${count}`)].join('\n');
    })
    .join('\n');
}

const USAGE_HEADER = ['handshakes', 'first and last', 'negotiated', 'groups'];

function usageCells(usage: Usage): string[] {
  const times = usage.handshakes > 0 ? [usage.firstSeen, usage.lastSeen] : [];
  const seen = times.map((time) => `${isoTime(time).slice(0, 19)}Z`).join('\n');
  return [String(usage.handshakes), seen, countsText(usage.negotiated), countsText(usage.groups)];
}

function serverCells({ address, names, usage, certificates }: ServerEntry): string[] {
  const shown = [...certificates.values()].map(({ subject, keyType, keyBits, notAfter }) => {
    const key = [keyType, keyBits].join(' ').trim();
    return `${subject}, ${key}, until ${isoTime(notAfter).slice(0, 10)}`;
  });
  const asked = names.entries().map(([name]) => name);
  return [formatEndpoint(address), asked.join('\n'), ...usageCells(usage), shown.join('\n'), verdictsText(usage)];
}

function clientCells({ ip, usage }: ClientEntry): string[] {
  return [ip, ...usageCells(usage), verdictsText(usage)];
}

function tables(inventory: Inventory, files: readonly string[]): string {
  const servers = inventory.servers().map(serverCells);
  const clients = inventory.clients().map(clientCells);
  if (servers.length + clients.length === 0) return `no TLS handshake in ${files.join(', ')}`;
  return [
    formatTable(['server', 'names', ...USAGE_HEADER, 'certificates', 'verdicts'], servers),
    formatTable(['client', ...USAGE_HEADER, 'verdicts'], clients),
  ].join('\n\n');
}

export async function inventory(args: string[]): Promise<number> {
  const { values, positionals: files } = parseFlags(args, FLAGS, 'inventory');
  if (values.help) {
    print(HELP);
    return 0;
  }
  if (files.length === 0) throw new UsageError('name captures or files of events; see vesper inventory --help');
  if (values.json && values.cbom) throw new UsageError('give --json or --cbom, not both');
  const sources = await Promise.all(files.map(look));
  const made = new Inventory();
  let whole = true;
  const captures = sources.filter(({ events }) => !events).map(({ file }) => file);
  if (captures.length > 0) {
    whole = await readTraffic(captures, (values.policy as string[] | undefined) ?? ['baseline'], made);
  }
  for (const source of sources.filter(({ events }) => events)) {
    const unreadable = await readEvents(source, made);
    if (unreadable === 0) continue;
    whole = false;
    const lines = unreadable === 1 ? '1 line is no event' : `${unreadable} lines are no events`;
    toStandardError(`vesper: warning: ${source.file}: ${lines} in CIM form\n`);
  }
  const { servers, clients } = made.leftOut;
  if (servers + clients > 0) {
    whole = false;
    toStandardError(`vesper: warning: too many: ${servers} of servers and ${clients} of clients left out\n`);
  }
  print(`${await written(made, files, values.json === true, values.cbom === true)}\n`);
  return whole ? 0 : 1;
}

async function written(made: Inventory, files: readonly string[], json: boolean, cbom: boolean): Promise<string> {
  if (json) return inventoryJson(made, files);
  // The library is large and for this alone.
  if (cbom) return (await import('../inventory/cbom.ts')).inventoryCbom(made, packageVersion());
  return tables(made, files);
}

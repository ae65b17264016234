/**
 * Stub resolvers that ask two recursive resolvers: 200 clients (a fifth over IPv6), a new random port for each query,
 * 20,000 names of which few are asked often (Zipf, exponent 1), A 50 %, AAAA 25 %, HTTPS 15 %, PTR 10 %. Four in five
 * queries carry EDNS. 8 % of the answers are NXDOMAIN, a third of the address answers go through one or two CNAMEs,
 * half of the HTTPS answers are empty (with the zone's SOA). An answer takes 0.2 to 80 ms (its logarithm is uniform);
 * one query in a thousand gets none.
 */
import { DnsBuilder, RecordType } from './dns-builder.ts';
import { Random, Zipf } from './random.ts';
import { Timeline } from './timeline.ts';
import { type CaptureWriter, type Path, reverse } from './writer.ts';

const CLIENTS = 200;
const RESOLVERS = [0xc000_0235, 0xc000_0236]; // 192.0.2.53, 192.0.2.54
const NAMES = 20_000;
const QUERIES_PER_SECOND = 5000;
const NXDOMAIN = 3;

interface Query {
  readonly path: Path;
  readonly id: number;
  readonly name: number;
  readonly type: number;
  readonly edns: boolean;
}

export function writeDns(writer: CaptureWriter, transactions: number): void {
  const random = new Random(0xd25);
  const names = Array.from({ length: NAMES }, (_, index) => makeName(random, index));
  const zipf = new Zipf(NAMES, 1);
  const builder = new DnsBuilder();
  // At 80 ms and 5,000 queries a second about 400 wait for their answer; a query holds its place until then.
  const waiting: (Query | undefined)[] = new Array(4096);
  const timeline = new Timeline(waiting.length);
  let next = 0;
  for (let asked = 0; asked < transactions || timeline.next < Number.POSITIVE_INFINITY; ) {
    const queryTime = asked < transactions ? (asked / QUERIES_PER_SECOND) * 1e6 : Number.POSITIVE_INFINITY;
    if (timeline.next <= queryTime) {
      const time = timeline.next;
      const place = timeline.pop();
      respond(writer, builder, random, waiting[place] as Query, names, time);
      waiting[place] = undefined;
      continue;
    }
    const query = ask(random, zipf);
    builder.begin(query.id, 0x0100, query.edns);
    builder.question(nameOf(names, query), query.type);
    if (query.edns) builder.edns();
    writer.udp(queryTime, query.path, builder.bytes, 0, builder.length);
    asked++;
    if (random.below(1000) === 0) continue;
    while (waiting[next]) next = (next + 1) % waiting.length;
    waiting[next] = query;
    timeline.push(queryTime + random.logarithmic(200, 80_000), next);
  }
}

function ask(random: Random, zipf: Zipf): Query {
  const client = random.below(CLIENTS);
  const dice = random.below(100);
  return {
    path: {
      ipv6: client % 5 === 0,
      source: 0x0a03_0000 + client,
      destination: RESOLVERS[random.below(RESOLVERS.length)] ?? 0,
      sourcePort: random.between(32_768, 60_999),
      destinationPort: 53,
    },
    id: random.below(65_536),
    name: zipf.pick(random),
    type: dice < 50 ? RecordType.A : dice < 75 ? RecordType.AAAA : dice < 90 ? RecordType.HTTPS : RecordType.PTR,
    edns: random.below(5) !== 0,
  };
}

function nameOf(names: readonly string[], query: Query): string {
  const name = query.name;
  if (query.type === RecordType.PTR) return `${name % 251}.${name % 241}.51.198.in-addr.arpa`;
  return names[name] as string;
}

function respond(
  writer: CaptureWriter,
  builder: DnsBuilder,
  random: Random,
  query: Query,
  names: readonly string[],
  time: number,
): void {
  const name = nameOf(names, query);
  const missing = random.below(100) < 8;
  builder.begin(query.id, missing ? 0x8180 | NXDOMAIN : 0x8180, query.edns);
  builder.question(name, query.type);
  if (missing || (query.type === RecordType.HTTPS && random.below(2) === 0)) builder.authority();
  else if (query.type === RecordType.PTR) builder.pointer(names[query.name] as string);
  else {
    if (query.type !== RecordType.HTTPS && random.below(3) === 0) {
      for (let links = random.between(1, 2); links > 0; links--)
        builder.alias(`e${random.below(10_000)}.dsc.edge-network.example`);
    }
    const count = query.type === RecordType.HTTPS ? 1 : random.between(1, 4);
    for (let i = 0; i < count; i++) builder.address(query.type, random.word());
  }
  if (query.edns) builder.edns();
  writer.udp(time, reverse(query.path), builder.bytes, 0, builder.length);
}

const SYLLABLES = [
  'ka',
  'lo',
  'mi',
  'ter',
  'sun',
  'ra',
  'ven',
  'do',
  'pix',
  'el',
  'nor',
  'qua',
  'sti',
  'by',
  'zen',
  'hu',
];
const HOSTS = [
  'www',
  'api',
  'cdn',
  'img',
  'static',
  'mail',
  'login',
  'telemetry',
  'assets-eu-west-1',
  'v10.events.data',
];

/** Two to five labels, 12 to 50 characters. */
function makeName(random: Random, index: number): string {
  let domain = '';
  for (let i = random.between(2, 4); i > 0; i--) domain += SYLLABLES[random.below(SYLLABLES.length)];
  const host = random.below(4) === 0 ? '' : `${HOSTS[random.below(HOSTS.length)]}.`;
  const shard = random.below(4) === 0 ? `s${index.toString(36)}.` : '';
  return `${shard}${host}${domain}${index}.example`;
}

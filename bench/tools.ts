import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { countLines } from './measure.ts';

/** A program that reads a capture, and how to tell what it made of it. */
export interface Tool {
  readonly name: string;
  command(capture: string, folder: string): string[];
  /** What it made, from its standard output or from the files in `folder`. */
  made(folder: string, outputFile: string): Promise<string>;
}

const ADDRESSES = 'frame.time_epoch ip.src ip.dst ipv6.src ipv6.dst';
const DNS_FIELDS =
  `${ADDRESSES} udp.srcport udp.dstport dns.id dns.flags.response dns.flags.rcode dns.qry.name dns.qry.type ` +
  'dns.a dns.aaaa dns.cname dns.ptr.domain_name dns.time';
const TLS_FIELDS =
  `${ADDRESSES} tcp.srcport tcp.dstport tls.handshake.type tls.handshake.version ` +
  'tls.handshake.extensions.supported_version tls.handshake.ciphersuite tls.handshake.extensions_server_name ' +
  'tls.handshake.extensions_alpn_str tls.handshake.extensions_supported_group tls.handshake.sig_hash_alg';
/** Lines of `-z conv` around its rows: a rule, two titles, two lines of heads, a rule. */
const CONVERSATION_FRAME = 6;

const CONVERSATIONS = ['-q', '-z', 'conv,tcp'];
const WANTED: Readonly<Record<string, string[]>> = {
  dns: rows('dns', DNS_FIELDS),
  tls: rows('tls.handshake.type in {1,2}', TLS_FIELDS),
};

export const tcpdump: Tool = {
  name: 'tcpdump -w /dev/null',
  command: (capture) => ['tcpdump', '-r', capture, '-w', '/dev/null'],
  made: async () => 'nothing: the floor',
};

export const ndpiReader: Tool = {
  name: 'ndpiReader',
  command: (capture) => ['ndpiReader', '-i', capture],
  async made(_folder, outputFile) {
    const flows = /Unique flows:\s+(\d+)/.exec(readFileSync(outputFile, 'utf8'))?.[1];
    return flows === undefined ? 'unknown' : `${flows} flows counted`;
  },
};

/** This agent with its defaults: flows, DNS, TLS, judged by the baseline policy, CIM lines in files on disk. */
export function vesper(main: string): Tool {
  return {
    name: 'vesper replay',
    command: (capture, folder) => [process.execPath, main, 'replay', capture, '-o', join(folder, '{kind}.ndjson')],
    async made(folder) {
      const counts: string[] = [];
      for (const file of readdirSync(folder).sort()) {
        if (file.endsWith('.ndjson'))
          counts.push(`${await countLines(join(folder, file))} ${file.slice(0, -'.ndjson'.length)}`);
      }
      return counts.join(', ');
    },
  };
}

/**
 * tshark without name resolution, asked for about what we report: conversations for packets and flows, one row a
 * message for DNS, one row a hello for TLS. `packets`: only so many of them.
 */
export function tshark(kind: string, packets: number): Tool {
  const wanted = WANTED[kind] ?? CONVERSATIONS;
  return {
    name: 'tshark',
    command: (capture) => ['tshark', '-n', '-r', capture, '-c', String(packets), ...wanted],
    async made(_folder, outputFile) {
      const lines = await countLines(outputFile);
      return wanted === CONVERSATIONS ? `${lines - CONVERSATION_FRAME} conversations` : `${lines} rows`;
    },
  };
}

function rows(filter: string, fields: string): string[] {
  return ['-Y', filter, '-T', 'fields', ...fields.split(' ').flatMap((field) => ['-e', field])];
}

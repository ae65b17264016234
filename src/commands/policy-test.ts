/** `vesper policy test`: every handshake of a capture with its verdict. */
import { CaptureError } from '../capture/capture.ts';
import { PcapFile } from '../capture/pcap-file.ts';
import { createCounters } from '../counters.ts';
import { Engine } from '../dissect/engine.ts';
import type { TlsHandshakeEvent } from '../dissect/event.ts';
import { FLOW_DEFAULTS } from '../dissect/flow/options.ts';
import { cipherSuiteName, sslVersionName, tlsVersionName } from '../dissect/iana.ts';
import { DEFAULT_NETWORK_OPTIONS } from '../dissect/net/decoder.ts';
import type { Policy } from '../policy/policy.ts';
import type { Verdict } from '../policy/verdict.ts';
import { UsageError } from '../usage-error.ts';

function row({ conversation, client, server }: TlsHandshakeEvent, verdict: Verdict): string[] {
  const { server: end } = conversation;
  const port = end.ip.includes(':') ? `[${end.ip}]:${end.port}` : `${end.ip}:${end.port}`;
  const version = server ? (sslVersionName(server.version) ?? tlsVersionName(server.version)) : 'no ServerHello';
  return [
    verdict.outcome,
    conversation.client.ip,
    port,
    client?.serverName ?? '',
    version,
    server ? cipherSuiteName(server.cipherSuite) : '',
    verdict.violations.map(({ rule }) => rule).join(', '),
  ];
}

const HEADER = ['verdict', 'client', 'server', 'server name', 'version', 'cipher suite', 'violated rules'];

function table(rows: readonly (readonly string[])[]): string {
  const widths = HEADER.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)));
  return rows.map((cells) => `${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd()).join('\n');
}

/** Prints the table; 1 if a handshake is not compliant, else 0. */
export async function testPolicy(policy: Policy, path: string): Promise<number> {
  const handshakes: { event: TlsHandshakeEvent; verdict: Verdict }[] = [];
  const onWarning = (text: string): void => void process.stderr.write(`vesper: warning: ${text}\n`);
  try {
    const capture = await PcapFile.open(path, { onWarning });
    const engine = new Engine(
      {
        flows: false,
        dns: false,
        tls: true,
        network: DEFAULT_NETWORK_OPTIONS,
        flow: FLOW_DEFAULTS,
        dnsOptions: { messages: false, transactions: false, ports: [], queryTimeout: 10 },
        tlsOptions: {
          messages: false,
          transactions: true,
          certificates: true,
          certificateEvents: false,
          fingerprints: [],
        },
        filter: { ignoreSources: [], ignoreDestinations: [], ignoreNetworks: [], ignorePorts: [] },
        interfaceName: (index) => capture.interfaceName(index),
      },
      createCounters(),
      (event) => {
        if (event.kind === 'tls_handshake') handshakes.push({ event, verdict: policy.judge(event) });
      },
    );
    const sink = { frame: (frame: Parameters<Engine['frame']>[0]) => engine.frame(frame), ready: () => undefined };
    await capture.run(sink, new AbortController().signal);
    engine.end();
  } catch (error) {
    if (error instanceof CaptureError) throw new UsageError(error.message);
    throw error;
  }
  if (handshakes.length === 0) {
    process.stdout.write(`no TLS handshake in ${path}\n`);
    return 0;
  }
  process.stdout.write(`${table([HEADER, ...handshakes.map(({ event, verdict }) => row(event, verdict))])}\n`);
  return handshakes.some(({ verdict }) => verdict.outcome === 'non_compliant') ? 1 : 0;
}

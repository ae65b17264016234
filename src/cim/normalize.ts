/** CIM: one event per flow record, DNS transaction, TLS handshake, certificate and policy violation. */
import type { NetworkEvent } from '../dissect/event.ts';
import type { Finding } from '../policy/finding.ts';
import type { Verdict } from '../policy/verdict.ts';
import { CertificateLine } from './certificates.ts';
import type { CimEvent } from './event.ts';
import type { EventFormat } from './format.ts';
import { FindingLine } from './intrusion-detection.ts';
import { LineWriter } from './json-line.ts';
import { CIM_LINE_ROOM, type CimOptions, LineParts } from './line-parts.ts';
import { DnsLine } from './network-resolution.ts';
import { FlowLine } from './network-traffic.ts';
import { TlsLine } from './tls.ts';

export class Normalizer implements EventFormat {
  private readonly flow: FlowLine;
  private readonly dns: DnsLine;
  private readonly tls: TlsLine;
  private readonly certificates: CertificateLine;
  private readonly findings: FindingLine;

  constructor(options: CimOptions) {
    const parts = new LineParts(options, new LineWriter(CIM_LINE_ROOM));
    this.flow = new FlowLine(parts);
    this.dns = new DnsLine(parts);
    this.tls = new TlsLine(parts, options.flowsCollected);
    this.certificates = new CertificateLine(parts);
    this.findings = new FindingLine(parts);
  }

  normalize(event: NetworkEvent, verdicts: readonly Verdict[]): CimEvent | undefined {
    switch (event.kind) {
      case 'flow':
        return this.flow.make(event, verdicts);
      case 'dns_transaction':
        return this.dns.make(event);
      case 'tls_handshake':
        return this.tls.make(event, verdicts);
      case 'certificate':
        return this.certificates.make(event);
      default:
        return undefined;
    }
  }

  finding(finding: Finding, suppressed: number): CimEvent {
    return this.findings.make(finding, suppressed);
  }
}

/** Events as collectors that do not feed Splunk want them: what has a name that all know becomes an attribute. */

/** By CIM field: OpenTelemetry's semantic conventions 1.37, general, network, DNS, TLS, process. */
const SEMANTIC_NAMES: Readonly<Record<string, string>> = {
  src: 'source.address',
  src_port: 'source.port',
  dest: 'destination.address',
  dest_port: 'destination.port',
  transport: 'network.transport',
  protocol_version: 'network.type',
  query: 'dns.question.name',
  answer: 'dns.answers',
  ssl_cipher: 'tls.cipher',
  ssl_server_name: 'server.address',
  ssl_subject: 'tls.server.subject',
  ssl_issuer: 'tls.server.issuer',
  process_id: 'process.pid',
  user: 'process.user.name',
};

/** Attributes of an event's record. */
export function semanticAttributes(event: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const [cim, name] of Object.entries(SEMANTIC_NAMES)) {
    if (event[cim] !== undefined) attributes[name] = event[cim];
  }
  const version = /^TLSv([\d.]+)$/.exec(String(event.ssl_version))?.[1];
  if (version !== undefined) {
    attributes['tls.protocol.name'] = 'tls';
    attributes['tls.protocol.version'] = version;
  }
  return attributes;
}

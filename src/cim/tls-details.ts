/** What a handshake shows besides its hellos, inside `vesper.tls`. */
import type { ClientHello, Fingerprints, HandshakeDetails } from '../dissect/event.ts';
import { alertName, groupName, signatureSchemeName } from '../dissect/iana.ts';
import { POST_QUANTUM_GROUPS, POST_QUANTUM_SIGNATURES } from '../dissect/tls/post-quantum.ts';
import { Piece } from './json-line.ts';
import type { LineParts } from './line-parts.ts';
import { NamePieces } from './pieces.ts';

const piece = (text: string): Piece => new Piece(text);

const JA3 = piece(',"ja3":"');
const JA3S = piece(',"ja3s":"');
const JA4 = piece(',"ja4":"');
const GROUP = piece(',"group":');
const DH_BITS = piece(',"dh_bits":');
const SIGNATURE_SCHEME = piece(',"signature_scheme":');
const AFTER = piece(',"starttls":{"after":"');
const END_TEXT_OBJECT = piece('"}');
const ALERT = {
  client: piece(',"alert":{"from":"client","level":'),
  server: piece(',"alert":{"from":"server","level":'),
};
const FATAL = 2;
const LEVELS = { warning: piece('"warning","description":'), fatal: piece('"fatal","description":') };
const RESUMED = { yes: piece(',"resumed":true'), no: piece(',"resumed":false') };
const RESUMED_BY = piece(',"resumed_by":"');
const FLAGS = [
  ['ticketIssued', 'ticket_issued'],
  ['ocspStapled', 'ocsp_stapled'],
  ['extendedMasterSecret', 'extended_master_secret'],
  ['secureRenegotiation', 'secure_renegotiation'],
  ['clientCertificateAsked', 'client_certificate_asked'],
  ['earlyData', 'early_data'],
] as const;
const FLAG_PIECES = FLAGS.map(
  ([field, key]) => [field, { yes: piece(`,"${key}":true`), no: piece(`,"${key}":false`) }] as const,
);
const ECH = piece(',"encrypted_client_hello":{"evidence":"');
const ECH_PAYLOAD = piece('","payload_length":');
const ECH_CONFIG = piece(',"config_id":');
/** Whether the key exchange resists a quantum computer: agreed on, or offered. */
const POST_QUANTUM = {
  chosen: piece(',"post_quantum":"chosen"'),
  offered: piece(',"post_quantum":"offered"'),
};
const POST_QUANTUM_SIGNATURE = piece(',"post_quantum_signatures":true');
const QUOTE = piece('"');
const END_OBJECT = piece('}');

const groups = new NamePieces(groupName);
const signatureSchemes = new NamePieces(signatureSchemeName);
const alerts = new NamePieces(alertName);

export function writeFingerprints({ writer }: LineParts, { ja3, ja3s, ja4 }: Fingerprints): void {
  for (const [key, value] of [
    [JA3, ja3],
    [JA3S, ja3s],
    [JA4, ja4],
  ] as const) {
    if (value === undefined) continue;
    writer.piece(key);
    writer.safe(value);
    writer.piece(QUOTE);
  }
}

export function writeDetails({ writer }: LineParts, details: HandshakeDetails, client: ClientHello | undefined): void {
  const { group, dhBits, signatureScheme, resumed, resumedBy, after, alert, encryptedClientHello } = details;
  if (group !== undefined) {
    writer.piece(GROUP);
    writer.piece(groups.piece(group));
  }
  if (dhBits !== undefined) writer.count(DH_BITS, dhBits);
  if (signatureScheme !== undefined) {
    writer.piece(SIGNATURE_SCHEME);
    writer.piece(signatureSchemes.piece(signatureScheme));
  }
  if (resumed !== undefined) writer.piece(resumed ? RESUMED.yes : RESUMED.no);
  if (resumedBy !== undefined) {
    writer.piece(RESUMED_BY);
    writer.safe(resumedBy);
    writer.piece(QUOTE);
  }
  for (const [field, pieces] of FLAG_PIECES) {
    const value = details[field];
    if (value !== undefined) writer.piece(value ? pieces.yes : pieces.no);
  }
  const chosen = group !== undefined && POST_QUANTUM_GROUPS.has(group);
  if (chosen) writer.piece(POST_QUANTUM.chosen);
  else if (client?.groups.some((one) => POST_QUANTUM_GROUPS.has(one))) writer.piece(POST_QUANTUM.offered);
  if (client?.signatureAlgorithms.some((one) => POST_QUANTUM_SIGNATURES.has(one))) {
    writer.piece(POST_QUANTUM_SIGNATURE);
  }
  if (encryptedClientHello !== undefined) {
    writer.piece(ECH);
    writer.safe(encryptedClientHello);
    writer.piece(ECH_PAYLOAD);
    writer.word(client?.encryptedClientHello?.payloadLength ?? 0);
    writer.count(ECH_CONFIG, client?.encryptedClientHello?.configId ?? 0);
    writer.piece(END_OBJECT);
  }
  if (after !== undefined) {
    writer.piece(AFTER);
    writer.safe(after);
    writer.piece(END_TEXT_OBJECT);
  }
  if (alert !== undefined) {
    writer.piece(ALERT[alert.from]);
    writer.piece(alert.level === FATAL ? LEVELS.fatal : LEVELS.warning);
    writer.piece(alerts.piece(alert.description));
    writer.piece(END_OBJECT);
  }
}

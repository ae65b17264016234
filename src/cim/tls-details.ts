/** What a handshake shows besides its hellos, inside `vesper.tls`. */
import type { ClientHello, Fingerprints, HandshakeDetails } from '../dissect/event.ts';
import { alertName, groupName, signatureSchemeName } from '../dissect/iana.ts';
import { POST_QUANTUM_GROUPS, POST_QUANTUM_SIGNATURES } from '../dissect/tls/post-quantum.ts';
import { perList } from '../dissect/tls/shared-lists.ts';
import { type LineWriter, Piece } from './json-line.ts';
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
const RESUMED_BY = piece(',"resumed_by":"');
const flag = (key: string) => ({ yes: piece(`,"${key}":true`), no: piece(`,"${key}":false`) });
const RESUMED = flag('resumed');
const TICKET_ISSUED = flag('ticket_issued');
const OCSP_STAPLED = flag('ocsp_stapled');
const EXTENDED_MASTER_SECRET = flag('extended_master_secret');
const SECURE_RENEGOTIATION = flag('secure_renegotiation');
const CLIENT_CERTIFICATE_ASKED = flag('client_certificate_asked');
const EARLY_DATA = flag('early_data');
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
  if (ja3 !== undefined) writeText(writer, JA3, ja3);
  if (ja3s !== undefined) writeText(writer, JA3S, ja3s);
  if (ja4 !== undefined) writeText(writer, JA4, ja4);
}

function writeText(writer: LineWriter, key: Piece, text: string): void {
  writer.piece(key);
  writer.safe(text);
  writer.piece(QUOTE);
}

function writeFlag(writer: LineWriter, pieces: ReturnType<typeof flag>, value: boolean | undefined): void {
  if (value !== undefined) writer.piece(value ? pieces.yes : pieces.no);
}

const hasPostQuantumGroup = perList((codes) => codes.some((code) => POST_QUANTUM_GROUPS.has(code)));
const hasPostQuantumSignature = perList((codes) => codes.some((code) => POST_QUANTUM_SIGNATURES.has(code)));

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
  writeFlag(writer, RESUMED, resumed);
  if (resumedBy !== undefined) writeText(writer, RESUMED_BY, resumedBy);
  writeFlag(writer, TICKET_ISSUED, details.ticketIssued);
  writeFlag(writer, OCSP_STAPLED, details.ocspStapled);
  writeFlag(writer, EXTENDED_MASTER_SECRET, details.extendedMasterSecret);
  writeFlag(writer, SECURE_RENEGOTIATION, details.secureRenegotiation);
  writeFlag(writer, CLIENT_CERTIFICATE_ASKED, details.clientCertificateAsked);
  writeFlag(writer, EARLY_DATA, details.earlyData);
  const chosen = group !== undefined && POST_QUANTUM_GROUPS.has(group);
  if (chosen) writer.piece(POST_QUANTUM.chosen);
  else if (client !== undefined && hasPostQuantumGroup(client.groups)) writer.piece(POST_QUANTUM.offered);
  if (client !== undefined && hasPostQuantumSignature(client.signatureAlgorithms)) writer.piece(POST_QUANTUM_SIGNATURE);
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

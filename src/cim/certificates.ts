/** Certificates as CIM Certificates (SSL): one event for each certificate of a chain. */
import type { Certificate, CertificateEvent, NameAttributes } from '../dissect/event.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { CimEvent } from './event.ts';
import { Piece } from './json-line.ts';
import { type HeadPieces, type LineParts, MAX_CIM_LINE } from './line-parts.ts';
import { listSpec } from './pieces.ts';

/** A name is a few dozen characters; a certificate may carry 64 KB of them. */
const MAX_NAME_BYTES = 400;
const MAX_COMMON_NAME_BYTES = 160;
/** RFC 5280 §4.1.2.2: at most 20 bytes. */
const MAX_SERIAL_BYTES = 64;
const MAX_ALGORITHM_BYTES = 64;
const MAX_SERVER_NAME_BYTES = 256;
/** Certificates of content networks name about a hundred hosts. */
const ALTERNATIVE_NAMES = listSpec('subject_alternative_names', 40, 1_000, 'subject_alternative_name_count');
const MAX_ALTERNATIVE_NAME_BYTES = 256;
/** What `names` writes besides the list's items. */
const NAMES_BYTES = 100;
const DAY = 86_400;
const NO_VERDICTS: readonly Verdict[] = [];

const piece = (text: string): Piece => new Piece(text);

const SSL_HASH = piece(',"ssl_hash":"');
const SSL_SERIAL = piece(',"ssl_serial":"');
const SSL_SUBJECT = piece(',"ssl_subject":"');
const SSL_SUBJECT_COMMON_NAME = piece(',"ssl_subject_common_name":"');
const SSL_SUBJECT_ORGANIZATION = piece(',"ssl_subject_organization":"');
const SSL_ISSUER = piece(',"ssl_issuer":"');
const SSL_ISSUER_COMMON_NAME = piece(',"ssl_issuer_common_name":"');
const SSL_ISSUER_ORGANIZATION = piece(',"ssl_issuer_organization":"');
const SSL_START_TIME = piece(',"ssl_start_time":');
const SSL_END_TIME = piece(',"ssl_end_time":');
const SSL_VALIDITY_WINDOW = piece(',"ssl_validity_window":');
const SSL_SIGNATURE_ALGORITHM = piece(',"ssl_signature_algorithm":"');
const SSL_PUBLIC_KEY_ALGORITHM = piece(',"ssl_publickey_algorithm":"');
const SSL_IS_VALID = { yes: piece(',"ssl_is_valid":true'), no: piece(',"ssl_is_valid":false') };

/** Keys of a name's other attributes, and how the whole of them is bounded: names are anybody's. */
const attributeKeys = (of: 'subject' | 'issuer') => ({
  email: piece(`,"ssl_${of}_email":"`),
  emailDomain: piece(`,"ssl_${of}_email_domain":"`),
  locality: piece(`,"ssl_${of}_locality":"`),
  state: piece(`,"ssl_${of}_state":"`),
  street: piece(`,"ssl_${of}_street":"`),
  unit: piece(`,"ssl_${of}_unit":"`),
});
const SUBJECT_KEYS = attributeKeys('subject');
const ISSUER_KEYS = attributeKeys('issuer');
const MAX_ATTRIBUTE_BYTES = 96;
/** What `fields` writes at most, an attribute of a name more or less. */
const MAX_FIELDS_BYTES = 2_200;

/** `vesper.certificate` begins with whose it is. */
const FROM = {
  server: piece(',"certificate":{"from":"server"'),
  client: piece(',"certificate":{"from":"client"'),
};
const INDEX = piece(',"index":');
const CHAIN_LENGTH = piece(',"chain_length":');
const VERSION = piece(',"version":');
const SERVER_NAME = piece(',"server_name":"');
const KEY_BITS = piece(',"key_bits":');
const KEY_CURVE = piece(',"key_curve":"');
const SIGNATURE_HASH = piece(',"signature_hash":"');
const DAYS_LEFT = piece(',"days_left":');
const DAYS_EXPIRED = piece(',"expired":true,"days_expired":');
const NOT_YET_VALID = piece(',"not_yet_valid":true');
const SELF_SIGNED = { yes: piece(',"self_signed":true'), no: piece(',"self_signed":false') };
const QUOTE = piece('"');
const END_OBJECT = piece('}');

interface ConstantParts {
  readonly fields: Piece;
  readonly key: Piece;
  readonly names: Piece;
}

export class CertificateLine {
  private readonly parts: LineParts;
  private readonly heads: HeadPieces;
  /** As long as the store of certificates keeps them: the same certificate comes again and again. */
  private readonly kept = new WeakMap<Certificate, ConstantParts>();

  constructor(parts: LineParts) {
    this.parts = parts;
    this.heads = parts.headPieces([], { sensor: false, vendor: false, layers: false });
  }

  make(event: CertificateEvent): CimEvent {
    const { parts } = this;
    const { writer } = parts;
    const { certificate, conversation, time } = event;
    parts.head(time, this.heads, conversation);
    parts.ends(conversation);
    const { fields, key, names } = this.constantParts(certificate);
    const { notBefore, notAfter } = certificate;
    writer.piece(fields);
    // By its dates at the time of the packet: whom the client trusts is not to be seen.
    writer.piece(time.seconds >= notBefore && time.seconds <= notAfter ? SSL_IS_VALID.yes : SSL_IS_VALID.no);
    if (parts.extras === 'off') parts.end();
    else {
      parts.joinKeys(conversation, 'unknown');
      this.extras(event, key, names);
      parts.tail(conversation);
    }
    return writer.end('certificate', time.seconds, time.nanos);
  }

  private extras(event: CertificateEvent, key: Piece, names: Piece): void {
    const { parts } = this;
    const { writer } = parts;
    const { certificate, conversation, serverName, time } = event;
    writer.piece(FROM[event.from]);
    writer.count(INDEX, event.index);
    writer.count(CHAIN_LENGTH, event.chain.length);
    this.text(SERVER_NAME, serverName, MAX_SERVER_NAME_BYTES);
    writer.piece(key);
    this.age(certificate, time.seconds);
    const room = MAX_CIM_LINE - parts.tailRoom(NO_VERDICTS, conversation) - writer.length;
    if (names.length <= room) writer.piece(names);
    else this.names(certificate, room - NAMES_BYTES);
    writer.piece(END_OBJECT);
  }

  /** What depends on nothing but the certificate is written once and copied from then on. */
  private constantParts(certificate: Certificate): ConstantParts {
    const kept = this.kept.get(certificate);
    if (kept !== undefined) return kept;
    const { writer } = this.parts;
    const start = writer.position;
    this.fields(certificate);
    const fields = writer.pieceSince(start);
    writer.position = start;
    this.key(certificate);
    const key = writer.pieceSince(start);
    writer.position = start;
    this.names(certificate, ALTERNATIVE_NAMES.maxBytes);
    const names = writer.pieceSince(start);
    writer.position = start;
    const made = { fields, key, names };
    this.kept.set(certificate, made);
    return made;
  }

  private fields(certificate: Certificate): void {
    const { writer } = this.parts;
    const start = writer.position;
    const { notBefore, notAfter } = certificate;
    this.text(SSL_HASH, certificate.sha256, MAX_SERIAL_BYTES);
    this.text(SSL_SERIAL, certificate.serial, MAX_SERIAL_BYTES);
    this.text(SSL_SUBJECT, certificate.subject, MAX_NAME_BYTES);
    this.text(SSL_SUBJECT_COMMON_NAME, certificate.subjectCommonName, MAX_COMMON_NAME_BYTES);
    this.text(SSL_SUBJECT_ORGANIZATION, certificate.subjectOrganization, MAX_COMMON_NAME_BYTES);
    this.text(SSL_ISSUER, certificate.issuer, MAX_NAME_BYTES);
    this.text(SSL_ISSUER_COMMON_NAME, certificate.issuerCommonName, MAX_COMMON_NAME_BYTES);
    this.text(SSL_ISSUER_ORGANIZATION, certificate.issuerOrganization, MAX_COMMON_NAME_BYTES);
    writer.integer(SSL_START_TIME, notBefore);
    writer.integer(SSL_END_TIME, notAfter);
    writer.integer(SSL_VALIDITY_WINDOW, notAfter - notBefore);
    this.text(SSL_SIGNATURE_ALGORITHM, certificate.signatureAlgorithm, MAX_ALGORITHM_BYTES);
    this.text(SSL_PUBLIC_KEY_ALGORITHM, certificate.key.type, MAX_ALGORITHM_BYTES);
    const end = start + MAX_FIELDS_BYTES;
    this.attributes(SUBJECT_KEYS, certificate.subjectAttributes, end);
    this.attributes(ISSUER_KEYS, certificate.issuerAttributes, end);
  }

  private attributes(keys: typeof SUBJECT_KEYS, attributes: NameAttributes, end: number): void {
    const { unit, locality, state, street, email } = attributes;
    this.attribute(keys.unit, unit, end);
    this.attribute(keys.locality, locality, end);
    this.attribute(keys.state, state, end);
    this.attribute(keys.street, street, end);
    this.attribute(keys.email, email, end);
    const at = email?.lastIndexOf('@') ?? -1;
    if (at >= 0) this.attribute(keys.emailDomain, email?.slice(at + 1), end);
  }

  private attribute(key: Piece, value: string | undefined, end: number): void {
    if (this.parts.writer.position < end) this.text(key, value, MAX_ATTRIBUTE_BYTES);
  }

  private key({ version, key, signatureHash }: Certificate): void {
    const { writer } = this.parts;
    writer.count(VERSION, version);
    if (key.bits !== undefined) writer.count(KEY_BITS, key.bits);
    this.text(KEY_CURVE, key.curve, MAX_ALGORITHM_BYTES);
    this.text(SIGNATURE_HASH, signatureHash, MAX_ALGORITHM_BYTES);
  }

  private age({ notBefore, notAfter }: Certificate, now: number): void {
    const { writer } = this.parts;
    if (now > notAfter) writer.count(DAYS_EXPIRED, Math.floor((now - notAfter) / DAY));
    else writer.count(DAYS_LEFT, Math.floor((notAfter - now) / DAY));
    if (now < notBefore) writer.piece(NOT_YET_VALID);
  }

  private names(certificate: Certificate, room: number): void {
    const { selfSigned, subjectAlternativeNames, subjectAlternativeNameCount } = certificate;
    const { writer, list, extras } = this.parts;
    if (selfSigned !== undefined) writer.piece(selfSigned ? SELF_SIGNED.yes : SELF_SIGNED.no);
    if (extras !== 'full') return;
    list.begin(ALTERNATIVE_NAMES, room);
    for (const name of subjectAlternativeNames) list.item(name, MAX_ALTERNATIVE_NAME_BYTES);
    list.offered = subjectAlternativeNameCount;
    list.end();
  }

  /** A field whose value is known. */
  private text(key: Piece, value: string | undefined, limit: number): void {
    if (value === undefined || value === '') return;
    const { writer } = this.parts;
    writer.piece(key);
    writer.text(value, limit);
    writer.piece(QUOTE);
  }
}

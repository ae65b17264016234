/** Policy violations as CIM Intrusion_Detection (IDS_Attacks). */
import type { TlsHandshakeEvent } from '../dissect/event.ts';
import type { Severity, Violation } from '../policy/verdict.ts';
import type { CimEvent } from './event.ts';
import { Piece } from './json-line.ts';
import type { HeadPieces, LineParts } from './line-parts.ts';

/** Policy files are the user's own, `observed` holds names from the wire; the sum keeps the event below its limit. */
const MAX_ID_BYTES = 96;
const MAX_SENTENCE_BYTES = 320;
const MAX_VALUE_BYTES = 768;
const MAX_SERVER_NAME_BYTES = 256;

const piece = (text: string): Piece => new Piece(text);

const CATEGORY = '"category":"TLS policy violation"';

const SEVERITIES: Readonly<Record<Severity, Piece>> = {
  critical: piece(',"severity":"critical"'),
  high: piece(',"severity":"high"'),
  medium: piece(',"severity":"medium"'),
  low: piece(',"severity":"low"'),
  informational: piece(',"severity":"informational"'),
};
const SIGNATURE = piece(',"signature":"');
const SIGNATURE_ID = piece('","signature_id":"');
const SLASH = piece('/');
const QUOTE = piece('"');
const POLICY = piece(',"vesper":{"finding":{"policy":"');
const RULE = piece('","rule":"');
const LEVELS = { must: piece('","level":"must"'), should: piece('","level":"should"') };
const OPTIONAL = {
  observed: piece(',"observed":"'),
  expected: piece(',"expected":"'),
  reference: piece(',"reference":"'),
  message: piece(',"message":"'),
  remediation: piece(',"remediation":"'),
  serverName: piece(',"server_name":"'),
};
const END_OBJECT = piece('}');

export class FindingLine {
  private readonly parts: LineParts;
  private readonly heads: HeadPieces;

  constructor(parts: LineParts) {
    this.parts = parts;
    this.heads = parts.headPieces(`"action":"allowed",${CATEGORY},"ids_type":"network",`, false);
  }

  make({ time, conversation, client }: TlsHandshakeEvent, violation: Violation): CimEvent {
    const { parts } = this;
    const { writer } = parts;
    parts.head(time, this.heads, conversation);
    parts.ends(conversation);
    writer.piece(SEVERITIES[violation.severity]);
    writer.piece(SIGNATURE);
    writer.text(violation.message, MAX_SENTENCE_BYTES);
    writer.piece(SIGNATURE_ID);
    writer.text(violation.policy, MAX_ID_BYTES);
    writer.piece(SLASH);
    writer.text(violation.rule, MAX_ID_BYTES);
    writer.piece(QUOTE);
    parts.session(conversation);
    writer.piece(POLICY);
    writer.text(violation.policy, MAX_ID_BYTES);
    writer.piece(RULE);
    writer.text(violation.rule, MAX_ID_BYTES);
    writer.piece(LEVELS[violation.level]);
    this.member(OPTIONAL.observed, violation.observed, MAX_VALUE_BYTES);
    this.member(OPTIONAL.expected, violation.expected, MAX_VALUE_BYTES);
    this.member(OPTIONAL.reference, violation.reference, MAX_SENTENCE_BYTES);
    this.member(OPTIONAL.message, violation.message, MAX_SENTENCE_BYTES);
    this.member(OPTIONAL.remediation, violation.remediation, MAX_SENTENCE_BYTES);
    this.member(OPTIONAL.serverName, client?.serverName, MAX_SERVER_NAME_BYTES);
    writer.piece(END_OBJECT);
    parts.tail(conversation);
    return writer.end('finding', time.seconds, time.nanos);
  }

  private member(key: Piece, text: string | undefined, limit: number): void {
    if (text === undefined || text === '') return;
    const { writer } = this.parts;
    writer.piece(key);
    writer.text(text, limit);
    writer.piece(QUOTE);
  }
}

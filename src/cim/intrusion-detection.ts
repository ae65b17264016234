/** Policy violations as CIM Intrusion_Detection (IDS_Attacks). */
import type { Finding } from '../policy/finding.ts';
import type { Severity } from '../policy/verdict.ts';
import type { CimEvent } from './event.ts';
import { Piece } from './json-line.ts';
import type { HeadPieces, LineParts } from './line-parts.ts';

/** Policy files are the user's own, `observed` holds names from the wire; the sum keeps the event below its limit. */
const MAX_ID_BYTES = 96;
const MAX_SENTENCE_BYTES = 300;
const MAX_VALUE_BYTES = 512;
const MAX_NAME_BYTES = 256;

const piece = (text: string): Piece => new Piece(text);

const CATEGORIES = { tls: '"category":"TLS policy violation"', dns: '"category":"DNS policy violation"' };

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
const APPS = {
  tls: piece(',"finding":{"app":"tls","policy":"'),
  dns: piece(',"finding":{"app":"dns","policy":"'),
};
const RULE = piece('","rule":"');
const LEVELS = { must: piece('","level":"must"'), should: piece('","level":"should"') };
const OPTIONAL = {
  observed: piece(',"observed":"'),
  expected: piece(',"expected":"'),
  reference: piece(',"reference":"'),
  remediation: piece(',"remediation":"'),
};
const NAMES = { tls: piece(',"server_name":"'), dns: piece(',"query":"') };
const SUPPRESSED = piece(',"suppressed":');
const END_OBJECT = piece('}');

export class FindingLine {
  private readonly parts: LineParts;
  private readonly heads: Readonly<Record<Finding['app'], HeadPieces>>;

  constructor(parts: LineParts) {
    this.parts = parts;
    const head = (app: Finding['app']): HeadPieces =>
      parts.headPieces(['"action":"allowed"', CATEGORIES[app], '"ids_type":"network"'], {
        sensor: true,
        vendor: true,
        layers: false,
      });
    this.heads = { tls: head('tls'), dns: head('dns') };
  }

  make(finding: Finding, suppressed: number): CimEvent {
    const { parts } = this;
    const { time, conversation, app, violation } = finding;
    const { writer } = parts;
    parts.head(time, this.heads[app], conversation);
    parts.ends(conversation);
    writer.piece(SEVERITIES[violation.severity]);
    writer.piece(SIGNATURE);
    writer.text(violation.message, MAX_SENTENCE_BYTES);
    writer.piece(SIGNATURE_ID);
    writer.text(violation.policy, MAX_ID_BYTES);
    writer.piece(SLASH);
    writer.text(violation.rule, MAX_ID_BYTES);
    writer.piece(QUOTE);
    parts.user(conversation);
    if (parts.extras === 'off') parts.end();
    else {
      parts.joinKeys(conversation, 'known');
      this.extras(finding, suppressed);
      parts.tail(conversation);
    }
    return writer.end('finding', time.seconds, time.nanos);
  }

  private extras({ app, name, violation }: Finding, suppressed: number): void {
    const { writer, extras } = this.parts;
    writer.piece(APPS[app]);
    writer.text(violation.policy, MAX_ID_BYTES);
    writer.piece(RULE);
    writer.text(violation.rule, MAX_ID_BYTES);
    writer.piece(LEVELS[violation.level]);
    this.member(OPTIONAL.observed, violation.observed, MAX_VALUE_BYTES);
    this.member(OPTIONAL.expected, violation.expected, MAX_VALUE_BYTES);
    if (extras === 'full') {
      this.member(OPTIONAL.reference, violation.reference, MAX_SENTENCE_BYTES);
      this.member(OPTIONAL.remediation, violation.remediation, MAX_SENTENCE_BYTES);
    }
    this.member(NAMES[app], name, MAX_NAME_BYTES);
    if (suppressed > 0) writer.count(SUPPRESSED, suppressed);
    writer.piece(END_OBJECT);
  }

  private member(key: Piece, text: string | undefined, limit: number): void {
    if (text === undefined || text === '') return;
    const { writer } = this.parts;
    writer.piece(key);
    writer.text(text, limit);
    writer.piece(QUOTE);
  }
}

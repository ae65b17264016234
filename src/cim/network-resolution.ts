/** DNS transactions as CIM Network_Resolution (DNS). */
import { AddressRecord } from '../dissect/dns/address-record.ts';
import { askedIn } from '../dissect/dns/asked.ts';
import { cnameChain } from '../dissect/dns/cname-chain.ts';
import { clientSubnet, cookie, extendedErrorName, extendedErrors } from '../dissect/dns/edns-options.ts';
import { className, opcodeName, rcodeName, rrTypeName } from '../dissect/dns/names.ts';
import type {
  Conversation,
  DnsMessage,
  DnsProtocol,
  DnsQuestion,
  DnsRecord,
  DnsReference,
  DnsTransactionEvent,
  Edns,
} from '../dissect/event.ts';
import type { CimEvent } from './event.ts';
import { Piece } from './json-line.ts';
import { type HeadPieces, type LineParts, MAX_CIM_LINE } from './line-parts.ts';
import { listSpec, NamePieces } from './pieces.ts';

/**
 * RFC 1035 §2.3.4: a name has 255 octets; escaped as `\000` and the backslash once more for JSON, 1,270 bytes. Names
 * longer than this limit are made of such octets only.
 */
const MAX_NAME_BYTES = 1_024;
/** Only dynamic tests and mDNS ask more than one question. */
const QUERIES = listSpec('query', 8, 1_100);
/** One value for each answer RR, so that `answer_count` can equal their number. */
const ANSWERS = listSpec('answer', 40, 1_400);
/** A TXT record may have 64 KB. */
const MAX_ANSWER_BYTES = 512;
const ANSWER_TYPES = listSpec('answer_types', 40, 400);
const CNAME_CHAIN = listSpec('cname_chain', 16, 600);
const ANSWER_TTLS = listSpec('answer_ttls', 40, 300);
/** RFC 8914 §2 lets a server give several; room for two with the longest text. */
const EXTENDED_ERRORS = listSpec('extended_errors', 4, 640, 'extended_error_count');
const MAX_ERROR_TEXT_BYTES = 256;
/** A list's key, its count, what closes the objects around it, and `aggregate` after them. */
const KEY_ROOM = 220;
/** What `edns` and `tcp_retry_of` write at most, but for the lists that take what room is left. */
const EDNS_BYTES = 550;
const EDNS_OPTIONS = listSpec('options', 16, 96, 'option_count');

const piece = (text: string): Piece => new Piece(text);

const MESSAGE_TYPES = { query: piece(',"message_type":"Query"'), response: piece(',"message_type":"Response"') };
const TRANSACTION_ID = piece(',"transaction_id":');
const QUERY_TYPE = piece(',"query_type":');
const QUERY = piece(',"query":"');
const QUERY_COUNT = piece(',"query_count":');
const RECORD_TYPE = piece(',"record_type":');
const REPLY_CODE = piece(',"reply_code":');
const REPLY_CODE_ID = piece(',"reply_code_id":');
const ANSWER_COUNT = piece(',"answer_count":');
const AUTHORITY_ANSWER_COUNT = piece(',"authority_answer_count":');
const ADDITIONAL_ANSWER_COUNT = piece(',"additional_answer_count":');
const RESPONSE_TIME = piece(',"response_time":');
const TTL = piece(',"ttl":');
const QUOTE = piece('"');
const END_OBJECT = piece('}');

const PROTOCOLS: Readonly<Record<DnsProtocol, Piece>> = {
  dns: piece(',"dns":{"protocol":"dns"'),
  mdns: piece(',"dns":{"protocol":"mdns"'),
  llmnr: piece(',"dns":{"protocol":"llmnr"'),
};
const CLASS = piece(',"class":');
const STATED_QUESTIONS = piece(',"question_count":');
const STATED_ANSWERS = piece(',"answer_count":');
const RETRIES = piece(',"retries":');
const INCOMPLETE = piece(',"incomplete":true');
const EDNS = { plain: piece(',"edns":{"dnssec_ok":false'), dnssec: piece(',"edns":{"dnssec_ok":true') };
const EDNS_UDP_SIZE = piece(',"udp_size":');
const EDNS_VERSION = piece(',"version":');
const CLIENT_SUBNET = piece(',"client_subnet":"');
const CLIENT_SUBNET_SCOPE = piece('","client_subnet_scope":');
const CLIENT_COOKIE = piece(',"client_cookie":"');
const SERVER_COOKIE = piece(',"server_cookie":"');
const ERROR_CODE = piece('{"code":');
const ERROR_NAME = piece(',"name":"');
const ERROR_TEXT = piece(',"text":"');
const TRANSACTION = piece('","transaction_id":');

/** Header flags by the bits AA TC RD RA AD CD. */
const FLAGS = Array.from({ length: 64 }, (_, bits) => {
  const names = ['AA', 'TC', 'RD', 'RA', 'AD', 'CD'].filter((_, i) => (bits >> (5 - i)) & 1);
  return piece(names.length === 0 ? '' : `,"flags":${JSON.stringify(names)}`);
});

const CLASS_IN = 1;
const TYPE_CNAME = 5;

/** As the CIM manual spells the opcodes; the registry's name where it does not know one. */
const CIM_OPCODES: readonly (string | undefined)[] = ['Query', 'IQuery', 'Status', undefined, 'Notify', 'Update'];

/** As the CIM manual and the `reply_code` values of Splunk's test add-on spell the codes. */
const CIM_REPLY_CODES: readonly (string | undefined)[] = [
  'No Error',
  'Format Error',
  'Server Failure',
  'Non-Existent Domain',
  'NotImp',
  'Refused',
  'YXDomain',
  'YXRRSet',
  'NXRRSet',
  'NotAuth',
  'NotZone',
];

const opcodes = new NamePieces((opcode) => CIM_OPCODES[opcode] ?? opcodeName(opcode));
const replyCodes = new NamePieces((rcode) => CIM_REPLY_CODES[rcode] ?? rcodeName(rcode));
const recordTypes = new NamePieces(rrTypeName);
const classes = new NamePieces(className);

export class DnsLine {
  private readonly parts: LineParts;
  private readonly heads: HeadPieces;
  private readonly retryOf: Piece;

  constructor(parts: LineParts) {
    this.parts = parts;
    this.retryOf = piece(`,"tcp_retry_of":{"session_id":"${parts.runId}-`);
    this.heads = parts.headPieces([], { sensor: false, vendor: true, layers: false });
  }

  make(event: DnsTransactionEvent): CimEvent | undefined {
    const { parts } = this;
    const { writer } = parts;
    const { response, conversation } = event;
    const asked = askedIn(event);
    if (asked === undefined) return undefined;
    parts.head(event.time, this.heads, conversation);
    parts.ends(conversation);
    writer.piece(response === undefined ? MESSAGE_TYPES.query : MESSAGE_TYPES.response);
    writer.count(TRANSACTION_ID, asked.id);
    writer.piece(QUERY_TYPE);
    writer.piece(opcodes.piece(asked.opcode));
    const queries = this.questions(asked.questions);
    const answers = response === undefined ? 0 : this.response(response);
    if (event.responseTime !== undefined) writer.seconds(RESPONSE_TIME, event.responseTime);
    if (parts.extras === 'off') parts.end(event.aggregated);
    else {
      parts.joinKeys(conversation, 'unknown');
      this.extras(event, asked, queries, answers);
      parts.aggregate(event.aggregated);
      parts.tail(conversation);
    }
    return writer.end('dns', event.time.seconds, event.time.nanos);
  }

  /** Returns how many values `query` has. */
  private questions(questions: readonly DnsQuestion[]): number {
    const { writer, list } = this.parts;
    const first = questions[0];
    let written = 0;
    if (first !== undefined && questions.length === 1 && first.name !== '') {
      writer.piece(QUERY);
      writer.text(first.name, MAX_NAME_BYTES);
      writer.piece(QUOTE);
      written = 1;
    } else if (questions.length > 1) {
      list.begin(QUERIES);
      for (const { name } of questions) list.item(name, MAX_NAME_BYTES);
      written = list.written;
      list.end();
    }
    writer.count(QUERY_COUNT, written);
    if (first !== undefined) {
      writer.piece(RECORD_TYPE);
      writer.piece(recordTypes.piece(first.type));
    }
    return written;
  }

  /** Returns how many values `answer` has. */
  private response(response: DnsMessage): number {
    const { writer, list } = this.parts;
    const { answers, counts, rcode } = response;
    writer.piece(REPLY_CODE);
    writer.piece(replyCodes.piece(rcode));
    writer.count(REPLY_CODE_ID, rcode);
    let written = 0;
    if (answers.length > 0) {
      list.begin(ANSWERS);
      for (const answer of answers) {
        if (answer instanceof AddressRecord) list.address(answer);
        else list.item(answer.data, MAX_ANSWER_BYTES);
      }
      written = list.written;
      list.end();
    }
    writer.count(ANSWER_COUNT, written);
    writer.count(AUTHORITY_ANSWER_COUNT, counts[2]);
    writer.count(ADDITIONAL_ANSWER_COUNT, counts[3]);
    if (answers.length > 0) writer.count(TTL, lowestTtl(answers));
    return written;
  }

  private extras(event: DnsTransactionEvent, asked: DnsMessage, queries: number, answers: number): void {
    const { writer, extras } = this.parts;
    const { query, response, retries } = event;
    writer.piece(PROTOCOLS[event.protocol]);
    if (extras === 'full') writer.piece(FLAGS[flagBits(response ?? asked)]!);
    const question = asked.questions[0];
    if (question !== undefined && question.class !== CLASS_IN) {
      writer.piece(CLASS);
      writer.piece(classes.piece(question.class));
    }
    const stated = (query ?? asked).counts[0];
    if (stated !== queries) writer.count(STATED_QUESTIONS, stated);
    if (response !== undefined) {
      if (response.counts[1] !== answers) writer.count(STATED_ANSWERS, response.counts[1]);
      if (question !== undefined && extras === 'full') {
        this.answerTypes(response.answers, question.type, event.conversation);
      }
    }
    if (retries > 0) writer.count(RETRIES, retries);
    if (query?.incomplete || response?.incomplete) writer.piece(INCOMPLETE);
    const edns = query?.edns ?? response?.edns;
    if (edns !== undefined && extras === 'full') this.edns(edns, response?.edns, event.conversation);
    if (event.retryOf !== undefined) this.reference(event.retryOf);
    if (question !== undefined && response !== undefined && extras === 'full') {
      this.chain(question, response.answers, event.conversation);
    }
    writer.piece(END_OBJECT);
  }

  private reference({ session, id }: DnsReference): void {
    const { writer } = this.parts;
    writer.piece(this.retryOf);
    writer.base36(session);
    writer.count(TRANSACTION, id);
    writer.piece(END_OBJECT);
  }

  /** What is left for a list that comes last. */
  private room(conversation: Conversation): number {
    const { parts } = this;
    return MAX_CIM_LINE - parts.tailRoom([], conversation) - parts.writer.length - KEY_ROOM;
  }

  /** The aliases between question and answer, and how long each record may be kept, where they differ. */
  private chain(question: DnsQuestion, answers: readonly DnsRecord[], conversation: Conversation): void {
    const { list } = this.parts;
    const first = answers[0];
    if (first === undefined || answers.length === 1) return;
    let hasAlias = false;
    let sameTtl = true;
    for (const { type, ttl } of answers) {
      hasAlias ||= type === TYPE_CNAME;
      sameTtl &&= ttl === first.ttl;
    }
    if (hasAlias) {
      list.begin(CNAME_CHAIN, this.room(conversation));
      for (const name of cnameChain(question, answers)) list.item(name, MAX_NAME_BYTES);
      list.end();
    }
    if (!sameTtl) {
      list.begin(ANSWER_TTLS, this.room(conversation));
      for (const { ttl } of answers) list.number(ttl);
      list.end();
    }
  }

  /** Types of the answers in their order, where they are not all of the type that was asked for. */
  private answerTypes(answers: readonly DnsRecord[], asked: number, conversation: Conversation): void {
    if (answers.every(({ type }) => type === asked)) return;
    const { writer, list } = this.parts;
    list.begin(ANSWER_TYPES, this.room(conversation) - EDNS_BYTES);
    for (const { type } of answers) {
      if (list.next()) {
        writer.piece(recordTypes.piece(type));
        list.done();
      }
    }
    list.end();
  }

  /** Of the query, or of the response where the query is missing or has none; `answered` is the response's. */
  private edns(edns: Edns, answered: Edns | undefined, conversation: Conversation): void {
    const { version, udpSize, dnssecOk, options } = edns;
    const { writer, list } = this.parts;
    writer.piece(dnssecOk ? EDNS.dnssec : EDNS.plain);
    writer.count(EDNS_UDP_SIZE, udpSize);
    if (version > 0) writer.count(EDNS_VERSION, version);
    if (options.length > 0) {
      list.begin(EDNS_OPTIONS);
      for (const { code } of options) list.number(code);
      list.end();
      this.options(edns, answered ?? edns);
    }
    if (answered !== undefined && answered.options.length > 0) this.errors(answered, conversation);
    writer.piece(END_OBJECT);
  }

  private options(asked: Edns, answered: Edns): void {
    const { writer } = this.parts;
    const subnet = clientSubnet(asked);
    if (subnet !== undefined) {
      writer.piece(CLIENT_SUBNET);
      writer.safe(subnet.subnet);
      writer.count(CLIENT_SUBNET_SCOPE, (clientSubnet(answered) ?? subnet).scope);
    }
    const asksWith = cookie(asked);
    if (asksWith === undefined) return;
    writer.piece(CLIENT_COOKIE);
    writer.safe(asksWith.client);
    writer.piece(QUOTE);
    const server = cookie(answered)?.server ?? asksWith.server;
    if (server === undefined) return;
    writer.piece(SERVER_COOKIE);
    writer.safe(server);
    writer.piece(QUOTE);
  }

  private errors(answered: Edns, conversation: Conversation): void {
    const { writer, list } = this.parts;
    const errors = extendedErrors(answered);
    if (errors.length === 0) return;
    list.begin(EXTENDED_ERRORS, this.room(conversation));
    for (const { code, text } of errors) {
      if (!list.next()) continue;
      writer.count(ERROR_CODE, code);
      writer.piece(ERROR_NAME);
      writer.safe(extendedErrorName(code));
      writer.piece(QUOTE);
      if (text !== '') {
        writer.piece(ERROR_TEXT);
        writer.text(text, MAX_ERROR_TEXT_BYTES);
        writer.piece(QUOTE);
      }
      writer.piece(END_OBJECT);
      list.done();
    }
    list.end();
  }
}

function flagBits(message: DnsMessage): number {
  return (
    (message.authoritative ? 32 : 0) |
    (message.truncated ? 16 : 0) |
    (message.recursionDesired ? 8 : 0) |
    (message.recursionAvailable ? 4 : 0) |
    (message.authenticData ? 2 : 0) |
    (message.checkingDisabled ? 1 : 0)
  );
}

/** How long the whole answer may be kept: as long as the record that expires first. */
function lowestTtl(answers: readonly DnsRecord[]): number {
  let lowest = answers[0]!.ttl;
  for (const { ttl } of answers) if (ttl < lowest) lowest = ttl;
  return lowest;
}

/**
 * The versions of QUIC that are recognized (RFC 9000 §15, RFC 9369, the drafts, Google's own), and how each protects its
 * Initial packets (RFC 9001 §5.2).
 */

/** Codes of the long header's packet type, two bits. */
export interface PacketTypes {
  readonly initial: number;
  readonly zeroRtt: number;
  readonly handshake: number;
  readonly retry: number;
}

export interface QuicVersion {
  readonly number: number;
  /** `1`, `2`, `draft-29`, `mvfst-27`, `Q043`, `T051`. */
  readonly name: string;
  /** Undefined: the version is named, its packets are not read. */
  readonly initial: InitialProtection | undefined;
}

export interface InitialProtection {
  readonly salt: Buffer;
  /** Before ` key`, ` iv` and ` hp` in the labels of HKDF-Expand-Label. */
  readonly label: 'quic' | 'quicv2';
  readonly types: PacketTypes;
  /** CRYPTO frames are of type 8, among frames of Google's own. */
  readonly googleFrames: boolean;
}

/** RFC 9000 §17.2 table 5. */
const TYPES_V1: PacketTypes = { initial: 0, zeroRtt: 1, handshake: 2, retry: 3 };
/** RFC 9369 §3.2. */
const TYPES_V2: PacketTypes = { initial: 1, zeroRtt: 2, handshake: 3, retry: 0 };

function protection(salt: string, googleFrames = false): InitialProtection {
  return { salt: Buffer.from(salt, 'hex'), label: 'quic', types: TYPES_V1, googleFrames };
}

function version2Protection(salt: string): InitialProtection {
  return { salt: Buffer.from(salt, 'hex'), label: 'quicv2', types: TYPES_V2, googleFrames: false };
}

const VERSION_1 = protection('38762cf7f55934b34d179ae6a4c80cadccbb7f0a');
const VERSION_2 = version2Protection('0dede3def700a6db819381be6e269dcbf9bd2ed9');
/** draft-ietf-quic-v2-02 to -06, as libraries of Debian 12 speak it. */
const VERSION_2_DRAFT = version2Protection('a707c203a59b47184a1d62ca570406ea7ae3e5d3');
const DRAFT_22 = protection('7fbcdb0e7c66bbe9193a96cd21519ebd7a02644a');
const DRAFT_23 = protection('c3eef712c72ebb5a11a7d2432bb46365bef9f502');
const DRAFT_29 = protection('afbfec289993d24c9e9786f19c6111e04390a899');
const T050 = protection('7ff579e5acd072915580304c43a2367c60488310', true);
const T051 = protection('7a4edef4e7ccee5fa4506c19124fc8ccda6e033d', true);

const FIRST_DRAFT = 22;
const LAST_DRAFT = 34;

/** Drafts 33 and 34 are version 1 but for their number. */
function draftProtection(draft: number): InitialProtection {
  if (draft === FIRST_DRAFT) return DRAFT_22;
  if (draft < 29) return DRAFT_23;
  return draft < 33 ? DRAFT_29 : VERSION_1;
}

/** The four characters of Google's version tags. */
const tag = (text: string): number => Buffer.from(text, 'latin1').readUInt32BE(0);

/** The first and last version of Google's QUIC with its own handshake. */
const FIRST_GOOGLE = 24;
const LAST_GOOGLE = 50;

function allVersions(): QuicVersion[] {
  const list: QuicVersion[] = [
    { number: 1, name: '1', initial: VERSION_1 },
    { number: 0x6b3343cf, name: '2', initial: VERSION_2 },
    { number: 0x709a50c4, name: '2-draft', initial: VERSION_2_DRAFT },
    { number: 0xfaceb001, name: 'mvfst-22', initial: DRAFT_22 },
    { number: 0xfaceb002, name: 'mvfst-27', initial: DRAFT_23 },
    { number: 0xfaceb00e, name: 'mvfst-experimental', initial: DRAFT_23 },
    { number: tag('T050'), name: 'T050', initial: T050 },
    { number: tag('T051'), name: 'T051', initial: T051 },
  ];
  for (let draft = FIRST_DRAFT; draft <= LAST_DRAFT; draft++) {
    list.push({ number: 0xff000000 + draft, name: `draft-${draft}`, initial: draftProtection(draft) });
  }
  for (let google = FIRST_GOOGLE; google <= LAST_GOOGLE; google++) {
    const name = `Q0${google}`;
    list.push({ number: tag(name), name, initial: undefined });
  }
  return list;
}

/** In an order that holds for the run: a flow's record keeps an index into it, plus one, in a byte. */
export const QUIC_VERSIONS: readonly QuicVersion[] = allVersions();

const byNumber = new Map(QUIC_VERSIONS.map((version) => [version.number, version]));
const indexes = new Map(QUIC_VERSIONS.map((version, index) => [version.number, index]));

export function findQuicVersion(number: number): QuicVersion | undefined {
  return byNumber.get(number);
}

/** The version's place in `QUIC_VERSIONS`; -1 for one that is not there. */
export function quicVersionIndex(number: number): number {
  return indexes.get(number) ?? -1;
}

/** The version's name; its number in hexadecimal where it has none here. */
export function quicVersionName(number: number): string {
  return byNumber.get(number)?.name ?? `0x${number.toString(16).padStart(8, '0')}`;
}

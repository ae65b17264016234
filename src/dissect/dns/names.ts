/** Names of the DNS numbers: IANA "Domain Name System (DNS) Parameters". */

/** Mnemonics by RR TYPE (QTYPEs included); holes are unassigned or private. */
const RR_TYPES: readonly (readonly [first: number, names: string])[] = [
  [1, 'A NS MD MF CNAME SOA MB MG MR NULL WKS PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT NSAP NSAP-PTR SIG KEY PX'],
  [27, 'GPOS AAAA LOC NXT EID NIMLOC SRV ATMA NAPTR KX CERT A6 DNAME SINK OPT APL DS SSHFP IPSECKEY RRSIG NSEC DNSKEY'],
  [49, 'DHCID NSEC3 NSEC3PARAM TLSA SMIMEA'],
  [55, 'HIP NINFO RKEY TALINK CDS CDNSKEY OPENPGPKEY CSYNC ZONEMD SVCB HTTPS DSYNC HHIT BRID'],
  [99, 'SPF UINFO UID GID UNSPEC NID L32 L64 LP EUI48 EUI64'],
  [128, 'NXNAME'],
  [249, 'TKEY TSIG IXFR AXFR MAILB MAILA ANY URI CAA AVC DOA AMTRELAY RESINFO WALLET CLA IPN'],
  [32768, 'TA DLV'],
];

const OPCODES = new Map([
  [0, 'QUERY'],
  [1, 'IQUERY'],
  [2, 'STATUS'],
  [4, 'NOTIFY'],
  [5, 'UPDATE'],
  [6, 'DSO'],
]);

const CLASSES = new Map([
  [1, 'IN'],
  [2, 'CS'],
  [3, 'CH'],
  [4, 'HS'],
  [254, 'NONE'],
  [255, 'ANY'],
]);

const RCODES = new Map([
  [0, 'NOERROR'],
  [1, 'FORMERR'],
  [2, 'SERVFAIL'],
  [3, 'NXDOMAIN'],
  [4, 'NOTIMP'],
  [5, 'REFUSED'],
  [6, 'YXDOMAIN'],
  [7, 'YXRRSET'],
  [8, 'NXRRSET'],
  [9, 'NOTAUTH'],
  [10, 'NOTZONE'],
  [11, 'DSOTYPENI'],
  // 16 is also TSIG's BADSIG, but that is in the TSIG record, not in the header (RFC 8945 §4.2).
  [16, 'BADVERS'],
  [17, 'BADKEY'],
  [18, 'BADTIME'],
  [19, 'BADMODE'],
  [20, 'BADNAME'],
  [21, 'BADALG'],
  [22, 'BADTRUNC'],
  [23, 'BADCOOKIE'],
]);

const typeNames = new Map<number, string>();
for (const [first, names] of RR_TYPES) {
  names.split(' ').forEach((name, i) => {
    typeNames.set(first + i, name);
  });
}

/** `A`; `TYPE65534` where the registry has no name (RFC 3597 §5). */
export function rrTypeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

/** `IN`; `CLASS32` where the registry has no name (RFC 3597 §5). */
export function className(rrClass: number): string {
  return CLASSES.get(rrClass) ?? `CLASS${rrClass}`;
}

/** `QUERY`; `OPCODE3` where the registry has no name. */
export function opcodeName(opcode: number): string {
  return OPCODES.get(opcode) ?? `OPCODE${opcode}`;
}

/** Whether the registry assigns the opcode. */
export function isOpcodeAssigned(opcode: number): boolean {
  return OPCODES.has(opcode);
}

/** `NXDOMAIN`; `RCODE3841` where the registry has no name. Takes the code as extended by EDNS (RFC 6891 §6.1.3). */
export function rcodeName(rcode: number): string {
  return RCODES.get(rcode) ?? `RCODE${rcode}`;
}

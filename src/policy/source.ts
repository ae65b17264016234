/** A policy as its file states it, after the schema accepted it (config/schema/policy.schema.json). */
import type { Authentication, KeyExchange } from '../dissect/tls/suites.ts';
import type { ComparisonSource } from './comparison.ts';
import type { SignatureAlgorithm, SignatureHash } from './signatures.ts';
import type { Encryption, Mac, Mode } from './suites.ts';
import type { Direction, Level, Severity } from './verdict.ts';

export type VersionName =
  | 'SSLv2'
  | 'SSLv3'
  | 'TLSv1_0'
  | 'TLSv1_1'
  | 'TLSv1_2'
  | 'TLSv1_3'
  | 'DTLSv1_0'
  | 'DTLSv1_2'
  | 'DTLSv1_3';

export interface VersionsSource {
  readonly min?: VersionName;
  readonly max?: VersionName;
  readonly allow?: readonly VersionName[];
  readonly deny?: readonly VersionName[];
  /** In offers only. */
  readonly require?: readonly VersionName[];
}

/** YAML reads a bare `NULL` as null: both mean the cipher, the key exchange or the MAC of that name. */
type OneOrMore<T> = T | null | readonly (T | null)[];

/** All suites that have every one of these properties. */
export interface SuiteSelectorSource {
  readonly key_exchange?: OneOrMore<KeyExchange>;
  readonly authentication?: OneOrMore<Authentication>;
  readonly encryption?: OneOrMore<Encryption>;
  readonly mode?: OneOrMore<Mode>;
  readonly mac?: OneOrMore<Mac>;
  readonly strength_bits?: ComparisonSource;
  readonly forward_secrecy?: boolean;
  readonly aead?: boolean;
  readonly export?: boolean;
}

export interface GroupSelectorSource {
  readonly post_quantum?: boolean;
  readonly hybrid_pq?: boolean;
  readonly ffdhe?: boolean;
  readonly bits?: ComparisonSource;
  readonly strength_bits?: ComparisonSource;
}

export interface SchemeSelectorSource {
  readonly algorithm?: OneOrMore<SignatureAlgorithm>;
  readonly hash?: OneOrMore<SignatureHash>;
}

/** A code point by name, by code (a number, or text such as `0xc02f`), or by properties. */
export type CodeSource<S> = string | number | S;

export interface CodesSource<S> {
  readonly allow?: readonly CodeSource<S>[];
  readonly deny?: readonly CodeSource<S>[];
  /** In offers only: something that each of these selects is offered. */
  readonly require?: readonly CodeSource<S>[];
}

export interface NamesSource<T> {
  readonly allow?: readonly T[];
  readonly deny?: readonly T[];
}

export interface CertificateSource {
  /** `leaf` where left out. */
  readonly scope?: 'leaf' | 'chain';
  readonly key_types?: NamesSource<string>;
  readonly key_bits?: Readonly<Record<string, ComparisonSource>>;
  readonly curves?: NamesSource<string>;
  readonly signature_hashes?: NamesSource<SignatureHash>;
  /** As events name them. */
  readonly signature_algorithms?: NamesSource<string>;
  readonly validity_days?: ComparisonSource;
  readonly expired?: boolean;
  readonly not_yet_valid?: boolean;
  readonly self_signed?: boolean;
  readonly name_mismatch?: boolean;
}

/** IANA's names of extensions. */
export interface ExtensionsSource {
  /** The server agreed to every one of these. */
  readonly require?: readonly string[];
  readonly deny?: readonly string[];
}

export interface NegotiatedSource {
  readonly versions?: VersionsSource;
  readonly cipher_suites?: CodesSource<SuiteSelectorSource>;
  readonly groups?: CodesSource<GroupSelectorSource>;
  readonly signature_schemes?: CodesSource<SchemeSelectorSource>;
  readonly dh_bits?: ComparisonSource;
  readonly resumed?: boolean;
  /** Nothing asks for it. */
  readonly compression?: false;
  readonly extensions?: ExtensionsSource;
  readonly certificate?: CertificateSource;
}

export interface OfferedSource {
  readonly versions?: VersionsSource;
  readonly cipher_suites?: CodesSource<SuiteSelectorSource>;
  readonly groups?: CodesSource<GroupSelectorSource>;
  readonly key_shares?: CodesSource<GroupSelectorSource>;
  readonly signature_schemes?: CodesSource<SchemeSelectorSource>;
}

export interface DnsSource {
  /** Networks of the resolvers that plain DNS may be sent to. */
  readonly resolvers?: readonly string[];
  /** DNS in the clear is a violation. */
  readonly encrypted?: true;
  readonly denied_names?: readonly string[];
  /** Servers that DNS over TLS, HTTPS or QUIC may be sent to. */
  readonly encrypted_resolvers?: { readonly networks?: readonly string[]; readonly names?: readonly string[] };
}

export interface ConditionsSource {
  readonly direction?: Direction;
  readonly clients?: readonly string[];
  readonly servers?: readonly string[];
  readonly ports?: readonly (number | string)[];
  readonly server_names?: readonly string[];
  readonly processes?: readonly string[];
  readonly protocols?: readonly Protocol[];
  readonly versions?: VersionsSource;
  /** The client offers one of these. */
  readonly offered_versions?: readonly VersionName[];
  readonly cipher_suites?: CodesSource<SuiteSelectorSource>;
}

export type Protocol = 'tls' | 'dtls' | 'quic';

export interface RuleSource {
  readonly id: string;
  readonly level: Level;
  readonly severity: Severity;
  readonly reference: string;
  readonly message: string;
  readonly remediation: string;
  /** First day, judged by packet time. */
  readonly from?: string;
  /** Last day. */
  readonly until?: string;
  readonly applies_to?: ConditionsSource;
  readonly negotiated?: NegotiatedSource;
  readonly offered?: OfferedSource;
  readonly dns?: DnsSource;
}

/** What an extending policy changes of an inherited rule. */
export type OverrideSource = Partial<Omit<RuleSource, 'id'>> & { readonly disable?: true };

export interface ExceptionSource {
  /** All rules of the policy that has it where left out. */
  readonly rules?: readonly string[];
  readonly applies_to?: ConditionsSource;
  readonly reason: string;
  /** Last day. */
  readonly until: string;
}

export interface PolicySource {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly source: string;
  readonly extends?: string | readonly string[];
  readonly overrides?: Readonly<Record<string, OverrideSource>>;
  readonly rules?: readonly RuleSource[];
  readonly exceptions?: readonly ExceptionSource[];
}

/** A policy with everything that it inherits. */
export interface ResolvedPolicy {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly source: string;
  readonly rules: readonly RuleSource[];
  readonly exceptions: readonly ExceptionSource[];
}

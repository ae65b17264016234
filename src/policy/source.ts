/** A policy as its file states it, after the schema accepted it (config/schema/policy.schema.json). */
import type { Authentication, Encryption, KeyExchange, Mac, Mode } from './suites.ts';
import type { Level, Severity } from './verdict.ts';

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
  readonly allow?: readonly VersionName[];
  readonly deny?: readonly VersionName[];
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
  readonly strength?: { readonly below?: number; readonly at_least?: number };
  readonly forward_secrecy?: boolean;
  readonly aead?: boolean;
  readonly export?: boolean;
}

/** A suite by name, by code (a number, or text such as `0xc02f`), or by properties. */
export type SuiteSource = string | number | SuiteSelectorSource;

export interface SuitesSource {
  readonly allow?: readonly SuiteSource[];
  readonly deny?: readonly SuiteSource[];
}

export interface RequirementsSource {
  readonly versions?: VersionsSource;
  readonly cipher_suites?: SuitesSource;
}

export interface RuleSource {
  readonly id: string;
  readonly level: Level;
  readonly severity: Severity;
  readonly reference: string;
  readonly message: string;
  readonly remediation: string;
  readonly negotiated?: RequirementsSource;
  readonly offered?: RequirementsSource;
}

export interface PolicySource {
  readonly id: string;
  readonly title: string;
  readonly version: string;
  readonly source: string;
  readonly rules: readonly RuleSource[];
}

/** What the configuration says of each output. Names and meanings are those of the reference (src/output-options.ts). */
import type { Kind } from '../cim/event.ts';

export type Format = 'cim' | 'native';

/** From the least to the worst, as `severity` of findings has them. */
export const SEVERITIES = ['informational', 'low', 'medium', 'high', 'critical'] as const;
export type SeverityName = (typeof SEVERITIES)[number];

/** What the delivery layer needs to know of any output. */
export interface DeliverySettings {
  /** Unique among the outputs. Names the output in the log and its spool on disk. */
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** Findings below this are left out. */
  readonly min_severity: SeverityName;
  readonly format: Format;
  readonly batch: { readonly events: number; readonly bytes: number; readonly interval_ms: number };
  readonly retry: { readonly initial_ms: number; readonly max_ms: number; readonly give_up_s: number | 'auto' };
}

/** The same of outputs that wait for an acknowledgment from elsewhere. */
export interface NetworkSettings extends DeliverySettings {
  readonly in_flight: number;
  readonly timeout_ms: number;
  readonly spool: boolean | 'auto';
  readonly spool_max_bytes: number;
  readonly tls: TlsSettings;
}

/** Files in PEM. */
export interface TlsSettings {
  /** Kafka alone: HTTP says it in the scheme. */
  readonly enabled?: boolean;
  readonly ca_file?: string;
  readonly cert_file?: string;
  readonly key_file?: string;
  readonly server_name?: string;
}

/** Metadata that Splunk keeps beside an event. Left out: what the receiving side says. */
export interface SplunkSettings {
  readonly index?: string;
  readonly source?: string;
}

export interface StdoutSettings extends DeliverySettings {
  readonly type: 'stdout';
}

export interface FileSettings extends DeliverySettings {
  readonly type: 'file';
  /** May hold `{kind}`. */
  readonly path: string;
  readonly rotate: {
    /** 0: never by size. */
    readonly bytes: number;
    /** 0: never by time. */
    readonly interval_s: number;
    /** Rotated files that stay; 0: all. */
    readonly keep_files: number;
    /** Age at which rotated files go; 0: never. */
    readonly keep_s: number;
    readonly gzip: boolean;
  };
  readonly fsync: 'auto' | Fsync;
}

/** When events are forced to the disk. */
export type Fsync = 'never' | 'interval' | 'batch';

export interface KafkaSettings extends NetworkSettings {
  readonly type: 'kafka';
  /** `host:port` */
  readonly brokers: readonly string[];
  /** May hold `{kind}`. */
  readonly topic: string;
  readonly sasl: {
    readonly mechanism?: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username?: string;
    /** The secret is read by `readSecret`. */
    readonly password_file?: string;
    readonly password_env?: string;
  };
  readonly client_id: string;
  readonly key: 'flow' | 'none';
  readonly value: 'event' | 'hec';
  readonly compression: 'none' | 'gzip' | 'snappy' | 'zstd';
  readonly splunk: SplunkSettings;
}

export interface OtlpSettings extends NetworkSettings {
  readonly type: 'otlp';
  /** Of the logs endpoint, such as `http://host:4318/v1/logs`. */
  readonly url: string;
  readonly body: 'line' | 'map';
  readonly compression: 'none' | 'gzip';
  readonly headers: Readonly<Record<string, string>>;
  /** A file of `Name: value` lines: headers that are secret. */
  readonly headers_file?: string;
  /** Further resource attributes. */
  readonly resource: Readonly<Record<string, string>>;
  readonly splunk: SplunkSettings;
}

export interface HecSettings extends NetworkSettings {
  readonly type: 'hec';
  /** Of the server, such as `https://host:8088`; no path. */
  readonly url: string;
  /** The secret is read by `readSecret`. */
  readonly token_file?: string;
  readonly token_env?: string;
  /** Wait for the indexer's acknowledgment. */
  readonly ack: boolean;
  readonly compression: 'none' | 'gzip';
  readonly splunk: SplunkSettings;
}

export type OutputSettings = StdoutSettings | FileSettings | KafkaSettings | OtlpSettings | HecSettings;
export type OutputType = OutputSettings['type'];

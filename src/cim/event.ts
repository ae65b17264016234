/** An event ready to send: its line is made once and every output sends these same bytes. */

export const KINDS = ['flow', 'dns', 'tls', 'finding'] as const;
export type Kind = (typeof KINDS)[number];

export interface CimEvent {
  readonly kind: Kind;
  /** Event time: seconds since 1970-01-01 UTC. */
  readonly seconds: number;
  readonly nanos: number;
  /** One JSON object on one line, without the newline. */
  readonly line: string;
}

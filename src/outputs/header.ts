/** What an HTTP header may be: Node refuses every request with another. */

/** RFC 9110 §5.6.2. */
export function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name);
}

/** RFC 9110 §5.5. Characters beyond ASCII are a byte each on the wire, as Node sends them. */
export function isHeaderValue(value: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

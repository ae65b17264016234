/** Names come from the wire: a terminal is not to obey them. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** Columns for a terminal, as wide as their widest line. A cell may have several lines. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows].map((cells) => cells.map((cell) => cell.split('\n').map(printable)));
  const widths = header.map((_, column) =>
    all.reduce((width, cells) => (cells[column] ?? []).reduce((most, line) => Math.max(most, line.length), width), 0),
  );
  const lines = all.flatMap((cells) =>
    Array.from({ length: cells.reduce((most, { length }) => Math.max(most, length), 1) }, (_, i) =>
      cells.map((cell, column) => (cell[i] ?? '').padEnd(widths[column] ?? 0)).join('  '),
    ),
  );
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** `192.0.2.1:443`, `[2001:db8::1]:443`. */
export function formatEndpoint({ ip, port }: { readonly ip: string; readonly port: number }): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

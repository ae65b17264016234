/** Days of the calendar in UTC, as policies write them: `2026-12-31`. */

const DAY_S = 86_400;

/** Seconds since 1970 at which the day begins; undefined for text that is no day of the calendar. */
export function dayStart(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const milliseconds = Date.parse(`${text}T00:00:00Z`);
  const valid = Number.isFinite(milliseconds) && new Date(milliseconds).toISOString().startsWith(text);
  return valid ? milliseconds / 1000 : undefined;
}

/** Seconds since 1970 at which the day is over. */
export function dayEnd(text: string): number | undefined {
  const start = dayStart(text);
  return start === undefined ? undefined : start + DAY_S;
}

/** The day of a moment. */
export function dayOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `second ${seconds}` : date.toISOString().slice(0, 10);
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time of day this much later than now is still today's: clocks differ. */
const aheadMs = 60_000;

/**
 * The moment that somebody typed, as RFC 3339: a time of day ("09:41", "09:41:10.5": the last one
 * that was), a duration before now ("10m", "2h"), a local date and time ("2026-11-27 09:41"), or
 * RFC 3339 itself, which stays as it is. Null for anything else.
 * @param now unix ms
 */
export function parseMoment(text: string, now: number): string | null {
  const trimmed = text.trim();
  const [, amount, unit] = /^(\d{1,6}) ?([smhd])(?:in)?$/.exec(trimmed) ?? [];
  if (amount && unit) return new Date(now - Number(amount) * (unitMs[unit] ?? 0)).toISOString();
  const [, hour, minute, second = "0"] = /^(\d{1,2}):(\d\d)(?::(\d\d(?:\.\d{1,3})?))?$/.exec(trimmed) ?? [];
  if (hour && minute) return toLastTimeOfDay(Number(hour), Number(minute), Number(second), now);
  if (!/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:[Zz]|[+-]\d\d:\d\d)?$/.test(trimmed)) return null;
  const ms = Date.parse(trimmed.replace(/[t ]/, "T").replace(/(\.\d{3})\d+/, "$1"));
  if (Number.isNaN(ms)) return null;
  return /T.*:\d\d(?:\.\d+)?Z$/.test(trimmed) ? trimmed : new Date(ms).toISOString();
}

function toLastTimeOfDay(hour: number, minute: number, second: number, now: number): string | null {
  if (hour > 23 || minute > 59 || second >= 60) return null;
  const date = new Date(now);
  date.setHours(hour, minute, Math.floor(second), Math.round((second % 1) * 1000));
  if (date.getTime() > now + aheadMs) date.setDate(date.getDate() - 1);
  return date.toISOString();
}

/** RFC 3339 in UTC with nine decimals: such texts sort as their times do. */
export function toSortable(at: string): string {
  const [, whole, fraction = ""] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z$/.exec(at) ?? [];
  if (whole) return `${whole}.${fraction.padEnd(9, "0")}Z`;
  return new Date(at).toISOString().replace("Z", "000000Z");
}

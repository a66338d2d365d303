/** A time (a number: unix milliseconds) as RFC 3339 UTC with whole seconds. */
export function formatRfc3339(time: Date | number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

/** An RFC 3339 time as unix seconds, with its fraction. */
export function toUnixSeconds(time: string): number {
  return Date.parse(time) / 1000;
}

/** Units of durations as people write them. */
export const secondsPerUnit: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 };

/**
 * A time for `since` and `until` in Docker's form, unix seconds with nine decimals. Accepts RFC
 * 3339 (any offset, up to nine decimals), unix seconds, and a duration before now ("90s", "5m",
 * "1h30m", "2d"). Null for anything else. Docker itself answers 500 to RFC 3339 times and
 * durations.
 */
export function parseLogTime(text: string, nowMs: number): string | null {
  return parseUnix(text) ?? parseDuration(text, nowMs) ?? parseRfc3339(text);
}

function parseUnix(text: string): string | null {
  const match = /^(\d{1,11})(?:\.(\d{1,9}))?$/.exec(text);
  return match ? `${Number(match[1])}.${(match[2] ?? "").padEnd(9, "0")}` : null;
}

function parseDuration(text: string, nowMs: number): string | null {
  if (!/^(?:\d{1,9}(?:\.\d{1,3})?(?:d|h|ms|m|s))+$/.test(text)) return null;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(d|h|ms|m|s)/g)];
  const seconds = parts.reduce((sum, [, value, unit]) => sum + Number(value) * (secondsPerUnit[unit ?? ""] ?? 0), 0);
  return toUnixText(nowMs - Math.round(seconds * 1000), "");
}

function parseRfc3339(text: string): string | null {
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction = "", zone = ""] = match;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  if (!isRealTime(local)) return null;
  const ms = Date.parse(`${local}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? null : toUnixText(ms, fraction);
}

/** Null before 1970: Docker has no logs from before that. */
function toUnixText(ms: number, fraction: string): string | null {
  if (ms < 0) return null;
  const seconds = Math.floor(ms / 1000);
  const rest = fraction === "" ? String(ms - seconds * 1000).padStart(3, "0") : fraction;
  return `${seconds}.${rest.padEnd(9, "0")}`;
}

/**
 * Unix seconds with decimals as the 30 characters that Docker puts before a log line, so that times
 * compare as text.
 */
export function toLogTimestamp(unixSeconds: string): string {
  const [seconds = "0", fraction = ""] = unixSeconds.split(".");
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}.${fraction.padEnd(9, "0").slice(0, 9)}Z`;
}

/** One nanosecond later; unix seconds with nine decimals. */
export function addNanosecond(unixSeconds: string): string {
  const next = String(BigInt(unixSeconds.replace(".", "")) + 1n).padStart(10, "0");
  return `${next.slice(0, -9)}.${next.slice(-9)}`;
}

/**
 * An RFC 3339 time as UTC with whole seconds. Null before 1970 (Docker's zero time is 0001-01-01),
 * after the year 9999, and for an invalid time.
 */
export function normalizeRfc3339(text: string | null | undefined): string | null {
  const ms = text ? Date.parse(text) : Number.NaN;
  return ms >= 0 && ms < 253_402_300_800_000 ? formatRfc3339(ms) : null;
}

/**
 * An ISO 8601 time, as shells write it, as RFC 3339 UTC with whole seconds; fractions are cut off.
 * Also accepts `+0000` (`date +%z`) and a space for the T (`date --rfc-3339`). Null for a time that
 * does not exist or has no zone, because a guess would be hours off.
 */
export function parseIsoTime(text: string): string | null {
  const form = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/i.exec(text);
  if (!form) return null;
  const [, date = "", time = "", zone = ""] = form;
  if (!isRealTime(`${date}T${time}`)) return null;
  const offset = zone.length === 1 ? "Z" : `${zone.slice(0, 3)}:${zone.slice(-2)}`;
  const ms = Date.parse(`${date}T${time}${offset}`);
  // Outside 0000..9999 the text would start with a sign.
  return Number.isNaN(ms) || !/^\d/.test(formatRfc3339(ms)) ? null : formatRfc3339(ms);
}

/** Whether a day has this time, `2026-01-13T09:40:00`: Date turns 30 February into March. */
export function isRealTime(local: string): boolean {
  const ms = Date.parse(`${local}Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(local);
}

/** Seconds from a time (unix milliseconds) to now, never negative; null without one. */
export function toAgeSeconds(unixMs: number | null): number | null {
  return unixMs === null ? null : Math.max(0, (Date.now() - unixMs) / 1000);
}

/** Milliseconds to wait as the whole seconds of `Retry-After`, at least 1. */
export function toRetryAfterSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

/** RFC 3339 UTC with seconds. */
export function toSeconds(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`;
}

const secondsPerUnit: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 };

/**
 * A time for `since` and `until` as Docker wants it, unix seconds with nine decimals. Accepts RFC 3339 (any offset, up to nine decimals), unix seconds, and a
 * duration before now ("90s", "5m", "1h30m", "2d"). Null for anything else. Docker itself answers 500 to RFC 3339 times and durations.
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
  const date = new Date(`${local}Z`);
  // Date turns 30 February into March; such a time is the caller's mistake.
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 19) !== local) return null;
  const ms = Date.parse(`${local}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? null : toUnixText(ms, fraction);
}

/** Null before 1970: Docker has no logs from then. */
function toUnixText(ms: number, fraction: string): string | null {
  if (ms < 0) return null;
  const seconds = Math.floor(ms / 1000);
  const rest = fraction === "" ? String(ms - seconds * 1000).padStart(3, "0") : fraction;
  return `${seconds}.${rest.padEnd(9, "0")}`;
}

/** Unix seconds with decimals as the 30 characters that Docker puts before a log line, so that times compare as text. */
export function toLogTimestamp(unixSeconds: string): string {
  const [seconds = "0", fraction = ""] = unixSeconds.split(".");
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}.${fraction.padEnd(9, "0").slice(0, 9)}Z`;
}

/** An RFC 3339 time as UTC with whole seconds. Null before 1970 (Docker's zero time is 0001-01-01), after the year 9999, and for an invalid time. */
export function toTimestamp(text: string | null | undefined): string | null {
  const ms = text ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms) || ms < 0 || ms >= 253_402_300_800_000) return null;
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Seconds since an engine's last contact (unix milliseconds), null without any. */
export function toAgeSeconds(contactAt: number | null): number | null {
  return contactAt === null ? null : Math.max(0, (Date.now() - contactAt) / 1000);
}

/**
 * How every surface writes numbers and times. Values are rounded down, so none seems to reach a
 * limit that it has not reached. Null and undefined are unknown: "–", never 0.
 */

export const unknownText = "–";

type Unknown = null | undefined;

/** Floating-point numbers fall short of their decimal: 0.29 * 100 is 28.999999999999996. */
const tolerance = 1 + 4 * Number.EPSILON;

function floor(value: number, decimals = 0): number {
  const scale = 10 ** decimals;
  return Math.floor(value * scale * tolerance) / scale;
}

/** A part of 100: "12 %", "2.4 %". @param value 0..100, more for CPUs */
export function formatPercent(value: number | Unknown): string {
  if (value === null || value === undefined) return unknownText;
  if (value > 0 && value < 0.1) return "<0.1 %";
  return `${value >= 10 || value === 0 ? floor(value) : floor(value, 1).toFixed(1)} %`;
}

/** A part of 1, as percent: "12 %". @param value 0..1 */
export function formatShare(value: number | Unknown): string {
  return formatPercent(value === null || value === undefined ? value : value * 100);
}

const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A whole number: "12,345". */
export function formatNumber(value: number | Unknown): string {
  return value === null || value === undefined ? unknownText : numbers.format(floor(value));
}

/**
 * A number with its noun: `1 job`, `2,000 jobs`. Both forms may include a verb: `1 job waits`, `2
 * jobs wait`.
 */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${formatNumber(count)} ${count === 1 ? one : many}`;
}

/** Events per second: "1.2/s". */
export function formatRate(value: number | Unknown): string {
  if (value === null || value === undefined) return unknownText;
  if (value === 0) return "0/s";
  if (value < 0.01) return "<0.01/s";
  return `${value >= 10 ? formatNumber(value) : floor(value, value < 0.1 ? 2 : 1).toFixed(value < 0.1 ? 2 : 1)}/s`;
}

/** A load average, as `uptime` writes it: "1.25". */
export function formatLoad(value: number | Unknown): string {
  return value === null || value === undefined ? unknownText : value.toFixed(2);
}

const byteUnits = ["B", "kB", "MB", "GB", "TB"];

/** Bytes: "1.2 MB". */
export function formatBytes(value: number | Unknown): string {
  if (value === null || value === undefined) return unknownText;
  const power = Math.max(
    0,
    byteUnits.findLastIndex((_, index) => value >= 1000 ** index),
  );
  const scaled = value / 1000 ** power;
  return `${power === 0 || scaled >= 100 ? floor(scaled) : floor(scaled, 1).toFixed(1)} ${byteUnits[power]}`;
}

/**
 * A length of time: "250 ms", "1.5 s", "119 s", "59 min", "2 h 5 min", "47 h", "2 d".
 *
 * @param seconds negative counts as 0
 */
export function formatDuration(seconds: number | Unknown): string {
  if (seconds === null || seconds === undefined) return unknownText;
  if (seconds <= 0) return "0 s";
  if (seconds < 1) return `${Math.max(1, floor(seconds * 1000))} ms`;
  if (seconds < 10 && !Number.isInteger(seconds)) return `${floor(seconds, 1).toFixed(1)} s`;
  if (seconds < 120) return `${floor(seconds)} s`;
  const minutes = floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = floor(minutes / 60);
  if (hours < 10) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours < 48 ? `${hours} h` : `${floor(hours / 24)} d`;
}

/** How long ago a time is, in whole seconds or coarser: "12 min". "0 s" if our clock is behind. */
export function formatAge(at: string | number | Unknown, nowMs = Date.now()): string {
  if (at === null || at === undefined) return unknownText;
  return formatDuration(Math.floor((nowMs - new Date(at).getTime()) / 1000));
}

/**
 * In the user's time zone, to the second. Leaves a text that is no time ("24h", a mistake in an
 * address) unchanged.
 */
export function formatLocalTime(at: string | number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  return `${formatDay(date)} ${formatClock(date)} ${zoneName(date)}`;
}

const two = (value: number) => String(value).padStart(2, "0");

/** "14:03:09". */
export function formatClock(at: string | number | Date, { millis = false } = {}): string {
  const date = new Date(at);
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return millis ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** "2026-11-27". */
export function formatDay(at: string | number | Date): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function zoneName(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${two(size % 60)}` : "";
  return `UTC${minutes < 0 ? "-" : "+"}${Math.floor(size / 60)}${rest}`;
}

/** The words of an enum value: "NO_WORKERS" is "no workers". */
export function formatEnum(value: string | Unknown): string {
  return value === null || value === undefined ? unknownText : value.toLowerCase().replaceAll("_", " ");
}

/** Foreign text unchanged; an empty one is unknown. */
export function formatText(text: string | number | Unknown): string {
  return text === null || text === undefined || text === "" ? unknownText : String(text);
}

/** The start of a sentence. */
export function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

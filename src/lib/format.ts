/** Numbers and times as people read them, in the console and the terminal. Null and undefined are unknown: "–", never 0. */

export const unknownText = "–";

/** A part of 100: "12 %". @param value 0..100 */
export function toPercent(value: number | null | undefined): string {
  if (value === null || value === undefined) return unknownText;
  return `${value >= 10 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

/** A part of 1 as percent. @param value 0..1 */
export function toPercentOf1(value: number | null | undefined): string {
  return toPercent(value === null || value === undefined ? value : value * 100);
}

const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A whole number: "12,345". */
export function toCount(value: number | null | undefined): string {
  return value === null || value === undefined ? unknownText : counts.format(value);
}

/** Events per second: "1.2/s". */
export function toRate(value: number | null | undefined): string {
  if (value === null || value === undefined) return unknownText;
  return `${value === 0 ? "0" : value < 0.095 ? value.toFixed(2) : value < 10 ? value.toFixed(1) : counts.format(value)}/s`;
}

/** Bytes: "1.2 MB". */
export function toBytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return unknownText;
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${power === 0 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(1)} ${units[power]}`;
}

/** A length of time, its largest units: "12 s", "3 min", "2 h 5 min", "4 d". @param seconds negative counts as 0 */
export function toDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return unknownText;
  const whole = Math.max(0, seconds);
  if (whole < 1 && whole > 0) return `${Math.max(1, Math.round(whole * 1000))} ms`;
  if (whole < 10 && !Number.isInteger(whole)) return `${whole.toFixed(1)} s`;
  if (whole < 90) return `${Math.round(whole)} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 10) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  if (hours < 48) return `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

/** In the person's time zone, to the second. What is no time ("24h", a mistake in an address) stays as it is. */
export function toLocalTime(at: string | number): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  return `${toDay(date)} ${toClock(date)} ${zoneName(date)}`;
}

const two = (value: number) => String(value).padStart(2, "0");

/** "14:03:09". */
export function toClock(at: string | number | Date, { millis = false } = {}): string {
  const date = new Date(at);
  const text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return millis ? `${text}.${String(date.getMilliseconds()).padStart(3, "0")}` : text;
}

/** "2026-11-27". */
export function toDay(at: string | number | Date): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
}

function zoneName(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "-" : "+"}${Math.floor(size / 60)}${size % 60 ? `:${String(size % 60).padStart(2, "0")}` : ""}`;
}

/** The words of an enum value: "NO_WORKERS" is "no workers". */
export function toWords(value: string): string {
  return value.toLowerCase().replaceAll("_", " ");
}

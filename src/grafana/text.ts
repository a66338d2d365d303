import { OpsError } from "../errors.ts";

/** What Grafana's "All" becomes: its own word, the variable's text, and what people set as the value of All. */
const all: ReadonlySet<string> = new Set(["$__all", "All", ".*", ".+", "*"]);

/**
 * The values that a text stands for. Grafana escapes the value of a variable for regular expressions, and writes several as `(a|b)`: `webhook\.aella`,
 * `(payouts|webhook\.aella)`. A text without any of that is itself. Source: shared/grafana.md, "Template interpolation".
 */
export function toValues(text: string): string[] {
  const isGroup = text.startsWith("(") && text.endsWith(")") && !isEscaped(text, text.length - 1);
  return (isGroup ? split(text.slice(1, -1)) : [text]).map(unescape);
}

/** As many as a dashboard's variable with all its options may have. */
const maxNames = 1000;

/**
 * The names that an input asks for; null for all of them: an absent or empty input, and "All". Takes what the plugin sends (a text, a list) and what
 * people write in JSON (a number, a boolean, an option as an object). Throws invalid_request for more than 1,000.
 */
export function toNames(input: unknown): readonly string[] | null {
  const names = flatten(input)
    .flatMap(toValues)
    .filter((name) => name !== "");
  if (names.length > maxNames)
    throw new OpsError("invalid_request", `At most ${maxNames} values for one name: leave it out for all`);
  return names.length === 0 || names.some((name) => all.has(name)) ? null : [...new Set(names)];
}

function flatten(input: unknown): string[] {
  if (Array.isArray(input)) return input.flatMap(flatten);
  if (typeof input === "string") return [input.trim()];
  if (typeof input === "number" || typeof input === "boolean") return [String(input)];
  return typeof input === "object" && input !== null && "value" in input ? flatten(input.value) : [];
}

/** `true`, `"true"`, 1 and "1" are true; null for what is neither true nor false. */
export function toBoolean(input: unknown): boolean | null {
  const [text = ""] = flatten(input);
  if (/^(?:true|1)$/i.test(text)) return true;
  return /^(?:false|0)$/i.test(text) ? false : null;
}

/** A number, or a text of one; null for anything else. */
export function toNumber(input: unknown): number | null {
  const [text = ""] = flatten(input);
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

const secondsPerUnit: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds of a number, or of a text such as "60", "60s", "5m"; null for anything else. */
export function toSeconds(input: unknown): number | null {
  const match = /^(\d{1,9})(s|m|h|d)?$/.exec(flatten(input)[0] ?? "");
  return match ? Number(match[1]) * (secondsPerUnit[match[2] ?? ""] ?? 1) : null;
}

/** Every backslash before a sign of punctuation goes; before a letter it is no escape of Grafana's. */
function unescape(text: string): string {
  return text.replaceAll(/\\([^\p{L}\p{N}\s])/gu, "$1");
}

/** At each `|` that is not escaped. */
function split(text: string): string[] {
  const parts: string[] = [];
  let begin = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] !== "|" || isEscaped(text, index)) continue;
    parts.push(text.slice(begin, index));
    begin = index + 1;
  }
  return [...parts, text.slice(begin)];
}

/** Whether an odd number of backslashes stands before it. */
function isEscaped(text: string, index: number): boolean {
  let before = index;
  while (before > 0 && text[before - 1] === "\\") before -= 1;
  return (index - before) % 2 === 1;
}

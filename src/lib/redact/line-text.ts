import { redactSecrets } from "./secrets.ts";

/** Longest text of a deploy record, in UTF-16 units. */
export const maxLength = 256;

/**
 * Text of the deploy pipeline as we serve it: one trimmed line with its secrets redacted, without control characters (C0, C1, line and
 * paragraph separators) and invisible format characters (bidi overrides, zero-width), which could disguise a name in a console.
 */
export function cleanText(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "").toWellFormed();
  return redactSecrets(line).trim();
}

/**
 * An ISO 8601 time, as shells write it, as RFC 3339 UTC with seconds; fractions are cut off. Also accepts `+0000` (`date +%z`)
 * and a space for the T (`date --rfc-3339`). Null for a time that does not exist or has no zone, because a guess would be hours
 * off.
 */
export function toUtcSeconds(text: string): string | null {
  const form = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/i.exec(text);
  if (!form) return null;
  const [, date = "", time = "", zone = ""] = form;
  const local = Date.parse(`${date}T${time}Z`);
  // Date.parse turns 30 February into March: only a time that comes back unchanged exists.
  if (Number.isNaN(local) || new Date(local).toISOString() !== `${date}T${time}.000Z`) return null;
  const offset = zone.length === 1 ? "Z" : `${zone.slice(0, 3)}:${zone.slice(-2)}`;
  const instant = new Date(`${date}T${time}${offset}`);
  // Outside 0000..9999 the text would start with a sign.
  return /^\d{4}-/.test(jsonTime(instant)) ? jsonTime(instant).replace(".000Z", "Z") : null;
}

function jsonTime(instant: Date): string {
  return Number.isNaN(instant.getTime()) ? "" : instant.toISOString();
}

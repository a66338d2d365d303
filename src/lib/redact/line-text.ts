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

import { createLineRedactor, cutMargin, redactCutText } from "../../lib/redact/sanitize.ts";
import { createLevelDetector } from "./level.ts";
import type { LogLine } from "./log.ts";

const maxLineBytes = 64 << 10;
/**
 * How much of a line is read: a secret is recognised only whole, so more is read than is shown. A
 * character has at most 4 bytes.
 */
export const maxReadBytes = maxLineBytes + 4 * cutMargin;
/** What ends a line that was cut. */
const cutMark = " [line cut at 64 KiB]";

/**
 * Cleans the lines of one stream, in order: each is sanitised and redacted whole, its level is
 * read, then it is cut at 64 KiB. `isCut`: the text ends at `maxReadBytes`.
 */
export function createLineCleaner(): (text: string, isCut: boolean) => Pick<LogLine, "level" | "message"> {
  const redact = createLineRedactor();
  const detect = createLevelDetector();
  return (text, isCut) => {
    const safe = isCut ? redactCutText(text, redact) : redact(text);
    const message = cutLine(safe, isCut);
    return { level: detect(message), message };
  };
}

/** At most 64 KiB of a redacted line, marked when a part is missing. */
function cutLine(text: string, isCut: boolean): string {
  // A code unit takes at most 3 bytes.
  if (!isCut && text.length <= maxLineBytes / 3) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxLineBytes) return isCut ? text + cutMark : text;
  let end = maxLineBytes;
  // Not in the middle of a character: its continuation bytes are 10xxxxxx.
  while (end > maxLineBytes - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end) + cutMark;
}

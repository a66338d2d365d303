import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { dirname, normalize } from "node:path";
import { formatCount } from "../../lib/text.ts";
import { type AnchorCheck, createAnchorCheck } from "../anchors.ts";
import { checkWritable } from "./append.ts";
import { type ChainHead, createLineVerifier, genesis } from "../line.ts";
import { listParts } from "./lines.ts";

interface Verdict {
  readonly ok: boolean;
  /** The result, or the first fault with its `seq`. */
  readonly message: string;
}

/**
 * Checks the chain of a record with its rotated files: every byte of every line, their number and order, and that each anchor
 * is in it. `partial`: the oldest files were removed on purpose. Without an anchor it cannot notice missing newest lines.
 */
export async function verifyAudit(
  path: string,
  { partial, anchors = [] }: { readonly partial: boolean; readonly anchors?: readonly ChainHead[] },
): Promise<Verdict> {
  const parts = await listParts(path).catch(() => null);
  if (parts === null) return { ok: false, message: `${dirname(path)} cannot be read` };
  // Checks a current file without any entry too: it may be entirely corrupt.
  const files = parts.includes(normalize(path)) ? parts : [...parts, path];
  let head: ChainHead | null = partial ? null : genesis;
  const anchored = createAnchorCheck(anchors, partial);
  for (const file of files) {
    const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => error);
    if (!Buffer.isBuffer(bytes)) return { ok: false, message: `${file} cannot be read (${bytes.code})` };
    const result = verifyLines(splitLines(bytes), head, anchored);
    if (typeof result === "string") return { ok: false, message: `${file}: ${result}` };
    head = result;
  }
  const fault = anchored.end();
  if (fault !== null) return { ok: false, message: `${path}: ${fault}` };
  const { seq, hash } = head ?? genesis;
  const count = formatCount(files.length, "file");
  return { ok: true, message: `${count}, head seq ${seq} hash ${hash}${anchored.note()}` };
}

/** Lines with their newlines. */
function splitLines(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    lines.push(toLineText(bytes.subarray(start, end)));
    start = end;
  }
  return lines;
}

/** The chain's head after these lines, or the fault. `start` null: the first line may follow any entry. */
function verifyLines(lines: readonly string[], start: ChainHead | null, anchors: AnchorCheck): ChainHead | string | null {
  const file = createLineVerifier(start);
  for (const line of lines) {
    const before = file.head();
    const fault = file.push(line);
    if (fault !== null) return fault;
    const head = file.head();
    const other = head === null || head === before ? null : anchors.push(head);
    if (other !== null) return other;
  }
  return file.end() ?? file.head();
}

/** A line that is not UTF-8 becomes a text that is no entry. */
export function toLineText(line: Buffer): string {
  return isUtf8(line) ? line.toString("utf8") : line.toString("hex");
}

/** One line of `cli check`: the head of the record, or why it cannot be written and the remedy. Never rejects. */
export async function probeAudit(path: string): Promise<{ ok: boolean; detail: string; warnings: readonly string[] }> {
  try {
    const { head, size, locked } = await checkWritable(path);
    const writer = locked ? ", a running gateway writes it" : "";
    const found = head.seq > 0 ? `${path}, head seq ${head.seq}` : `${path}, no entry yet`;
    const warnings = head.seq === 0 && size ? [`${path} holds text but no entry: is it another file?`] : [];
    return { ok: true, detail: found + writer, warnings };
  } catch (error) {
    const remedy = "let the gateway's user write the file and its folder, or set WALLET_CORE_OPS_AUDIT_FILE";
    const detail = `${path} cannot be written, so nothing can be restarted or changed (${(error as Error).message}): ${remedy}`;
    return { ok: false, detail, warnings: [] };
  }
}

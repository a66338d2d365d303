import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { type ChainHead, genesis, parseAuditLine, toHash } from "./line.ts";
import { listParts } from "./lines.ts";

export interface Verdict {
  readonly ok: boolean;
  /** What was found, or the first thing that is wrong, by its `seq`. */
  readonly message: string;
}

/**
 * Checks the chain of a record with its rotated files: every byte of every line, their number and their order; `partial` when the
 * oldest files were removed on purpose. What it cannot see alone is that the newest lines are missing: compare the head that it
 * prints with the `audit` lines of the gateway's own log.
 */
export async function verifyAudit(path: string, { partial }: { readonly partial: boolean }): Promise<Verdict> {
  const parts = await listParts(path).catch(() => null);
  if (parts === null) return { ok: false, message: `${dirname(path)} cannot be read` };
  // A current file without a single entry is checked too: it may be spoiled whole.
  const files = parts.includes(path) ? parts : [...parts, path];
  let head: ChainHead | null = partial ? null : genesis;
  for (const file of files) {
    const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => error);
    if (!Buffer.isBuffer(bytes)) return { ok: false, message: `${file} cannot be read (${bytes.code})` };
    const result = verifyLines(splitLines(bytes), head);
    if (typeof result === "string") return { ok: false, message: `${file}: ${result}` };
    head = result;
  }
  const { seq, hash } = head ?? genesis;
  return { ok: true, message: `${files.length} file(s), head seq ${seq} hash ${hash}` };
}

/** Lines with the newline that ends each; one that is no UTF-8 becomes a text that is no entry. */
function splitLines(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const newline = bytes.indexOf(10, start);
    const end = newline < 0 ? bytes.length : newline + 1;
    const line = bytes.subarray(start, end);
    lines.push(isUtf8(line) ? line.toString("utf8") : line.toString("hex"));
    start = end;
  }
  return lines;
}

/** The chain's head after these lines, or what is wrong with them. `start` null: whatever the first one follows. */
function verifyLines(lines: readonly string[], start: ChainHead | null): ChainHead | string | null {
  let head = start;
  let piece: string | null = null;
  for (const line of lines) {
    const expected = (head?.seq ?? 0) + 1;
    const parsed = line.endsWith("\n") ? parseAuditLine(line.slice(0, -1)) : null;
    // A piece is in order when the entry after it says that its writer saw it.
    if (piece !== null && parsed?.piece !== toHash(piece)) return `seq ${expected} is cut or altered`;
    piece = parsed ? null : line.replace(/\n$/, "");
    if (!parsed) continue;
    const { record, prevHash, intact } = parsed;
    if (!intact) return `seq ${expected} is altered`;
    if (head && record.seq !== expected) return `seq ${expected} is missing or moved: seq ${record.seq} stands in its place`;
    if (head && prevHash !== head.hash) return `seq ${expected} does not follow the entry before it`;
    head = { seq: record.seq, hash: record.hash };
  }
  return piece === null ? head : `seq ${(head?.seq ?? 0) + 1} is cut or altered`;
}

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { setImmediate } from "node:timers/promises";
import { formatRfc3339 } from "../../lib/time.ts";
import type { AuditChain } from "../audit.ts";
import { type ChainHead, createLineVerifier, genesis, parseAuditLine, toCutFault, toHeadFault } from "../line.ts";
import { hasCompressedParts, listParts } from "./lines.ts";
import { toLineText } from "./verify.ts";

/** Bytes that are checked before other requests run: about 3 ms. */
const chunkBytes = 128 << 10;
/** No line of ours is as long: a file without newlines must not fill the memory. */
const longestLine = 4 << 20;
/** A line that is still without its newline after this time was cut: a write has a deadline of 5 s. */
const unfinishedMs = 10_000;

const openFlags = constants.O_RDONLY | constants.O_NONBLOCK;

interface ChainCheckOptions {
  readonly path: string;
  /** The newest entry that is known to have been written: it must be there. @default none */
  readonly newest?: () => ChainHead;
  /** How long an answer stands, milliseconds. @default 1000 */
  readonly ttlMs?: number;
  /** After this time everything is checked again, milliseconds: what was checked may have been changed since. @default 10 minutes */
  readonly fullEveryMs?: number;
  /** How long a caller waits for a check that goes on, milliseconds. @default 1000 */
  readonly waitMs?: number;
}

/** How far one file was checked. */
interface Part {
  /** Bytes of whole, checked lines. */
  offset: number;
  /** The file as it was then. */
  size: number;
  mtimeMs: number;
}

/** A check that goes on where it ended. */
interface Progress {
  readonly startedAtMs: number;
  /** By device and inode: a rotated file keeps them. */
  readonly parts: Map<string, Part>;
  firstSeq: number | null;
  head: ChainHead | null;
}

/**
 * Checks the hash chain of the record at `path` again and again. It remembers how far it came and checks only what was appended since; everything again every
 * `fullEveryMs`, and when a file that was checked has changed or is gone. A caller waits at most `waitMs`; a long check then goes on in the background, one at a time, and
 * the answer is that of the last check. Rejects with the file system's error.
 */
export function createChainCheck({
  path,
  newest = () => genesis,
  ttlMs = 1000,
  fullEveryMs = 600_000,
  waitMs = 1000,
}: ChainCheckOptions): () => Promise<AuditChain> {
  let progress: Progress | null = null;
  let answer: AuditChain = { ok: null, firstSeq: null, lastSeq: null, checkedAt: null, problem: null };
  let answeredAtMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | null = null;

  const check = async () => {
    // Before the reading: more may be appended meanwhile.
    const expected = newest();
    let going = progress && Date.now() - progress.startedAtMs < fullEveryMs ? progress : begin();
    let found = await advance(path, going);
    if (found === "changed") {
      going = begin();
      found = await advance(path, going);
    }
    if (found === null && (going.head !== null || !(await hasCompressedParts(path)))) {
      const fault = toHeadFault(going.head ?? genesis, expected);
      if (fault !== null) found = { fault };
    }
    // After a fault the next check begins again: the record may be repaired.
    progress = found === null ? going : null;
    if (found === "changed") return;
    const { firstSeq, head } = going;
    const problem = found?.fault ?? null;
    answer = { ok: found === null, firstSeq, lastSeq: head?.seq ?? null, checkedAt: formatRfc3339(Date.now()), problem };
    answeredAtMs = Date.now();
  };
  return async () => {
    const restMs = answer.problem === null ? ttlMs : ttlMs * 60;
    if (Date.now() - answeredAtMs < restMs) return answer;
    running ??= check().finally(() => (running = null));
    let timer: NodeJS.Timeout | undefined;
    const waited = new Promise<void>((resolve) => (timer = setTimeout(resolve, waitMs)));
    // A failure after the caller left is that of the next caller, who tries again.
    running.catch(() => {});
    await Promise.race([running, waited]).finally(() => clearTimeout(timer));
    return answer;
  };
}

function begin(): Progress {
  return { startedAtMs: Date.now(), parts: new Map(), firstSeq: null, head: null };
}

/** Checks what was appended. Returns null when all is whole, the fault, or `changed` when a file is not as it was: then all must be checked again. */
async function advance(path: string, progress: Progress): Promise<null | { readonly fault: string } | "changed"> {
  const listed = await listParts(path);
  // The current file may be without any entry because it is entirely corrupt.
  const paths = listed.includes(path) ? listed : [...listed, path];
  const before = [...progress.parts.keys()];
  let seen = 0;
  for (const one of paths) {
    await using file = await openFile(one);
    if (!file) continue;
    const { dev, ino, size, mtimeMs } = await file.stat();
    const key = `${dev}:${ino}`;
    const known = progress.parts.get(key);
    if (before[seen] !== (known && key)) return "changed";
    if (known) {
      seen += 1;
      const isSame = size === known.size && mtimeMs === known.mtimeMs;
      const mayGrow = key === before.at(-1) && size >= known.offset && (size !== known.size || isSame);
      if (!isSame && !mayGrow) return "changed";
    }
    const part: Part = { offset: known?.offset ?? 0, size, mtimeMs };
    progress.parts.set(key, part);
    const mayBeUnfinished = one === paths.at(-1) && Date.now() - mtimeMs < unfinishedMs;
    const fault = await checkPart(file, part, progress, mayBeUnfinished);
    if (fault !== null) return { fault: `${basename(one)}: ${fault}` };
  }
  return seen < before.length ? "changed" : null;
}

/** Null when there is no such file: the newest one may just have been rotated away. */
function openFile(path: string): Promise<FileHandle | null> {
  return open(path, openFlags).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}

/** Checks a file from `part.offset` on, and moves that to the end of the last whole entry. `mayBeUnfinished`: its last line may still be written. Returns the fault. */
async function checkPart(file: FileHandle, part: Part, progress: Progress, mayBeUnfinished: boolean): Promise<string | null> {
  let verifier: ReturnType<typeof createLineVerifier> | null = progress.head && createLineVerifier(progress.head);
  let rest = Buffer.alloc(0);
  let lineStart = part.offset;
  for (let at = part.offset; at < part.size; at += chunkBytes) {
    const length = Math.min(chunkBytes, part.size - at);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, at);
    let bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    for (let newline = bytes.indexOf(10); newline >= 0; newline = bytes.indexOf(10)) {
      const line = toLineText(bytes.subarray(0, newline + 1));
      verifier ??= startChain(line, progress);
      const fault = verifier.push(line);
      if (fault !== null) return fault;
      lineStart += newline + 1;
      bytes = bytes.subarray(newline + 1);
      // A line that is no entry is read again with the one after it, which must name it.
      if (verifier.isWhole()) [part.offset, progress.head] = [lineStart, verifier.head()];
    }
    rest = bytes;
    if (rest.length > longestLine) return toCutFault(progress.head);
    await setImmediate();
  }
  if (mayBeUnfinished) return null;
  return rest.length > 0 ? toCutFault(progress.head) : (verifier?.end() ?? null);
}

/** The first line of all: entry 1, or a later one where older files were removed. */
function startChain(line: string, progress: Progress): ReturnType<typeof createLineVerifier> {
  const seq = parseAuditLine(line.trimEnd())?.record.seq ?? 1;
  progress.firstSeq = seq;
  return createLineVerifier(seq === 1 ? genesis : null);
}

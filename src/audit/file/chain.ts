import type { FileHandle } from "node:fs/promises";
import { basename, normalize } from "node:path";
import { formatRfc3339 } from "../../lib/time.ts";
import type { AuditChain } from "../audit.ts";
import { type ChainHead, createLineVerifier, genesis, parseAuditLine, toCutFault, toHeadFault } from "../line.ts";
import { createTimeCheck, type TimeCheck } from "../times.ts";
import { longestLine, openToRead, readLines, UnpackError } from "./lines.ts";
import { isBeyond, listParts, type Part, toUnreadNote } from "./parts.ts";

/**
 * A line that is still without its newline after this time was cut: a write has a deadline of 5 s.
 */
const unfinishedMs = 10_000;

interface ChainCheckOptions {
  readonly path: string;
  /** The newest entry that is known to have been written: it must be there. @default none */
  readonly newest?: () => ChainHead;
  /** How long an answer is reused, milliseconds. @default 1000 */
  readonly ttlMs?: number;
  /**
   * After this time everything is checked again, milliseconds: what was checked may have been
   * changed since. @default 10 minutes
   */
  readonly fullEveryMs?: number;
  /** How long a caller waits for a check that goes on, milliseconds. @default 1000 */
  readonly waitMs?: number;
}

/** How far one file was checked. */
interface CheckedPart {
  /** Bytes of whole, checked lines. */
  offset: number;
  /** The file as it was then. */
  size: number;
  mtimeMs: number;
}

/** A check that continues where the last one ended. */
interface Progress {
  readonly startedAtMs: number;
  /** By device and inode: a rotated file keeps them. */
  readonly parts: Map<string, CheckedPart>;
  readonly times: TimeCheck;
  firstSeq: number | null;
  head: ChainHead | null;
  /** The files that were compared by their ends. */
  copied: string | null;
}

/**
 * Checks the hash chain of the record at `path` again and again. It remembers how far it came and
 * checks only what was appended since; everything again every `fullEveryMs`, and when a file that
 * was checked has changed or is gone. A caller waits at most `waitMs`; a long check then goes on in
 * the background, one at a time, and the answer is that of the last check. Rejects with the file
 * system's error.
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
    if (found === null) {
      const fault = toHeadFault(going.head ?? genesis, expected);
      if (fault !== null) found = { fault: fault + toUnreadNote((await listParts(path)).unread) };
    }
    // After a fault the next check starts over, because the record may have been repaired.
    progress = found === null ? going : null;
    if (found === "changed") return;
    const { firstSeq, head } = going;
    const problem = found?.fault ?? null;
    answer = {
      ok: found === null,
      firstSeq,
      lastSeq: head?.seq ?? null,
      checkedAt: formatRfc3339(Date.now()),
      problem,
    };
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
  return {
    startedAtMs: Date.now(),
    parts: new Map(),
    times: createTimeCheck(),
    firstSeq: null,
    head: null,
    copied: null,
  };
}

/**
 * Checks what was appended. Returns null when all is whole, the fault, or `changed` when a file is
 * not as it was: then all must be checked again.
 */
async function advance(path: string, progress: Progress): Promise<null | { readonly fault: string } | "changed"> {
  const { parts, copies, conflict, checkEnds } = await listParts(path);
  if (conflict !== null) return { fault: conflict };
  const copied = copies.map(({ key }) => key).join();
  progress.copied ??= copied;
  if (progress.copied !== copied) return "changed";
  // The current file may be without any entry because it is entirely corrupt.
  const current = { path: normalize(path), isPacked: false, upTo: Number.POSITIVE_INFINITY };
  const files: readonly Part[] = parts.some((part) => part.path === current.path) ? parts : [...parts, current];
  const before = [...progress.parts.keys()];
  let seen = 0;
  for (const { path: one, isPacked, upTo } of files) {
    await using file = await openFile(one);
    if (!file) continue;
    const { dev, ino, size, mtimeMs } = await file.stat();
    const key = `${dev}:${ino}`;
    const known = progress.parts.get(key);
    if (before[seen] !== (known && key)) return "changed";
    const isSame = known !== undefined && size === known.size && mtimeMs === known.mtimeMs;
    if (known) {
      seen += 1;
      const mayGrow = !isPacked && key === before.at(-1) && size >= known.offset && (size !== known.size || isSame);
      if (!isSame && !mayGrow) return "changed";
    }
    // Its lines have other places than its bytes: it is checked as a whole.
    if (isPacked && isSame) continue;
    const part: CheckedPart = { offset: known?.offset ?? 0, size, mtimeMs };
    progress.parts.set(key, part);
    const mayBeUnfinished = one === files.at(-1)?.path && Date.now() - mtimeMs < unfinishedMs;
    const fault = await checkPart(file, { path: one, isPacked, upTo, mayBeUnfinished, checkEnds }, part, progress);
    if (fault !== null) return { fault: `${basename(one)}: ${fault}` };
  }
  return seen < before.length ? "changed" : null;
}

/** Null when there is no such file: the newest one may just have been rotated away. */
function openFile(path: string): Promise<FileHandle | null> {
  return openToRead(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}

interface PartOptions
  extends Pick<Part, "path" | "isPacked" | "upTo">, Pick<Awaited<ReturnType<typeof listParts>>, "checkEnds"> {
  /** Its last line may still be written. */
  readonly mayBeUnfinished: boolean;
}

/**
 * Checks a file from `part.offset` on, and moves that to the end of the last whole entry. Returns
 * the fault.
 */
async function checkPart(
  file: FileHandle,
  { path, isPacked, upTo, mayBeUnfinished, checkEnds }: PartOptions,
  part: CheckedPart,
  progress: Progress,
): Promise<string | null> {
  let verifier: ReturnType<typeof createLineVerifier> | null =
    progress.head && createLineVerifier(progress.head, progress.times);
  try {
    const range = isPacked ? {} : { from: part.offset, to: part.size };
    for await (const { text, start, end } of readLines(file, { isPacked, ...range })) {
      if (!text.endsWith("\n")) return mayBeUnfinished && end - start <= longestLine ? null : toCutFault(progress.head);
      if (isBeyond(text, upTo)) return verifier?.end() ?? null;
      verifier ??= startChain(text, progress);
      const fault = verifier.push(text);
      if (fault !== null) return fault;
      // A line that is no entry is read again with the one after it, which must name it.
      if (!verifier.isWhole()) continue;
      [part.offset, progress.head] = [end, verifier.head()];
      const other = progress.head && checkEnds(progress.head, path);
      if (other !== null) return other;
    }
  } catch (error) {
    if (!(error instanceof UnpackError)) throw error;
    return `cannot be unpacked (${error.message})`;
  }
  return mayBeUnfinished ? null : (verifier?.end() ?? null);
}

/** The first line of all: entry 1, or a later one where older files were removed. */
function startChain(line: string, progress: Progress): ReturnType<typeof createLineVerifier> {
  const seq = parseAuditLine(line.trimEnd())?.record.seq ?? 1;
  progress.firstSeq = seq;
  return createLineVerifier(seq === 1 ? genesis : null, progress.times);
}

import type { FileHandle } from "node:fs/promises";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, normalize } from "node:path";
import type { AuditHead } from "../audit.ts";
import { type ChainedLine, genesis, parseAuditLine } from "../line.ts";
import { isGzip, openToRead, readLines, readLinesBackward, UnpackError } from "./lines.ts";

/** A file of the record. */
export interface Part {
  readonly path: string;
  /** Whether it is compressed with gzip. */
  readonly isPacked: boolean;
}

/** A rotated file whose entries, if it has any, cannot be read. */
export interface UnreadPart {
  readonly path: string;
  /** What goes on after its path. */
  readonly cause: string;
  readonly mtimeMs: number;
}

interface Parts {
  /** In the order of their entries. */
  readonly parts: readonly Part[];
  readonly unread: readonly UnreadPart[];
  /** Files with the entries of another one. */
  readonly copies: readonly string[];
}

/** Entries that limit actions may be in files that are there, and cannot be read. */
export class UnreadPartError extends Error {
  constructor({ path, cause }: UnreadPart) {
    super(`${path} ${cause}, and may have entries that limit actions: ${unreadRemedy}`);
  }
}

export const unreadRemedy = "unpack it or make it readable, or move it to another folder if it is not of this record";

/** What a fault of the chain says of the files that were left out; "" without one. */
export function toUnreadNote(unread: readonly UnreadPart[]): string {
  return unread.map(({ path, cause }) => `; ${basename(path)} ${cause}`).join("");
}

const compressed = /\.(gz|xz|zst|bz2|lz4|lzma|Z)$/;

/** The files of the record: the one at `path`, and the rotated ones, which are named `<path>.*` or `<path>-*`. Those with gzip are read as the others. */
export async function listParts(path: string): Promise<Parts> {
  const [folder, name] = [dirname(path), basename(path)];
  const isRotated = (other: string) => (other.startsWith(`${name}.`) || other.startsWith(`${name}-`)) && !other.endsWith(".lock");
  const names = (await readdir(folder)).filter((other) => other === name || isRotated(other));
  const looked = await Promise.all(names.map((other) => look(join(folder, other), other === name)));
  const found = looked.filter((one) => one !== null && "first" in one);
  const byFirst = Map.groupBy(found, ({ first }) => first);
  const parts: Part[] = [];
  const copies: string[] = [];
  for (const [, same] of [...byFirst].toSorted(([a], [b]) => a - b)) {
    const [best, ...rest] = await sortCopies(same);
    if (best) parts.push(best);
    copies.push(...rest.map((copy) => copy.path));
  }
  // While a file is being compressed, it is there twice. The file that is written now may be another one than that of its name.
  const beingPacked = new Set(found.filter((one) => !one.isPacked && one.path !== normalize(path)).map((one) => one.path));
  const unread = looked.filter((one) => one !== null && "cause" in one);
  return { parts, copies, unread: unread.filter((one) => !beingPacked.has(one.path.replace(compressed, ""))) };
}

interface FoundPart extends Part {
  /** The `seq` of its oldest entry. */
  readonly first: number;
}

/** Null for a file without an entry. */
async function look(path: string, isCurrent: boolean): Promise<FoundPart | UnreadPart | null> {
  const opened = await openToRead(path).catch((error: NodeJS.ErrnoException) => error);
  if (opened instanceof Error) {
    // The file that is written has a place where that is said. ENXIO: a socket.
    if (isCurrent || opened.code === "ENOENT" || opened.code === "ENXIO") return null;
    const mtimeMs = (await stat(path).catch(() => null))?.mtimeMs ?? Date.now();
    return { path, cause: `cannot be read (${opened.code})`, mtimeMs };
  }
  await using file = opened;
  const stats = await file.stat();
  if (!stats.isFile()) return null;
  const { mtimeMs } = stats;
  const isPacked = !isCurrent && (await isGzip(file));
  if (!isCurrent && !isPacked && compressed.test(path)) {
    return { path, cause: path.endsWith(".gz") ? "is not a gzip file" : "is compressed, but not with gzip", mtimeMs };
  }
  try {
    for await (const { text } of readLines(file, { isPacked })) {
      const line = parseAuditLine(text.trimEnd());
      if (line) return { path, isPacked, first: line.record.seq };
    }
    return null;
  } catch (error) {
    return toUnread({ path, isPacked }, error, mtimeMs);
  }
}

/** Of files with the same oldest entry, the one that goes on longest is first, and one that is not compressed is before one that is. */
async function sortCopies(same: readonly FoundPart[]): Promise<readonly Part[]> {
  if (same.length === 1) return same;
  const ends = await Promise.all(same.map(async (part) => ({ part, last: await readLast(part) })));
  return ends.toSorted((a, b) => b.last - a.last || Number(a.part.isPacked) - Number(b.part.isPacked)).map(({ part }) => part);
}

/** The `seq` of the newest entry; 0 for a file that cannot be unpacked. */
async function readLast({ path, isPacked }: Part): Promise<number> {
  await using file = await openToRead(path);
  try {
    for await (const { record } of readPartBackward(file, isPacked)) return record.seq;
  } catch (error) {
    if (!(error instanceof UnpackError)) throw error;
  }
  return 0;
}

/** Throws other errors. */
function toUnread({ path }: Part, error: unknown, mtimeMs: number): UnreadPart {
  if (!(error instanceof UnpackError)) throw error;
  return { path, cause: `cannot be unpacked (${error.message})`, mtimeMs };
}

/** The entries of the record, newest first, through its rotated files. Those that cannot be read are left out, and added to `unread`. */
export async function* readEntriesBackward(path: string, unread: UnreadPart[] = []): AsyncGenerator<ChainedLine> {
  const listed = await listParts(path);
  unread.push(...listed.unread);
  for (const part of listed.parts.toReversed()) {
    await using file = await openToRead(part.path);
    try {
      yield* readPartBackward(file, part.isPacked);
    } catch (error) {
      unread.push(toUnread(part, error, (await file.stat()).mtimeMs));
    }
  }
}

async function* readPartBackward(file: FileHandle, isPacked: boolean): AsyncGenerator<ChainedLine> {
  for await (const text of readLinesBackward(file, isPacked)) {
    const line = parseAuditLine(text);
    if (line) yield line;
  }
}

/**
 * The head of the chain, from rotated files too, if that is newer than one that is known.
 * @throws UnreadPartError when none is known, and a file that cannot be read may have a newer one
 */
export async function readHead(path: string, known: AuditHead = { ...genesis, at: null }): Promise<AuditHead> {
  const unread: UnreadPart[] = [];
  let head = known;
  for await (const { record } of readEntriesBackward(path, unread)) {
    if (record.seq > known.seq) head = { seq: record.seq, hash: record.hash, at: record.at };
    break;
  }
  if (known.seq === 0) requireNewest(head, unread);
  return head;
}

/** @throws UnreadPartError when a file that cannot be read may have entries after the newest one that was read. */
export function requireNewest({ at }: Pick<AuditHead, "at">, unread: readonly UnreadPart[]): void {
  const newer = unread.find(({ mtimeMs }) => at === null || mtimeMs >= Date.parse(at));
  if (newer) throw new UnreadPartError(newer);
}

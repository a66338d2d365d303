import type { FileHandle } from "node:fs/promises";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, dirname, join, normalize } from "node:path";
import type { AuditHead } from "../audit.ts";
import { type ChainedLine, type ChainHead, genesis, parseAuditLine } from "../line.ts";
import { isPast } from "../times.ts";
import { isGzip, openToRead, readLines, readLinesBackward, UnpackError } from "./lines.ts";

/** A file of the record. */
export interface Part {
  readonly path: string;
  /** Whether it is compressed with gzip. */
  readonly isPacked: boolean;
  /** Its entries with a higher `seq` are in the files after it too, and read there. */
  readonly upTo: number;
}

/** A rotated file that cannot be read, so that its entries are unknown. */
export interface UnreadPart {
  readonly path: string;
  /** What goes on after its path. */
  readonly cause: string;
  readonly mtimeMs: number;
}

interface FoundPart extends Omit<Part, "upTo"> {
  /** Device and inode. */
  readonly key: string;
  /** The `seq` of its oldest entry. */
  readonly first: number;
  /** Its newest entry; null where it cannot be unpacked to its end, which `cut` says. */
  readonly last: AuditHead | null;
  readonly cut: UnreadPart | null;
}

interface Parts {
  /** In the order of their entries: each entry is read from one of them. */
  readonly parts: readonly (FoundPart & Part)[];
  readonly unread: readonly UnreadPart[];
  /** Files whose entries are in others too. */
  readonly copies: readonly FoundPart[];
  /** Names of neighbours that no rotation makes: they are never read. */
  readonly ignored: readonly string[];
  /** The newest entry: that of the file itself where it has one. */
  readonly head: AuditHead;
  /** The file itself, where it has an entry. */
  readonly live: FoundPart | null;
  /** Why the files cannot all be of one record; null when nothing speaks against it. */
  readonly conflict: string | null;
  /** Notices another file that ends with another entry than the record has. */
  readonly checkEnds: EndCheck;
}

/** The next entry that was read, and its file. Returns what is wrong, null without a fault. */
type EndCheck = (entry: ChainHead, path: string) => string | null;

/** The record cannot be continued as its files are. */
export class PartsError extends Error {}

/** Entries that limit actions may be in files that exist but cannot be read. */
export class UnreadPartError extends PartsError {
  constructor({ path, cause }: UnreadPart) {
    super(`${path} ${cause}, and may have entries that limit actions: ${unreadRemedy}`);
  }
}

/** The entries that limit actions are not as they were written. */
export class AlteredEntryError extends PartsError {
  constructor(path: string, fault: string) {
    super(`${path}: ${fault}: run \`wallet-core-ops audit verify\``);
  }
}

/**
 * Two files have different entries with the same number: continuing from one of them would fork the
 * chain.
 */
export class ForkError extends PartsError {
  constructor(path: string, conflict: string) {
    super(`${path}: ${conflict}: ${forkRemedy}`);
  }
}

export const unreadRemedy = "unpack it or make it readable, or move it to another folder if it is not of this record";
export const forkRemedy = "move the file that is not of this record to another folder";

/** What a fault of the chain says of the files that were left out; "" without one. */
export function toUnreadNote(unread: readonly UnreadPart[]): string {
  return unread.map(({ path, cause }) => `; ${basename(path)} ${cause}`).join("");
}

/** Of the file that is written. */
export const packedLive = "is a gzip file";

/**
 * For a file whose first line would be an entry but for its line ending (such as CRLF), and that
 * has no other entry.
 */
export const foreignLines = "has lines that do not fit their hashes";

/** Why a file beside the record is not read. */
export function toIgnoredNote(name: string): string {
  return `${name} does not have the name of a rotated file`;
}

const compressed = /\.(gz|xz|zst|bz2|lz4|lzma|Z)$/;
/**
 * What rotation appends to a name: a number, or a date with or without a time; and the ending of a
 * compression.
 */
const rotation = /^(?:[.-]\d+(?:[-_.:T]\d+)*)?(?:\.(?:gz|xz|zst|bz2|lz4|lzma|Z))?$/;
/** How often the files are listed again if they change in the meantime. */
const mostListings = 5;

/**
 * The files of the record: the one at `path`, and those beside it with its name and what rotation
 * appends (`.1`, `-20260101`, `-20260101-10`; with gzip or not). A copy, an extract or an unrelated
 * file of such a name never adds or replaces an entry: each is read from one file, and a
 * contradiction is a `conflict`.
 */
export async function listParts(path: string): Promise<Parts> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await listNames(path);
    const looked = await lookAll(path, before.rotated);
    // A file that was renamed meanwhile may have been missed.
    if ((await listNames(path)).keys === before.keys) return assemble(path, looked, before);
    if (attempt === mostListings) throw new Error("its files are being renamed");
  }
}

async function listNames(path: string) {
  const [folder, name] = [dirname(path), basename(path)];
  const all = (await readdir(folder)).toSorted();
  const isBeside = (other: string) =>
    (other.startsWith(`${name}.`) || other.startsWith(`${name}-`)) && !other.endsWith(".lock");
  const isPart = (other: string) => other.startsWith(name) && rotation.test(other.slice(name.length));
  const rotated = all.filter(isPart);
  const keys = await Promise.all(
    rotated.map(async (other) => {
      const found = await stat(join(folder, other)).catch(() => null);
      return `${other} ${found ? toKey(found) : ""}`;
    }),
  );
  return { rotated, ignored: all.filter((other) => isBeside(other) && !isPart(other)), keys: keys.join("\n") };
}

function toKey({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}

/** One after the other: each compressed one takes memory. */
async function lookAll(path: string, names: readonly string[]): Promise<readonly (FoundPart | UnreadPart)[]> {
  const looked: (FoundPart | UnreadPart)[] = [];
  for (const name of names) {
    const one = await look(join(dirname(path), name), name === basename(path));
    if (one) looked.push(one);
  }
  return looked;
}

function assemble(
  path: string,
  looked: readonly (FoundPart | UnreadPart)[],
  { rotated, ignored }: Awaited<ReturnType<typeof listNames>>,
): Parts {
  const found = looked.filter((one) => "first" in one);
  const live = found.find((one) => one.path === normalize(path));
  const parts = choose(found, live);
  const chosen = new Set(parts.map((part) => part.path));
  const rest = found.filter((one) => !chosen.has(one.path));
  // While a file is being compressed, it is there twice. The file that is written now may be
  // another one than that of its name.
  const faulty = looked.filter((one) => "cause" in one);
  const outside = new Set([normalize(path), ...faulty.map((one) => one.path)]);
  const readable = new Set(rotated.map((name) => join(dirname(path), name)).filter((one) => !outside.has(one)));
  const isUnread = (one: { readonly path: string }) =>
    !compressed.test(one.path) || !readable.has(one.path.replace(compressed, ""));
  const cuts = rest.filter((one) => one.cut && isUnread(one));
  const heads = found.flatMap(({ last }) => last ?? []).toSorted((a, b) => b.seq - a.seq);
  const head = live?.last ?? heads[0] ?? { ...genesis, at: null };
  const beyond = found.find((one) => toEnd(one) > head.seq && live);
  const other = found.find(({ last }) => last?.seq === head.seq && last.hash !== head.hash);
  return {
    parts,
    copies: rest.filter((one) => !cuts.includes(one)),
    unread: [...faulty.filter(isUnread), ...cuts.flatMap(({ cut }) => cut ?? [])],
    ignored,
    head,
    live: live ?? null,
    conflict: beyond
      ? `${basename(beyond.path)} goes on to seq ${toEnd(beyond)}, and ${basename(path)} ends at seq ${head.seq}`
      : other
        ? describeOther(head.seq, other)
        : null,
    checkEnds: createEndCheck(found),
  };
}

function describeOther(seq: number, { path }: Pick<Part, "path">): string {
  return `seq ${seq} is another entry in ${basename(path)}`;
}

function createEndCheck(found: readonly FoundPart[]): EndCheck {
  const ends = Map.groupBy(
    found.filter(({ last }) => last !== null),
    ({ last }) => last?.seq,
  );
  return ({ seq, hash }, path) => {
    // Where the end of its own file has the wrong number, that end is at fault.
    const other = ends.get(seq)?.find((one) => one.path !== path && one.last?.hash !== hash);
    ends.delete(seq);
    return other ? describeOther(seq, other) : null;
  };
}

/** The newest `seq` that is known to be in a file. */
function toEnd({ first, last }: FoundPart): number {
  return last?.seq ?? first;
}

/**
 * From the newest entry back: the file that has the entry before the oldest one so far, or else the
 * newest of those before it. Oldest first.
 */
function choose(found: readonly FoundPart[], live: FoundPart | undefined): (FoundPart & Part)[] {
  const parts: (FoundPart & Part)[] = [];
  let upTo = Number.POSITIVE_INFINITY;
  for (let next = live ?? findBest(found, upTo); next; next = findBest(found, upTo)) {
    parts.unshift({ ...next, upTo });
    upTo = next.first - 1;
  }
  return parts;
}

/**
 * Of files with the same entries, the one that begins earliest, and one that is not compressed
 * before one that is.
 */
function findBest(found: readonly FoundPart[], upTo: number): FoundPart | undefined {
  const reach = (part: FoundPart) => Math.min(toEnd(part), upTo);
  const before = found.filter(({ first }) => first <= upTo);
  return before.toSorted(
    (a, b) => reach(b) - reach(a) || a.first - b.first || Number(a.isPacked) - Number(b.isPacked),
  )[0];
}

/** Null for a file without an entry. */
async function look(path: string, isCurrent: boolean): Promise<FoundPart | UnreadPart | null> {
  const opened = await openToRead(path).catch((error: NodeJS.ErrnoException) => error);
  if (opened instanceof Error) {
    // The file that is written has a place where that is said.
    if (isCurrent) return null;
    // A dangling link may be there.
    const link = await lstat(path).catch(() => null);
    if (link === null) return null;
    const { mtimeMs } = (await stat(path).catch(() => null)) ?? link;
    return { path, cause: `cannot be read (${opened.code})`, mtimeMs };
  }
  await using file = opened;
  const stats = await file.stat();
  const { mtimeMs } = stats;
  if (!stats.isFile()) return isCurrent ? null : { path, cause: "is no regular file", mtimeMs };
  const isPacked = await isGzip(file);
  if (isCurrent && isPacked) return { path, cause: packedLive, mtimeMs };
  if (!isCurrent && !isPacked && compressed.test(path)) {
    return { path, cause: path.endsWith(".gz") ? "is not a gzip file" : "is compressed, but not with gzip", mtimeMs };
  }
  let hasForeign = false;
  try {
    for await (const { text } of readLines(file, { isPacked })) {
      const line = parseAuditLine(text.trimEnd());
      hasForeign ||= !mayBeOurs(text);
      if (!line) continue;
      const end = await findLast(file, isPacked, `${toKey(stats)}:${stats.size}:${mtimeMs}`);
      const cut = typeof end === "string" ? { path, cause: end, mtimeMs } : null;
      const last = typeof end === "string" ? null : end;
      return { path, isPacked, key: toKey(stats), first: line.record.seq, last, cut };
    }
    return isCurrent && hasForeign ? { path, cause: "has content but no entry", mtimeMs } : null;
  } catch (error) {
    return { path, cause: explainUnpack(error), mtimeMs };
  }
}

/**
 * Whether a line without an entry may be of our file: an empty one, or what a crash left of an
 * entry.
 */
function mayBeOurs(text: string): boolean {
  const line = text.trimEnd();
  return line === "" || line.startsWith(lineStart) || lineStart.startsWith(line);
}

const lineStart = '{"seq":';

/** @throws other errors */
function explainUnpack(error: unknown): string {
  if (!(error instanceof UnpackError)) throw error;
  return `cannot be unpacked (${error.message})`;
}

/** Of compressed files that were unpacked: what that found. They do not change. */
const unpacked = new Map<string, AuditHead | string>();
const mostUnpackedFiles = 1000;

/** The newest entry of a file that is not empty, or the reason why it cannot be found. */
async function findLast(file: FileHandle, isPacked: boolean, version: string): Promise<AuditHead | string> {
  const known = isPacked ? unpacked.get(version) : undefined;
  if (known !== undefined) return known;
  const found = (await readLast(file, isPacked).catch(explainUnpack)) ?? foreignLines;
  if (isPacked) {
    if (unpacked.size >= mostUnpackedFiles) unpacked.clear();
    unpacked.set(version, found);
  }
  return found;
}

async function readLast(file: FileHandle, isPacked: boolean): Promise<AuditHead | null> {
  for await (const { record } of readPartBackward(file, isPacked))
    return { seq: record.seq, hash: record.hash, at: record.at };
  return null;
}

/** What was found while reading the entries. */
export interface Findings {
  readonly unread: UnreadPart[];
  /** Why the files cannot all be of one record; null when nothing speaks against it. */
  conflict: string | null;
  ignored: readonly string[];
}

/** Nothing yet. */
export function createFindings(): Findings {
  return { unread: [], conflict: null, ignored: [] };
}

/**
 * The entries of the record, newest first and each once, through its rotated files. Those that
 * cannot be read are left out, and added to `findings`.
 */
export async function* readEntriesBackward(path: string, findings = createFindings()): AsyncGenerator<ChainedLine> {
  const { parts, unread, conflict, ignored, checkEnds } = await listParts(path);
  findings.unread.push(...unread, ...parts.flatMap(({ cut }) => cut ?? []));
  findings.conflict = conflict;
  findings.ignored = ignored;
  let later: ChainedLine | null = null;
  for (const part of parts.toReversed()) {
    if (part.cut) continue;
    await using file = await openToRead(part.path);
    if (toKey(await file.stat()) !== part.key) throw new Error("its files are being renamed");
    let isFirst = true;
    for await (const line of readPartBackward(file, part.isPacked)) {
      const { seq, hash } = line.record;
      if (seq > part.upTo) continue;
      const isCut = isFirst && later?.record.seq === seq + 1 && later.prevHash !== hash;
      isFirst = false;
      later = line;
      findings.conflict ??= isCut
        ? `seq ${seq + 1} does not follow the last entry of ${basename(part.path)}`
        : checkEnds(line.record, part.path);
      yield line;
    }
  }
}

/** Whether a line is an entry that is read from a later file. */
export function isBeyond(line: string, upTo: number): boolean {
  return Number(/^\{"seq":(\d+),/.exec(line)?.[1] ?? 0) > upTo;
}

async function* readPartBackward(file: FileHandle, isPacked: boolean): AsyncGenerator<ChainedLine> {
  for await (const text of readLinesBackward(file, isPacked)) {
    const line = parseAuditLine(text);
    if (line) yield line;
  }
}

/**
 * The head of the chain, from rotated files too, if that is newer than one that is known.
 * @throws PartsError when the files contradict each other, when the file itself cannot be read as a
 * record, or when none is known, and a file that cannot be read may have a newer one
 */
export async function readHead(path: string, known: AuditHead = { ...genesis, at: null }): Promise<AuditHead> {
  const { head, live, parts, unread, conflict } = await listParts(path);
  const all = [...unread, ...parts.flatMap(({ cut }) => cut ?? [])];
  const own = all.find((one) => one.path === normalize(path));
  if (own) throw new UnreadPartError(own);
  if (conflict !== null) throw new ForkError(path, conflict);
  if (known.seq === 0) requireNewest(head, live !== null, all);
  return head.seq > known.seq ? head : known;
}

/**
 * Beside the file itself, which may be an old copy, one of the last hour counts alone: an older one
 * has nothing that limits.
 * @throws UnreadPartError when a file that cannot be read may have entries after the newest one
 * that was read.
 */
function requireNewest({ at }: Pick<AuditHead, "at">, isLive: boolean, unread: readonly UnreadPart[]): void {
  const isRecent = (mtimeMs: number) => !isLive || !isPast({ at: new Date(mtimeMs).toISOString() }, Date.now());
  const newer = unread.find(({ mtimeMs }) => (at === null || mtimeMs >= Date.parse(at)) && isRecent(mtimeMs));
  if (newer) throw new UnreadPartError(newer);
}

import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { abortable, DeadlineError } from "../../lib/abort.ts";
import { OpsError } from "../../lib/errors.ts";

/** What a file gained since the last read. */
interface Tailed {
  /** True when the file was replaced or rewritten: earlier lines no longer count. */
  readonly anew: boolean;
  /** False when older lines were skipped because they were too many bytes. */
  readonly whole: boolean;
  /** Without newlines. */
  readonly lines: readonly string[];
  /** What follows the last newline: "", or an unfinished line. */
  readonly pending: string;
}

/** O_NONBLOCK: opening a FIFO would wait for its writer. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
/** Most bytes that one read takes, from its end. */
const mostBytes = 1 << 20;
/**
 * How many of the last bytes read are compared, a line or more: a file overwritten in place keeps
 * its inode.
 */
const markBytes = 1024;

/**
 * Reads the lines appended to a regular file since the last call, at most its last megabyte. A
 * replaced, truncated or overwritten file is read from the start.
 *
 * @returns a function that throws the file system's error
 */
export function createTail(path: string): () => Promise<Tailed> {
  let identity = "";
  let offset = 0;
  let mark: Buffer = Buffer.alloc(0);
  let rest: Buffer = Buffer.alloc(0);
  return async () => {
    await using file = await open(path, openFlags);
    const stats = await file.stat();
    const { dev, ino, size } = stats;
    if (!stats.isFile()) throw Object.assign(new Error("it is not a regular file"), { code: "EINVAL" });
    const anew = identity !== `${dev}:${ino}` || !(await readBytes(file, offset - mark.length, offset)).equals(mark);
    if (anew) [offset, rest, mark] = [0, Buffer.alloc(0), Buffer.alloc(0)];
    identity = `${dev}:${ino}`;
    const start = Math.max(offset, size - mostBytes);
    const isPassedOver = start > offset;
    const read = await readBytes(file, start, size);
    const text = isPassedOver ? read : Buffer.concat([rest, read]);
    offset = start + read.length;
    mark = read.length >= markBytes ? read.subarray(-markBytes) : Buffer.concat([mark, read]).subarray(-markBytes);
    const first = isPassedOver ? text.indexOf(10) + 1 : 0;
    const end = text.lastIndexOf(10) + 1;
    rest = Buffer.from(text.subarray(Math.max(first, end)));
    const lines = end > first ? text.toString("utf8", first, end - 1).split("\n") : [];
    return { anew, whole: !isPassedOver, lines, pending: rest.toString("utf8") };
  };
}

async function readBytes(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, to - from));
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, from + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

/**
 * ENOENT (also a dangling link) and ENOTDIR mean missing; any other error means unreadable. `name`
 * is for people.
 */
export function toDeployError(error: unknown, name = "deploy_info.json"): OpsError {
  if (error instanceof OpsError) return error;
  // Our own deadline has no code, the reason of a caller that left a number.
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "deadline";
  if (code === "ENOENT" || code === "ENOTDIR") return new OpsError("deploy_info_missing", `${name} not found on host`);
  return new OpsError("deploy_info_unreadable", `${name} cannot be read (${code})`, { cause: error });
}

/** For our log only: it names the path. */
export function causeOf(failure: OpsError | undefined): string | undefined {
  return failure?.cause instanceof Error ? failure.cause.message : undefined;
}

/**
 * Total deadline of a read, in turns of so many milliseconds: a network file system can hang
 * forever. Turns count, because while this process itself is held up the file may have been read.
 */
const [turnMs, deadlineTurns] = [50, 20];

/**
 * One read at a time for all callers: a hung file system then blocks one thread of the pool, not
 * all four. A caller waits until its signal aborts, a second of our own time at most.
 */
export function shareRead<T>(read: () => Promise<T>): (caller: AbortSignal) => Promise<T> {
  let reading: Promise<T> | null = null;
  return (caller) => {
    reading ??= read().finally(() => (reading = null));
    const deadline = new AbortController();
    let turns = 0;
    const timer = setInterval(() => {
      if (++turns === deadlineTurns) deadline.abort(new DeadlineError(turnMs * deadlineTurns));
    }, turnMs);
    return abortable(reading, AbortSignal.any([caller, deadline.signal])).finally(() => clearInterval(timer));
  };
}

/** The result of one read. */
type Reading = ({ readonly bytes: Uint8Array } | { readonly problem: string }) & {
  /**
   * Identity of the version read; null when the next version might look the same, so this one must
   * not be cached.
   */
  readonly version: string | null;
};

const maxBytes = 64 * 1024;

/**
 * Two writes within one kernel clock tick (10 ms at 100 Hz) leave the same times: a younger file
 * may change unseen.
 */
const tickMs = 20;

/** Identity of the file's current version. @throws the file system's error */
export async function readFileVersion(path: string): Promise<string> {
  return toFileVersion(await stat(path, { bigint: true }));
}

/**
 * Reads a regular file of at most 64 KB as one version: a file being written meanwhile is a
 * problem. Follows symbolic links, because operators and Kubernetes volumes use them. That is safe:
 * anyone who can put a link there can write the file as well, and only fields of a valid deploy
 * file ever leave.
 *
 * @throws the file system's error
 */
export async function readVersion(path: string): Promise<Reading> {
  await using file = await open(path, openFlags);
  const before = await file.stat({ bigint: true });
  const version = toFileVersion(before);
  if (!before.isFile()) return { problem: "it is not a regular file", version };
  if (before.size > maxBytes) return { problem: "it is larger than 64 KB", version };
  const bytes = await readBytes(file, 0, maxBytes + 1);
  const after = await file.stat({ bigint: true });
  const young = Date.now() - Number(after.mtimeMs) < tickMs;
  // Not ctime: a rename that replaces the open file changes it, yet our version is complete.
  const moved = after.mtimeNs !== before.mtimeNs || after.size !== before.size || BigInt(bytes.length) !== after.size;
  if (moved || (young && !bytes.equals(await readBytes(file, 0, maxBytes + 1))))
    return { problem: "it is being written", version: null };
  return { bytes, version: young ? null : version };
}

/** Includes ctime for copies that preserve mtime (`cp -p`, `rsync -t`). */
function toFileVersion({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(":");
}

import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { abortable } from "../../lib/abort.ts";
import { OpsError } from "../../lib/errors.ts";

/** What a file has to tell since the last look. */
interface Tailed {
  /** True when it is another file than before, or was written anew: what was read of it does not count any more. */
  readonly anew: boolean;
  /** False when older lines were passed over, as they were too many bytes. */
  readonly whole: boolean;
  /** Without their newlines. */
  readonly lines: readonly string[];
  /** What follows the last newline: "", or a line that is being written, or was left so. */
  readonly pending: string;
}

/** So much of a file is read at once, from its end. */
const mostBytes = 1 << 20;
/** So much of what was read before, a line or more, is compared: a file that was overwritten in place has its inode still. */
const markBytes = 1024;

/**
 * Reads the lines that were appended to a regular file since the last call, at most its last megabyte. A file that was replaced, cut or overwritten
 * is read anew.
 *
 * @returns a function that throws the file system's error
 */
export function createTail(path: string): () => Promise<Tailed> {
  let identity = "";
  let offset = 0;
  let mark: Buffer = Buffer.alloc(0);
  let rest: Buffer = Buffer.alloc(0);
  return async () => {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      const { dev, ino, size, isFile } = await look(file);
      if (!isFile) throw Object.assign(new Error("it is not a regular file"), { code: "EINVAL" });
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
    } finally {
      await file.close();
    }
  };
}

async function look(file: FileHandle) {
  const stats = await file.stat();
  return { dev: stats.dev, ino: stats.ino, size: stats.size, isFile: stats.isFile() };
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

/** ENOENT is also a dangling link; every other error of the file system is trouble, not absence. `name` is for people. */
export function toDeployError(error: unknown, name = "deploy_info.json"): OpsError {
  if (error instanceof OpsError) return error;
  // The code of our own deadline, a DOMException, is a number.
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "deadline";
  if (code === "ENOENT" || code === "ENOTDIR") return new OpsError("deploy_info_missing", `${name} not found on host`);
  return new OpsError("deploy_info_unreadable", `${name} cannot be read (${code})`, { cause: error });
}

/** For our log only: it names the path. */
export function causeOf(failure: OpsError | undefined): string | undefined {
  return failure?.cause instanceof Error ? failure.cause.message : undefined;
}

/** Total deadline of a read, milliseconds: a network file system can hang for ever. */
const deadlineMs = 1_000;

/** Gives up waiting when the signal aborts, or after a second. */
export function withDeadline<T>(promise: Promise<T>, caller: AbortSignal): Promise<T> {
  return abortable(promise, AbortSignal.any([caller, AbortSignal.timeout(deadlineMs)]));
}

/** What came of reading the file once. */
type Reading = ({ readonly bytes: Uint8Array } | { readonly problem: string }) & {
  /** Identity of the version that was read; null when the next one might look the same, so that it must not be cached. */
  readonly fingerprint: string | null;
};

const maxBytes = 64 * 1024;

/** Two writes within one tick of the kernel's clock leave the same times (10 ms at 100 Hz): a younger file may change unseen. */
const tickMs = 20;

/** Identity of the version of the file that is there now. @throws the file system's error */
export async function fingerprintOf(path: string): Promise<string> {
  return toFingerprint(await stat(path, { bigint: true }));
}

/**
 * Reads a regular file of at most 64 KB, as one version of it: a file that is being written meanwhile is a problem. Symbolic links are
 * followed, as operators and Kubernetes volumes make them: who can put a link there can write the file as well, and only fields of a
 * valid deploy file ever leave. O_NONBLOCK, because opening a FIFO would wait for its writer.
 *
 * @throws the file system's error
 */
export async function readVersion(path: string): Promise<Reading> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const before = await file.stat({ bigint: true });
    const fingerprint = toFingerprint(before);
    if (!before.isFile()) return { problem: "it is not a regular file", fingerprint };
    if (before.size > maxBytes) return { problem: "it is larger than 64 KB", fingerprint };
    const bytes = await readHead(file);
    const after = await file.stat({ bigint: true });
    const young = Date.now() - Number(after.mtimeMs) < tickMs;
    // Not ctime: a rename that replaces the file we hold changes it, and our version is whole all the same.
    const moved = after.mtimeNs !== before.mtimeNs || after.size !== before.size || BigInt(bytes.length) !== after.size;
    if (moved || (young && !bytes.equals(await readHead(file)))) return { problem: "it is being written", fingerprint: null };
    return { bytes, fingerprint: young ? null : fingerprint };
  } finally {
    await file.close();
  }
}

async function readHead(file: FileHandle): Promise<Buffer> {
  const buffer = Buffer.alloc(maxBytes + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
    length += bytesRead;
    if (bytesRead === 0 || length === buffer.length) return buffer.subarray(0, length);
  }
}

/** ctime is in it for a copy that keeps mtime (`cp -p`, `rsync -t`). */
function toFingerprint({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(":");
}

import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";

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

import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { AuditHead } from "../audit.ts";
import { type ChainedLine, genesis, parseAuditLine } from "../line.ts";

const chunkBytes = 64 << 10;
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK;

/** The lines of a file from its end, without newlines. The first is the text after the last newline: "" or a partial line. */
export async function* readLinesBackward(file: FileHandle): AsyncGenerator<string> {
  let { size: start } = await file.stat();
  let rest = Buffer.alloc(0);
  while (start > 0) {
    const length = Math.min(chunkBytes, start);
    start -= length;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
    let text = Buffer.concat([buffer.subarray(0, bytesRead), rest]);
    for (let at = text.lastIndexOf(10); at >= 0; at = text.lastIndexOf(10)) {
      yield text.toString("utf8", at + 1);
      text = text.subarray(0, at);
    }
    rest = text;
  }
  yield rest.toString("utf8");
}

/** The entries of the record, newest first, through its rotated files. */
export async function* readEntriesBackward(path: string): AsyncGenerator<ChainedLine> {
  for (const part of (await listParts(path)).toReversed()) {
    await using file = await open(part, openFlags);
    yield* readPartBackward(file);
  }
}

async function* readPartBackward(file: FileHandle): AsyncGenerator<ChainedLine> {
  for await (const text of readLinesBackward(file)) {
    const line = parseAuditLine(text);
    if (line) yield line;
  }
}

/** The head of the chain, from rotated files too. */
export async function readHead(path: string): Promise<AuditHead> {
  for await (const { record } of readEntriesBackward(path)) return { seq: record.seq, hash: record.hash, at: record.at };
  return { ...genesis, at: null };
}

const compressed = /\.(gz|xz|zst|bz2)$/;

/** Whether some of the record may be in compressed files, which are not read. */
export async function hasCompressedParts(path: string): Promise<boolean> {
  const name = basename(path);
  return (await readdir(dirname(path))).some((other) => other.startsWith(name) && compressed.test(other));
}

/** The record's files in the order of their entries. Rotated ones are named `<path>.*` or `<path>-*`. Compressed ones are not read. */
export async function listParts(path: string): Promise<string[]> {
  const name = basename(path);
  const isRotated = (other: string) =>
    (other.startsWith(`${name}.`) || other.startsWith(`${name}-`)) && !other.endsWith(".lock") && !compressed.test(other);
  const names = (await readdir(dirname(path))).filter((other) => other === name || isRotated(other));
  const paths = names.map((other) => join(dirname(path), other));
  const parts = await Promise.all(paths.map(async (part) => ({ part, seq: await lastSeq(part) })));
  const known = parts.filter(({ seq }) => seq !== null).toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  return known.map(({ part }) => part);
}

/** The `seq` of the newest entry; null for a file without one, or one that cannot be opened. */
async function lastSeq(path: string): Promise<number | null> {
  await using file = await open(path, openFlags).catch(() => null);
  if (!(await file?.stat())?.isFile()) return null;
  for await (const { record } of readPartBackward(file as FileHandle)) return record.seq;
  return null;
}

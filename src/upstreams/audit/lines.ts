import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type ChainedLine, type ChainHead, genesis, parseAuditLine } from "./line.ts";

const chunkBytes = 64 << 10;

/** The lines of a file from its end, without newlines; first what follows the last newline: "" or a piece of a line. */
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

/** The entries of the record from its newest on, through its rotated files. */
export async function* readEntriesBackward(path: string): AsyncGenerator<ChainedLine> {
  for (const part of (await listParts(path)).toReversed()) {
    const file = await open(part, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      for await (const text of readLinesBackward(file)) {
        const line = parseAuditLine(text);
        if (line) yield line;
      }
    } finally {
      await file.close();
    }
  }
}

/** Where the chain stands, through the rotated files too. */
export async function readHead(path: string): Promise<ChainHead> {
  for await (const { record } of readEntriesBackward(path)) return { seq: record.seq, hash: record.hash };
  return genesis;
}

/** The record's files in the order of their entries: rotated ones are named `<path>.*` or `<path>-*`. Compressed ones are not read. */
export async function listParts(path: string): Promise<string[]> {
  const name = basename(path);
  const isRotated = (other: string) =>
    (other.startsWith(`${name}.`) || other.startsWith(`${name}-`)) && !/\.(lock|gz|xz|zst|bz2)$/.test(other);
  const names = (await readdir(dirname(path))).filter((other) => other === name || isRotated(other));
  const parts = await Promise.all(
    names.map(async (other) => ({ path: join(dirname(path), other), seq: await lastSeq(dirname(path), other) })),
  );
  const known = parts.filter(({ seq }) => seq !== null).toSorted((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
  return known.map((part) => part.path);
}

/** Of a file without an entry null, unless it is the first part that may be spoiled whole. */
async function lastSeq(folder: string, name: string): Promise<number | null> {
  const file = await open(join(folder, name), constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (!file) return null;
  try {
    if (!(await file.stat()).isFile()) return null;
    for await (const text of readLinesBackward(file)) {
      const line = parseAuditLine(text);
      if (line) return line.record.seq;
    }
    return null;
  } finally {
    await file.close();
  }
}

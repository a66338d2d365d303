import { hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type AuditEntry, type AuditRecord, sanitiseReason } from "../audit.ts";

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
export async function readHead(path: string): Promise<ChainHead> {
  for await (const { record } of readEntriesBackward(path)) return { seq: record.seq, hash: record.hash };
  return genesis;
}

/** The record's files in the order of their entries. Rotated ones are named `<path>.*` or `<path>-*`. Compressed ones are not read. */
export async function listParts(path: string): Promise<string[]> {
  const name = basename(path);
  const isRotated = (other: string) =>
    (other.startsWith(`${name}.`) || other.startsWith(`${name}-`)) && !/\.(lock|gz|xz|zst|bz2)$/.test(other);
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

/** The last entry of a chain. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first entry. */
export const genesis: ChainHead = { seq: 0, hash: "0".repeat(64) };

interface ChainedLine {
  readonly record: AuditRecord;
  readonly prevHash: string;
  /** Hash of the partial line before this one, which a crash or a full disk left and this entry's writer found. */
  readonly piece: string | null;
  /** Whether its hash matches its own bytes. */
  readonly intact: boolean;
}

export function toHash(...parts: readonly string[]): string {
  return hash("sha256", parts.join(""));
}

/** The fields of a line in their order, with their names in an entry. */
const fields = {
  seq: "seq",
  /** RFC 3339 UTC with milliseconds. */
  ts: "at",
  outcome: "outcome",
  action: "action",
  intent: "intent",
  request_id: "requestId",
  subject: "subject",
  kid: "kid",
  scopes: "scopes",
  engine: "engine",
  container_id: "containerId",
  container_name: "containerName",
  image: "image",
  env: "env",
  reason: "reason",
  args: "args",
  detail: "detail",
  duration_ms: "durationMs",
  // Lines of version 0.1 end here.
  auth: "auth",
  ip: "ip",
  client_request_id: "clientRequestId",
  trace_id: "traceId",
  key_hash: "keyHash",
  code: "code",
  docker_status: "dockerStatus",
  /** Only for actions on jobs. */
  job: "job",
} as const satisfies Readonly<Record<string, keyof AuditRecord>>;

/**
 * One entry as a JSON line with its newline, and the chain's new head. The hash is SHA-256 over the previous hash and the line's
 * own bytes without `,"hash":"..."`. The fields have one order and no spaces, so every change shows. JSON escapes control
 * characters: an entry is always exactly one line.
 */
export function toAuditLine(entry: AuditEntry, at: Date, head: ChainHead, piece: string | null) {
  const record = { ...entry, seq: head.seq + 1, at: at.toISOString(), job: entry.job ?? undefined };
  const body = JSON.stringify({
    ...Object.fromEntries(Object.entries(fields).map(([field, name]) => [field, record[name]])),
    ...(piece !== null && { piece: toHash(piece) }),
    prev_hash: head.hash,
  });
  const next: ChainHead = { seq: record.seq, hash: toHash(head.hash, body) };
  return { line: `${body.slice(0, -1)},"hash":"${next.hash}"}\n`, head: next };
}

/** Parses a line without its newline; null when it is no entry. */
export function parseAuditLine(text: string): ChainedLine | null {
  const match = /^(\{"seq":\d+,.*),"hash":"([0-9a-f]{64})"\}$/s.exec(text);
  if (!match) return null;
  try {
    const body = `${match[1]}}`;
    const line = JSON.parse(body);
    const prevHash = String(line.prev_hash);
    const record = Object.fromEntries(Object.entries(fields).map(([field, name]) => [name, line[field] ?? null]));
    return {
      // Older versions wrote the reason unchanged.
      record: { ...(record as unknown as AuditRecord), hash: match[2] ?? "", reason: sanitiseReason(line.reason) },
      prevHash,
      piece: line.piece ?? null,
      intact: toHash(prevHash, body) === match[2],
    };
  } catch {
    return null;
  }
}

import { hash } from "node:crypto";
import { type AuditEntry, type AuditHead, type AuditRecord, type RestartMark, sanitiseReason } from "./audit.ts";
import { toFamily } from "./ledger.ts";
import { createTimeCheck, type TimeCheck } from "./times.ts";

/** The last entry of a chain. */
export interface ChainHead {
  readonly seq: number;
  readonly hash: string;
}

/** Before the first entry. */
export const genesis: ChainHead = { seq: 0, hash: "0".repeat(64) };

export interface ChainedLine {
  readonly record: AuditRecord;
  readonly prevHash: string;
  /**
   * Hash of the partial line before this one, which a crash or a full disk left and this entry's
   * writer found.
   */
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
  /** Only where one names itself. */
  agent: "agent",
  /** Only of a JWT. */
  issuer: "issuer",
  /** Only in lines of format 2. */
  format: "format",
  /** Only in intents of format 2. */
  granted: "granted",
  /** Only in intents to restart. */
  mark: "mark",
} as const satisfies Readonly<Record<string, keyof AuditRecord>>;

/**
 * One entry as a JSON line with its newline, and the chain's new head. The hash is SHA-256 over the
 * previous hash and the line's own bytes without `,"hash":"..."`. The fields have one order and no
 * spaces, so every change shows. JSON escapes control characters: an entry is always exactly one
 * line. `granted`: what an intent takes of its holder's budget.
 */
export function toAuditLine(entry: AuditEntry, at: Date, head: ChainHead, piece: string | null, granted = 0) {
  const [seq, job] = [head.seq + 1, entry.job ?? undefined];
  const [agent, issuer] = [entry.agent ?? undefined, entry.issuer ?? undefined];
  const taken = entry.outcome === "intent" ? granted : undefined;
  const mark = entry.outcome === "intent" && entry.mark ? toLineMark(entry.mark) : undefined;
  const record = { ...entry, seq, at: at.toISOString(), job, agent, issuer, format: 2, granted: taken, mark };
  const body = JSON.stringify({
    ...Object.fromEntries(Object.entries(fields).map(([field, name]) => [field, record[name]])),
    ...(piece !== null && { piece: toHash(piece) }),
    prev_hash: head.hash,
  });
  const next: AuditHead = { seq: record.seq, hash: toHash(head.hash, body), at: record.at };
  return { line: `${body.slice(0, -1)},"hash":"${next.hash}"}\n`, head: next };
}

function toLineMark({ engineId, at, startedAt, stopSeconds, socket }: RestartMark) {
  return { engine_id: engineId, at, started_at: startedAt, stop_seconds: stopSeconds, socket };
}

function isTime(value: unknown): value is string {
  return typeof value === "string" && Number.isFinite(Date.parse(value));
}

/** Null for a mark of another form: a line may have been altered. */
function parseMark(mark: unknown): RestartMark | null {
  const {
    engine_id: engineId,
    at,
    started_at: startedAt,
    stop_seconds: stopSeconds,
    socket,
  } = (mark ?? {}) as Record<string, unknown>;
  if (!isTime(at) || typeof stopSeconds !== "number") return null;
  return {
    engineId: typeof engineId === "string" ? engineId : null,
    at,
    startedAt: isTime(startedAt) ? startedAt : null,
    stopSeconds,
    socket: typeof socket === "string" ? socket : null,
  };
}

/**
 * What an intent took of its holder's budget. Lines of format 1 do not say it: a change of jobs
 * took one for each job, and a restart one or, as a further one of its role, nothing. Such a
 * restart counts as one.
 */
export function toGranted(record: AuditRecord): number {
  if (record.outcome !== "intent") return 0;
  if (record.granted != null) return record.granted;
  const family = toFamily(record);
  return family === "job" ? (record.job?.ids.length ?? 0) : family === "restart" ? 1 : 0;
}

/**
 * What the gateway's own log says of an entry: with its hash, which shows whether the newest
 * entries are missing.
 */
export function toLogged(entry: AuditEntry, head: AuditHead): object {
  const { outcome, action, subject, kid, containerName, job, detail } = entry;
  const target = job === null ? { container: containerName } : { job };
  return { ...head, outcome, action, subject, kid, ...target, detail };
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
      record: {
        ...(record as unknown as AuditRecord),
        hash: match[2] ?? "",
        reason: sanitiseReason(line.reason),
        mark: parseMark(line.mark),
      },
      prevHash,
      piece: line.piece ?? null,
      intact: toHash(prevHash, body) === match[2],
    };
  } catch {
    return null;
  }
}

/** Checks lines in their order. */
interface LineVerifier {
  /** The next line with its newline. Returns the fault, null without one. */
  push(line: string): string | null;
  /** After the last line: returns the fault of what is left open, null without one. */
  end(): string | null;
  /** Whether the last line was an entry, or there was none. */
  isWhole(): boolean;
  /** The newest entry so far; null before the first. */
  head(): ChainHead | null;
}

/**
 * `start`: the newest entry of the files before this one; null: the first line may follow any
 * entry. `times`: of those files and this one.
 */
export function createLineVerifier(start: ChainHead | null, times: TimeCheck = createTimeCheck()): LineVerifier {
  let head = start;
  let piece: string | null = null;
  return {
    push: (line) => {
      const expected = (head?.seq ?? 0) + 1;
      const parsed = line.endsWith("\n") ? parseAuditLine(line.slice(0, -1)) : null;
      // A partial line is valid when the next entry records that its writer found it.
      if (piece !== null && parsed?.piece !== toHash(piece)) return toCutFault(head);
      piece = parsed ? null : line.replace(/\n$/, "");
      if (!parsed) return null;
      const { record, prevHash, intact } = parsed;
      if (!intact) return `seq ${expected} is altered`;
      if (head && record.seq !== expected)
        return `seq ${expected} is missing or moved: seq ${record.seq} stands in its place`;
      if (head && prevHash !== head.hash) return `seq ${expected} does not follow the entry before it`;
      head = { seq: record.seq, hash: record.hash };
      return times.push(record);
    },
    end: () => (piece === null ? null : toCutFault(head)),
    isWhole: () => piece === null,
    head: () => head,
  };
}

/**
 * The fault of a record that ends at `head`, where `expected` was written to it; null without one.
 */
export function toHeadFault(head: ChainHead, expected: ChainHead): string | null {
  if (head.seq < expected.seq) return `seq ${expected.seq} is missing: the record ends at seq ${head.seq}`;
  const isOther = head.seq === expected.seq && head.hash !== expected.hash;
  return isOther ? `seq ${expected.seq} is not the one that was written` : null;
}

/** The fault of a line that is no whole entry, after `head`. */
export function toCutFault(head: ChainHead | null): string {
  return `seq ${(head?.seq ?? 0) + 1} is cut or altered`;
}

import { basename } from "node:path";
import pLimit from "p-limit";
import { abortable } from "../../lib/abort.ts";
import { OpsError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/logger.ts";
import type { AuditEntry, AuditHead, AuditLog, AuditRecord, KeyedIntent, OpenIntent } from "../audit.ts";
import { answerMs, isFinal, restsAfter, toOpenIntent } from "../ledger.ts";
import { checkWritable, createAppendFile } from "./append.ts";
import { createChainCheck } from "./chain.ts";
import { type ChainedLine, genesis, toAuditLine, toGranted, toLogged } from "../line.ts";
import { createBackwardTimeCheck, isPast, toEntryTime } from "../times.ts";
import { acquireLock, type FileLock } from "./lock.ts";
import {
  AlteredEntryError,
  createFindings,
  type Findings,
  ForkError,
  readEntriesBackward,
  readHead,
  toIgnoredNote,
  type UnreadPart,
  UnreadPartError,
} from "./parts.ts";

interface AuditFileOptions {
  readonly path: string;
  readonly logger: Logger;
}

/** Total deadline of a write, milliseconds, including the wait for earlier ones. */
const deadlineMs = 5_000;
/** Entries scanned for intents without an outcome, and for one page. */
const scanLimit = 10_000;

/**
 * The audit record as chained JSON lines, in the order of the calls. `write` resolves when the line
 * is on disk. On any failure it rejects with audit_unavailable, and the caller does not act. After
 * a rejection the line may still appear (a hung disk that came back): an intent without an outcome
 * proves no action. One process writes a file at a time, others are refused.
 */
export function createAuditFile({ path, logger }: AuditFileOptions): AuditLog & { close(): Promise<void> } {
  const file = createAppendFile(path);
  let closed = false;
  let lock: FileLock | null = null;
  /** Null when it must be read from the file: at first, and after a write that failed half-way. */
  let head: AuditHead | null = null;
  /**
   * The newest acknowledged entry. The chain goes on from it, even when its file was rotated away.
   */
  let acknowledged: AuditHead = { ...genesis, at: null };

  const checkChain = createChainCheck({ path, newest: () => acknowledged });
  const inTurn = pLimit(1);
  const guarded = async <T>(task: () => Promise<T>): Promise<T> => {
    const deadline = AbortSignal.timeout(deadlineMs);
    try {
      const turn = inTurn(async () => {
        if (closed) throw new Error("closed");
        deadline.throwIfAborted();
        return task();
      });
      return await abortable(turn, deadline);
    } catch (error) {
      logger.error({ upstream: "audit", path, cause: String(error) }, "The audit record cannot be written");
      throw unwritable(error);
    }
  };
  const own = async () => {
    await file.open();
    if (lock && (await lock.isHeld())) return;
    await lock?.release();
    lock = null;
    head = null;
    lock = await acquireLock(path);
  };
  const append = async (entry: AuditEntry, granted: number): Promise<number> => {
    await own();
    const before = head ?? (await readHead(path, acknowledged));
    head = null;
    let next = before;
    await file.append((piece) => {
      const made = toAuditLine(entry, toEntryTime(new Date(), before.at), before, piece, granted);
      next = made.head;
      return made.line;
    });
    head = acknowledged = next;
    logger.info({ audit: toLogged(entry, next) }, "audit");
    return next.seq;
  };

  /**
   * Returns whether it was logged. @throws UnreadPartError when entries of the last hour may be in
   * a file that cannot be read: without them there would be no limits.
   */
  const warnOfGap = ({ after, before }: Gap, { unread, ignored }: Findings): boolean => {
    const ageMs = Date.now() - Date.parse(before.at);
    const [first] = unread;
    if (first && ageMs < hourMs) throw new UnreadPartError(first);
    // Old files are removed on purpose.
    if (after === 0 && ageMs >= answerMs) return false;
    const seqs = `${after + 1} to ${before.seq - 1}`;
    const files = [...unread.map(toUnread), ...ignored.map(toIgnoredNote)];
    const rest = files.length > 0 ? { files } : {};
    logger.warn(
      { upstream: "audit", path, missing: seqs, ...rest },
      "Entries of the audit record are missing: cooldowns, budgets and keys that they had are forgotten. Put the rotated file back",
    );
    return true;
  };
  const warnOfUnread = (unread: Findings["unread"]) =>
    logger.warn(
      { upstream: "audit", path, files: unread.map(toUnread) },
      "Files of the audit record cannot be read. Unpack them, make them readable, or move them to another folder",
    );
  const warnOfIgnored = (ignored: readonly string[]) =>
    logger.warn(
      { upstream: "audit", path, files: ignored.map(toIgnoredNote) },
      "A new audit record begins: the files beside it are not read. Rename a rotated file, such as to audit.jsonl.1",
    );

  return {
    write: (entry, granted = 0) => guarded(() => append(entry, granted)),
    // What this process wrote, or found when it took the record over, is not read again.
    head: async () => {
      if (acknowledged.seq > 0) return acknowledged;
      return readHead(path).catch((error: unknown) => {
        throw unreadable(error);
      });
    },
    recover: () =>
      guarded(async () => {
        await own();
        const before = await readHead(path, acknowledged);
        const { newest, gap, fault, findings, ...found } = await findUnfinished(path, scanLimit);
        if (findings.conflict !== null) throw new ForkError(path, findings.conflict);
        if (fault !== null) throw new AlteredEntryError(path, fault);
        const isSaid = gap !== null && warnOfGap(gap, findings);
        if (findings.unread.length > 0 && !isSaid) warnOfUnread(findings.unread);
        if (before.seq === 0 && findings.ignored.length > 0) warnOfIgnored(findings.ignored);
        if (newest && newest.seq > acknowledged.seq)
          acknowledged = { seq: newest.seq, hash: newest.hash, at: newest.at };
        return found;
      }),
    check: async () => {
      const { locked } = await abortable(checkWritable(path), AbortSignal.timeout(deadlineMs)).catch(
        (error: unknown) => {
          throw unwritable(error);
        },
      );
      if (locked && !(await lock?.isHeld())) throw unwritable(new Error("another process writes this file"));
    },
    verify: () =>
      checkChain().catch((error: unknown) => {
        throw unreadable(error);
      }),
    read: async ({ first, before, accepts }) => {
      const found: AuditRecord[] = [];
      let scanned = 0;
      try {
        for await (const { record } of readEntriesBackward(path)) {
          if ((before === null || record.seq < before) && accepts(record)) found.push(record);
          if (found.length >= first || ++scanned >= scanLimit) break;
        }
      } catch (error) {
        throw unreadable(error);
      }
      return found;
    },
    close: async () => {
      await inTurn(async () => {
        closed = true;
        await file.close();
        await lock?.release();
      });
    },
  };
}

function unreadable(cause: unknown): OpsError {
  return new OpsError("audit_unavailable", "The audit record cannot be read", { cause, upstream: "audit" });
}

function unwritable(cause: unknown): OpsError {
  return new OpsError("audit_unavailable", "The audit record cannot be written", { cause, upstream: "audit" });
}

function toUnread({ path, cause }: UnreadPart): string {
  return `${basename(path)} ${cause}`;
}

const hourMs = 3_600_000;

/** Entries that are not in the record, though later ones are. */
interface Gap {
  /** The `seq` of the entry before; 0 without one. */
  readonly after: number;
  /** The entry behind it. */
  readonly before: AuditRecord;
}

/**
 * What earlier processes left, in one reading from the end: what is unfinished, and the keys, among
 * the newest `limit` entries; of the last hour, however many entries that has, what limits the next
 * actions; the newest entry, the newest gap, why what limits is not as it was written, and what the
 * files came to. All oldest first. An `unknown` older than an hour stays: engines forget.
 */
export async function findUnfinished(path: string, limit: number) {
  /** By the `seq` of their intent. Reading backwards meets the newest first; that one counts. */
  const outcomes = new Map<number, AuditRecord>();
  const open: OpenIntent[] = [];
  const keyed: KeyedIntent[] = [];
  const limiting: AuditRecord[] = [];
  let newest: AuditRecord | null = null;
  let gap: Gap | null = null;
  let later: AuditRecord | null = null;
  let fault: string | null = null;
  const check = createRecentCheck(Date.now());
  let scanned = 0;
  let isEnd = true;
  const findings = createFindings();
  for await (const line of readEntriesBackward(path, findings)) {
    const { record } = line;
    fault ??= check(line);
    newest ??= record;
    if (later && record.seq < later.seq - 1) gap ??= { after: record.seq, before: later };
    later = record;
    const ageMs = Date.now() - Date.parse(record.at);
    const isRecent = ageMs < hourMs;
    if (isRecent && (toGranted(record) > 0 || restsAfter(record))) limiting.push(record);
    if (scanned >= limit) {
      if (isPast(record, Date.now())) {
        isEnd = false;
        break;
      }
    } else if (record.intent !== null) {
      if (!outcomes.has(record.intent)) outcomes.set(record.intent, record);
    } else {
      const outcome = outcomes.get(record.seq) ?? null;
      if (!outcome || (!isFinal(outcome) && isRecent)) open.push(toOpenIntent(record, outcome));
      if (record.keyHash !== null && ageMs < answerMs) keyed.push({ intent: record, outcome });
    }
    scanned += 1;
  }
  if (isEnd && later && later.seq > 1) gap ??= { after: 0, before: later };
  return {
    open: open.toReversed(),
    keyed: keyed.toReversed(),
    limiting: limiting.toReversed(),
    newest,
    gap,
    fault,
    findings,
  };
}

/**
 * Checks entries from the newest back: their times, and, down to the first whole one that is too
 * old to limit anything, that each is as it was written. Returns the fault of the next one.
 */
function createRecentCheck(now: number): (line: ChainedLine) => string | null {
  const checkTime = createBackwardTimeCheck(now);
  let later: ChainedLine | null = null;
  let isOver = false;
  return (line) => {
    const { record, intact } = line;
    const { seq } = record;
    const isLinked = later?.record.seq !== seq + 1 || later.prevHash === record.hash;
    later = line;
    if (!isOver && !intact) return `seq ${seq} is altered`;
    if (!isOver && !isLinked) return `seq ${seq + 1} does not follow the entry before it`;
    isOver ||= isPast(record, now);
    return checkTime(record);
  };
}

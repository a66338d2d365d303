import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { request } from "node:https";
import { isAbsolute } from "node:path";
import { abortable, repeat, withDeadline } from "../lib/abort.ts";
import { toBasicCredentials, toSocketCode } from "../lib/http-client.ts";
import { createChangeLog, type Logger } from "../lib/logger.ts";
import { parseAnchors } from "./anchors.ts";
import type { AuditHead } from "./audit.ts";
import type { Ledger } from "./ledger.ts";
import type { ChainHead } from "./line.ts";

interface AnchorWriterOptions {
  readonly ledger: Pick<Ledger, "head">;
  /** The absolute path of a file, or an https URL; null: heads are only logged. */
  readonly target: string | null;
  readonly logger: Logger;
  /** How often the head is read, ms. @default 60000 */
  readonly everyMs?: number;
  /** How long the last note may take, ms. @default 2000 */
  readonly lastMs?: number;
  readonly post?: Post;
}

/** What is known of the head, for metrics. */
export interface AnchorState {
  /** The number of the newest entry; null while it cannot be read. */
  readonly entries: number | null;
  /** How often a head could not be anchored. */
  readonly failures: number;
}

/**
 * Notes the heads of a record outside of it, so that `audit verify --head` can find that the newest
 * entries are missing.
 */
export interface AnchorWriter {
  /**
   * Notes the head now, and from then on once a minute if it has moved. Starts once the record has
   * been taken over.
   */
  start(): void;
  state(): AnchorState;
  /** Notes the last head within two seconds. If that fails, the log has it as not anchored. */
  close(): Promise<void>;
}

/** Of one note: no action waits for it. */
const deadlineMs = 5000;
/** What is read of a file with earlier heads: some hundred lines. */
const tailBytes = 64 << 10;

/** Never rejects: a failure is counted, logged once, and tried again at the next read. */
export function createAnchorWriter({
  ledger,
  target,
  logger,
  everyMs = 60_000,
  lastMs = 2000,
  post = postOnce,
}: AnchorWriterOptions): AnchorWriter {
  let entries: number | null = null;
  let failures = 0;
  let logged: AuditHead | null = null;
  /** The hash of the last head that the target has. */
  let anchored: string | null = null;
  let isCompared = false;
  let stop: (() => Promise<void>) | null = null;
  const stopping = new AbortController();
  const change = createChangeLog();
  const path = target !== null && isAbsolute(target) ? target : null;
  const send = target === null ? null : path === null ? createPost(target, post) : createAppend(path);

  /** Reads the head and logs it. Returns the one that the target does not have yet. */
  const look = async (signal: AbortSignal): Promise<AuditHead | null> => {
    const read = await abortable(ledger.head(), signal).catch(() => null);
    if (read !== null || !signal.aborted) entries = read?.seq ?? null;
    if (read !== null && path !== null && !isCompared) {
      isCompared = true;
      await compareWithFile(path, read, logger);
    }
    if (read !== null && read.seq > 0) {
      // Nothing else of an entry leaves the record this way: a ledger may have all of it.
      const head: AuditHead = { seq: read.seq, hash: read.hash, at: read.at };
      if (head.hash !== logged?.hash) logger.info({ audit: head }, "audit head");
      logged = head;
    }
    return toSend();
  };
  const toSend = () => (send === null || logged?.hash === anchored ? null : logged);
  const deliver = async (head: AuditHead, signal: AbortSignal) => {
    await send?.(`${JSON.stringify(head)}\n`, signal);
    anchored = head.hash;
    change("", () => logger.info({ upstream: "audit_anchor" }, "The head of the audit record is anchored again"));
  };
  const note = async (): Promise<void> => {
    const head = await look(stopping.signal);
    if (head === null) return;
    try {
      await withDeadline(deadlineMs, (signal) => deliver(head, signal), stopping.signal);
    } catch (error) {
      // The last note is tried instead.
      if (stopping.signal.aborted) return;
      failures += 1;
      const cause = toCause(error);
      change(cause, () =>
        logger.error({ upstream: "audit_anchor", cause }, "The head of the audit record cannot be anchored"),
      );
    }
  };
  const noteLast = async (): Promise<void> => {
    try {
      await withDeadline(lastMs, async (signal) => {
        const head = await look(signal);
        if (head !== null) await deliver(head, signal);
      });
    } catch (error) {
      const head = toSend();
      if (head === null) return;
      failures += 1;
      const fields = { upstream: "audit_anchor", cause: toCause(error), audit: head };
      logger.error(fields, "The last head of the audit record was not anchored: it is only in this line");
    }
  };
  return {
    start: () => void (stop ??= repeat(everyMs, note)),
    state: () => ({ entries, failures }),
    async close() {
      if (stop === null) return;
      stopping.abort();
      await stop();
      await noteLast();
    },
  };
}

/**
 * Logs that the record ends before what was noted earlier: some of it is missing, and its limits
 * with it.
 */
async function compareWithFile(path: string, head: ChainHead, logger: Logger): Promise<void> {
  const text = await readTail(path).catch(() => "");
  const newest = parseAnchors(text).reduce<ChainHead | null>(
    (most, one) => (one.seq >= (most?.seq ?? 0) ? one : most),
    null,
  );
  if (newest === null || newest.seq < head.seq || newest.hash === head.hash) return;
  logger.error(
    { upstream: "audit_anchor", anchored: newest, head: { seq: head.seq, hash: head.hash } },
    "The audit record does not have the newest entry that was anchored: cooldowns and budgets may be forgotten. Is a rotated file missing? `audit verify --head` says more",
  );
}

/** The end of an existing file. Rejects with the file system's error. */
async function readTail(path: string): Promise<string> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  const stats = await file.stat();
  if (!stats.isFile()) return "";
  const start = Math.max(0, stats.size - tailBytes);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(tailBytes), 0, tailBytes, start);
  return buffer.toString("utf8", 0, bytesRead);
}

type Send = (line: string, signal: AbortSignal) => Promise<void>;

/** Appends to a file, which it makes (0600), and syncs it. */
function createAppend(path: string): Send {
  let isCut: boolean | null = null;
  return async (line) => {
    // O_NONBLOCK: opening a FIFO without a reader must fail, not wait.
    const flags =
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;
    await using file = await open(path, flags, 0o600);
    if (!(await file.stat()).isFile()) throw new Error("not a regular file");
    // What an earlier attempt or process left of its line must not spoil this one.
    isCut ??= !/(^|\n)$/.test(await readTail(path).catch(() => "?"));
    const bytes = Buffer.from(isCut ? `\n${line}` : line);
    isCut = true;
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten !== bytes.length) throw new Error("short write");
    isCut = false;
    await file.datasync();
  };
}

/** Resolves to the HTTP status of the answer. */
type Post = (
  url: URL,
  request: { readonly body: string; readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal },
) => Promise<number>;

/** Userinfo becomes a header, so that no error can quote it. */
function createPost(target: string, post: Post): Send {
  const url = new URL(target);
  const credentials = toBasicCredentials(url);
  url.username = url.password = "";
  const headers = {
    "content-type": "application/json",
    "user-agent": "wallet-core-ops",
    ...(credentials !== "" && { authorization: `Basic ${credentials}` }),
  };
  return async (body, signal) => {
    const status = await post(url, { body, headers, signal });
    // A redirect is not followed.
    if (status < 200 || status > 299) throw new Error(`HTTP ${status}`);
  };
}

/**
 * On a connection of its own. Unlike that of `fetch`, it ends with the signal while it is being
 * made: a silent receiver does not hold up the end of the process.
 */
const postOnce: Post = (url, { body, headers, signal }) =>
  new Promise((resolve, reject) => {
    const asked = request(url, { method: "POST", headers, signal, agent: false }, (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    asked.once("error", reject).end(body);
  });

/** Without the address, which may have a secret. */
function toCause(error: unknown): string {
  const { cause, message, name } = error as Error;
  return toSocketCode(cause) || toSocketCode(error) || (name === "TypeError" ? "the request failed" : message);
}

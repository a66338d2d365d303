import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { repeat, withDeadline } from "../lib/abort.ts";
import { toBasicCredentials, toSocketCode } from "../lib/http-client.ts";
import { createChangeLog, type Logger } from "../lib/logger.ts";
import type { AuditHead } from "./audit.ts";
import type { Ledger } from "./ledger.ts";

interface AnchorWriterOptions {
  readonly ledger: Pick<Ledger, "head">;
  /** The absolute path of a file, or an https URL; null: heads are only logged. */
  readonly target: string | null;
  readonly logger: Logger;
  /** How often the head is looked at, ms. @default 60000 */
  readonly everyMs?: number;
  readonly post?: typeof fetch;
}

/** What is known of the head, for metrics. */
export interface AnchorState {
  /** The number of the newest entry; null while it cannot be read. */
  readonly entries: number | null;
  /** How often a head could not be anchored. */
  readonly failures: number;
}

/** Notes the heads of a record outside of it, so that `audit verify --head` can find that the newest entries are missing. */
export interface AnchorWriter {
  /** Notes the head now and then each minute in which it has moved. Not before the record was taken over. */
  start(): void;
  state(): AnchorState;
  /** Notes the last head. */
  close(): Promise<void>;
}

/** Of one note: no action waits for it. */
const deadlineMs = 5000;

/** Never rejects: what could not be noted is counted, logged once, and tried again with the next look. */
export function createAnchorWriter({
  ledger,
  target,
  logger,
  everyMs = 60_000,
  post = fetch,
}: AnchorWriterOptions): AnchorWriter {
  let entries: number | null = null;
  let failures = 0;
  let logged: AuditHead | null = null;
  /** The hash of the last head that the target has. */
  let anchored: string | null = null;
  let stop: (() => Promise<void>) | null = null;
  const change = createChangeLog();
  const send = target === null ? null : target.startsWith("https://") ? createPost(target, post) : createAppend(target);

  const note = async (): Promise<void> => {
    const read = await ledger.head().catch(() => null);
    entries = read?.seq ?? null;
    if (read === null || read.seq === 0) return;
    // Nothing else of an entry leaves the record this way: a ledger may have all of it.
    const head: AuditHead = { seq: read.seq, hash: read.hash, at: read.at };
    if (head.hash !== logged?.hash) logger.info({ audit: head }, "audit head");
    logged = head;
    if (send === null || head.hash === anchored) return;
    try {
      await withDeadline(deadlineMs, (signal) => send(`${JSON.stringify(head)}\n`, signal));
      anchored = head.hash;
      change("", () => logger.info({ upstream: "audit_anchor" }, "The head of the audit record is anchored again"));
    } catch (error) {
      failures += 1;
      const cause = toCause(error);
      change(cause, () => logger.error({ upstream: "audit_anchor", cause }, "The head of the audit record cannot be anchored"));
    }
  };
  return {
    start: () => void (stop ??= repeat(everyMs, note)),
    state: () => ({ entries, failures }),
    async close() {
      if (stop === null) return;
      await stop();
      await note();
    },
  };
}

type Send = (line: string, signal: AbortSignal) => Promise<void>;

/** Appends to a file, which it makes (0600), and syncs it. */
function createAppend(path: string): Send {
  let isCut = false;
  return async (line) => {
    // O_NONBLOCK: opening a FIFO without a reader must fail, not wait.
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOCTTY;
    await using file = await open(path, flags, 0o600);
    if (!(await file.stat()).isFile()) throw new Error("not a regular file");
    // What an earlier attempt left of its line must not spoil this one.
    const bytes = Buffer.from(isCut ? `\n${line}` : line);
    isCut = true;
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten !== bytes.length) throw new Error("short write");
    isCut = false;
    await file.datasync();
  };
}

/** Userinfo becomes a header: `fetch` refuses it in a URL, and quotes it. */
function createPost(target: string, post: typeof fetch): Send {
  const url = new URL(target);
  const credentials = toBasicCredentials(url);
  url.username = url.password = "";
  const headers = {
    "content-type": "application/json",
    "user-agent": "wallet-core-ops",
    ...(credentials !== "" && { authorization: `Basic ${credentials}` }),
  };
  return async (line, signal) => {
    const response = await post(url, { method: "POST", body: line, headers, signal, redirect: "error" });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
  };
}

/** Without the address, which may have a secret. */
function toCause(error: unknown): string {
  const { cause, message, name } = error as Error;
  return toSocketCode(cause) || toSocketCode(error) || (name === "TypeError" ? "the request failed" : message);
}

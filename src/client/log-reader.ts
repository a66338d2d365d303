import type { logNotices } from "../facts/log.ts";
import { OpsError } from "./error.ts";
import type { FollowedStream } from "./follow.ts";
import type { LogLine, SeenLines } from "./log-seen.ts";

/** Most lines of a page: a gateway refuses twice as many as too complex a query. */
export const mostPageLines = 2500;

/** What happened to a container of the log. */
export interface LogNotice {
  readonly name: string;
  readonly notice: keyof typeof logNotices;
  readonly reason: string | null;
}

/** One message of a followed log, of a role or of a container. */
export interface LogBatch<Line> {
  readonly lines: readonly Line[];
  /** Lines that were left out before these. */
  readonly dropped: number;
  readonly notices: readonly LogNotice[];
  readonly ended: string | null;
}

interface RoleMessage<Line> {
  readonly logs:
    | (Omit<LogBatch<Line>, "notices"> & {
        readonly notices: readonly {
          readonly container: { readonly name: string };
          readonly notice: LogNotice["notice"];
          readonly error: { readonly message: string } | null;
        }[];
      })
    | null;
}

/** The messages of a role's stream. */
export async function* ofRole<Line>(messages: AsyncIterable<RoleMessage<Line>>): AsyncGenerator<LogBatch<Line>, void> {
  for await (const { logs } of messages) {
    if (!logs) continue;
    const notices = logs.notices.map(({ container, notice, error }) => ({
      name: container.name,
      notice,
      reason: error?.message ?? null,
    }));
    yield { ...logs, notices };
  }
}

interface ContainerMessage<Line> {
  readonly containerLogs: (Omit<LogBatch<Line>, "notices"> & { readonly notice: LogNotice["notice"] | null }) | null;
}

/** The messages of the stream of one container, which its lines do not name. */
export async function* ofContainer<Line, Container extends LogLine["container"]>(
  messages: AsyncIterable<ContainerMessage<Line>>,
  container: Container,
) {
  for await (const { containerLogs: batch } of messages) {
    if (!batch) continue;
    const { lines, notice } = batch;
    yield {
      ...batch,
      lines: lines.map((line) => ({ kind: "LINE" as const, ...line, container })),
      notices: notice === null ? [] : [{ name: container.name, notice, reason: null }],
    };
  }
}

/** The lines around a time, after a cursor, or the newest. */
export interface LogTurn {
  readonly at?: string;
  readonly after?: string;
}

interface LogPage<Line> {
  readonly lines: readonly Line[];
  readonly hasNewer: boolean;
  readonly endCursor: string | null;
}

interface LogReaderOptions<Line extends LogLine> {
  /** What was shown so far. */
  readonly seen: SeenLines;
  /** The log of one container, which ends with it. */
  readonly isSingle: boolean;
  /** Opens a stream of the lines since a time; null: of the newest ones. */
  open(since: string | null, signal: AbortSignal, onOpen: () => void): AsyncIterable<LogBatch<Line>>;
  readPage(turn: LogTurn, signal: AbortSignal): Promise<LogPage<Line>>;
  /** Shows lines that were not seen. */
  show(lines: readonly Line[]): unknown;
  note(notice: LogNotice): void;
  /**
   * Lines are missing before this one, or before those to come. `count` is null when their number
   * is unknown.
   */
  miss(count: number | null, before: Line | undefined): void;
  /**
   * Reads and shows what is missing, in place of `miss`. `beyond`: a time up to which lines are
   * there; null: none is.
   */
  catchUp?(beyond: string | null): Promise<void>;
  opened(): void;
  broken(error: OpsError): void;
  /** The container is gone: no more lines can come, so the caller ends the reading. */
  gone(): void;
}

/**
 * If its reader makes a stream wait this long, the stream is closed: its lines then wait at the
 * gateway and not in this process, ms.
 */
const slowMs = 2000;
/** Pages of one round of queries; the next round continues after them. */
const mostPages = 8;

/**
 * Continues reading a log after the lines seen so far, across lost connections and restarts: in
 * order, no line twice, and with a notice where lines are missing. Run it with a StreamFollower.
 */
export class LogReader<Line extends LogLine> implements FollowedStream<LogBatch<Line>> {
  readonly #options: LogReaderOptions<Line>;
  #isFirst = true;
  /** The stream is known to miss nothing. */
  #isWhole = false;
  /**
   * No line of the stream has come yet. What it leaves out is from its first moment, and may
   * already be known.
   */
  #isBeginning = false;
  #waitedMs = 0;

  constructor(options: LogReaderOptions<Line>) {
    this.#options = options;
  }

  async *open(signal: AbortSignal, onOpen: () => void): AsyncGenerator<LogBatch<Line>, void> {
    const { seen, isSingle } = this.#options;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    try {
      if (!isFirst) await this.#options.catchUp?.(null);
      const since = seen.resumeAt;
      seen.begin(since);
      [this.#isWhole, this.#isBeginning, this.#waitedMs] = [false, since !== null, 0];
      for await (const batch of this.#options.open(since, signal, onOpen)) {
        yield batch;
        if (batch.ended === "shutdown") break;
        if (batch.ended !== null) return;
      }
    } catch (error) {
      if (!(error instanceof OpsError) || error.code !== "container_not_found") throw error;
      // A role may have no containers for a while.
      if (!isSingle) throw new OpsError("unreachable", error.message, { cause: error });
      if (isFirst) throw error;
      this.#options.gone();
      return;
    }
    throw new OpsError("unreachable", "the gateway ended it");
  }

  /** False for a slow reader: the stream is given back. */
  async next({ lines, notices, dropped, ended }: LogBatch<Line>): Promise<boolean> {
    const { seen } = this.#options;
    const isCut = this.#isBeginning && notices.some(({ notice }) => notice === "TRUNCATED");
    const hasGap = !this.#isWhole && (isCut || seen.mayMiss(lines));
    if (lines.length > 0) this.#isBeginning = false;
    for (const notice of notices) {
      if (notice.notice === "ENGINE_LOST" || notice.notice === "UNREADABLE") seen.holdBack(notice.name);
      // Omitted lines are read, or marked as missing.
      if (notice.notice !== "TRUNCATED" || !hasGap) this.#options.note(notice);
    }
    const isRead = hasGap && this.#options.catchUp !== undefined;
    if (isRead) {
      await this.#options.catchUp?.(lines.at(-1)?.timestamp ?? null);
      seen.begin(null);
    }
    this.#isWhole ||= hasGap;
    const fresh = lines.filter((line) => seen.take(line));
    if (!isRead && (hasGap || dropped > 0)) this.#options.miss(dropped || null, fresh[0]);
    const beganAt = Date.now();
    await this.#options.show(fresh);
    this.#waitedMs += Date.now() - beganAt;
    if (ended === "container_gone") this.#options.gone();
    return this.#waitedMs <= slowMs;
  }

  opened(): void {
    this.#options.opened();
  }

  broken(error: OpsError): void {
    this.#options.broken(error);
  }

  /**
   * Asks for the lines since the last one that was seen. What fails is asked for again in the next
   * round.
   */
  async poll(signal: AbortSignal): Promise<void> {
    const { seen } = this.#options;
    const since = seen.resumeAt;
    seen.begin(since);
    try {
      let turn: LogTurn | null = since === null ? {} : { at: since };
      for (let count = 0; turn !== null && count < mostPages; count += 1) {
        const { lines, hasNewer, endCursor }: LogPage<Line> = await this.#options.readPage(turn, signal);
        if (signal.aborted) return;
        await this.#options.show(lines.filter((line) => line.timestamp >= (since ?? "") && seen.take(line)));
        turn = hasNewer && endCursor !== null ? { after: endCursor } : null;
      }
    } catch (error) {
      if (!signal.aborted && !(error instanceof OpsError)) throw error;
    }
  }
}

import { type OpsClient, OpsError, StoredLogs, type StoredLogsSubscription } from "../../client/client.ts";
import { isPassing } from "../../client/error.ts";
import { pause } from "../../lib/abort.ts";
import type { Line } from "./line.ts";
import { type LogFilter, longestWaitSeconds, type PartReport } from "./pages.ts";
import { type SeenLines, toWriterKey } from "../../client/log-seen.ts";
import type { LogTarget } from "./target.ts";

/** Pauses before an interrupted reading continues, ms; a line resets their count. */
const waitsMs = [500, 1000, 2000];
/**
 * The gateway reads no further back than the newest entries: how many more than the lines that are
 * wanted, and how much more is tried next.
 */
const window = { more: 10, filtered: 4, growth: [1, 8, 64] };

interface StoredOptions {
  readonly client: OpsClient;
  readonly target: LogTarget;
  readonly filter: LogFilter;
  readonly signal: AbortSignal;
  readonly onParts: (report: PartReport) => void;
}

/** Log timestamps; null: no limit. */
interface Times {
  readonly since: string | null;
  readonly until: string | null;
}

type Batch = NonNullable<StoredLogsSubscription["storedLogs"]>;

/** Reads the stored lines of a log in one pass, in any number. Rejects with OpsError. */
export class StoredLog {
  readonly #options: StoredOptions;

  constructor(options: StoredOptions) {
    this.#options = options;
  }

  /**
   * The lines that were not seen, oldest first. Rejects when it is cut short: a reading from
   * `seen.resumeAt` goes on.
   */
  async *read(seen: SeenLines, times: Times): AsyncGenerator<readonly Line[], void> {
    seen.begin(null);
    for await (const { lines } of this.#open(times, null)) yield lines.filter((line) => seen.take(line));
  }

  /** As `read`, and continues after interruptions while that helps. */
  async *readOn(seen: SeenLines, { since, until }: Times): AsyncGenerator<readonly Line[], void> {
    for (let [failed, from] = [0, since]; ; from = seen.resumeAt ?? since) {
      try {
        for await (const lines of this.read(seen, { since: from, until })) {
          if (lines.length > 0) failed = 0;
          yield lines;
        }
        return;
      } catch (error) {
        await this.#waitAfter(error, failed++);
      }
    }
  }

  /** The newest `count` lines, oldest first. Holds up to twice as many. */
  async newest(count: number, times: Times): Promise<readonly Line[]> {
    const isFiltered =
      times.until !== null || Object.values(this.#options.filter).some((value) => value !== null && value !== false);
    const first = count * (isFiltered ? window.filtered : 1) + window.more;
    const sizes = [...window.growth.map((factor) => first * factor), null];
    for (let failed = 0; ;) {
      const [size = null] = sizes;
      try {
        const lines = await this.#readNewest(count, times, size);
        if (lines) return lines;
        sizes.shift();
      } catch (error) {
        await this.#waitAfter(error, failed++);
      }
    }
  }

  /** Null when older lines than were read may be among the newest `count`. */
  async #readNewest(count: number, times: Times, size: number | null): Promise<readonly Line[] | null> {
    const newest = new NewestLines(count);
    for await (const { lines, containers, completeSince } of this.#open(times, size)) {
      newest.add(lines);
      const cut = containers.filter(({ truncated }) => truncated).map(({ container }) => toWriterKey(container));
      if (cut.length > 0 && !newest.isComplete(cut, completeSince ?? "")) return null;
    }
    return newest.take();
  }

  /** Waits before another try. Throws the error if no try can help. */
  async #waitAfter(error: unknown, failed: number): Promise<void> {
    if (!isPassing(error)) throw error;
    const asked = error.code === "rate_limited" ? error.retryAfterSeconds : null;
    const waitMs = asked === null || asked > longestWaitSeconds ? waitsMs[failed] : asked * 1000;
    if (waitMs === undefined || !(await pause(waitMs, this.#options.signal))) throw error;
  }

  async *#open({ since, until }: Times, newest: number | null): AsyncGenerator<Batch, void> {
    const { client, target, filter, signal, onParts } = this.#options;
    const variables = { ...target.variables, ...filter, since, until, newest };
    for await (const { storedLogs } of client.subscribe(StoredLogs, variables, { signal })) {
      if (!storedLogs) continue;
      const { ended } = storedLogs;
      if (ended === "unauthorized" || ended === "forbidden")
        throw new OpsError(ended, "The token may no longer read this log");
      if (ended === "complete") onParts(storedLogs);
      yield storedLogs;
      if (ended === "complete") return;
      if (ended !== null) break;
    }
    signal.throwIfAborted();
    throw new OpsError("unreachable", "The gateway stopped before the end of the log");
  }
}

/** The newest lines of those that are added. Markers do not count. */
class NewestLines {
  readonly #most: number;
  #lines: Line[] = [];
  /** Added lines of each container. */
  readonly #added = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  add(lines: readonly Line[]): void {
    for (const line of lines) {
      if (line.kind !== "LINE") continue;
      const key = toWriterKey(line.container);
      this.#added.set(key, (this.#added.get(key) ?? 0) + 1);
    }
    for (const line of lines) this.#lines.push(line);
    if (this.#lines.length > 2 * this.#most + 1000) this.#lines = [...this.take()];
  }

  /** From the oldest of the newest lines on. */
  take(): readonly Line[] {
    let left = this.#most;
    const before = this.#lines.findLastIndex(({ kind }) => kind === "LINE" && left-- === 0);
    if (before < 0) return this.#lines;
    const first = this.#lines.findIndex(({ kind }, at) => at > before && kind === "LINE");
    return first < 0 ? [] : this.#lines.slice(first);
  }

  /**
   * Whether no unread line belongs here, though the oldest lines of these containers were not read.
   * Their lines are in order: where two were left out, which may be the beginnings of what was
   * read, those before them are older still.
   */
  isComplete(cut: readonly string[], completeSince: string): boolean {
    const newest = this.take().filter(({ kind }) => kind === "LINE");
    const [oldest] = newest;
    if (!oldest || newest.length < this.#most) return false;
    if (oldest.timestamp > completeSince) return true;
    const counts = new Map<string, number>();
    for (const { container } of newest)
      counts.set(toWriterKey(container), (counts.get(toWriterKey(container)) ?? 0) + 1);
    return cut.every((key) => (this.#added.get(key) ?? 0) - (counts.get(key) ?? 0) >= 2);
  }
}

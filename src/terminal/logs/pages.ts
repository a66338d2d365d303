import { Logs, type LogsQuery, type LogsQueryVariables, type OpsClient, OpsError } from "../../client/client.ts";
import { pause } from "../../lib/abort.ts";
import type { Line } from "./line.ts";
import type { LogTarget } from "./target.ts";

export type LogPage = NonNullable<LogsQuery["logs"]>;

/** Which lines are wanted, as the documents take it. */
export type LogFilter = Pick<LogsQueryVariables, "level" | "levelStrict" | "search" | "searchRegex" | "ignoreCase" | "stream">;

/** Most lines of a page. */
export const pageLines = 5000;
/** A gateway that asks for more patience than this is not waited for, s. */
const longestWaitSeconds = 60;

interface PagesOptions {
  readonly client: OpsClient;
  readonly target: LogTarget;
  readonly filter: LogFilter;
  readonly signal: AbortSignal;
  /** Called once for each engine and container that cannot be read. */
  readonly onProblem: (text: string) => void;
}

type Turn = Pick<LogsQueryVariables, "at" | "before" | "after" | "since" | "until" | "tail">;

/** Reads a log by pages. Rejects with OpsError. */
export class LogPages {
  readonly #options: PagesOptions;
  readonly #reported = new Set<string>();

  constructor(options: PagesOptions) {
    this.#options = options;
  }

  /** The lines from a time on, oldest first, a page at a time; the next one is on its way meanwhile. Ends at `until`, else when no newer ones exist. */
  async *forward(from: string, until: string | null): AsyncGenerator<readonly Line[], void> {
    let next: Promise<LogPage> | null = this.#read({ at: from, tail: pageLines });
    let cursor: string | null = null;
    while (next !== null) {
      const { lines, hasNewer, endCursor }: LogPage = await next;
      const hasMore: boolean = hasNewer && endCursor !== null && endCursor !== cursor;
      cursor = endCursor;
      next = hasMore ? this.#read({ after: cursor, until, tail: pageLines }) : null;
      // A reader that stops here does not wait for it.
      next?.catch(() => {});
      yield lines.filter(({ timestamp }) => timestamp >= from && (until === null || timestamp <= until));
    }
  }

  /** The newest `count` lines of a time, oldest first, and whether there are older ones. One page, or as many as it takes with `isWhole`. */
  async newest(
    count: number,
    { since, until, isWhole }: { readonly since: string | null; readonly until: string | null; readonly isWhole: boolean },
  ): Promise<{ readonly lines: readonly Line[]; readonly hasOlder: boolean }> {
    const pages: (readonly Line[])[] = [];
    let left = count;
    let before: string | null = null;
    for (;;) {
      const page: LogPage = await this.#read({ since, until, before, tail: Math.min(left, pageLines) });
      pages.unshift(page.lines);
      left -= page.lines.filter(({ kind }) => kind === "LINE").length;
      const isEnd = !page.hasOlder || page.startCursor === null || page.startCursor === before;
      before = page.startCursor;
      if (left <= 0 || isEnd || !isWhole) return { lines: pages.flat(), hasOlder: page.hasOlder };
    }
  }

  async #read(turn: Turn): Promise<LogPage> {
    const { client, target, filter, signal } = this.#options;
    for (;;) {
      try {
        const { data, errors } = await client.queryPartial(Logs, { ...target.variables, ...filter, ...turn }, { signal });
        if (!data.logs) throw errors[0] ?? new OpsError("not_a_gateway", "The gateway gave no page");
        this.#report(data.logs);
        return data.logs;
      } catch (error) {
        // Many pages of a long log may be more than a token may ask for at once.
        const waitSeconds = error instanceof OpsError && error.code === "rate_limited" ? error.retryAfterSeconds : null;
        if (waitSeconds === null || waitSeconds > longestWaitSeconds) throw error;
        if (!(await pause(waitSeconds * 1000, signal))) throw error;
      }
    }
  }

  #report({ containers, engines }: LogPage): void {
    const texts = [
      ...engines.flatMap(({ name, ok, error }) =>
        ok ? [] : [`engine ${name} does not answer: its lines are missing (${error?.message ?? "no reason is known"})`],
      ),
      ...containers.flatMap(({ container, error }) =>
        error === null ? [] : [`${container.name}: its log cannot be read (${error.message})`],
      ),
    ];
    for (const text of texts) {
      if (this.#reported.has(text)) continue;
      this.#reported.add(text);
      this.#options.onProblem(text);
    }
  }
}

import type { ContainerRef, LogOptions, LogPage } from "../../domain/container.ts";
import type { Query } from "./connect.ts";
import type { Engine } from "./engine.ts";
import type { Inspector } from "./inspect.ts";
import { isSelective } from "./log-filter.ts";
import { entriesThatFit, type LogWindow, readLogWindow } from "./log-window.ts";
import { AnswerError } from "./status-error.ts";

/** How many entries to ask the engine for; "all" from `since` on. */
type WindowSize = number | "all";

/**
 * The newest matching lines. Docker applies `tail` first, before `until` and the choice of a stream, and counts the parts of long
 * lines: so we ask for more than is wanted, filter ourselves, and ask for eight times more until there are enough or all were
 * seen. What time or size do not allow to see is told by `truncated`.
 */
export async function readLogs(
  engine: Engine,
  inspector: Inspector,
  { fullId }: ContainerRef,
  options: LogOptions,
  { timeoutMs, caller }: { timeoutMs: number; caller: AbortSignal },
): Promise<LogPage> {
  const end = performance.now() + timeoutMs;
  const { tty } = await inspector.inspect(engine, fullId, caller);

  const read = (size: WindowSize): Promise<LogWindow> =>
    engine.ask(
      Math.max(1, end - performance.now()),
      async (signal) => {
        const response = await engine.client.open(fullId, "logs", toQuery(size, options), signal);
        return readLogWindow(response, { ...options, tty, size: size === "all" ? null : size });
      },
      caller,
    );
  let best: LogPage | null = null;
  for (const size of toSizes(options)) {
    const window = await read(size).catch((error: unknown) => {
      if (best && !caller.aborted) return null;
      throw error;
    });
    if (window === null || window.overflow) break;
    const complete = size === "all" || window.entries < size;
    best = { lines: window.lines, truncated: window.dropped || !complete };
    if (complete || window.dropped || window.lines.length >= options.tail) break;
  }
  return best ?? toPage(await read(entriesThatFit), engine);
}

/** Growing readings; more from the start where lines will be filtered out. */
function toSizes(options: LogOptions): WindowSize[] {
  const { tail, until } = options;
  const isFiltered = until !== undefined || isSelective(options);
  // Two more, for the first line of each stream may lack its beginning.
  const first = tail * (isFiltered ? 4 : 1) + 2;
  return [first, first * 8, first * 64, "all"];
}

/** Without `tail` Docker's own filters are right, and save bytes. */
function toQuery(size: WindowSize, { since, until, stream }: LogOptions): Query {
  const all = size === "all";
  return {
    stdout: all && stream === "stderr" ? 0 : 1,
    stderr: all && stream === "stdout" ? 0 : 1,
    timestamps: 1,
    tail: size,
    ...(since === undefined ? {} : { since }),
    ...(all && until !== undefined ? { until } : {}),
  };
}

/** The last resort for very long lines: so many entries as surely fit. */
function toPage(window: LogWindow, engine: Engine): LogPage {
  if (window.overflow) throw new AnswerError(`the log lines of engine ${engine.name} are too long to be read`);
  return { lines: window.lines, truncated: true };
}

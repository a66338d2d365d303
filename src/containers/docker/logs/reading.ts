import { createStopwatch, DeadlineError, type Stopwatch, withDeadline } from "../../../lib/abort.ts";
import type { ReadBudget } from "../../../lib/budget/budget.ts";
import { OpsError } from "../../../lib/errors.ts";
import type { LinePattern } from "../../../lib/pattern/pattern.ts";
import type { Engine } from "../engine/engine.ts";

/** What a reading of a log is given: its pattern, and the clock of the engine's time. */
export interface Reading {
  readonly pattern?: LinePattern;
  readonly clock: Stopwatch;
}

/**
 * Runs a reading in a place of its engine. While it waits for a match it has no place, and the
 * engine's time stands still: other readings do not queue behind patterns, and a slow pattern is
 * not taken for a slow engine. Matching may take `timeoutMs` in total; beyond that it rejects with
 * a query_timeout that names the pattern. Else it rejects as `read` and the budget do.
 */
export function runReading<T>(
  { limits }: Pick<Engine, "limits">,
  pattern: LinePattern | undefined,
  { timeoutMs, budget }: { readonly timeoutMs: number; readonly budget: ReadBudget },
  read: (reading: Reading) => Promise<T>,
): Promise<T> {
  const clock = createStopwatch();
  if (!pattern) return limits.logs.run(budget, () => read({ clock }));
  let left = timeoutMs;
  const matchInTime: LinePattern["match"] = async (texts, signal) => {
    const begin = performance.now();
    try {
      return await withDeadline(Math.max(1, left), (until) => pattern.match(texts, until), signal);
    } catch (error) {
      throw error instanceof DeadlineError ? toSlow(timeoutMs) : error;
    } finally {
      left -= performance.now() - begin;
    }
  };
  return limits.searches.run(budget, () =>
    limits.logs.run(budget, (outside) => {
      const match: LinePattern["match"] = (texts, signal) =>
        clock.pause(() => outside(() => matchInTime(texts, signal)));
      return read({ clock, pattern: { match } });
    }),
  );
}

function toSlow(ms: number): OpsError {
  const seconds = ms / 1000;
  return new OpsError(
    "query_timeout",
    `Matching the regular expression with the lines of a container took more than ${seconds} s: use a simpler one, or ask for fewer lines`,
  );
}

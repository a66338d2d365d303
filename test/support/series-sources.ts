import { type HostHistory, toHostHistory } from "../../src/hosts/history.ts";
import { type HistoryRange, toTimes } from "../../src/lib/range.ts";
import { toPoints } from "../../src/queues/history.ts";
import type { QueueSource } from "../../src/queues/queue.ts";

export type Asked = { readonly queues: readonly string[] | null; readonly range: HistoryRange };

/** A source's past: one job of each queue becomes due in the first step, fails, and still waits. As a real one, it makes an empty past of any name. */
export function rememberQueues(names: readonly string[], asked: Asked[] = []): NonNullable<QueueSource["history"]> {
  return async (queues, range) => {
    asked.push({ queues, range });
    const happened = {
      step: 1,
      due: 1,
      taken: 0,
      processed: 0,
      failures: 1,
      waitP50: null,
      waitP95: null,
      runP95: null,
      oldestDue: range.from,
    };
    return new Map(
      (queues ?? names).map((name) => [
        name,
        {
          points: toPoints(
            range,
            names.includes(name) ? [happened, { ...happened, step: range.steps + 1, due: 0, failures: 0 }] : [],
            null,
          ),
          exact: true,
          sampled: false,
          since: null,
        },
      ]),
    );
  };
}

/** A host's past: always half busy, and for the last of its times down. */
export function rememberHost(range: HistoryRange): HostHistory {
  const times = toTimes(range);
  const all = (value: number) => times.map(() => value);
  return toHostHistory(range, [
    {
      sampled: times,
      up: times.map((_, index) => (index === times.length - 1 ? 0 : 1)),
      cpu: all(0.5),
      mem: all(0.25),
      disk: all(0.75),
      load1: all(2),
    },
  ]);
}

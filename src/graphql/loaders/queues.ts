import DataLoader from "dataloader";
import { groupJobErrors } from "../../domain/job-errors.ts";
import { maySee } from "../../domain/principal.ts";
import type { JobErrorGroup, QueueMetrics, QueueSource } from "../../domain/queue.ts";
import { OpsError, toOpsError, toProblem } from "../../errors.ts";
import type { Caller, Sources } from "../context.ts";
import { once } from "./once.ts";

/** Whether one source could be read whole: its numbers and its errors. */
export interface QueueSourceStatus {
  readonly name: string;
  readonly kind: string;
  readonly ok: boolean;
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface QueueLoaders {
  /** The sources that the token may see. Rejects with forbidden when there are others alone. */
  visible(): Promise<readonly QueueSource[]>;
  /** Queues of every source that answered, by name. Rejects with queues_unavailable when none did. */
  all(): Promise<readonly QueueMetrics[]>;
  /** Error groups of every source that answered, newest first. Rejects with queues_unavailable when none did. */
  errors(): Promise<readonly JobErrorGroup[]>;
  readonly errorsByQueue: DataLoader<QueueMetrics, readonly JobErrorGroup[], string>;
  statuses(): Promise<readonly QueueSourceStatus[]>;
}

/** One question for the numbers and one for the errors of each source, whatever the query selects. */
export function createQueueLoaders(sources: Sources, { principal, signal }: Caller): QueueLoaders {
  const visible = once(async () => {
    const all = await sources.queues.all(signal);
    const shown = all.filter((source) => maySee(principal, source.env ?? sources.env));
    if (all.length > 0 && shown.length === 0) {
      throw new OpsError("forbidden", "The queues belong to no environment of this token");
    }
    return shown;
  });
  const metrics = bySource((source) => source.metrics(signal));
  const errors = bySource(async (source) => groupJobErrors(await source.failures(signal)));

  return {
    visible,
    all: once(async () => (await collect(await visible(), metrics)).toSorted((a, b) => (a.name < b.name ? -1 : 1))),
    errors: once(async () => (await collect(await visible(), errors)).toSorted((a, b) => (a.timestamp > b.timestamp ? -1 : 1))),
    errorsByQueue: new DataLoader<QueueMetrics, readonly JobErrorGroup[], string>(
      async (queues) => {
        const shown = await visible();
        return Promise.all(
          queues.map(async (queue) => {
            const source = shown.find((candidate) => candidate.name === queue.source);
            const groups = source ? await errors.load(source).catch((error: unknown) => toOpsError(error)) : [];
            return groups instanceof Error ? groups : groups.filter((group) => group.queue === queue.name);
          }),
        );
      },
      { cacheKeyFn: (queue) => `${queue.source}\n${queue.name}` },
    ),
    statuses: once(async () => {
      const shown = await visible();
      return Promise.all(
        shown.map(async (source) => {
          const [numbers, failures] = await Promise.allSettled([metrics.load(source), errors.load(source)]);
          const failed = [numbers, failures].find((result) => result.status === "rejected");
          return {
            name: source.name,
            kind: source.kind,
            ok: failed === undefined,
            error: failed ? toProblem(failed.reason) : null,
          };
        }),
      );
    }),
  };
}

/** Asks sources side by side; the failure of one is its own. */
function bySource<T>(ask: (source: QueueSource) => Promise<readonly T[]>): DataLoader<QueueSource, readonly T[]> {
  return new DataLoader<QueueSource, readonly T[]>((asked) =>
    Promise.all(asked.map((source) => ask(source).catch((error: unknown) => toOpsError(error)))),
  );
}

/** What the sources that answered gave; queues_unavailable when there are sources and all of them failed. */
async function collect<T>(asked: readonly QueueSource[], loader: DataLoader<QueueSource, readonly T[]>): Promise<T[]> {
  const answers = await loader.loadMany(asked);
  const failures = answers.filter((answer) => answer instanceof Error);
  if (asked.length > 0 && failures.length === asked.length) {
    const reasons = failures.map((failure, index) => `${asked[index]?.name}: ${toOpsError(failure).message}`);
    throw new OpsError("queues_unavailable", `No queue source could be read (${reasons.join("; ")})`, { cause: failures[0] });
  }
  return answers.flatMap((answer) => (answer instanceof Error ? [] : answer));
}

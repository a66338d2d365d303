import { type CountedSystem, countTexts, type Figures, hourMs, type QueueCount, rateMs } from "./figures.ts";
import { type Dice, type PlannedAttempt, type PlannedJob, planRows } from "./plan.ts";

/** What a system's rows still tell of a job's past, and what it calls the rest. */
interface RowRules {
  /**
   * Which failures count: of every attempt, of a job's last one, of jobs that ended dead, or none.
   */
  readonly failures: "attempts" | "last" | "dead" | null;
  /**
   * Whether the text of a job's last failure is there. @default those of all failures that count
   */
  readonly hasText?: (job: PlannedJob) => boolean;
  /**
   * Its text of the failure of an attempt; `before` is the one before. @default the error itself
   */
  readonly toText?: (attempt: PlannedAttempt, before: PlannedAttempt | undefined, job: PlannedJob) => string;
  /** The time of a failure. @default when the attempt ended */
  readonly failedAgo?: (attempt: PlannedAttempt) => number;
  /** As what it knows a job that failed, until it is due again. @default retrying */
  readonly retryAs?: "deferred" | "active";
  /** A dead job counts as processed: the system cannot tell them apart. @default false */
  readonly failsSilently?: boolean;
  /**
   * Its rows vanish, so the gateway counts how its counters grow: by every end since its first
   * read. @default false
   */
  readonly isSampled?: boolean;
  /** Its rows have when jobs were due, began and ended. @default false */
  readonly measuresRuns?: boolean;
  /**
   * Whether the rows show, or retain, what ended: how long ago each job of the queue, and of all
   * queues, succeeded. @default always
   */
  readonly knows?: {
    readonly processed: (own: readonly number[], all: readonly number[]) => boolean;
    readonly failures?: (own: readonly number[], all: readonly number[]) => boolean;
  };
  /** What the system does not store. */
  readonly lacks?: readonly (keyof Figures)[];
}

/** The workers and pauses of a queue. */
export type QueueFacts = Pick<Figures, "paused" | "workers">;

/** How a system is filled with planned jobs. */
export interface RowWriter {
  readonly rules: RowRules;
  readonly queues: readonly string[];
  facts(queue: string): QueueFacts;
  /** `at` is the time so many seconds before all are written. */
  write(jobs: readonly PlannedJob[], at: (ago: number) => Date): Promise<void>;
  close?(): Promise<void>;
}

/** A system whose rows are written as its own source writes them. */
export function createRows(
  dice: Dice,
  count: number,
  { name, source = `${name}:${name}`, ...writer }: RowWriter & { readonly name: string; readonly source?: string },
): CountedSystem {
  const jobs = writer.queues.flatMap((queue) => planRows(dice, queue, count));
  let writtenAt = 0;
  return {
    name,
    source,
    by: "rows",
    begins: writer.rules.isSampled ? "watched" : "last",
    work: async () => {
      writtenAt = Date.now();
      await writer.write(jobs, (ago) => new Date(writtenAt - ago * 1000));
    },
    count: () => {
      const passed = (Date.now() - writtenAt) / 1000;
      return writer.queues.map((queue) => countQueue(queue, jobs, passed, writer.rules, writer.facts(queue)));
    },
    close: async () => writer.close?.(),
  };
}

/** One queue, so many seconds after its rows were written. */
function countQueue(
  queue: string,
  all: readonly PlannedJob[],
  passed: number,
  rules: RowRules,
  facts: QueueFacts,
): QueueCount {
  const jobs = all.filter((job) => job.queue === queue);
  const of = (state: PlannedJob["state"]) => jobs.filter((job) => job.state === state);
  const isWithin = (ago: number, ms: number) => (passed + ago) * 1000 <= ms;
  const ages = of("waiting").map((job) => ({ age: passed + job.dueAgo, hasFailed: job.attempts.length > 0 }));
  const ready = ages.filter(({ age }) => age >= 0);
  const later = ages.filter(({ age }) => age < 0);
  const retried = later.filter(({ hasFailed }) => hasFailed).length;
  const done = [...of("done"), ...(rules.failsSilently ? of("dead") : [])].map(toLast);
  const recent = done.filter((attempt) => isWithin(endOf(attempt), rateMs));
  const { failedAgo = endOf, toText = ({ error }: PlannedAttempt) => error ?? "" } = rules;
  const failed = (which: RowRules["failures"], counts: (job: PlannedJob) => boolean = () => true) =>
    jobs
      .filter(counts)
      .flatMap((job) =>
        job.attempts.flatMap((attempt, index) =>
          attempt.error !== null && isCounted(which, job, index)
            ? [{ ago: failedAgo(attempt), text: toText(attempt, job.attempts[index - 1], job) }]
            : [],
        ),
      );
  const isLate = ({ ago }: { readonly ago: number }) => isWithin(ago, hourMs);
  const failures = failed(rules.failures);
  const texts = (rules.hasText ? failed("last", rules.hasText) : failures).filter(isLate);
  const successes = (queued: readonly PlannedJob[]) =>
    queued.filter(({ state }) => state === "done").map((job) => passed + endOf(toLast(job)));
  const knows = (what: "processed" | "failures") => rules.knows?.[what]?.(successes(jobs), successes(all)) ?? true;
  const measured = rules.measuresRuns && knows("processed") ? recent : [];
  const waits = measured.map(({ dueAgo, startedAgo }) => dueAgo - startedAgo);
  const runs = measured.map((attempt) => attempt.startedAgo - endOf(attempt));
  const figures: Figures = {
    depth: ready.length,
    active: of("running").length + (rules.retryAs === "active" ? retried : 0),
    deferred: later.length - (rules.retryAs === "deferred" ? 0 : retried),
    retrying: ages.filter(({ hasFailed }) => hasFailed).length,
    dead: of("dead").length,
    processed: knows("processed") ? (rules.isSampled ? done : recent).length : null,
    failures: knows("failures") ? (rules.isSampled ? failures : failures.filter(isLate)).length : null,
    oldestAgeSeconds: ready.length > 0 ? Math.max(...ready.map(({ age }) => age)) : null,
    waitP50Seconds: toQuantile(waits, 0.5),
    waitP95Seconds: toQuantile(waits, 0.95),
    runP50Seconds: toQuantile(runs, 0.5),
    runP95Seconds: toQuantile(runs, 0.95),
    ...facts,
  };
  const nulls = Object.fromEntries((rules.lacks ?? []).map((name) => [name, null]));
  return {
    queue,
    jobs: jobs.length,
    figures: { ...figures, ...nulls },
    errors: rules.failures === null ? null : countTexts(texts.map(({ text }) => text)),
  };
}

const toLast = (job: PlannedJob) => job.attempts.at(-1) as PlannedAttempt;
const endOf = ({ endedAgo, startedAgo }: PlannedAttempt) => endedAgo ?? startedAgo;

/**
 * The last failure of a job is that of its last attempt, or of the one before while it runs again.
 */
function isCounted(which: RowRules["failures"], { state, attempts }: PlannedJob, index: number): boolean {
  if (which === "attempts" || which === null) return which !== null;
  if (which === "dead" ? state !== "dead" : state === "done") return false;
  return attempts.slice(index + 1).every(({ error }) => error === null);
}

/** Between the two values around it in proportion; null without values. */
function toQuantile(values: readonly number[], fraction: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * fraction;
  const [low, high] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return low === undefined || high === undefined ? null : low + (high - low) * (place - Math.floor(place));
}

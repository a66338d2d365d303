/** What is counted of one queue; null where its system stores no such thing. */
export interface Figures {
  /** Jobs that could run now. */
  readonly depth: number | null;
  /** Jobs that a worker is running. */
  readonly active: number | null;
  /** Jobs that wait for a time to come and never failed. */
  readonly deferred: number | null;
  /** Jobs that failed and wait for another attempt. */
  readonly retrying: number | null;
  /** Jobs that failed for good. */
  readonly dead: number | null;
  /** Successes of the last five minutes, or since the first read where they are sampled. */
  readonly processed: number | null;
  /** Failures of the last hour, or since the first read where they are sampled. */
  readonly failures: number | null;
  /** Age of the oldest job of `depth`, seconds; null without one. */
  readonly oldestAgeSeconds: number | null;
  /** Whether it is paused. */
  readonly paused: boolean | null;
  /** What takes jobs from it. */
  readonly workers: number | null;
  /**
   * How long the successes of the last five minutes waited and ran, seconds: medians and 95th
   * percentiles.
   */
  readonly waitP50Seconds: number | null;
  readonly waitP95Seconds: number | null;
  readonly runP50Seconds: number | null;
  readonly runP95Seconds: number | null;
}

/** One queue, counted without the gateway. Figures that cannot be counted are absent. */
export interface QueueCount {
  readonly queue: string;
  /** How many jobs were made for it. */
  readonly jobs: number;
  readonly figures: Partial<Figures>;
  /** How often each error text happened; null where the system stores no texts. */
  readonly errors: ReadonlyMap<string, number> | null;
}

/** A job system that was filled, or worked, by a plan. */
export interface CountedSystem {
  readonly name: string;
  /** Real workers, or rows as the system's own source writes them. */
  readonly by: "workers" | "rows";
  /** Name of its source in the gateway. */
  readonly source: string;
  /**
   * When it begins: real workers at once; rows that are sampled then, while the gateway watches;
   * other rows at the end.
   */
  readonly begins: "first" | "watched" | "last";
  /**
   * Of how many seconds its rate is, where that is an average of its own. Absent where the gateway
   * counts.
   */
  readonly averagedSeconds?: () => Promise<number>;
  /** Makes its jobs. Resolves when all that can end has ended. */
  work(): Promise<void>;
  /** Its queues as they are now, by its own count. */
  count(): readonly QueueCount[];
  close?(): Promise<void>;
}

/** How often each text occurs. */
export function countTexts(texts: Iterable<string>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

export const hourMs = 3_600_000;
export const rateMs = 300_000;

import { countTexts, type Figures, hourMs, type QueueCount, rateMs } from "./figures.ts";

type State = "waiting" | "running" | "retrying" | "done" | "dead";

interface Entry {
  readonly queue: string;
  /** When it may run, unix ms. */
  readonly dueAt: number;
  /** Attempts until it is dead. */
  readonly attempts: number;
  state: State;
  failed: number;
  error: string | null;
}

interface Attempt {
  readonly queue: string;
  readonly at: number;
  /** Null for a success. */
  readonly error: string | null;
}

/** What a system records of failures: each attempt, or the jobs whose last attempt failed. */
export type FailureRule = "attempts" | "jobs";

/** What real workers did, as they say themselves: nothing is read from their job system. */
export class Ledger {
  readonly #entries = new Map<string, Entry>();
  readonly #attempts: Attempt[] = [];

  add(key: string, queue: string, { dueInMs = 0, attempts = 1 } = {}): void {
    const dueAt = Date.now() + dueInMs;
    this.#entries.set(key, { queue, dueAt, attempts, state: "waiting", failed: 0, error: null });
  }

  begin(key: string): void {
    this.#entry(key).state = "running";
  }

  succeed(key: string): void {
    const entry = this.#entry(key);
    entry.state = "done";
    this.#attempts.push({ queue: entry.queue, at: Date.now(), error: null });
  }

  fail(key: string, error: string): void {
    const entry = this.#entry(key);
    entry.failed += 1;
    entry.error = error;
    entry.state = entry.failed < entry.attempts ? "retrying" : "dead";
    this.#attempts.push({ queue: entry.queue, at: Date.now(), error });
  }

  failures(key: string): number {
    return this.#entry(key).failed;
  }

  /** How many jobs of a queue are in one of these states. */
  size(queue: string, ...states: readonly State[]): number {
    return this.#of(queue).filter(({ state }) => states.includes(state)).length;
  }

  /** How long ago the jobs that are dead were due, seconds. */
  deadAges(queue: string): readonly number[] {
    return this.#of(queue)
      .filter(({ state }) => state === "dead")
      .map(({ dueAt }) => (Date.now() - dueAt) / 1000);
  }

  count(queue: string, rules: { readonly failures: FailureRule; readonly errors: FailureRule }): QueueCount {
    const now = Date.now();
    const own = this.#of(queue);
    const ready = own.filter(({ state, dueAt }) => state === "waiting" && dueAt <= now);
    const attempts = this.#attempts.filter((attempt) => attempt.queue === queue);
    const within = (ms: number) => attempts.filter(({ at }) => now - at <= ms);
    const failed = within(hourMs).flatMap(({ error }) => error ?? []);
    const lastFailed = own.flatMap(({ state, error }) =>
      state === "retrying" || state === "dead" ? (error ?? []) : [],
    );
    const texts = { attempts: failed, jobs: lastFailed };
    const figures: Partial<Figures> = {
      depth: ready.length,
      active: this.size(queue, "running"),
      deferred: own.filter(({ state, dueAt }) => state === "waiting" && dueAt > now).length,
      retrying: this.size(queue, "retrying"),
      dead: this.size(queue, "dead"),
      processed: within(rateMs).filter(({ error }) => error === null).length,
      failures: texts[rules.failures].length,
      oldestAgeSeconds: ready.length > 0 ? (now - Math.min(...ready.map(({ dueAt }) => dueAt))) / 1000 : null,
    };
    return { queue, jobs: own.length, figures, errors: countTexts(texts[rules.errors]) };
  }

  #of(queue: string): Entry[] {
    return [...this.#entries.values()].filter((entry) => entry.queue === queue);
  }

  #entry(key: string): Entry {
    const entry = this.#entries.get(key);
    if (!entry) throw new Error(`Nobody made the job ${key}`);
    return entry;
  }
}

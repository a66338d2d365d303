import { abortable, DeadlineError, withDeadline } from "../../lib/abort.ts";
import { createFairLimit, type FairLimit } from "../../lib/budget/fair-limit.ts";
import { OpsError, toOpsError } from "../../lib/errors.ts";
import type { QueueSource } from "../../queues/queue.ts";

/**
 * Time for the reads of all verdicts of one request, ms. The rest of its answer also needs time.
 */
const readsMs = 6_000;
/** How many verdicts read a source at once if their histories are read together. */
const mostTogether = 32;
/** The longest wait for one source that others also wait for, ms. */
const shortlyMs = 2_000;
/** A read that fails after this long was waiting for something silent, ms. */
const slowMs = 400;
/** After this many slow failures in a row, the request reads the source no more. */
const mostSlowFailures = 2;

/** If a source names the workers of ended jobs, each history covers few queues. */
type VerdictSource = Pick<QueueSource, "name" | "workersSince">;

/** The reads of one verdict. */
export interface VerdictReads {
  /** Aborts with the caller, or when the time is up. */
  readonly signal: AbortSignal;
  /**
   * Why something was not read although it may answer: no time was left, or too many were reading.
   */
  readonly unfinished: string | null;
  /** Reads a source in this verdict's turn. Rejects if `work` does, or with query_timeout. */
  read<T>(source: VerdictSource, work: () => Promise<T>): Promise<T>;
  /** The same for reads other than histories, which need no turn. */
  wait<T>(work: Promise<T>): Promise<T>;
  /** The same for reads that a silent source must not delay: others are read meanwhile. */
  waitShortly<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * The reads of all verdicts of one request. Each source serves one verdict at a time, or those
 * whose histories it reads together, first come first: a slow source delays no other, and the
 * verdicts that fit into the time are complete.
 */
export class VerdictTurns {
  readonly #limits = new Map<string, FairLimit>();
  readonly #slow = new Map<string, { count: number; error: unknown }>();
  readonly #signal: AbortSignal;
  readonly #outOfTime = new OpsError("query_timeout", "No time was left to read it: try again soon");
  #entered = 0;

  constructor(signal: AbortSignal) {
    const time = new AbortController();
    setTimeout(() => time.abort(this.#outOfTime), readsMs).unref();
    this.#signal = AbortSignal.any([signal, time.signal]);
  }

  /** `order`: lower ones come first; equal ones in the order of their arrival. */
  enter(order = 0): VerdictReads {
    this.#entered += 1;
    const caller = { owner: "", order: order + this.#entered / 1000, signal: this.#signal };
    let unfinished: string | null = null;
    const note = (error: unknown): never => {
      const { code, message } = toOpsError(error);
      if (error === this.#outOfTime || code === "overloaded") unfinished ??= message;
      throw error;
    };
    const wait = <T>(work: Promise<T>) => abortable(work, this.#signal).catch(note);
    return {
      signal: this.#signal,
      get unfinished() {
        return unfinished;
      },
      wait,
      waitShortly: (work) =>
        withDeadline(shortlyMs, work, this.#signal)
          .catch((error: unknown) => {
            throw error instanceof DeadlineError ? this.#outOfTime : error;
          })
          .catch(note),
      read: (source, work) =>
        this.#limitOf(source)
          .run(caller, () => this.#try(source.name, work))
          .catch(note),
    };
  }

  async #try<T>(source: string, work: () => Promise<T>): Promise<T> {
    const before = this.#slow.get(source);
    if (before && before.count >= mostSlowFailures) throw before.error;
    const start = performance.now();
    try {
      const answer = await abortable(work(), this.#signal);
      this.#slow.delete(source);
      return answer;
    } catch (error) {
      const isSlow = toOpsError(error).status >= 500 && performance.now() - start >= slowMs;
      if (isSlow) this.#slow.set(source, { count: (before?.count ?? 0) + 1, error });
      throw error;
    }
  }

  #limitOf({ name, workersSince }: VerdictSource): FairLimit {
    const limit = this.#limits.get(name) ?? createFairLimit(workersSince ? mostTogether : 1);
    this.#limits.set(name, limit);
    return limit;
  }
}

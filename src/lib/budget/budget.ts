import { OpsError } from "../errors.ts";
import { createPool } from "./pool.ts";
import { createTurns } from "./turns.ts";

interface BudgetLimits {
  /** Rows of the answer; and as many again that are read for it. */
  readonly rows: number;
  /** Bytes of the answer. */
  readonly bytes: number;
  /** Until the answer is made, milliseconds. */
  readonly timeMs: number;
}

export const defaultLimits: BudgetLimits = { rows: 100_000, bytes: 5_000_000, timeMs: 10_000 };

/** What one row takes in memory while an answer is made of it, one point that was read for it, and one row that is written, bytes. */
const rowBytes = 128;
const pointBytes = 64;
const writtenBytes = 64;
/** What every request may hold, bytes: a small one is served whatever large ones hold. */
const freeBytes = 131_072;
/** Taken from the pool at a time, bytes. */
const stepBytes = 131_072;

/** What a caller of any surface can do about a large answer. */
const narrower =
  "ask for a shorter range, a longer step (in Grafana: Min interval), fewer series, containers or queues, fewer fields, or fewer rows (`first`, `tail`)";

/** There is one event loop and one heap. The pool is a quarter of the heap of the image (`--max-old-space-size=192`): what is counted is not all that is held. One request holds 26 MB at most. */
const turns = createTurns(4);
const pool = createPool(48_000_000, 0.6);

/** Budgets with a deadline. One timer for all of them: most answers are made in less time than it takes to make one for each. */
const watched = new Set<Budget>();
const checkMs = 100;
let watching: NodeJS.Timeout | null = null;

function watch(budget: Budget): void {
  watched.add(budget);
  watching ??= setInterval(checkAll, checkMs).unref();
}

function checkAll(): void {
  const now = performance.now();
  for (const budget of watched) budget.check(now);
  if (watched.size > 0 || watching === null) return;
  clearInterval(watching);
  watching = null;
}

/** What a long read needs to know of the request that it is for. */
export type ReadBudget = Pick<Budget, "owner" | "order" | "signal" | "turn" | "hold" | "free">;

/** Requests that have begun. */
let begun = 0;

/**
 * What one request may take: rows, bytes of its answer, and time. All its fields and targets share it, and it is counted while the answer is made.
 * What a request holds beyond a small share comes from a pool of all requests; requests that compute for long take turns.
 */
export class Budget {
  /** Whose requests share their turns and their part of the pool: a token's. */
  readonly owner: string;
  /**
   * Its place among the owner's requests: those that came first are finished first. When all of them advanced together, each would be held in memory until
   * the last one ends, and many large ones would all run out of time.
   */
  readonly order = ++begun;
  readonly #limits: BudgetLimits;
  readonly #abort = new AbortController();
  /** When the time is up, as `performance.now`; null for never. */
  #deadline: number | null;
  #rows = 0;
  #read = 0;
  #bytes = 0;
  #held = 0;
  /** What will be held for all that is read, and the rows made of it, as far as it is known before. */
  #expected = 0;
  #taken = 0;
  /** While it waits for the pool. */
  #waits: Promise<void> | null = null;
  #hasEnded = false;
  #hasWorked = false;
  /** Rejects what waits for an answer. */
  #reject: ((reason: Error) => void) | undefined;

  constructor(owner: string, limits: BudgetLimits = defaultLimits) {
    this.owner = owner;
    this.#limits = limits;
    this.#deadline = performance.now() + limits.timeMs;
    watch(this);
  }

  /** Aborts when the client is gone, and with query_timeout when the time is up. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get maxBytes(): number {
    return this.#limits.bytes;
  }

  /** Whether so much was counted that the answer is written in parts. */
  get isLarge(): boolean {
    return this.#rows > 1000 || this.#bytes > freeBytes;
  }

  /** Counts rows of the answer, before they are put into it. Throws answer_too_large, overloaded, or as `turn`. */
  rows(count: number): void {
    this.#rows = this.#add(this.#rows, count, "The answer would have", narrower);
    this.hold(count * rowBytes);
  }

  /**
   * Counts rows before they are read from an upstream. Null: read them. Else wait for it: other large answers hold all the memory. `advice`: what the caller can
   * do. Throws, or rejects, as `rows`.
   */
  read(count: number, advice: string): Promise<void> | null {
    this.#read = this.#add(this.#read, count, "This would read", advice);
    const bytes = count * (pointBytes + rowBytes + writtenBytes);
    this.#expected += bytes;
    if (this.#missing === 0) return null;
    // Who holds some already does not wait for more: two of them would wait for each other.
    if (this.#taken === 0 || this.#waits !== null) return (this.#waits ??= this.#wait());
    if (!this.#take(this.#missing)) {
      this.#expected -= bytes;
      throw overloaded();
    }
    return null;
  }

  /** Counts bytes of text that go into the answer. Throws answer_too_large, or as `turn`. */
  text(bytes: number): void {
    this.#throwIfOver();
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.bytes) throw tooLong(this.#limits.bytes);
  }

  /** Says that memory is in use for this request, until `free`, or else to its end. Throws overloaded when large answers hold all that there is. */
  hold(bytes: number): void {
    this.#held += bytes;
    if (this.#take(this.#missing)) return;
    this.#held -= bytes;
    throw overloaded();
  }

  free(bytes: number): void {
    this.#held -= bytes;
    const surplus = this.#taken - Math.max(0, this.#wanted);
    if (surplus >= 2 * stepBytes) this.#give(surplus - stepBytes);
  }

  /** Null: go on. Else wait for it: it is the turn of others. To be asked every few milliseconds of work. Throws when the time is up or the client gone. */
  turn(): Promise<void> | null {
    this.#throwIfOver();
    // A new one goes first once: what is small ends with that.
    const order = this.#hasWorked ? this.order : 0;
    this.#hasWorked = true;
    return turns.take(this.owner, order);
  }

  /** The answer, or a rejection with the signal's reason as soon as it aborts. One at a time. */
  race<T>(answer: Promise<T>): Promise<T> {
    if (this.signal.aborted) return Promise.reject(this.signal.reason as Error);
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      answer.then(resolve, reject);
    });
  }

  /** For what has deadlines of its own: restarts, probes, streams. */
  liftDeadline(): void {
    this.#deadline = null;
    watched.delete(this);
  }

  /** To be called now and then: aborts when the time is up. */
  check(now: number): void {
    if (this.#deadline === null || now < this.#deadline) return;
    const seconds = this.#limits.timeMs / 1000;
    const advice = "ask for less at once: fewer containers, queues or targets, a shorter range, a longer step";
    this.#stop(new OpsError("query_timeout", `The answer was not made within ${seconds} s: ${advice}`));
  }

  /** For a stream, before each of its messages: rows and bytes are counted anew. */
  renew(): void {
    this.#expected = 0;
    this.free(this.#rows * rowBytes);
    this.#rows = this.#read = this.#bytes = 0;
  }

  /** The client is gone: nobody waits for what is being made. */
  cancel(): void {
    this.#stop(new OpsError("request_timeout", "The client has gone"));
  }

  /** The answer has been sent, or never will be: everything is given back. */
  end(): void {
    this.liftDeadline();
    this.#hasEnded = true;
    this.#give(this.#taken);
  }

  /** What this request holds and will hold, beyond the free part. */
  get #wanted(): number {
    return Math.max(this.#held, this.#expected) - freeBytes;
  }

  get #missing(): number {
    return Math.max(0, this.#wanted - this.#taken);
  }

  async #wait(): Promise<void> {
    // All reads that begin together wait together.
    await Promise.resolve();
    const bytes = await pool.wait(this.owner, () => toSteps(this.#missing), this.signal);
    this.#waits = null;
    this.#taken += bytes;
    if (this.#hasEnded) this.#give(bytes);
  }

  /** Whether there was so much in the pool, or nothing was to be taken. */
  #take(bytes: number): boolean {
    const steps = toSteps(bytes);
    if (steps === 0) return true;
    if (this.#hasEnded || !pool.take(this.owner, steps)) return false;
    this.#taken += steps;
    return true;
  }

  #give(bytes: number): void {
    if (bytes === 0) return;
    pool.give(this.owner, bytes);
    this.#taken -= bytes;
  }

  /** The sum, if there may be so many. */
  #add(before: number, count: number, begin: string, advice: string): number {
    this.#throwIfOver();
    const { rows } = this.#limits;
    if (before + count > rows) throw new OpsError("answer_too_large", `${begin} more than ${rows} rows: ${advice}`);
    return before + count;
  }

  #throwIfOver(): void {
    if (this.signal.aborted) throw this.signal.reason as Error;
  }

  #stop(reason: OpsError): void {
    if (this.signal.aborted) return;
    watched.delete(this);
    this.#abort.abort(reason);
    this.#reject?.(reason);
  }
}

function toSteps(bytes: number): number {
  return Math.ceil(bytes / stepBytes) * stepBytes;
}

function overloaded(): OpsError {
  const headers = { "Retry-After": "2" };
  return new OpsError("overloaded", "Too many large answers are being made: try again soon, or ask for less", { headers });
}

/** For an answer beyond `most` bytes. */
export function tooLong(most: number): OpsError {
  return new OpsError("answer_too_large", `The answer would be larger than ${most / 1_000_000} MB: ${narrower}`);
}

/** For reads that are shared by many requests, and bounded by themselves. */
export function createSharedBudget(signal: AbortSignal): ReadBudget {
  return { owner: "", order: 0, signal, turn: () => turns.take("", 0), hold() {}, free() {} };
}

/** A long `map`: others are served in between. Rejects as `Budget.turn` does, so that it ends with its client and its time. */
export async function inTurns<From, To>(
  items: readonly From[],
  budget: Pick<Budget, "turn">,
  map: (item: From, index: number) => To,
): Promise<To[]> {
  const mapped: To[] = [];
  for (const [index, item] of items.entries()) {
    const wait = budget.turn();
    if (wait) await wait;
    mapped.push(map(item, index));
  }
  return mapped;
}

import { OpsError } from "../errors.ts";
import { type SwapListItem, SwapList } from "./swap-list.ts";
import { heap } from "./heap.ts";
import { createPool } from "./pool.ts";
import { mapSteps, takeSteps } from "./steps.ts";
import { createTurns } from "./turns.ts";

export const defaultLimits = {
  /** Rows of the answer. As many again may be read to build it. */
  rows: 100_000,
  /** Bytes of the answer. */
  bytes: 5_000_000,
  /** Time to produce the answer, milliseconds. */
  timeMs: 10_000,
};

type BudgetLimits = Readonly<typeof defaultLimits>;

/**
 * Memory of one row while the answer is built, of one point read for it, and of one written row,
 * bytes.
 */
const rowBytes = 128;
const pointBytes = 64;
const writtenBytes = 64;
/**
 * Memory of a container whose statistics or log are read or waited for, bytes. Half of the measured
 * value: few are at the same point.
 */
export const readingBytes = 1536;
/**
 * Memory of a request outside the pool, bytes: small requests are served whatever large ones hold.
 */
const freeBytes = 131_072;
/** The pool is taken in steps of this size, bytes. */
const stepBytes = 131_072;

/** Advice for callers of every interface. */
const narrower =
  "ask for a shorter range, a longer step (in Grafana: Min interval), fewer series, containers or queues, fewer fields, or fewer rows (`first`, `tail`)";

/**
 * There is one event loop and one heap. The pool is a quarter of the image's heap
 * (`--max-old-space-size=192`), because requests hold more than is counted. One request holds 26 MB
 * at most.
 */
const mostBytes = 26_000_000;
const turns = createTurns(4);
const pool = createPool(48_000_000, 0.6);

/**
 * Budgets with a deadline. They share one timer: most answers take less time than creating a timer
 * for each would.
 */
const watched = new SwapList<Budget>();
const checkMs = 100;
let watching: NodeJS.Timeout | null = null;

function watch(budget: Budget): void {
  watched.add(budget);
  watching ??= setInterval(checkAll, checkMs).unref();
}

/** Ends one at a time: everything that thousands of rows waited for settles at once. */
function checkAll(): void {
  const now = performance.now();
  for (const budget of watched) {
    if (!budget.check(now)) continue;
    setTimeout(checkAll, 0).unref();
    break;
  }
  if (watched.size > 0 || watching === null) return;
  clearInterval(watching);
  watching = null;
}

/** What a long read needs from the budget of its request. */
export type ReadBudget = Pick<Budget, "owner" | "order" | "signal" | "turn" | "hold" | "free">;

/** Requests started so far. */
let begun = 0;

/**
 * Limits of one request: rows, bytes of the answer, and time. All its fields and targets share
 * them, and counting goes on while the answer is built. Memory beyond a small free share comes from
 * a pool of all requests. Requests that compute for long take turns.
 */
export class Budget implements SwapListItem {
  /** The requests of one owner (a token) share turns and a part of the pool. */
  readonly owner: string;
  /**
   * Position among the owner's requests: earlier ones finish first. If all advanced together, each
   * would stay in memory until the last one ends, and many large ones would all time out.
   */
  readonly order = ++begun;
  /** Among the watched ones. */
  place = -1;
  readonly #limits: BudgetLimits;
  readonly #abort = new AbortController();
  /** Deadline on the clock of `performance.now`; null for none. */
  #deadline: number | null;
  #rows = 0;
  #read = 0;
  #bytes = 0;
  #held = 0;
  /** Expected memory of everything that is read and of the rows made from it, bytes. */
  #expected = 0;
  #taken = 0;
  /** Set while the request waits for the pool. */
  #waits: Promise<void> | null = null;
  /** Something slow that the request waits for, as advice for the caller. */
  readonly #awaited: string[] = [];
  #hasEnded = false;
  #hasWorked = false;
  /** Rejects the promise of `race`. */
  #reject: ((reason: Error) => void) | undefined;

  constructor(owner: string, limits: BudgetLimits = defaultLimits) {
    this.owner = owner;
    this.#limits = limits;
    this.#deadline = performance.now() + limits.timeMs;
    watch(this);
  }

  /** Aborts when the client disconnects; with query_timeout when the time is up. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get maxBytes(): number {
    return this.#limits.bytes;
  }

  /** Whether the answer is large and so written in parts. */
  get isLarge(): boolean {
    return this.#rows > 1000 || this.#bytes > freeBytes;
  }

  /**
   * Counts rows before they are added to the answer. Throws answer_too_large, overloaded, or as
   * `turn` does.
   */
  rows(count: number): void {
    const rows = this.#add(this.#rows, count, "The answer would have", narrower);
    this.hold(count * rowBytes);
    this.#rows = rows;
  }

  /** Removes counted rows that are not in the answer. */
  giveBackRows(count: number): void {
    this.#rows -= count;
    this.free(count * rowBytes);
  }

  /**
   * Counts rows before they are read from an upstream. Null: read them. A promise: wait for it,
   * because other large answers hold all the memory. `advice`: what the caller can do. Throws, or
   * rejects, as `rows` does.
   */
  read(count: number, advice: string): Promise<void> | null {
    this.#read = this.#add(this.#read, count, "This would read", advice);
    return this.#expect(count * (pointBytes + rowBytes + writtenBytes));
  }

  /**
   * Counts memory that building the answer takes, bytes, before it is taken. Null, or a promise to
   * wait for, as `read`. Throws, or rejects, as `rows` does.
   */
  room(bytes: number): Promise<void> | null {
    this.#throwIfOver();
    if (this.#expected + bytes > mostBytes) {
      const most = mostBytes / 1_000_000;
      throw new OpsError(
        "answer_too_large",
        `Building the answer would take more than ${most} MB of memory: ${narrower}`,
      );
    }
    return this.#expect(bytes);
  }

  #expect(bytes: number): Promise<void> | null {
    this.#expected += bytes;
    if (this.#missing === 0) return null;
    if (heap.isFull()) {
      this.#expected -= bytes;
      throw overloaded();
    }
    // A request that already holds some memory does not wait for more: two of them would wait for
    // each other.
    if (this.#taken === 0 || this.#waits !== null) return (this.#waits ??= this.#wait());
    if (!this.#take(this.#missing)) {
      this.#expected -= bytes;
      throw overloaded();
    }
    return null;
  }

  /** Counts bytes of text in the answer. Throws answer_too_large, or as `turn` does. */
  text(bytes: number): void {
    this.#throwIfOver();
    this.#bytes += bytes;
    if (this.#bytes > this.#limits.bytes) throw tooLong(this.#limits.bytes);
  }

  /**
   * Records memory in use by this request, until `free` or its end. Throws overloaded when large
   * answers hold all of it.
   */
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

  /**
   * Null: go on. A promise: wait, others have their turn. Call it every few milliseconds of work.
   * Throws when the time is up or the client has disconnected.
   */
  turn(): Promise<void> | null {
    this.#throwIfOver();
    return this.pause();
  }

  /** As `turn`, for work that must end even when the time is up: never throws. */
  pause(): Promise<void> | null {
    // A new request goes first once: a small one finishes in that turn.
    const order = this.#hasWorked ? this.order : 0;
    this.#hasWorked = true;
    return turns.take(this.owner, order);
  }

  /** As `pause`, but after all work of this request that already waits for its turn. */
  pauseLast(): Promise<void> | null {
    return turns.takeLast(this.owner, this.order);
  }

  /**
   * Settles as the answer does, or rejects with the signal's reason as soon as it aborts. One at a
   * time. It handles a late rejection even when nobody waits any more: an unhandled rejection would
   * end the process.
   */
  race<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      answer.then(resolve, reject);
      if (this.signal.aborted) reject(this.signal.reason as Error);
      else this.#reject = reject;
    });
  }

  /** Settles as the work does. If the time is up meanwhile, the error gives this advice. */
  async during<T>(advice: string, work: () => Promise<T>): Promise<T> {
    this.#awaited.push(advice);
    try {
      return await work();
    } finally {
      this.#awaited.splice(this.#awaited.indexOf(advice), 1);
    }
  }

  /** For work with deadlines of its own: restarts, probes, streams. */
  liftDeadline(): void {
    this.#deadline = null;
    watched.delete(this);
  }

  /** Called periodically: aborts when the time is up, and gives the reason. */
  check(now: number): boolean {
    if (this.#deadline === null || now < this.#deadline) return false;
    const seconds = this.#limits.timeMs / 1000;
    const [awaited] = this.#awaited;
    const less = "ask for less at once: fewer containers, queues or targets, a shorter range, a longer step";
    const advice = awaited === undefined ? less : `${awaited}, or ${less}`;
    this.#stop(new OpsError("query_timeout", `The answer took more than ${seconds} s: ${advice}`));
    return true;
  }

  /** For a stream, before each message: row and byte counts restart. */
  renew(): void {
    this.#expected = 0;
    this.free(this.#rows * rowBytes);
    this.#rows = this.#read = this.#bytes = 0;
  }

  /** The client has disconnected: nobody waits for the answer. */
  cancel(): void {
    this.#stop(new OpsError("request_timeout", "The client has disconnected"));
  }

  /** The answer was sent, or never will be: releases everything. */
  end(): void {
    this.liftDeadline();
    this.#hasEnded = true;
    this.#give(this.#taken);
  }

  /** What this request holds and expects to hold, beyond the free share. */
  get #wanted(): number {
    return Math.max(this.#held, this.#expected) - freeBytes;
  }

  get #missing(): number {
    return Math.max(0, this.#wanted - this.#taken);
  }

  async #wait(): Promise<void> {
    // All reads that start together wait together.
    await Promise.resolve();
    const bytes = await pool.wait(this.owner, () => toSteps(this.#missing), this.signal);
    this.#waits = null;
    this.#taken += bytes;
    if (this.#hasEnded) this.#give(bytes);
  }

  /** False when the pool has too little left, or the heap. */
  #take(bytes: number): boolean {
    const steps = toSteps(bytes);
    if (steps === 0) return true;
    if (this.#hasEnded || heap.isFull() || !pool.take(this.owner, steps)) return false;
    this.#taken += steps;
    return true;
  }

  #give(bytes: number): void {
    if (bytes === 0) return;
    pool.give(this.owner, bytes);
    this.#taken -= bytes;
  }

  /** The sum. Throws when it exceeds the limit. */
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
  return new OpsError("overloaded", "Too many large answers at once: try again soon, or ask for less", { headers });
}

/** The answer exceeds `most` bytes. */
export function tooLong(most: number): OpsError {
  return new OpsError("answer_too_large", `The answer would be larger than ${most / 1_000_000} MB: ${narrower}`);
}

/** For bounded reads that many requests share. */
export function createSharedBudget(signal: AbortSignal): ReadBudget {
  return { owner: "", order: 0, signal, turn: () => turns.take("", 0), hold() {}, free() {} };
}

/**
 * `map` over a long list; other requests are served in between. Rejects as `Budget.turn` does, so
 * it ends with its client and its time.
 */
export async function inTurns<From, To>(
  items: readonly From[],
  budget: Pick<Budget, "turn">,
  map: (item: From, index: number) => To,
): Promise<To[]> {
  return takeSteps(mapSteps(items, map), budget);
}

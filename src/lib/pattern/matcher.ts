import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import { TimeQueue } from "../budget/turns.ts";
import { built } from "../build.ts";
import { OpsError } from "../errors.ts";
import type { Batch, Matched } from "./match.ts";

/** Who waits for a match, as a budget identifies them. */
export interface Asker {
  readonly owner: string;
  readonly order: number;
}

/** Runs patterns in its own thread, a batch at a time. */
export interface Matcher {
  /**
   * Rejects with the signal's reason as soon as it aborts; with invalid_request when the batch
   * takes too long or too much memory, and with overloaded when no thread can be started.
   */
  match(batch: Batch, asker: Asker, signal: AbortSignal): Promise<Matched>;
  /** Ends the thread. The next batch starts another one. */
  close(): Promise<void>;
}

/** What a matcher needs of a thread. */
export type MatchThread = Pick<Worker, "postMessage" | "on" | "ref" | "unref" | "terminate">;

interface Job {
  readonly owner: string;
  readonly batch: Batch;
  readonly resolve: (matched: Matched) => void;
  readonly reject: (reason: OpsError) => void;
}

/** A batch takes a few ms; a busy machine takes longer. */
const longestMs = 5000;
/** Memory limits of the thread: of the old space, and of each half of the young one. */
const oldMegabytes = 48;
const youngMegabytes = 2;

/**
 * Whatever a pattern costs, it does not block the event loop: the thread gets a message and answers
 * later. Batches wait in a queue that shares the thread's time: the owner who has used the least is
 * served first. A batch takes a few ms, whatever its pattern. So a slow pattern delays its own
 * owner, and each of the others by one batch. A thread that takes too long, or fails, is replaced.
 */
export function createMatcher(start: () => MatchThread = startThread, mostMs: number = longestMs): Matcher {
  const queue = new TimeQueue<Job>();
  let thread: MatchThread | null = null;
  let current: Job | null = null;
  let ending: Promise<unknown> | null = null;
  let timer: NodeJS.Timeout | undefined;
  let sentAt = 0;

  const begin = (): MatchThread => {
    const begun = start();
    begun.on("message", (matched: Matched) => {
      if (thread !== begun) return;
      const answered = finish(matched.ms);
      answered?.resolve(matched);
      // The caller's next batch comes in microtasks: it goes on unless somebody else has used less.
      queueMicrotask(() => process.nextTick(next));
    });
    begun.on("error", (cause) => void lose(begun, () => tooCostly(cause)));
    begun.on("exit", () => void lose(begun, () => tooCostly()));
    return begun;
  };
  const finish = (ms = performance.now() - sentAt): Job | null => {
    const finished = current;
    if (finished) queue.charge(finished.owner, ms);
    current = null;
    clearTimeout(timer);
    return finished;
  };
  const next = () => {
    if (current !== null || ending !== null) return;
    const job = queue.take();
    if (!job) {
      thread?.unref();
      return;
    }
    try {
      thread ??= begin();
    } catch (cause) {
      job.reject(unavailable(cause));
      next();
      return;
    }
    current = job;
    sentAt = performance.now();
    thread.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
    thread.postMessage(job.batch);
    const asked = thread;
    const isLate = () => thread === asked && current === job;
    // The answer may already be there: after a pause of this process, it is read after the timers.
    timer = setTimeout(() => setImmediate(() => isLate() && void lose(asked, () => tooCostly())), mostMs);
  };
  /** The next thread starts when this one has ended: there is memory for only one. */
  const lose = (lost: MatchThread, toError: () => OpsError): Promise<unknown> => {
    if (thread !== lost) return Promise.resolve();
    thread = null;
    finish()?.reject(toError());
    ending = lost.terminate().finally(() => {
      ending = null;
      next();
    });
    return ending;
  };
  return {
    async match(batch, { owner, order }, signal) {
      signal.throwIfAborted();
      const { promise, resolve, reject } = Promise.withResolvers<Matched>();
      const job: Job = { owner, batch, resolve, reject };
      const abort = () => {
        queue.remove(owner, job);
        reject(signal.reason);
      };
      signal.addEventListener("abort", abort, { once: true });
      queue.add(owner, job, order);
      next();
      return promise.finally(() => signal.removeEventListener("abort", abort));
    },
    async close() {
      if (thread) await lose(thread, () => unavailable());
      else await ending;
    },
  };
}

/**
 * A thread without environment variables, which may hold the gateway's secrets. The memory limits
 * are V8 flags, which V8 reads when it makes a heap: those of the command line take precedence over
 * the thread's own limits for this thread's heap.
 */
function startThread(): MatchThread {
  setFlagsFromString(`--max-old-space-size=${oldMegabytes}`);
  setFlagsFromString(`--max-semi-space-size=${youngMegabytes}`);
  const file = built === null ? "./thread.ts" : "./pattern.cjs";
  return new Worker(new URL(file, import.meta.url), { name: "patterns", env: {}, execArgv: [] });
}

function tooCostly(cause?: unknown): OpsError {
  const message = "The regular expression takes too long, or too much memory, for a line: use a simpler one";
  return new OpsError("invalid_request", message, { cause });
}

function unavailable(cause?: unknown): OpsError {
  const headers = { "Retry-After": "2" };
  return new OpsError("overloaded", "Regular expressions cannot be matched now: try again soon", { cause, headers });
}

import pLimit from "p-limit";
import { abortable } from "../../lib/abort.ts";
import { describe, isSqlState } from "./errors.ts";

interface TurnsOptions {
  /** How much work runs at once: the number of connections. */
  readonly connections: number;
  /** A caller that waits this long while the server answers no one gets a TimeoutError, milliseconds. */
  readonly silentMs: number;
  /** A caller that waits this long while the server answers others gets a ConnectionsBusyError, milliseconds. */
  readonly waitMs: number;
}

/** A queue before the connections of one database. The pool of pg rejects those who wait in it, and cannot distinguish a busy server from one that hangs. */
export interface Turns {
  /** Runs the work when a connection is free, in call order. Rejects as the work does, with the signal's reason, or as the options say. */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** All connections were in use. */
export class ConnectionsBusyError extends Error {
  override readonly name = "ConnectionsBusyError";
}

export function createTurns({ connections, silentMs, waitMs }: TurnsOptions): Turns {
  const limit = pLimit(connections);
  let answeredAt = -Infinity;
  const noteAnswer = () => {
    answeredAt = performance.now();
  };
  const observe = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const result = await work();
      noteAnswer();
      return result;
    } catch (error) {
      if (isSqlState(describe(error).code)) noteAnswer();
      throw error;
    }
  };
  return {
    async run(work, signal) {
      const since = performance.now();
      const patience = new AbortController();
      const giveUpOnSilence = () => {
        if (answeredAt < since) patience.abort(new DOMException("The server answers nobody", "TimeoutError"));
      };
      const timers = [
        setTimeout(giveUpOnSilence, silentMs),
        setTimeout(() => patience.abort(new ConnectionsBusyError()), waitMs),
      ];
      const stopWaiting = () => {
        for (const timer of timers) clearTimeout(timer);
      };
      const waiting = AbortSignal.any([signal, patience.signal]);
      const turn = limit(async () => {
        stopWaiting();
        // Skip the work if the caller left while waiting.
        waiting.throwIfAborted();
        return observe(work);
      });
      try {
        return await abortable(turn, waiting);
      } finally {
        stopWaiting();
      }
    },
  };
}

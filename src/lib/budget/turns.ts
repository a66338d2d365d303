import { FairQueue } from "./fair-queue.ts";

/** Decides when long work may go on. */
export interface Turns {
  /**
   * Null: go on. A promise: wait for it, others are served meanwhile. Call it when such work starts and every few milliseconds. Within one owner the lowest order
   * goes first.
   */
  take(owner: string, order: number): Promise<void> | null;
}

/**
 * Shares the event loop between requests. In one round of the loop they work for `sliceMs` altogether. Then sockets are served (new requests, `/healthz`), and those
 * who wait go on, owner by owner. A request that computes for a second delays others by one slice; many such requests delay them no more.
 */
export function createTurns(sliceMs: number): Turns {
  const waiting = new FairQueue<() => void>();
  /** Null until work starts in a round. */
  let sliceEnd: number | null = null;

  const begin = () => {
    sliceEnd = performance.now() + sliceMs;
    setImmediate(nextRound);
  };
  const nextRound = () => {
    sliceEnd = null;
    if (waiting.size === 0) return;
    begin();
    grant();
  };
  const grant = () => {
    waiting.take()?.();
    // The granted work runs in microtasks until it waits for something else; the tick comes after these.
    queueMicrotask(() => process.nextTick(grantMore));
  };
  const grantMore = () => {
    if (waiting.size > 0 && sliceEnd !== null && performance.now() < sliceEnd) grant();
  };
  return {
    take(owner, order) {
      if (sliceEnd === null) begin();
      else if (performance.now() >= sliceEnd) return new Promise((resolve) => waiting.add(owner, resolve, order));
      return null;
    },
  };
}

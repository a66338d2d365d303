import { FairQueue } from "./fair-queue.ts";

/** When work that takes long may go on. */
export interface Turns {
  /**
   * Null: go on. Else wait for it, then go on: others are served meanwhile. To be asked at the start of such work, and again every few milliseconds. Of one
   * owner the lowest order goes first.
   */
  take(owner: string, order: number): Promise<void> | null;
}

/**
 * Shares the event loop between requests: in one of its rounds they work for `sliceMs`, together; then sockets are served (new requests, `/healthz`), and
 * those who wait go on, owner by owner. So a request that computes for a second delays others by one slice, and many of them no more than one.
 */
export function createTurns(sliceMs: number): Turns {
  const waiting = new FairQueue<() => void>();
  /** Null before the first work of a round. */
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
    // It runs in microtasks, until it waits for something else; the tick comes after these.
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

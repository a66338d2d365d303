/** Memory that all requests share. */
export interface Pool {
  /**
   * Takes this many bytes. Returns false and takes nothing when the owner or all owners together
   * would have too many.
   */
  take(owner: string, bytes: number): boolean;
  /**
   * Takes bytes as soon as they are free, first come first served; calls `bytes` at that moment. An
   * owner at their limit lets others pass. Rejects with the signal's reason when it aborts first.
   */
  wait(owner: string, bytes: () => number, signal: AbortSignal): Promise<number>;
  give(owner: string, bytes: number): void;
}

interface Waiting {
  readonly owner: string;
  readonly bytes: () => number;
  readonly grant: (bytes: number) => void;
}

/**
 * `size`: bytes of all owners. `share`: the part that one owner may have, 0..1, so that others are
 * served too.
 */
export function createPool(size: number, share: number): Pool {
  let taken = 0;
  const byOwner = new Map<string, number>();
  const line = new Set<Waiting>();

  const isOwnersTurn = (owner: string, bytes: number) => (byOwner.get(owner) ?? 0) + bytes <= size * share;
  const add = (owner: string, bytes: number) => {
    taken += bytes;
    const own = (byOwner.get(owner) ?? 0) + bytes;
    if (own > 0) byOwner.set(owner, own);
    else byOwner.delete(owner);
  };
  const serve = () => {
    for (const first of line) {
      const bytes = first.bytes();
      if (!isOwnersTurn(first.owner, bytes)) continue;
      // Small requests must not overtake: a large one would wait forever.
      if (taken + bytes > size) return;
      line.delete(first);
      add(first.owner, bytes);
      first.grant(bytes);
    }
  };
  return {
    take(owner, bytes) {
      if (taken + bytes > size || !isOwnersTurn(owner, bytes)) return false;
      add(owner, bytes);
      return true;
    },
    wait(owner, bytes, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const leave = () => {
          line.delete(waiting);
          reject(signal.reason as Error);
        };
        const grant = (given: number) => {
          signal.removeEventListener("abort", leave);
          resolve(given);
        };
        const waiting = { owner, bytes, grant };
        signal.addEventListener("abort", leave, { once: true });
        line.add(waiting);
        serve();
      });
    },
    give(owner, bytes) {
      add(owner, -bytes);
      serve();
    },
  };
}

import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

/**
 * Share of the heap that may be in use after a full garbage collection. With 192 MB of old space
 * the limit is 216 MB; from about 165 MB on, a collection takes longer than it is worth.
 */
const mostLive = 0.65;

interface HeapFigures {
  /** Bytes, including garbage. */
  readonly used: number;
  /** Limit of the old space and the young generation, bytes. */
  readonly limit: number;
}

/**
 * Detects when the heap is nearly full. Budgets count less than requests hold, and a process
 * without heap takes all requests down.
 */
export interface HeapGuard {
  /** Called right after each full collection. */
  collected(): void;
  /** From a full collection that leaves too much until one that leaves less. */
  isFull(): boolean;
}

export function createHeapGuard(read: () => HeapFigures): HeapGuard {
  let isTight = false;
  const isMuch = () => {
    const { used, limit } = read();
    return used > limit * mostLive;
  };
  return {
    collected() {
      isTight = isMuch();
    },
    // Garbage counts until the next collection: while there is little of both, waiting for one is
    // not needed.
    isFull: () => isTight && (isTight = isMuch()),
  };
}

function readHeap(): HeapFigures {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return { used, limit };
}

/** The heap of this process. */
export const heap = createHeapGuard(readHeap);

function isMajor(entry: PerformanceEntry & { readonly detail?: unknown }): boolean {
  return (entry.detail as { readonly kind?: number } | undefined)?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

new PerformanceObserver((list) => {
  if (list.getEntries().some(isMajor)) heap.collected();
}).observe({ entryTypes: ["gc"] });

import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

/**
 * Share of the heap that may be in use after a full collection of garbage. With 192 MB of old space
 * the limit is 216 MB; from about 165 MB on, collecting takes longer than what it makes room for.
 */
const mostLive = 0.65;

interface HeapFigures {
  /** Bytes, with garbage. */
  readonly used: number;
  /** That of the old space and the young generation, bytes. */
  readonly limit: number;
}

/**
 * Knows when the heap is nearly full. What budgets count is less than what is held, and a process
 * without heap ends with all requests.
 */
export interface HeapGuard {
  /** Called right after each full collection. */
  collected(): void;
  /** From a full collection that leaves too much until there is less. */
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
    // Garbage counts until the next collection: as long as there is little of both there is no need
    // to wait for one.
    isFull: () => isTight && (isTight = isMuch()),
  };
}

function readHeap(): HeapFigures {
  const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
  return { used, limit };
}

/** That of this process. */
export const heap = createHeapGuard(readHeap);

function isMajor(entry: PerformanceEntry & { readonly detail?: unknown }): boolean {
  return (entry.detail as { readonly kind?: number } | undefined)?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

new PerformanceObserver((list) => {
  if (list.getEntries().some(isMajor)) heap.collected();
}).observe({ entryTypes: ["gc"] });

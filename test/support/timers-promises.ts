import type { TimerOptions } from "node:timers";

/**
 * Node's `timers/promises` over the global timers, which vitest fakes. It does not fake that module
 * itself: `vi.mock("node:timers/promises", () => import(".../timers-promises.ts"))`.
 */
export function setTimeout<T = void>(ms = 0, value?: T, { signal }: TimerOptions = {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new DOMException("The operation was aborted", "AbortError"));
    };
    const timer = globalThis.setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve(value as T);
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}

export function setImmediate(): Promise<void> {
  return new Promise((resolve) => void globalThis.setImmediate(resolve));
}

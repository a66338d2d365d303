import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";
import { vi } from "vitest";
import { setTimeout } from "./timers-promises.ts";

/**
 * Fakes the timers, those of `node:timers/promises` too, also for modules that are loaded already.
 * The returned function ends it.
 */
export function useFakeSleep(): () => void {
  vi.useFakeTimers();
  const spy = vi.spyOn(timers, "setTimeout").mockImplementation(setTimeout);
  syncBuiltinESMExports();
  return () => {
    spy.mockRestore();
    syncBuiltinESMExports();
    vi.useRealTimers();
  };
}

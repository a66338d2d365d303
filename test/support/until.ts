import { setTimeout as sleep } from "node:timers/promises";
import { toBound } from "./bound.ts";

/**
 * Asks every 50 ms until the answer is true; rejects after `timeoutMs`, or longer on a busy
 * machine. For hooks and helpers too, which have no `expect.poll`.
 */
export async function until(check: () => Promise<boolean> | boolean, timeoutMs = 25_000): Promise<void> {
  const end = Date.now() + toBound(timeoutMs);
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`The condition did not become true within ${timeoutMs / 1000} s`);
    await sleep(50);
  }
}

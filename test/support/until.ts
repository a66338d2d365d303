import { setTimeout as sleep } from "node:timers/promises";

/** Asks every 50 ms until the answer is true; rejects after `timeoutMs`. For hooks and helpers too, which have no `expect.poll`. */
export async function until(check: () => Promise<boolean> | boolean, timeoutMs = 25_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`The condition did not become true within ${timeoutMs / 1000} s`);
    await sleep(50);
  }
}

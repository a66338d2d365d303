import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { DeadlineError, withDeadline } from "../../src/lib/abort.ts";

const never = () => new Promise<never>(() => {});

test("the work's value or error is returned", async () => {
  expect(await withDeadline(1000, async () => 7)).toBe(7);
  await expect(withDeadline(1000, () => Promise.reject(new RangeError("x")))).rejects.toThrow(RangeError);
});

test("the deadline rejects, aborts the work and does not wait for it", async () => {
  let told: unknown;
  const run = (signal: AbortSignal) => {
    signal.addEventListener("abort", () => (told = signal.reason));
    return never();
  };
  await expect(withDeadline(30, run)).rejects.toThrow(DeadlineError);
  expect(told).toBeInstanceOf(DeadlineError);
});

test("the first caller's reason rejects, also of one that has ended", async () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const waiting = withDeadline(5000, never, first.signal, second.signal);
  setTimeout(() => second.abort(new RangeError("gone")), 5);
  await expect(waiting).rejects.toThrow(RangeError);
  let ran = false;
  const late = withDeadline(5000, async () => (ran = true), first.signal, second.signal);
  await expect(late).rejects.toThrow(RangeError);
  expect(ran).toBe(false);
});

test("an error of aborted work is replaced by the reason", async () => {
  await expect(withDeadline(10, (signal) => sleep(1000, undefined, { signal }))).rejects.toThrow(DeadlineError);
});

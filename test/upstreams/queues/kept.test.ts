import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createKept } from "../../../src/upstreams/queues/kept.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

const signal = new AbortController().signal;

it("asks once for all who come while it asks and for a second after the answer, then once more", async () => {
  let asked = 0;
  const kept = createKept(async () => (asked += 1), 1000);
  expect(await Promise.all(Array.from({ length: 100 }, () => kept(signal)))).toEqual(Array.from({ length: 100 }, () => 1));
  vi.advanceTimersByTime(999);
  expect(await kept(signal)).toBe(1);
  vi.advanceTimersByTime(1);
  expect([await kept(signal), await kept(signal), asked]).toEqual([2, 2, 2]);
});

it("keeps no failure", async () => {
  let asked = 0;
  const kept = createKept(async () => {
    asked += 1;
    if (asked === 1) throw new Error("away");
    return asked;
  }, 1000);
  await expect(kept(signal)).rejects.toThrow("away");
  expect(await kept(signal)).toBe(2);
});

it("lets whoever leaves go at once, and gives the others their answer", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const kept = createKept(() => promise, 1000);
  const leaving = new AbortController();
  const [left, stayed] = [kept(leaving.signal), kept(signal)];
  leaving.abort(new Error("gone"));
  await expect(left).rejects.toThrow("gone");
  resolve("answer");
  expect(await stayed).toBe("answer");
});

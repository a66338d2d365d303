import { expect, onTestFinished, test, vi } from "vitest";
import { createAdmission } from "../../src/http/admission.ts";

test("places are counted, and operators have some of their own", () => {
  const admission = createAdmission({ limit: 2, reserve: 1, limitPerToken: 9, waitMs: 20, queueLimit: 10 });
  expect([admission.enter(false, "a"), admission.enter(false, "a"), admission.enter(false, "a")]).toEqual([true, true, false]);
  expect([admission.enter(true, "a"), admission.enter(true, "a")]).toEqual([true, false]);
  admission.leave("a");
  expect(admission.enter(false, "a")).toBe(false);
  admission.leave("a");
  expect(admission.enter(false, "a")).toBe(true);
});

test("a place that becomes free goes to the first in line, and is taken then", async () => {
  const admission = createAdmission({ limit: 1, reserve: 0, limitPerToken: 9, waitMs: 500, queueLimit: 10 });
  admission.enter(false, "a");
  const order: string[] = [];
  const first = admission.wait("a").then((granted) => order.push(`first ${granted}`));
  const second = admission.wait("a").then((granted) => order.push(`second ${granted}`));
  admission.leave("a");
  await first;
  expect(order).toEqual(["first true"]);
  expect(admission.enter(false, "a")).toBe(false);
  admission.leave("a");
  await second;
  admission.leave("a");
  expect(order).toEqual(["first true", "second true"]);
  expect(admission.enter(false, "a")).toBe(true);
});

test("too long a wait and too long a line are refused, and leave nothing behind", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const admission = createAdmission({ limit: 1, reserve: 0, limitPerToken: 9, waitMs: 10, queueLimit: 1 });
  admission.enter(false, "a");
  const waiting = admission.wait("a");
  expect(await admission.wait("a")).toBe(false);
  await vi.advanceTimersByTimeAsync(10);
  expect(await waiting).toBe(false);
  admission.leave("a");
  expect(vi.getTimerCount()).toBe(0);
  expect(admission.enter(false, "a")).toBe(true);
});

test("one token leaves places to the others, also in line", async () => {
  const admission = createAdmission({ limit: 3, reserve: 0, limitPerToken: 2, waitMs: 500, queueLimit: 10 });
  const enter = (holder: string) => admission.enter(false, holder);
  expect([enter("a"), enter("a"), enter("a"), enter("b")]).toEqual([true, true, false, true]);
  const order: string[] = [];
  void admission.wait("a").then(() => order.push("a"));
  const second = admission.wait("c").then(() => order.push("c"));
  admission.leave("b");
  await second;
  expect(order).toEqual(["c"]);
  admission.leave("a");
  await expect.poll(() => order).toEqual(["c", "a"]);
});

test("one token leaves three quarters of the line to the others", async () => {
  const admission = createAdmission({ limit: 1, reserve: 0, limitPerToken: 1, waitMs: 20, queueLimit: 8 });
  admission.enter(false, "a");
  const waiting = [admission.wait("a"), admission.wait("a")];
  const begin = performance.now();
  expect(await admission.wait("a")).toBe(false);
  expect(performance.now() - begin).toBeLessThan(15);
  const other = admission.wait("b");
  admission.leave("a");
  expect(await Promise.all([...waiting, other])).toEqual([true, false, false]);
});

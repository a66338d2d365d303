import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createAdmission } from "../../src/http/admission.ts";

test("places are counted, and operators have some of their own", () => {
  const admission = createAdmission({ limit: 2, reserve: 1, waitMs: 20, queueLimit: 10 });
  expect([admission.enter(false), admission.enter(false), admission.enter(false)]).toEqual([true, true, false]);
  expect([admission.enter(true), admission.enter(true)]).toEqual([true, false]);
  admission.leave();
  expect(admission.enter(false)).toBe(false);
  admission.leave();
  expect(admission.enter(false)).toBe(true);
});

test("a place that becomes free goes to the first in line, and is taken then", async () => {
  const admission = createAdmission({ limit: 1, reserve: 0, waitMs: 500, queueLimit: 10 });
  admission.enter(false);
  const order: string[] = [];
  const first = admission.wait().then((granted) => order.push(`first ${granted}`));
  const second = admission.wait().then((granted) => order.push(`second ${granted}`));
  admission.leave();
  await first;
  expect(order).toEqual(["first true"]);
  expect(admission.enter(false)).toBe(false);
  admission.leave();
  await second;
  admission.leave();
  expect(order).toEqual(["first true", "second true"]);
  expect(admission.enter(false)).toBe(true);
});

test("too long a wait and too long a line are refused, and leave nothing behind", async () => {
  const admission = createAdmission({ limit: 1, reserve: 0, waitMs: 10, queueLimit: 1 });
  admission.enter(false);
  const waiting = admission.wait();
  expect(await admission.wait()).toBe(false);
  expect(await waiting).toBe(false);
  admission.leave();
  await sleep(20);
  expect(admission.enter(false)).toBe(true);
});

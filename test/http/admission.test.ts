import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createAdmission } from "../../src/http/admission.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("places are counted, and operators have some of their own", () => {
  const admission = createAdmission({ limit: 2, reserve: 1, limitPerToken: 9, waitMs: 20, queueLimit: 10 });
  expect([admission.enter(false, "a"), admission.enter(false, "a"), admission.enter(false, "a")]).toEqual([
    true,
    true,
    false,
  ]);
  expect([admission.enter(true, "a"), admission.enter(true, "a")]).toEqual([true, false]);
  admission.leave("a");
  expect(admission.enter(false, "a")).toBe(false);
  admission.leave("a");
  expect(admission.enter(false, "a")).toBe(true);
});

test("places are fewer while memory is short", async () => {
  const memory = { isTight: false };
  const limits = { limit: 4, tightLimit: 2, reserve: 1, limitPerToken: 9, waitMs: 1000, queueLimit: 10 };
  const admission = createAdmission(limits, () => memory.isTight);
  const enter = (holder: string) => admission.enter(false, holder);
  expect([enter("a"), enter("b"), enter("c")]).toEqual([true, true, true]);
  memory.isTight = true;
  const granted: string[] = [];
  for (const name of ["first", "second", "third"]) void admission.wait(name).then(() => granted.push(name));
  admission.leave("a");
  await vi.advanceTimersByTimeAsync(0);
  expect([granted, enter("a"), admission.enter(true, "a")]).toEqual([[], false, true]);
  admission.leave("a");
  admission.leave("b");
  await vi.advanceTimersByTimeAsync(0);
  expect(granted).toEqual(["first"]);
  // All that have waited get in as soon as there is memory again.
  memory.isTight = false;
  admission.leave("c");
  await vi.advanceTimersByTimeAsync(0);
  expect(granted).toEqual(["first", "second", "third"]);
});

test("one holder has half of the places while memory is short", async () => {
  const memory = { isTight: true };
  const limits = { limit: 200, tightLimit: 16, reserve: 20, limitPerToken: 20, waitMs: 1000, queueLimit: 100 };
  const admission = createAdmission(limits, () => memory.isTight);
  const enterAll = (holder: string, reserved = false) =>
    Array.from({ length: 30 }, () => admission.enter(reserved, holder)).filter(Boolean).length;
  expect([enterAll("a"), enterAll("a", true)]).toEqual([8, 0]);
  // Nor does it get more in line: its place goes to another one that waits.
  const granted: string[] = [];
  for (const holder of ["a", "a", "b"]) void admission.wait(holder).then((isIn) => isIn && granted.push(holder));
  admission.leave("b");
  await vi.advanceTimersByTimeAsync(0);
  expect(granted).toEqual(["b"]);
  memory.isTight = false;
  expect([enterAll("a"), enterAll("c")]).toEqual([12, 20]);
});

test("one holder keeps its places when memory becomes short", async () => {
  const memory = { isTight: false };
  const limits = { limit: 20, tightLimit: 4, reserve: 0, limitPerToken: 9, waitMs: 1000, queueLimit: 100 };
  const admission = createAdmission(limits, () => memory.isTight);
  expect([admission.enter(false, "a"), admission.enter(false, "a"), admission.enter(false, "a")]).toEqual([
    true,
    true,
    true,
  ]);
  memory.isTight = true;
  expect([admission.enter(false, "a"), admission.enter(false, "b"), admission.enter(false, "b")]).toEqual([
    false,
    true,
    false,
  ]);
  admission.leave("a");
  expect([admission.enter(false, "a"), admission.enter(false, "b")]).toEqual([false, true]);
});

test("a free place goes to the first in line at once", async () => {
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

test("too long a wait is refused and leaves nothing behind", async () => {
  const admission = createAdmission({ limit: 1, reserve: 0, limitPerToken: 9, waitMs: 10, queueLimit: 1 });
  admission.enter(false, "a");
  const answers: boolean[] = [];
  void admission.wait("a").then((granted) => answers.push(granted));
  await vi.advanceTimersByTimeAsync(9);
  expect(answers).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(answers).toEqual([false]);
  // Nobody is in line any more: the place is free.
  admission.leave("a");
  expect(admission.enter(false, "a")).toBe(true);
});

test("a full line refuses at once; leaving it makes room", async () => {
  const admission = createAdmission({ limit: 1, reserve: 0, limitPerToken: 9, waitMs: 1000, queueLimit: 2 });
  admission.enter(false, "a");
  const answers: string[] = [];
  const wait = async (name: string) => void answers.push(`${name} ${await admission.wait(name)}`);
  for (const name of ["first", "second", "third"]) void wait(name);
  await vi.advanceTimersByTimeAsync(0);
  expect(answers).toEqual(["third false"]);
  admission.leave("a");
  await vi.advanceTimersByTimeAsync(0);
  for (const name of ["fourth", "fifth"]) void wait(name);
  await vi.advanceTimersByTimeAsync(0);
  expect(answers).toEqual(["third false", "first true", "fifth false"]);
  expect(vi.getTimerCount()).toBe(2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(answers.slice(3)).toEqual(["second false", "fourth false"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("readers cannot take the places reserved for operators", async () => {
  const admission = createAdmission({ limit: 1, reserve: 1, limitPerToken: 9, waitMs: 1000, queueLimit: 2 });
  expect([admission.enter(false, "reader"), admission.enter(true, "operator")]).toEqual([true, true]);
  const answers: boolean[] = [];
  void admission.wait("reader").then((granted) => answers.push(granted));
  admission.leave("operator");
  await vi.advanceTimersByTimeAsync(0);
  expect(answers).toEqual([]);
  expect(admission.enter(true, "operator")).toBe(true);
  admission.leave("operator");
  admission.leave("reader");
  await vi.advanceTimersByTimeAsync(0);
  expect(answers).toEqual([true]);
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
  await vi.advanceTimersByTimeAsync(0);
  expect(order).toEqual(["c", "a"]);
});

test("a full line has room for a token with fewer in it", async () => {
  const admission = createAdmission({ limit: 1, reserve: 0, limitPerToken: 1, waitMs: 20, queueLimit: 8 });
  admission.enter(false, "a");
  const answers: string[] = [];
  const wait = async (holder: string, name: string) => void answers.push(`${name} ${await admission.wait(holder)}`);
  for (let index = 0; index < 9; index += 1) void wait("a", `a${index}`);
  void wait("b", "b");
  await vi.advanceTimersByTimeAsync(0);
  // The ninth finds the line full, and the newest of the others gives way.
  expect(answers).toEqual(["a8 false", "a7 false"]);
  admission.leave("a");
  admission.leave("a");
  await vi.advanceTimersByTimeAsync(0);
  expect(answers.slice(2)).toEqual(["a0 true", "b true"]);
});

test("a token that gives back one place keeps the others", () => {
  const admission = createAdmission({ limit: 9, reserve: 0, limitPerToken: 3, waitMs: 20, queueLimit: 8 });
  const enter = () => admission.enter(false, "a");
  expect([enter(), enter(), enter(), enter()]).toEqual([true, true, true, false]);
  admission.leave("a");
  expect([enter(), enter()]).toEqual([true, false]);
  for (let count = 0; count < 3; count += 1) admission.leave("a");
  expect([enter(), enter(), enter(), enter()]).toEqual([true, true, true, false]);
});

test("the line's length is reported", async () => {
  const admission = createAdmission({ limit: 1, reserve: 0, limitPerToken: 1, waitMs: 20, queueLimit: 8 });
  admission.enter(false, "a");
  expect(admission.waiting).toBe(0);
  const waiting = [admission.wait("b"), admission.wait("c")];
  expect(admission.waiting).toBe(2);
  admission.leave("a");
  expect(admission.waiting).toBe(1);
  await vi.advanceTimersByTimeAsync(20);
  expect([admission.waiting, await Promise.all(waiting)]).toEqual([0, [true, false]]);
});

test("holders without a place are forgotten beyond a thousand", () => {
  const admission = createAdmission({ limit: 9, reserve: 0, limitPerToken: 1, waitMs: 20, queueLimit: 10 });
  for (let index = 0; index < 1100; index += 1) {
    expect([admission.enter(false, `${index}`), admission.enter(false, `${index}`)]).toEqual([true, false]);
    admission.leave(`${index}`);
  }
  for (const holder of ["0", "1099"])
    expect([admission.enter(false, holder), admission.enter(false, holder)]).toEqual([true, false]);
});

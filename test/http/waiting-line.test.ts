import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WaitingLine } from "../../src/http/waiting-line.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A line whose answers are in `answers`, in their order: the name and whether it had its turn. */
function create(limit: number, waitMs = 1000) {
  const line = new WaitingLine({ limit, waitMs });
  const answers: string[] = [];
  const wait = (name: string, holder: string, part?: string) =>
    void line.wait(holder, part).then((isAdmitted) => answers.push(`${name} ${isAdmitted ? "in" : "out"}`));
  const admit = async (count: number) => {
    for (let index = 0; index < count; index += 1) line.admit();
    await vi.advanceTimersByTimeAsync(0);
    return answers.splice(0);
  };
  return { line, wait, admit };
}

test("holders have their turns one after the other", async () => {
  const { wait, admit } = create(9);
  for (const name of ["a1", "a2", "a3", "b1", "b2", "c1"]) wait(name, name.slice(0, 1));
  expect(await admit(6)).toEqual(["a1 in", "b1 in", "c1 in", "a2 in", "b2 in", "a3 in"]);
});

test("the parts of a holder share its turns", async () => {
  const { wait, admit } = create(9);
  for (const name of ["a1", "a2", "b1"]) wait(name, "site", name.slice(0, 1));
  for (const name of ["c1", "c2", "c3"]) wait(name, "c");
  expect(await admit(6)).toEqual(["a1 in", "c1 in", "b1 in", "c2 in", "a2 in", "c3 in"]);
});

test("a full line loses the newest one of the holder with most", async () => {
  const { wait, admit } = create(4);
  for (const name of ["a1", "a2", "a3", "b1"]) wait(name, name.slice(0, 1));
  wait("c1", "c");
  wait("a4", "a");
  wait("d1", "d");
  // A newcomer beside four others that have one each.
  wait("e1", "e");
  expect(await admit(0)).toEqual(["a3 out", "a4 out", "a2 out", "e1 out"]);
  expect(await admit(4)).toEqual(["a1 in", "b1 in", "c1 in", "d1 in"]);
});

test("the part of a holder with most gives way to its other parts", async () => {
  const { wait, admit } = create(3);
  for (const name of ["a1", "a2", "a3", "b1", "a4"]) wait(name, "site", name.slice(0, 1));
  expect(await admit(3)).toEqual(["a3 out", "a4 out", "a1 in", "b1 in", "a2 in"]);
});

test("who may not have a turn keeps it", async () => {
  const { line, wait, admit } = create(9);
  for (const name of ["a1", "a2", "b1"]) wait(name, name.slice(0, 1));
  expect(line.admit((holder) => holder !== "a")).toBe("b");
  expect(line.admit((holder) => holder !== "a")).toBe(null);
  expect([line.length, await admit(2)]).toEqual([2, ["b1 in", "a1 in", "a2 in"]]);
});

test("suspects have one of four turns, those who wait already too", async () => {
  const { line, wait, admit } = create(20);
  for (const name of ["a1", "a2", "a3"]) wait(name, "a", name === "a2" ? "part" : undefined);
  line.suspect("a");
  wait("a4", "a");
  for (let index = 1; index < 6; index += 1) wait(`b${index}`, "b");
  expect(await admit(9)).toEqual(["b1 in", "b2 in", "b3 in", "a1 in", "b4 in", "b5 in", "a2 in", "a3 in", "a4 in"]);
});

test("one of a suspect counts as four in a full line", async () => {
  const { line, wait, admit } = create(4);
  line.suspect("a");
  for (const name of ["a1", "b1", "b2", "b3", "c1"]) wait(name, name.slice(0, 1));
  expect(await admit(0)).toEqual(["a1 out"]);
  // Three of one holder are fewer than one of a suspect.
  wait("a2", "a");
  expect(await admit(0)).toEqual(["a2 out"]);
});

test("a suspect is one no longer after ten minutes", async () => {
  const { line, wait, admit } = create(9);
  line.suspect("a");
  await vi.advanceTimersByTimeAsync(599_000);
  for (const name of ["a1", "b1"]) wait(name, name.slice(0, 1));
  expect(await admit(2)).toEqual(["b1 in", "a1 in"]);
  await vi.advanceTimersByTimeAsync(2000);
  for (const name of ["a1", "b1"]) wait(name, name.slice(0, 1));
  expect(await admit(2)).toEqual(["a1 in", "b1 in"]);
});

test("too long a wait ends, and leaves nothing behind", async () => {
  const { line, wait, admit } = create(2, 10);
  for (const name of ["a1", "a2"]) wait(name, "a");
  await vi.advanceTimersByTimeAsync(9);
  expect(line.length).toBe(2);
  await vi.advanceTimersByTimeAsync(1);
  expect([line.length, vi.getTimerCount(), await admit(1)]).toEqual([0, 0, ["a1 out", "a2 out"]]);
});

test("the line never has more than its places, and each gets one answer", () => {
  const holder = fc.constantFrom("a", "b", "c", "d", "e");
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), holder, part: fc.constantFrom("1", "2") }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("admit" as const), holder }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("suspect" as const), holder }) },
  );
  return fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 60 }), async (limit, steps) => {
      const { line, wait, admit } = create(limit);
      let [waited, answered] = [0, 0];
      for (const [index, one] of steps.entries()) {
        if (one.do === "wait") wait(`${(waited += 1)}`, one.holder, `${one.holder}${one.part}`);
        else if (one.do === "suspect") line.suspect(one.holder);
        else if (index % 2 === 0) line.admit((name) => name !== one.holder);
        else line.admit();
        answered += (await admit(0)).length;
        expect(line.length).toBeLessThanOrEqual(limit);
        expect(waited - answered).toBe(line.length);
      }
      expect((await admit(limit)).length).toBe(waited - answered);
      expect([line.length, vi.getTimerCount()]).toEqual([0, 0]);
    }),
    { numRuns: 200 },
  );
});

import { describe, expect, it } from "vitest";
import {
  countWorkers,
  cover,
  type Coverage,
  covers,
  fullCoverage,
  type Rows,
} from "../../../../../src/queues/systems/redis/bullmq/bullmq.ts";

describe("coverage", () => {
  const row = (id: string, score: number) => ({ id, score });
  const rows = (oldest: Rows["oldest"], more: Partial<Rows> = {}) => ({
    oldest,
    isMissing: false,
    isWhole: true,
    ...more,
  });

  it("is full until a row is gone", () => {
    const first = cover(fullCoverage, rows(row("a", 100)), 1000);
    expect(covers(first, 1e9, 1000)).toBe(true);
    expect(covers(cover(first, rows(row("a", 100)), 1001), 1e9, 1001)).toBe(true);
    // An older one came: none is gone.
    expect(covers(cover(first, rows(row("b", 50)), 1001), 1e9, 1001)).toBe(true);
    const later = cover(first, rows(row("c", 400)), 1001);
    expect([covers(later, 600, 1001), covers(later, 700, 1001)]).toStrictEqual([true, false]);
    expect(covers(cover(first, rows(null), 1001), 1, 1001)).toBe(false);
  });

  it.each<[string, Coverage, Rows, Coverage["since"]]>([
    ["the first look, without a row", fullCoverage, rows(null), -Infinity],
    ["the first look that knows all", fullCoverage, rows(row("a", 400)), -Infinity],
    ["the first look that does not", fullCoverage, rows(row("a", 400), { isWhole: false }), 400],
    ["the same oldest row", { oldest: row("a", 400), since: 7 }, rows(row("a", 500)), 7],
    ["another one of the same time", { oldest: row("a", 400), since: 7 }, rows(row("b", 400)), 7],
    ["a later one", { oldest: row("a", 400), since: 7 }, rows(row("b", 401)), 401],
    ["none any more", { oldest: row("a", 400), since: 7 }, rows(null), 1000],
    ["a row that is missing", { oldest: row("a", 400), since: 7 }, rows(row("b", 401), { isMissing: true }), 1000],
    ["less than was known to be gone", { oldest: row("a", 400), since: 900 }, rows(row("b", 401)), 900],
  ])("after %s", (_what, before, found, since) => {
    expect(cover(before, found, 1000)).toStrictEqual({ oldest: found.oldest, since });
  });

  it("begins with the read that missed a row, also after later reads", () => {
    const missing = cover(fullCoverage, rows(null, { isMissing: true }), 1000);
    expect([covers(missing, 500, 1500), covers(missing, 501, 1500)]).toStrictEqual([true, false]);
    const seen = cover(missing, rows(row("a", 200)), 1100);
    expect(covers(cover(seen, rows(row("b", 300)), 1500), 501, 1500)).toBe(false);
  });

  it("begins with the first row if events do not show earlier ends", () => {
    const unknown = cover(fullCoverage, rows(row("a", 400), { isWhole: false }), 1000);
    expect([covers(unknown, 600, 1000), covers(unknown, 601, 1000)]).toStrictEqual([true, false]);
    // Without any row none went by age or number; and who saw the oldest one knows what went.
    expect(covers(cover(fullCoverage, rows(null, { isWhole: false }), 1000), 1e9, 1000)).toBe(true);
    const known = cover(fullCoverage, rows(row("a", 400)), 1000);
    expect(covers(cover(known, rows(row("a", 400), { isWhole: false }), 1001), 1e9, 1001)).toBe(true);
  });
});

describe("countWorkers", () => {
  it("counts connections by their names, as bytes of the queue's name", () => {
    const name = (queue: string) => Buffer.from(queue).toString("base64");
    const list = [
      `bull:${name("a b")}`,
      `bull:${name("a b")}:w:host-1`,
      `bull:${name("é")}`,
      `bull:${name("é")}:qe`,
      "",
      "bull:",
      "other",
    ];
    const workers = countWorkers(list.map((one, id) => `id=${id} addr=1 name=${one} age=1 flags=N`).join("\n"), "bull");
    expect([workers("a b"), workers("é"), workers("none")]).toStrictEqual([2, 1, 0]);
    expect(countWorkers(new Error("NOPERM"), "bull")("a b")).toBeNull();
    const named = (...names: string[]) =>
      countWorkers(names.map((one) => `id=1 name=${one} age=1`).join("\n"), "bull")("a b");
    expect(named(`bull:${name("a b")}`, `bull:${name("a b")}`, `bull:${name("a b")}:w:`)).toBe(3);
    expect(
      named(`bull:${name("a b")}=x`, `bull:!${name("a b")}`, `bulls:${name("a b")}`, `x:bull:${name("a b")}`),
    ).toBe(0);
    // Padded by none, one or two signs.
    const queues = ["abc", "ab", "a"];
    const padded = countWorkers(queues.map((queue) => `a name=bull:${name(queue)} b`).join("\n"), "bull");
    expect(queues.map((queue) => padded(queue))).toStrictEqual([1, 1, 1]);
  });
});

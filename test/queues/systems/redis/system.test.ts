import { describe, expect, it } from "vitest";
import { inParts, shareOf } from "../../../../src/queues/systems/redis/system.ts";

describe("shareOf", () => {
  it.each([
    [0, 500, 500],
    [1, 500, 500],
    [1, 50_000, 20_000],
    [2, 50_000, 10_000],
    [100, 1000, 200],
    [100, 100, 100],
    [1500, 500, 13],
    [2000, 500, 10],
    [5000, 500, 4],
    [10_000, 500, 2],
  ])("of %i queues, each of %i at most, is %i rows", (queues, most, rows) => expect(shareOf(queues, most)).toBe(rows));
});

describe("inParts", () => {
  it.each([
    [450, 10, [200, 200, 50]],
    [450, 100, [40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 10]],
    [3, 10_000, [1, 1, 1]],
    [0, 10, []],
  ])("reads %i queues of %i rows each, one part after the other", async (count, limit, sizes) => {
    const queues = Array.from({ length: count }, (_, index) => `q${index}`);
    const parts: number[] = [];
    let running = 0;
    const read = async (part: readonly string[]) => {
      running += 1;
      parts.push(part.length);
      await Promise.resolve();
      expect(running).toBe(1);
      running -= 1;
      return part;
    };
    expect(await inParts(queues, limit, read)).toEqual(queues);
    expect(parts).toEqual(sizes);
  });
});

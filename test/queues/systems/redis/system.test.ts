import { describe, expect, it } from "vitest";
import { shareOf } from "../../../../src/queues/systems/redis/system.ts";

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
    [5000, 500, 10],
  ])("of %i queues, each of %i at most, is %i rows", (queues, most, rows) => expect(shareOf(queues, most)).toBe(rows));
});

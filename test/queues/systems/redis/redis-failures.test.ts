import { describe, expect, it } from "vitest";
import { errorReadLimit } from "../../../../src/queues/errors.ts";
import { failureGroupsLimit } from "../../../../src/queues/queue.ts";
import { groupRedisFailures } from "../../../../src/queues/systems/redis/redis.ts";
import { finish } from "../../../support/steps.ts";

describe("groupRedisFailures", () => {
  const failure = { queue: "q", id: "1", error: "boom", worker: null, attempts: 1, at: 1_000_000 };

  it("returns the newest groups of every queue, cleaned", () => {
    const many = Array.from({ length: failureGroupsLimit + 100 }, (_, n) => ({
      ...failure,
      error: `error ${n}`,
      at: 2_000_000 - n,
    }));
    const groups = finish(groupRedisFailures([...many, { ...failure, queue: "quiet", at: 5000 }], "redis"));
    expect(groups).toHaveLength(failureGroupsLimit);
    expect(groups.at(-1)).toMatchObject({ queue: "quiet", error: "boom", count: 1 });
    const secret = finish(groupRedisFailures([{ ...failure, error: " \n\x1b[31mpassword=hunter2secret" }], "redis"));
    expect(secret[0]?.error).not.toContain("hunter2secret");
    expect(secret[0]?.error).not.toContain("\x1b");
  });

  it("has the first and last failure of a group, newest group first", () => {
    const at = Date.parse("2026-01-01T00:00:00Z");
    const many = [3, 1, 6, 2, 5, 4].map((n) => ({ ...failure, id: `j${n}`, at: at + n * 1000, attempts: n }));
    const later = {
      ...failure,
      id: "k",
      queue: "p",
      error: " \t\r\n late",
      worker: "w",
      attempts: null,
      at: at + 60_999,
    };
    expect(finish(groupRedisFailures([...many, later], "redis"))).toStrictEqual([
      {
        queue: "p",
        source: "redis",
        error: "late",
        worker: "w",
        count: 1,
        attempts: null,
        firstAt: "2026-01-01T00:01:00Z",
        lastAt: "2026-01-01T00:01:00Z",
        jobIds: ["k"],
      },
      {
        queue: "q",
        source: "redis",
        error: "boom",
        worker: null,
        count: 6,
        attempts: 6,
        firstAt: "2026-01-01T00:00:01Z",
        lastAt: "2026-01-01T00:00:06Z",
        jobIds: ["j6", "j5", "j4", "j3", "j2"],
      },
    ]);
    expect(finish(groupRedisFailures([], "redis"))).toStrictEqual([]);
    // Of the same second, the newer one first.
    const close = ["a", "b", "c"].map((error, n) => ({ ...failure, error, at: at + n }));
    expect(finish(groupRedisFailures(close, "redis")).map(({ error }) => error)).toStrictEqual(["c", "b", "a"]);
    expect(finish(groupRedisFailures(close.toReversed(), "redis")).map(({ error }) => error)).toStrictEqual([
      "c",
      "b",
      "a",
    ]);
  });

  it("groups failures by queue, worker and text", () => {
    const long = "x".repeat(errorReadLimit);
    const count = (...more: object[]) =>
      finish(
        groupRedisFailures(
          more.map((one) => ({ ...failure, ...one })),
          "redis",
        ),
      ).length;
    expect(count({ error: `${long}a` }, { error: `${long}b` }, { error: `\n ${long}` })).toBe(1);
    expect(count({ error: `${long.slice(1)}a` }, { error: `${long.slice(1)}b` })).toBe(2);
    expect(count({ error: "a b" }, { error: "ab" }, { error: "a b " })).toBe(3);
    expect(count({}, { queue: "p" }, { worker: "w" })).toBe(3);
  });

  it("separates workers, and has the most attempts", () => {
    const groups = finish(
      groupRedisFailures(
        [failure, { ...failure, id: "2", attempts: 4, at: 3_000_000 }, { ...failure, worker: "w", attempts: null }],
        "redis",
      ),
    );
    expect(groups.map(({ worker, count, attempts, jobIds }) => [worker, count, attempts, jobIds])).toStrictEqual([
      [null, 2, 4, ["2", "1"]],
      ["w", 1, null, ["1"]],
    ]);
  });
});

import { describe, expect, it } from "vitest";
import {
  checkReturned,
  countRetries,
  findReturned,
  noRetries,
  readRetries,
} from "../../../../../src/queues/systems/redis/bullmq/retries.ts";
import type { Look } from "../../../../../src/queues/systems/redis/bullmq/snapshot.ts";
import type { RedisConnection } from "../../../../../src/queues/systems/redis/connection.ts";

describe("jobs that a worker returned", () => {
  const event = (jobId: string, name: string, prev = "") => ({ at: 1000, event: name, jobId, prev });
  const find = (...events: ReturnType<typeof event>[]) => {
    const { running, returned } = findReturned(new Set(["old"]), events);
    return { running: [...running], returned: returned.map(({ jobId }) => jobId) };
  };

  it("are those that wait again after they ran, unless the worker was lost", () => {
    expect(find(event("old", "delayed"))).toStrictEqual({ running: [], returned: ["old"] });
    expect(find(event("a", "active"), event("a", "delayed"), event("a", "waiting", "delayed"))).toStrictEqual({
      running: ["old"],
      returned: ["a"],
    });
    expect(find(event("a", "waiting", "active"), event("b", "stalled")).returned).toStrictEqual(["a"]);
    expect(find(event("a", "active"), event("a", "waiting", "active"), event("a", "stalled")).returned).toStrictEqual(
      [],
    );
    expect(find(event("a", "added"), event("a", "delayed")).returned).toStrictEqual([]);
    expect(
      find(event("a", "active"), event("a", "failed", "active"), event("a", "waiting", "failed")).returned,
    ).toStrictEqual([]);
    expect(find(event("a", "active"), event("a", "waiting", "failed")).returned).toStrictEqual(["a"]);
    expect(
      find(event("a", "active"), event("a", "waiting-children", "active"), event("a", "delayed")).returned,
    ).toStrictEqual([]);
  });

  it.each([
    ["failed once, and waits", ["1", "1", null, "500"], 1, 1, true],
    ["failed once, and runs again", ["1", "2", null, "1000"], 1, 1, true],
    ["was put back once, beside its failures", ["1", "2", null, "500"], 1, 1, false],
    ["never failed", ["0", "1", null, "500"], 0, 0, true],
    ["is of BullMQ 4, and lost its worker", [null, null, "1", "500"], 1, 0, true],
    ["is of an older BullMQ 5, which counts no starts", ["1", null, null, "500"], 1, 1, true],
    ["is gone", [null, null, null, null], 0, 1, false],
  ])("a job that %s", (_what, row, hasReason, count, isSure) => {
    const returned = [event("a", "waiting", "active")];
    const { failed, isSure: known } = checkReturned("bull:q:", { running: new Set(), returned }, 5).parse([
      row,
      hasReason,
    ]);
    expect([failed.length, known]).toStrictEqual([count, isSure]);
  });

  it("count as failed, uncertainly, beyond those that are checked", () => {
    const returned = ["a", "b", "b"].map((id) => event(id, "delayed"));
    const question = checkReturned("bull:q:", { running: new Set(), returned }, 1);
    expect(question.commands.map(([name, key]) => [name, key])).toStrictEqual([
      ["hmget", "bull:q:a"],
      ["hexists", "bull:q:a"],
    ]);
    expect(question.parse([["1", "1", null, "500"], 1])).toStrictEqual({ failed: returned, isSure: false });
  });
});

describe("known retries", () => {
  const now = 10_000_000;
  const recent = [
    { at: now - 5000, count: 1 },
    { at: now - 4999, count: 10 },
    { at: now, count: 100 },
    { at: now + 1, count: 1000 },
  ];

  it("are counted in a window that ends now", () => {
    expect(countRetries({ ...noRetries, recent }, 5000, now)).toBe(110);
    expect(countRetries({ ...noRetries, recent }, 5001, now)).toBe(111);
    expect(countRetries(noRetries, 5000, now)).toBe(0);
  });

  const event = (at: number, jobId: string, name: string, prev = "") => ({ at, event: name, jobId, prev });
  const entry = (at: number, jobId: string, name: string, prev = "") => [
    `${at}-0`,
    ["event", name, "jobId", jobId, ...(prev === "" ? [] : ["prev", prev])],
  ];
  /**
   * A connection that has these replies to one question after the other, and remembers the
   * commands.
   */
  const createConnection = (...replies: unknown[][]) => {
    const commands: unknown[] = [];
    const connection: RedisConnection = {
      ask: async (questions) =>
        questions.map((question) => {
          commands.push(...question.commands);
          return question.parse(question.commands.length === 0 ? [] : (replies.shift() ?? []));
        }),
      close: async () => {},
    };
    return { connection, commands };
  };
  const { signal } = new AbortController();
  const limits = { events: 3, jobs: 2 };
  const failedOnce = [["1", "1", null, "500"], 1];
  const subject = {
    key: "bull:q:",
    look: { events: [], oldestEvent: `${now - 3_600_000}-5`, isTrimmed: true } as unknown as Look,
    before: noRetries,
    firstId: null,
    isJoined: true,
  };

  it("of the first read are those of an hour, and the running jobs", async () => {
    const { connection, commands } = createConnection(
      [[entry(now - 900, "a", "delayed", "active"), entry(now - 800, "b", "active")]],
      failedOnce,
    );
    const first = { ...subject, firstId: "77-1", isJoined: false };
    expect(await readRetries(connection, [first], limits, now, signal)).toEqual([
      { running: new Set(["b"]), recent: [{ at: now - 900, count: 1 }], total: 1, since: -Infinity },
    ]);
    expect(commands).toEqual([
      ["xrange", "bull:q:events", now - 3_600_000, "77-1", "COUNT", 3],
      ["hmget", "bull:q:a", "atm", "ats", "attemptsMade", "processedOn"],
      ["hexists", "bull:q:a", "failedReason"],
    ]);
  });

  it("are added to the earlier ones of the last hour", async () => {
    const events = [
      event(now - 1900, "a", "delayed", "active"),
      event(now - 1100, "a", "waiting", "active"),
      event(now - 900, "a", "delayed", "active"),
      event(now - 100, "run", "completed"),
    ].map((one) => ["1-0", one]);
    const { connection, commands } = createConnection(failedOnce);
    const old = [
      { at: now - 3_600_000, count: 5 },
      { at: now - 3_599_999, count: 6 },
    ];
    const before = { running: new Set(["run", "on"]), recent: old, total: 11, since: 5 };
    const look = { ...subject.look, events } as unknown as Look;
    expect(await readRetries(connection, [{ ...subject, look, before }], limits, now, signal)).toEqual([
      {
        running: new Set(["on"]),
        recent: [old[1], { at: now - 1100, count: 2 }, { at: now - 900, count: 1 }],
        total: 14,
        since: 5,
      },
    ]);
    expect(commands).toHaveLength(2);
  });

  it.each<[string, object, unknown[][], boolean]>([
    ["events that reach back an hour", { isJoined: false }, [[]], true],
    ["events that follow those of before", { look: { ...subject.look, oldestEvent: null } }, [[]], true],
    [
      "a stream that was never cut",
      { isJoined: false, look: { ...subject.look, oldestEvent: null, isTrimmed: false } },
      [[]],
      true,
    ],
    ["a stream without an entry", { isJoined: false, look: { ...subject.look, oldestEvent: null } }, [[]], false],
    [
      "a stream that was cut later",
      { isJoined: false, look: { ...subject.look, oldestEvent: `${now - 3_599_999}-0` } },
      [[]],
      false,
    ],
    ["as many events as are read", {}, [[1, 2, 3].map((n) => entry(n, "x", "added"))], false],
    ["fewer events than are read", {}, [[1, 2].map((n) => entry(n, "x", "added"))], true],
  ])("are known since the first read by %s, or only from now on", async (_what, more, replies, isWhole) => {
    const { connection } = createConnection(replies);
    const first = { ...subject, firstId: "77-1", before: { ...noRetries, running: new Set(["old"]) }, ...more };
    const [known] = await readRetries(connection, [first], limits, now, signal);
    expect(known).toMatchObject({ since: isWhole ? -Infinity : now, running: new Set(isWhole ? ["old"] : []) });
  });

  it("are counted though uncertain, and known only from then on", async () => {
    const look = { ...subject.look, events: [["1-0", event(now - 900, "a", "delayed", "active")]] } as unknown as Look;
    const { connection } = createConnection([["1", "2", null, "500"], 1]);
    const [known] = await readRetries(connection, [{ ...subject, look }], limits, now, signal);
    expect(known).toMatchObject({ total: 1, since: now });
  });
});

describe("a job that returned", () => {
  const event = (name: string, prev = "active", at = 1000) => ({ at, event: name, jobId: "a", prev });
  const check = (row: unknown[], hasReason: number, items = [event("waiting")], running: string[] = []) => {
    const { failed, isSure } = checkReturned("bull:q:", { running: new Set(running), returned: items }, 5).parse([
      row,
      hasReason,
    ]);
    return [failed.length, isSure];
  };
  it.each<[string, unknown[], number, ReturnType<typeof event>[], string[], number, boolean]>([
    [
      "of BullMQ 4 was delayed, or said that it failed",
      [null, null, "3", null],
      1,
      [event("delayed"), event("waiting", "failed"), event("waiting")],
      [],
      2,
      true,
    ],
    ["runs again by its events", ["1", "2", null, null], 1, [event("waiting")], ["a"], 1, true],
    [
      "runs again since just then",
      ["1", "2", null, "1000"],
      1,
      [event("waiting", "active", 5), event("waiting")],
      [],
      2,
      true,
    ],
    [
      "ran until just before",
      ["1", "2", null, "999"],
      1,
      [event("waiting", "active", 5), event("waiting")],
      [],
      2,
      false,
    ],
    ["started twice more than it ended", ["1", "3", null, "1000"], 1, [event("waiting")], [], 1, false],
    ["has no reason, and counts attempts as BullMQ 4", [null, null, "1", null], 0, [event("delayed")], [], 0, true],
    ["has no attempts at all", [null, "1", null, "1000"], 1, [event("waiting")], [], 1, false],
  ])("that %s", (_what, row, hasReason, items, running, count, isSure) => {
    expect(check(row, hasReason, items, running)).toEqual([count, isSure]);
  });
});

import type { Row } from "../../../src/lib/postgres/pool.ts";
import type { QueueHistory } from "../../../src/queues/history.ts";
import { describe, expect, it } from "vitest";
import { readHistories } from "../../../src/queues/postgres/history.ts";

const range = { from: 1_800_000_000, step: 60, steps: 2 };
const nothing = { due: "0", taken: "0", processed: "0", failures: "0", undated: "0", retried: "0" };
const unknown = { wait_p50: null, wait_p95: null, run_p95: null, oldest_due: null };
const whole = { jobs: "3", oldest: null };
const step = (queue: string | null, number: number, more: Row = {}): Row => ({
  ...whole,
  question: "0",
  queue,
  step: String(number),
  ...nothing,
  ...unknown,
  ...more,
});

interface Given {
  readonly rows?: readonly Row[];
  readonly cost?: number;
  readonly overrated?: number;
  readonly keeps?: boolean;
  readonly queues?: readonly string[] | null;
  readonly over?: typeof range;
}

/** The past of queues from these rows, and what the kind was asked for. */
async function read({ rows = [], cost = 1, overrated, keeps = true, queues = null, over = range }: Given) {
  const asked: unknown[] = [];
  let [ran, turns] = [0, 0];
  const [histories = new Map<string, QueueHistory>()] = await readHistories(
    async (statement) => {
      if (!statement.startsWith("explain")) {
        ran += 1;
        return rows;
      }
      const plan = { "Node Type": "Result", "Total Cost": cost, "Plan Rows": 1 };
      return [{ "QUERY PLAN": JSON.stringify([{ Plan: plan }]) }];
    },
    (isAsked, from) => {
      asked.push(isAsked("x.queue"), from);
      return {
        jobs: "select jobs",
        failures: "select failures",
        oldest: "oldest",
        keeps,
        ...(overrated !== undefined && { costCorrection: overrated }),
      };
    },
    [{ queues, range: over, hosts: null }],
    {
      turn: async () => {
        turns += 1;
      },
    },
  );
  return { histories, asked, ran, turns };
}

const pointOf = (time: string, more: object = {}) => ({
  time,
  depth: 0,
  processedPerSec: 0,
  failures: 0,
  oldestAgeSeconds: null,
  waitP50Seconds: null,
  waitP95Seconds: null,
  runP95Seconds: null,
  ...more,
});
const [first, second] = ["2027-01-15T08:01:00Z", "2027-01-15T08:02:00Z"];

describe("readHistory", () => {
  it("has the events of each step and queue", async () => {
    const happened = {
      due: "5",
      taken: "2",
      processed: "6",
      failures: "4",
      wait_p50: "1.5",
      wait_p95: "2.5",
      run_p95: "3.5",
    };
    const rows = [
      step("b", 0, { due: "9", taken: "2" }),
      step("b", 1, happened),
      step("b", 3, { oldest_due: String(range.from + 20) }),
      step("a", 2, { processed: "60" }),
    ];
    const { histories, asked, ran, turns } = await read({ rows });
    expect(histories).toEqual(
      new Map([
        [
          "b",
          {
            points: [
              pointOf(first, {
                depth: 10,
                processedPerSec: 0.1,
                failures: 4,
                oldestAgeSeconds: 40,
                waitP50Seconds: 1.5,
                waitP95Seconds: 2.5,
                runP95Seconds: 3.5,
              }),
              pointOf(second, { depth: 10, oldestAgeSeconds: 100 }),
            ],
            exact: true,
            sampled: false,
            since: null,
          },
        ],
        [
          "a",
          {
            points: [pointOf(first), pointOf(second, { processedPerSec: 1 })],
            exact: true,
            sampled: false,
            since: null,
          },
        ],
      ]),
    );
    expect([asked, ran, turns]).toEqual([["x.queue is not null", "to_timestamp(1800000000)"], 1, 2]);
  });

  it("has the requested queues in their order, and no other", async () => {
    const { histories, asked } = await read({ queues: ["b", "a"], rows: [{ ...step(null, 0), step: null }] });
    expect([...histories.keys()]).toEqual(["b", "a"]);
    expect(histories.get("a")).toEqual({
      points: [pointOf(first), pointOf(second)],
      exact: true,
      sampled: false,
      since: null,
    });
    expect(asked[0]).toBe("x.queue in ('b', 'a')");
    expect((await read({ rows: [{ ...step(null, 0), step: null }, { step: "1" }] })).histories).toEqual(new Map());
  });

  it("reads nothing if no queue is requested", async () => {
    expect(await read({ queues: [] })).toEqual({ histories: new Map(), asked: [], ran: 0, turns: 0 });
  });

  it("has no depth with an undated job, and is inexact after retries", async () => {
    const { histories } = await read({
      rows: [step("a", 0, { undated: "1" }), step("b", 0, { retried: "1" }), step("b", 1)],
    });
    expect(histories.get("a")).toMatchObject({ exact: true, points: [{ depth: null }, { depth: null }] });
    expect(histories.get("b")).toMatchObject({ exact: false, points: [{ depth: 0 }, { depth: 0 }] });
  });

  it.each<[string, string | null, boolean, string | null, (number | null)[]]>([
    ["before the range", String(range.from - 1), false, null, [0, 0]],
    ["at its begin", String(range.from), false, null, [0, 0]],
    ["within it", String(range.from + 1.5), true, "2027-01-15T08:00:01Z", [null, 0]],
    ["before all times", "-Infinity", true, null, [0, 0]],
    ["nowhere, of a system that keeps its rows", null, true, null, [0, 0]],
    ["nowhere, of one that deletes them", null, false, second, [null, null]],
  ])("is known since the oldest success %s", async (_what, oldest, keeps, since, failures) => {
    const { histories } = await read({ rows: [step("a", 1, { oldest })], keeps });
    expect(histories.get("a")?.since).toBe(since);
    expect(histories.get("a")?.points.map((point) => point.failures)).toEqual(failures);
  });

  const tooMuch =
    "This would read too much of a huge table: choose a shorter range, or add the indexes that `wallet-core-ops indexes` prints";
  const tooMany = "The range holds more than 1000000 jobs: choose a shorter one, or fewer queues";
  it.each<[string, Given, object]>([
    ["would cost too much", { cost: 400_001 }, { code: "query_refused", message: tooMuch }],
    [
      "would cost too much, overrated or not",
      { cost: 800_001, overrated: 2 },
      { code: "query_refused", message: tooMuch },
    ],
    ["holds too many jobs", { rows: [step("a", 1, { jobs: "1000001" })] }, { code: "query_refused", message: tooMany }],
    [
      "has too many points",
      { rows: [step("a", 1), step("b", 1)], over: { ...range, steps: 25_001 } },
      { code: "answer_too_large" },
    ],
    [
      "has too many points of queues that are asked for",
      { queues: ["a", "b"], over: { ...range, steps: 25_001 } },
      { code: "answer_too_large" },
    ],
    ["has too many rows", { rows: Array.from({ length: 50_001 }, () => step("a", 1)) }, { code: "answer_too_large" }],
  ])("refuses what %s", async (_what, given, refusal) => {
    await expect(read(given)).rejects.toMatchObject(refusal);
  });

  it("is empty if nothing was found", async () => {
    expect((await read({})).histories).toEqual(new Map());
    expect([...(await read({ queues: ["a"] })).histories.keys()]).toEqual(["a"]);
  });

  it("ignores rows without a queue", async () => {
    const over = { ...range, steps: 50_000 };
    expect((await read({ rows: [step(null, 0)], queues: ["a"], over })).histories.size).toBe(1);
    expect((await read({ rows: [step(null, 0), step("a", 1)], over })).histories.size).toBe(1);
  });

  it("reads up to its limit", async () => {
    const rows = [step("a", 1, { jobs: "1000000" })];
    expect((await read({ rows, cost: 400_000 })).histories.size).toBe(1);
    expect((await read({ rows, cost: 800_000, overrated: 2 })).histories.size).toBe(1);
    expect((await read({ rows: [step("a", 1), step("b", 1)], over: { ...range, steps: 25_000 } })).histories.size).toBe(
      2,
    );
  });
});

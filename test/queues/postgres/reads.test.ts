import type { Row } from "../../../src/lib/postgres/pool.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createPlannedReads, type PlannedStatements } from "../../../src/queues/postgres/reads.ts";
import type { HeavyOptions, TableParts } from "../../../src/queues/postgres/statements.ts";
import { createMemoryDatabase } from "../../support/memory-database.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance", "Date"], now: Date.parse("2026-01-01T00:00:00Z") }));
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();
const heavy: HeavyOptions = { cost: 100 };
const row = (queue: string | null, measure: string, n: number | null): Row => ({
  queue,
  measure,
  n: n === null ? null : String(n),
});
const tableOf = (statement: string) => /from (\w+)/.exec(statement)?.[1] ?? "";

interface Given {
  /** What a statement costs by the table that it reads first. */
  readonly costs?: Readonly<Record<string, number>>;
  readonly rows?: (statement: string) => readonly Row[];
  readonly isRange?: boolean;
}

/** Reads of a database whose planner says these costs, and what was run. */
function createReads({ costs = {}, rows = () => [], isRange = true }: Given, options = heavy) {
  const ran: string[] = [];
  const explained: string[] = [];
  const database = createMemoryDatabase((statement) => {
    if (statement.startsWith("explain")) {
      explained.push(statement);
      const type = statement.includes("ctid") && isRange ? "Tid Range Scan" : "Seq Scan";
      const cost = /from \(?(?:select .* from )?(\w+)/.exec(statement)?.[1] ?? "";
      const plan = { "Node Type": type, "Total Cost": costs[cost] ?? 1000, "Plan Rows": 1, "Relation Name": "jobs" };
      return [{ "QUERY PLAN": JSON.stringify([{ Plan: plan }]) }];
    }
    if (statement.includes("pg_relation_size")) return [{ pages: "16" }];
    ran.push(statement);
    return rows(statement);
  });
  return { reads: createPlannedReads(database, options), ran, explained };
}

const reading = (measure: "depth" | "active", table: string, more: object = {}) => ({
  measures: [measure],
  sql: `select queue, n as ${measure} from ${table}`,
  ...more,
});
const parts: TableParts = {
  table: { schema: null, table: "jobs" },
  reading: (measures, condition) => ({ measures, sql: `select parted from parts where ${condition}` }),
  failures: (condition) => `select failed from parts where ${condition}`,
};

describe("numbers of a queue", () => {
  it("are read as one statement if the plans are light", async () => {
    const rows = () => [row("a", "depth", 3), row("a", "active", 1)];
    const { reads, ran } = createReads({ costs: { one: 40, two: 60 }, rows });
    const statements = { readings: [reading("depth", "one"), reading("active", "two")], failures: null };
    expect(await reads.measures(statements, signal)).toEqual({
      zeroRow: { depth: 0, active: 0 },
      measured: new Map([["a", { depth: 3, active: 1 }]]),
      observedAt: "2026-01-01T00:00:00Z",
      exact: true,
    });
    expect(ran).toHaveLength(1);
    expect(ran[0]).toMatch(/from one.*union all.*from two/s);
    reads.close();
  });

  it("are read by the cheaper plan", async () => {
    const { reads, ran } = createReads({ costs: { loose: 90, plain: 50 } });
    const own = reading("depth", "loose", { fallbackSql: "select queue, n as depth from plain" });
    await reads.measures({ readings: [own], failures: null }, signal);
    expect(ran.map((statement) => /from (loose|plain)/.exec(statement)?.[1])).toEqual(["plain"]);
    // The one costs a fourth of what the planner thinks, the other what it thinks.
    const cheaper = createReads({ costs: { loose: 90, plain: 50 } });
    await cheaper.reads.measures({ readings: [{ ...own, costCorrection: 4 }], failures: null }, signal);
    expect(cheaper.ran.map((statement) => /from (loose|plain)/.exec(statement)?.[1])).toEqual(["loose"]);
    const same = createReads({ costs: { loose: 400, plain: 396 } });
    await same.reads.measures({ readings: [{ ...own, costCorrection: 4 }], failures: null }, signal);
    expect(same.ran.map((statement) => /from (loose|plain)/.exec(statement)?.[1])).toEqual(["loose"]);
  });

  it("are read in one scan, once a minute, if heavy and undivided", async () => {
    const { reads, ran } = createReads({ rows: () => [row("a", "depth", 3)] });
    const statements = {
      readings: [reading("depth", "big", { fallbackSql: "select queue, n as depth from scan" })],
      failures: null,
    };
    expect(await reads.measures(statements, signal)).toMatchObject({
      exact: true,
      measured: new Map([["a", { depth: 3 }]]),
    });
    await reads.measures(statements, signal);
    expect(ran.map((statement) => /from (big|scan)/.exec(statement)?.[1])).toEqual(["scan"]);
    reads.close();
  });

  it("are read in parts if heavy, and at once if light", async () => {
    const rows = (statement: string) => {
      if (statement.includes("from light")) return [row("a", "active", 7), row("b", "active", 8)];
      return statement.includes("'(8,0)'::tid and") || !statement.includes("<")
        ? [row("a", "depth", 2), row("c", "depth", 1)]
        : [row("a", "depth", 3)];
    };
    const { reads, ran } = createReads({ costs: { light: 10 }, rows }, { ...heavy, firstPages: 8 });
    const statements = { readings: [reading("depth", "big"), reading("active", "light")], failures: null, parts };
    const asked = reads.measures(statements, signal);
    expect(await asked).toEqual({
      zeroRow: { depth: 0, active: 0 },
      measured: new Map([
        ["a", { depth: 5, active: 7 }],
        ["c", { depth: 1, active: 0 }],
        ["b", { depth: 0, active: 8 }],
      ]),
      observedAt: "2026-01-01T00:00:00Z",
      exact: false,
    });
    expect(
      ran.filter((statement) => statement.includes("parted")).map((statement) => statement.match(/\(\d+,0\)/g)),
    ).toEqual([["(0,0)", "(8,0)"], ["(8,0)"]]);
    // Those that were read before are as old as then.
    vi.advanceTimersByTime(10_000);
    expect((await reads.measures(statements, signal)).observedAt).toBe("2026-01-01T00:00:00Z");
    reads.close();
  });

  it("are read as a whole if the table has no parts", async () => {
    const { reads, ran } = createReads({ isRange: false, rows: () => [row("a", "depth", 3)] });
    const statements = { readings: [reading("depth", "big")], failures: null, parts };
    expect(await reads.measures(statements, signal)).toMatchObject({
      exact: true,
      measured: new Map([["a", { depth: 3 }]]),
    });
    expect(ran).toHaveLength(1);
    expect(ran[0]).toContain("select parted from parts where true");
    reads.close();
  });

  describe("beside another read", () => {
    const rest = { reading: reading("depth", "beside"), failures: "select failed from beside" };
    const statements = {
      readings: [reading("depth", "big", { fallbackSql: "select queue, n as depth from scan" })],
      failures: null,
    };

    it("are added to it, and unknown if it is", async () => {
      const beside = [row("a", "depth", 10), row("b", "depth", null), row("c", "depth", 0)];
      const parted = [row("a", "depth", 3), row("b", "depth", 4)];
      const { reads } = createReads({ rows: (statement) => (statement.includes("from beside") ? beside : parted) });
      const read = await reads.measures({ ...statements, parts: { ...parts, rest } }, signal);
      expect(Object.fromEntries(read.measured)).toEqual({ a: { depth: 13 }, b: { depth: null }, c: { depth: 0 } });
      expect(read).toMatchObject({ exact: false, zeroRow: { depth: 0 } });
      reads.close();
    });

    it("are read by their own statement if there are no parts", async () => {
      const { reads, ran } = createReads({ isRange: false });
      await reads.measures({ ...statements, parts: { ...parts, rest } }, signal);
      expect(ran.map((statement) => /from (big|scan|beside|parts)/.exec(statement)?.[1])).toEqual(["beside", "scan"]);
      reads.close();
    });
  });

  it("are heavy for a minute after a timeout, planned anew after a failure", async () => {
    let code = "57014";
    const failing = {
      costs: { one: 10 },
      rows: () => {
        throw Object.assign(new Error("x"), { code });
      },
    };
    const statements = { readings: [reading("depth", "one")], failures: null };
    const late = createReads(failing);
    await expect(late.reads.measures(statements, signal)).rejects.toMatchObject({ code });
    await expect(late.reads.measures(statements, signal)).rejects.toMatchObject({ code });
    expect(late.explained).toHaveLength(1);
    vi.advanceTimersByTime(60_000);
    await expect(late.reads.measures(statements, signal)).rejects.toMatchObject({ code });
    expect(late.explained).toHaveLength(2);
    code = "55P03";
    const locked = createReads(failing);
    for (const times of [1, 2]) {
      await expect(locked.reads.measures(statements, signal)).rejects.toMatchObject({ code });
      expect(locked.explained).toHaveLength(times);
    }
  });
});

describe("rows", () => {
  const statements: PlannedStatements = {
    readings: [],
    failures: "select failures from f",
    workers: "select workers from w",
    usualRuns: "select runs from u",
  };

  it("are empty if there is no statement for them", async () => {
    const { reads, ran } = createReads({});
    const silent = { readings: [], failures: null };
    expect([
      await reads.failures(silent, signal),
      await reads.workers(silent, signal),
      await reads.usualRuns(silent, signal),
    ]).toEqual([[], [], []]);
    expect(ran).toEqual([]);
  });

  it.each(["failures", "workers", "usualRuns"] as const)("are read at once if light: %s", async (what) => {
    const { reads, ran } = createReads({
      costs: { f: 100, w: 100, u: 100 },
      rows: (statement) => [{ from: tableOf(statement) }],
    });
    const table = { failures: "f", workers: "w", usualRuns: "u" }[what];
    expect(await reads[what](statements, signal)).toEqual([{ from: table }]);
    await reads[what](statements, signal);
    expect(ran).toHaveLength(2);
  });

  it("are read once a minute if heavy; usual run times are not", async () => {
    const { reads, ran } = createReads({
      costs: { f: 101, w: 101, u: 101 },
      rows: (statement) => [{ from: tableOf(statement) }],
    });
    for (const _ of [1, 2]) {
      expect(await reads.failures(statements, signal)).toEqual([{ from: "f" }]);
      expect(await reads.workers(statements, signal)).toEqual([{ from: "w" }]);
      expect(await reads.usualRuns(statements, signal)).toEqual([]);
    }
    expect(ran).toEqual(["select failures from f", "select workers from w"]);
    reads.close();
  });

  it("of failures are those of all parts and of the read beside them", async () => {
    const failure = (n: number, id: string, at: number) => ({
      queue: "q",
      error: "boom",
      worker: null,
      n: String(n),
      attempts: null,
      first_at: String(at),
      last_at: String(at),
      job_ids: JSON.stringify([id]),
      job_times: JSON.stringify([at]),
    });
    const rows = (statement: string) => [
      statement.includes("beside") ? failure(1, "x", 3) : failure(2, "y", statement.includes("<") ? 1 : 2),
    ];
    const rest = { reading: reading("depth", "beside"), failures: "select failed from beside" };
    const { reads, ran } = createReads({ costs: { f: 101 }, rows }, { ...heavy, firstPages: 8 });
    const found = await reads.failures({ ...statements, parts: { ...parts, rest } }, signal);
    expect(found).toMatchObject([{ queue: "q", n: "5", first_at: "1", last_at: "3", job_ids: '["x","y","y"]' }]);
    expect(ran).toHaveLength(3);
    reads.close();
    const whole = createReads({ costs: { f: 101 }, isRange: false, rows });
    await whole.reads.failures({ ...statements, parts }, signal);
    expect(whole.ran).toEqual(["select failures from f"]);
    whole.reads.close();
  });
});

import type { Row } from "../../../src/lib/postgres/pool.ts";
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readInChunks } from "../../../src/queues/postgres/page-ranges.ts";
import { setTimeout as sleep } from "../../support/timers-promises.ts";

const { setTimeout: realSleep } = timers;
/** Also where the module that sleeps was loaded by another file before. */
function replaceSleep(by: typeof realSleep): void {
  timers.setTimeout = by;
  syncBuiltinESMExports();
}
beforeEach(() => {
  vi.useFakeTimers();
  replaceSleep(sleep);
});
afterEach(() => {
  vi.useRealTimers();
  replaceSleep(realSleep);
});

const signal = new AbortController().signal;
const table = { schema: "public", table: "jobs" };
const scan = (type: string, cost = 500) => ({
  "Node Type": type,
  "Total Cost": cost,
  "Plan Rows": 1,
  "Relation Name": "jobs",
});
const toPlan = (...scans: object[]) => [
  {
    "QUERY PLAN": JSON.stringify([{ Plan: { "Node Type": "Append", "Total Cost": 1, "Plan Rows": 1, Plans: scans } }]),
  },
];
const ranges = toPlan(scan("Tid Range Scan", 1));
const pgError = (code: string) => Object.assign(new Error("x"), { code });

interface Given {
  readonly plan?: readonly Row[] | Error;
  readonly pages?: string;
  /** How long each part takes, milliseconds, or how it fails. */
  readonly parts?: readonly (number | Error)[];
}

/** Reads a table part by part, and says which parts were read, when, and what came of it. */
async function run({ plan = ranges, pages = "20", parts = [] }: Given, firstPages?: number, ends = signal) {
  const read: [pages: string, at: number][] = [];
  const added: (readonly Row[])[] = [];
  const left = [...parts];
  const begin = performance.now();
  const outcome = readInChunks(
    async (statement) => {
      if (statement.startsWith("explain")) {
        if (plan instanceof Error) throw plan;
        return plan;
      }
      if (statement.includes("pg_relation_size")) return [{ pages }];
      read.push([statement, performance.now() - begin]);
      const part = left.shift() ?? 0;
      if (part instanceof Error) throw part;
      await sleep(part);
      return [{ n: String(added.length) }];
    },
    {
      table,
      statement: (condition) =>
        condition
          .replaceAll(/job\.ctid|'|::tid|,0|[()]/g, "")
          .replaceAll(/\s+/g, " ")
          .trim(),
    },
    { signal: ends, add: (rows) => void added.push(rows), ...(firstPages !== undefined && { firstPages }) },
  ).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(60_000);
  return { outcome: await outcome, read, added: added.length };
}

describe("readInChunks", () => {
  it("reads range after range, and rests half as long as each took", async () => {
    expect(await run({ parts: [250, 250, 250] }, 8)).toEqual({
      outcome: true,
      read: [
        [">= 0 and < 8", 0],
        [">= 8 and < 16", 375],
        [">= 16", 750],
      ],
      added: 3,
    });
  });

  it("reads more at once after fast parts, and less after slow ones", async () => {
    const { read } = await run({ pages: "400", parts: [125, 1000] }, 64);
    expect(read.map(([pages]) => pages)).toEqual([
      ">= 0 and < 64",
      ">= 64 and < 192",
      ">= 192 and < 224",
      ">= 224 and < 352",
      ">= 352",
    ]);
  });

  it("begins with 32 MB, and reads a small table at once", async () => {
    expect((await run({ pages: "4097" })).read[0]).toEqual([">= 0 and < 4096", 0]);
    expect((await run({ pages: "4096" })).read).toEqual([[">= 0", 0]]);
    expect((await run({ pages: "0" })).read).toEqual([[">= 0", 0]]);
  });

  it("reads a part that timed out in smaller ones", async () => {
    const late = pgError("57014");
    const { outcome, read, added } = await run({ pages: "50", parts: [late, late, 250] }, 128);
    expect(read.map(([pages]) => pages)).toEqual([
      ">= 0",
      ">= 0 and < 32",
      ">= 0 and < 8",
      ">= 8 and < 16",
      ">= 16 and < 48",
      ">= 48",
    ]);
    expect([outcome, added]).toEqual([true, 4]);
    expect(await run({ parts: [late] }, 8)).toMatchObject({ outcome: late, added: 0 });
  });

  it("fails when another part fails", async () => {
    const locked = pgError("55P03");
    expect(await run({ parts: [0, locked] }, 8)).toMatchObject({ outcome: locked, added: 1 });
  });

  it("reads no other part after the caller left", async () => {
    const leaver = new AbortController();
    setTimeout(() => leaver.abort(), 300);
    const { outcome, read } = await run({ parts: [250, 250] }, 8, leaver.signal);
    expect(read).toHaveLength(1);
    expect(outcome).toMatchObject({ name: "AbortError" });
    expect((await run({}, 8, AbortSignal.abort())).read).toEqual([]);
  });

  it.each<[string, Given["plan"]]>([
    ["a view, whose scan is of a whole table", toPlan(scan("Seq Scan"))],
    ["partitions of which one is scanned as a whole", toPlan(scan("Tid Range Scan"), scan("Seq Scan"))],
    ["no scan at all", toPlan()],
    ["no such thing as a page", pgError("42703")],
  ])("reads nothing of %s", async (_what, plan) => {
    expect(await run({ plan: plan ?? [] })).toEqual({ outcome: false, read: [], added: 0 });
  });

  it("fails if the planner cannot be asked", async () => {
    const away = pgError("57P01");
    expect(await run({ plan: away })).toMatchObject({ outcome: away, read: [] });
    const other = pgError("P4200");
    expect(await run({ plan: other })).toMatchObject({ outcome: other });
  });
});

import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { knownQueuesLimit } from "../../../src/upstreams/queues/known-queues.ts";
import type { Row } from "../../../src/upstreams/queues/sql/pool.ts";
import { createSqlSource } from "../../../src/upstreams/queues/sql/source.ts";
import { createMemoryDatabase } from "../../support/memory-database.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

it("lists what it has just read, however much it has ever seen, and keeps no samples of what it has forgotten", async () => {
  const plan = JSON.stringify([{ Plan: { "Node Type": "Result", "Total Cost": 1, "Plan Rows": 1 } }]);
  let rows: Row[] = [];
  const source = createSqlSource({
    name: "s",
    kind: "pgmq",
    env: null,
    database: createMemoryDatabase((statement) => (statement.startsWith("explain") ? [{ "QUERY PLAN": plan }] : rows)),
    tables: [{ schema: null, table: "t" }],
    columns: [],
    names: [],
    statements: { readings: [{ measures: ["processed_total"], sql: "select" }], failures: null },
  });
  const read = async (seconds: number, totals: Record<string, number>) => {
    vi.advanceTimersByTime(seconds * 1000);
    rows = Object.entries(totals).map(([queue, total]) => ({ queue, measure: "processed_total", n: String(total) }));
    const queues = await source.metrics(AbortSignal.timeout(5000));
    return new Map(queues.map(({ name, processedPerSec }) => [name, processedPerSec]));
  };
  await read(0, { mail: 0 });
  expect((await read(60, { mail: 60 })).get("mail")).toBe(1);
  const others = Object.fromEntries(Array.from({ length: knownQueuesLimit }, (_, n) => [`queue ${n}`, 1]));
  expect([...(await read(10, others)).keys()]).toStrictEqual(Object.keys(others).toSorted());
  const again = await read(10, { mail: 80 });
  expect([again.size, again.get("mail")]).toStrictEqual([knownQueuesLimit, null]);
  await source.close?.();
});

import type { Row } from "../../../src/lib/postgres/pool.ts";
import { describe, expect, it } from "vitest";
import type { JobReader, JobsQuery } from "../../../src/queues/job.ts";
import { selectAttempts, toStates } from "../../../src/queues/postgres/job-query.ts";
import { createJobReader } from "../../../src/queues/postgres/jobs.ts";
import { bigintId } from "../../../src/queues/jobs/control.ts";

const signal = AbortSignal.timeout(10_000);
const query = {
  table: { schema: "public", table: "job" },
  from: "job",
  id: "job.id",
  idFormat: bigintId,
  queue: "job.name",
  systemState: "job.state::text",
  states: toStates("job.state", { available: ["new"], failed: ["dead", "gone"] }),
  columns: {},
  order: { failed: "job.ended" },
  attempts: selectAttempts({ error: "job.error" }, "where job.error is not null"),
};

/**
 * A database whose planner says these costs, one for each statement; `asked` are the statements
 * that ran.
 */
function createReader(costs: readonly number[], rows: readonly Row[] | Error = []) {
  const asked: string[] = [];
  const planned: string[][] = [];
  const jobs: JobReader = createJobReader({
    source: "s",
    query,
    cost: 100,
    database: {
      readAll: async (statements) => {
        planned.push([...statements]);
        return statements.map((_, index) => [
          {
            "QUERY PLAN": JSON.stringify([
              { Plan: { "Node Type": "Seq Scan", "Total Cost": costs[index] ?? 0, "Plan Rows": 1 } },
            ]),
          },
        ]);
      },
      read: async (statement) => {
        asked.push(statement);
        if (rows instanceof Error) throw rows;
        return rows;
      },
    },
  });
  return { jobs, asked, planned };
}
const page = (more: Partial<JobsQuery> = {}): JobsQuery => ({
  queue: null,
  state: null,
  after: null,
  before: null,
  inverted: false,
  limit: 3,
  ...more,
});

describe("the reader of jobs", () => {
  it("runs the cheaper way to a page, and none that costs too much", async () => {
    const [first, second, none] = [createReader([10, 90]), createReader([90, 10]), createReader([101, 200])];
    for (const { jobs } of [first, second]) await jobs.page(page({ state: "failed" }), signal);
    expect([first.asked, second.asked].map(([statement]) => statement?.includes("materialized"))).toEqual([
      false,
      true,
    ]);
    await expect(none.jobs.page(page({ state: "failed", queue: "a" }), signal)).rejects.toMatchObject({
      code: "query_refused",
      message:
        "This would read too much of the huge table public.job: an index on public.job (name, state, ended, id) would serve it",
    });
    await expect(none.jobs.page(page(), signal)).rejects.toMatchObject({
      message:
        "This would read too much of the huge table public.job: name a queue and a state; an index on public.job (id) would serve it",
    });
    await expect(none.jobs.find([{ jobId: "1", queue: null }], signal)).rejects.toMatchObject({
      code: "query_refused",
    });
    expect(none.asked).toEqual([]);
  });

  it("asks nothing for ids that no row can have", async () => {
    const { jobs, asked, planned } = createReader([1]);
    const ids = ["", "x", "-1", "1.0", "9223372036854775808", "' or 1=1", "12345678901234567890"];
    const found = await jobs.find(
      ids.map((jobId) => ({ jobId, queue: null })),
      signal,
    );
    expect(found).toMatchObject(
      ids.map(() => ({ code: "invalid_request", message: "id must be a whole number in this source" })),
    );
    expect([asked, planned]).toEqual([[], []]);
  });

  it("asks nothing for a state that the system does not have", async () => {
    const { jobs, planned } = createReader([1]);
    expect(await jobs.page(page({ state: "blocked" }), signal)).toEqual([]);
    expect(planned).toEqual([]);
  });

  it("refuses a place by another order, and an id of several queues", async () => {
    const { jobs } = createReader(
      [1, 2],
      [
        { id: "1", queue: "a" },
        { id: "1", queue: "b" },
      ],
    );
    const message = "The cursor is not of this list";
    for (const asked of [
      page({ state: "failed", after: { time: "", id: "1" } }),
      page({ after: { time: "2026-01-13", id: "1" } }),
      page({ before: { time: "", id: "x" } }),
    ])
      await expect(jobs.page(asked, signal)).rejects.toMatchObject({ code: "invalid_request", message });
    expect(
      await jobs.find(
        [null, "b"].map((queue) => ({ jobId: "01", queue })),
        signal,
      ),
    ).toMatchObject([
      { code: "invalid_request", message: "Several queues have a job of this id: name one" },
      { queue: "b" },
    ]);
  });

  it("quotes what callers send", async () => {
    const { jobs, asked } = createReader([1, 2]);
    await jobs.page(page({ queue: "a'b\\", state: "failed", after: { time: "'", id: "7" }, inverted: true }), signal);
    expect(asked[0]).toContain(String.raw`(job.name = E'a''b\\')`);
    expect(asked[0]).toContain("((job.ended, job.id) < ('''', '7'))");
    expect(asked[0]).toContain("order by job.ended, job.id limit 3");
  });

  it("names the table in the error of a failed read", async () => {
    const { jobs } = createReader(
      [1, 2],
      Object.assign(new Error("permission denied for table job"), { code: "42501" }),
    );
    await expect(jobs.page(page(), signal)).rejects.toMatchObject({
      code: "schema_mismatch",
      message: "The database role may not read table public.job",
      upstream: "queues:s",
    });
  });
});

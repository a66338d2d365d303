import type { Row } from "../../../src/lib/postgres/pool.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addMeasured, createFailureSums } from "../../../src/queues/postgres/page-ranges.ts";
import type { Measured } from "../../../src/queues/postgres/statements.ts";
import { failureGroupsLimit } from "../../../src/queues/queue.ts";

interface Failure {
  readonly id: number;
  readonly queue: string;
  readonly error: string;
  readonly worker: string | null;
  readonly at: number;
  readonly attempts: number | null;
}

/** What `groupFailures` does on the server. */
function group(failures: readonly Failure[]): Row[] {
  const groups = Map.groupBy(failures, ({ queue, error, worker }) => JSON.stringify([queue, error, worker]));
  return [...groups.values()].map((own) => {
    const newest = own.toSorted((a, b) => b.at - a.at || b.id - a.id);
    const [first] = own as [Failure];
    const attempts = own.map((failure) => failure.attempts).filter((value) => value !== null);
    return {
      queue: first.queue,
      error: first.error,
      worker: first.worker,
      n: String(own.length),
      attempts: attempts.length === 0 ? null : String(Math.max(...attempts)),
      first_at: toText(Math.min(...own.map(({ at }) => at))),
      last_at: toText(Math.max(...own.map(({ at }) => at))),
      job_ids: JSON.stringify(newest.slice(0, 5).map(({ id }) => String(id))),
      job_times: JSON.stringify(newest.slice(0, 5).map(({ at }) => at)),
    };
  });
}

function toText(at: number): string {
  return new Date(at * 1000).toISOString();
}

const byKey = (rows: readonly Row[]) =>
  rows
    .map((row): Row => ({ ...row, job_times: null }))
    .toSorted((a, b) =>
      JSON.stringify([a["queue"], a["error"], a["worker"]]) < JSON.stringify([b["queue"], b["error"], b["worker"]])
        ? -1
        : 1,
    );

describe("failures part by part", () => {
  it("equal the whole's, wherever it is divided", () => {
    const failure = fc.record({
      queue: fc.constantFrom("a", "b"),
      error: fc.constantFrom("x", "y"),
      worker: fc.constantFrom(null, "w"),
      attempts: fc.option(fc.integer({ min: 1, max: 9 })),
    });
    const cut = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(failure, { maxLength: 60 }),
        cut,
        fc.infiniteStream(fc.nat(1_000_000)),
        (kinds, cuts, order) => {
          // Times of their own: of two at once, either may be the newer one.
          const times = kinds.map((_, index) => index + 1).toSorted(() => ((order.next().value ?? 0) % 2) - 0.5);
          const all = kinds.map((kind, index): Failure => ({ ...kind, id: index, at: times[index] ?? 0 }));
          const sums = createFailureSums();
          const bounds = [0, ...cuts.toSorted((a, b) => a - b), all.length];
          for (const [index, from] of bounds.slice(0, -1).entries())
            sums.add(group(all.slice(from, bounds[index + 1])));
          expect(byKey(sums.rows())).toStrictEqual(byKey(group(all)));
        },
      ),
    );
  });

  const row: Row = {
    queue: "q",
    error: "boom",
    worker: "w",
    n: "2",
    attempts: "3",
    first_at: "b",
    last_at: "d",
    job_ids: '["4","3"]',
    job_times: "[40,30]",
  };
  const sumOf = (...parts: Row[][]) => {
    const sums = createFailureSums();
    for (const part of parts) sums.add(part);
    return sums.rows();
  };

  it("of one text are summed: numbers, times, and the newest five jobs", () => {
    const other: Row = {
      ...row,
      n: "10",
      attempts: "20",
      first_at: "a",
      last_at: "c",
      job_ids: '["6","5","2","1"]',
      job_times: "[60,50,20,10]",
    };
    const whole = { ...row, n: "12", attempts: "20", first_at: "a", last_at: "d", job_ids: '["6","5","4","3","2"]' };
    expect(sumOf([row], [other])).toEqual([whole]);
    expect(sumOf([row, other])).toEqual([whole]);
    expect(sumOf([row], [{ ...other, first_at: "c", last_at: "e" }])).toMatchObject([{ first_at: "b", last_at: "e" }]);
  });

  it.each<[string | null, string | null, string | null]>([
    [null, null, null],
    ["3", null, "3"],
    [null, "4", "4"],
    ["10", "9", "10"],
  ])("with %j and %j attempts have %j", (one, other, most) => {
    expect(sumOf([{ ...row, attempts: one }], [{ ...row, attempts: other }])[0]?.["attempts"]).toBe(most);
  });

  it("of other queues, texts or workers stay separate", () => {
    const others = [row, { ...row, queue: "p" }, { ...row, error: "bang" }, { ...row, worker: null }];
    expect(sumOf(others).map(({ queue, error, worker }) => [queue, error, worker])).toEqual(
      others.map(({ queue, error, worker }) => [queue, error, worker]),
    );
    expect(sumOf([{ ...row, job_ids: null, job_times: null }])[0]?.["job_ids"]).toBe("[]");
    expect(sumOf()).toEqual([]);
  });

  it("beyond the limit are the newest of each queue, then the second", () => {
    const toRow = (queue: string, n: number): Row => ({ ...row, queue, error: `${n}`, last_at: String(1_000_000 + n) });
    const quiet = [toRow("quiet", 1), toRow("quiet", 3), toRow("quiet", 2)];
    const noisy = Array.from({ length: failureGroupsLimit - 2 }, (_, n) => toRow("noisy", 10 + n));
    const newest = failureGroupsLimit + 7;
    const rows = sumOf(quiet, noisy);
    expect(rows).toHaveLength(failureGroupsLimit);
    expect(rows.slice(0, 6).map(({ queue, error }) => [queue, error])).toEqual([
      ["noisy", `${newest}`],
      ["quiet", "3"],
      ["noisy", `${newest - 1}`],
      ["quiet", "2"],
      ["noisy", `${newest - 2}`],
      ["quiet", "1"],
    ]);
    // Of the same time, those that came first.
    const same = Array.from({ length: failureGroupsLimit + 1 }, (_, n): Row => ({ ...row, error: `${n}` }));
    expect(sumOf(same).map(({ error }) => error)).toEqual(same.slice(0, -1).map(({ error }) => error));
    // As many as fit are in the order in which they came.
    expect(sumOf(quiet, noisy.slice(1))[0]?.["error"]).toBe("1");
  });

  it("respect the source's limit, and a noisy queue hides no other", () => {
    const sums = createFailureSums();
    const make = (queue: string, n: number, at: number): Failure => ({
      id: n,
      queue,
      error: `error ${n}`,
      worker: null,
      at,
      attempts: 1,
    });
    sums.add(group([make("quiet", 0, 1)]));
    for (let part = 0; part < 10; part += 1) {
      sums.add(group(Array.from({ length: 1000 }, (_, n) => make("noisy", part * 1000 + n, 100 + part * 1000 + n))));
    }
    const rows = sums.rows();
    expect(rows.length).toBe(failureGroupsLimit);
    expect(rows.filter(({ queue }) => queue === "quiet")).toHaveLength(1);
    expect(rows.some(({ error }) => error === "error 9999")).toBe(true);
  });
});

describe("numbers part by part", () => {
  it("are sums and the largest age; unknown in all parts stays unknown", () => {
    const sums = new Map<string, Measured>();
    const parts: [string, Measured][][] = [
      [["a", { depth: 2, oldest_age: 5 }]],
      [
        ["a", { depth: 3, oldest_age: null }],
        ["b", { depth: 1, oldest_age: null }],
      ],
      [["a", { depth: 0, oldest_age: 9 }]],
    ];
    for (const part of parts) addMeasured(sums, { zeroRow: {}, measured: new Map(part) });
    expect(Object.fromEntries(sums)).toStrictEqual({
      a: { depth: 5, oldest_age: 9 },
      b: { depth: 1, oldest_age: null },
    });
  });
});

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failureGroupsLimit } from "../../../src/domain/queue.ts";
import { addMeasured, createFailureSums } from "../../../src/upstreams/queues/sql/chunks-merge.ts";
import type { Measured } from "../../../src/upstreams/queues/sql/measures.ts";
import type { Row } from "../../../src/upstreams/queues/sql/pool.ts";

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
      JSON.stringify([a["queue"], a["error"], a["worker"]]) < JSON.stringify([b["queue"], b["error"], b["worker"]]) ? -1 : 1,
    );

describe("failures part by part", () => {
  it("are those of the whole, wherever it is cut", () => {
    const failure = fc.record({
      queue: fc.constantFrom("a", "b"),
      error: fc.constantFrom("x", "y"),
      worker: fc.constantFrom(null, "w"),
      attempts: fc.option(fc.integer({ min: 1, max: 9 })),
    });
    const cut = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.array(failure, { maxLength: 60 }), cut, fc.infiniteStream(fc.nat(1_000_000)), (kinds, cuts, order) => {
        // Times of their own: of two at once, either may be the newer one.
        const times = kinds.map((_, index) => index + 1).toSorted(() => ((order.next().value ?? 0) % 2) - 0.5);
        const all = kinds.map((kind, index): Failure => ({ ...kind, id: index, at: times[index] ?? 0 }));
        const sums = createFailureSums();
        const bounds = [0, ...cuts.toSorted((a, b) => a - b), all.length];
        for (const [index, from] of bounds.slice(0, -1).entries()) sums.add(group(all.slice(from, bounds[index + 1])));
        expect(byKey(sums.rows())).toStrictEqual(byKey(group(all)));
      }),
    );
  });

  it("are no more than a source may return, and a noisy queue hides no other", () => {
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
  it("are sums, and the largest age; what no part knows stays unknown", () => {
    const sums = new Map<string, Measured>();
    const parts: [string, Measured][][] = [
      [["a", { depth: 2, oldest_age: 5 }]],
      [
        ["a", { depth: 3, oldest_age: null }],
        ["b", { depth: 1, oldest_age: null }],
      ],
      [["a", { depth: 0, oldest_age: 9 }]],
    ];
    for (const part of parts) addMeasured(sums, { nothing: {}, measured: new Map(part) });
    expect(Object.fromEntries(sums)).toStrictEqual({ a: { depth: 5, oldest_age: 9 }, b: { depth: 1, oldest_age: null } });
  });
});

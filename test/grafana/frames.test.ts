import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { toFrames } from "../../src/grafana/frames.ts";
import { getMetric, metrics } from "../../src/grafana/metrics.ts";
import { Budget } from "../../src/lib/budget/budget.ts";
import { linesOf, readFrames } from "../support/grafana-read.ts";

const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
const ms = (minute: number) => Date.UTC(2026, 0, 1, 0, minute);
const answered = async (name: string, rows: readonly object[], notices: readonly string[] = []) => {
  const told = notices.map((text) => ({ severity: "warning", text }) as const);
  const frames = await toFrames(
    { refId: "A", metric: getMetric(name), rows: rows as never, notices: told },
    new Budget("test"),
  );
  return readFrames(JSON.parse(JSON.stringify(frames)));
};

describe("lines", () => {
  const sample = (
    minute: number,
    queue: string,
    value: number | null,
    source = "jobs",
    env: string | null = "staging",
  ) => ({
    time: at(minute),
    queue,
    source,
    env,
    value,
  });

  it("share one time column and carry their labels and unit", async () => {
    const [frame, ...others] = await answered("queue_oldest_age", [
      sample(1, "a", 5),
      sample(1, "b", null),
      sample(2, "a", 6),
      sample(2, "b", 0),
    ]);
    expect(others).toEqual([]);
    expect(frame?.meta).toMatchObject({ type: "timeseries-wide" });
    expect(frame?.fields[0]?.values).toEqual([ms(1), ms(2)]);
    expect(linesOf(frame)).toEqual([
      { labels: { queue: "a", source: "jobs", env: "staging" }, unit: "s", legend: "a", values: [5, 6] },
      { labels: { queue: "b", source: "jobs", env: "staging" }, unit: "s", legend: "b", values: [null, 0] },
    ]);
  });

  it("with equal names are distinguished; unknown labels are left out", async () => {
    const [frame] = await answered("queue_depth", [
      sample(1, "a", 1, "one", null),
      sample(1, "a", 2, "two", null),
      sample(1, "b", 3),
    ]);
    expect(linesOf(frame).map(({ legend }) => legend)).toEqual(["a (one)", "a (two)", "b"]);
    expect(linesOf(frame)[0]?.labels).toEqual({ queue: "a", source: "one" });
  });

  it("with other times have their own frame, so that none has gaps", async () => {
    const frames = await answered("queue_depth", [sample(1, "a", 1), sample(1, "b", 1), sample(2, "a", 2)], ["x"]);
    expect(frames.map(({ length, refId }) => [length, refId])).toEqual([
      [2, "A"],
      [1, "A"],
    ]);
    expect(frames.map(({ meta }) => meta?.notices?.length ?? 0)).toEqual([1, 0]);
  });

  it("of several numbers say which", async () => {
    const [frame] = await answered("up", [
      { time: at(1), kind: "host", up: 1, total: 2 },
      { time: at(1), kind: "engine", up: null, total: null },
    ]);
    expect(linesOf(frame).map(({ legend, values }) => [legend, values])).toEqual([
      ["host up", [1]],
      ["host total", [2]],
      ["engine up", [null]],
      ["engine total", [null]],
    ]);
  });

  it("contain every sample once, for any input", async () => {
    const samples = fc.uniqueArray(
      fc.record({ minute: fc.nat(20), queue: fc.constantFrom("a", "b", "c"), value: fc.option(fc.integer()) }),
      {
        selector: ({ minute, queue }) => `${minute} ${queue}`,
        minLength: 1,
      },
    );
    await fc.assert(
      fc.asyncProperty(samples, async (given) => {
        const ordered = given.toSorted((a, b) => a.minute - b.minute);
        const frames = await answered(
          "queue_depth",
          ordered.map(({ minute, queue, value }) => sample(minute, queue, value)),
        );
        const found = frames.flatMap((frame) =>
          linesOf(frame).flatMap(({ labels, values }) =>
            values.map((value, index) => ({ time: frame.fields[0]?.values[index], queue: labels?.["queue"], value })),
          ),
        );
        const expected = given.map(({ minute, queue, value }) => ({ time: ms(minute), queue, value }));
        const key = (one: { time: number; queue?: string | undefined }) => `${one.time} ${one.queue}`;
        expect(found.toSorted((a, b) => key(a).localeCompare(key(b)))).toEqual(
          expected.toSorted((a, b) => key(a).localeCompare(key(b))),
        );
      }),
    );
  });
});

describe("tables", () => {
  it("have typed columns with units, also where a text looks like a number", async () => {
    const [frame] = await answered("containers", [
      {
        container: "web",
        role: "web",
        env: null,
        commit_sha: "123456",
        restarts: 0,
        started_at: null,
        created_at: at(1),
        cpu_pct: 12.5,
        mem_pct: null,
        stale: false,
      },
    ]);
    const fields = Object.fromEntries(
      (frame?.fields ?? []).map((field) => [field.name, [field.type, field.config.unit, field.values[0]]]),
    );
    expect(fields).toMatchObject({
      container: ["string", undefined, "web"],
      env: ["string", undefined, null],
      commit_sha: ["string", undefined, "123456"],
      restarts: ["number", "short", 0],
      started_at: ["time", undefined, null],
      created_at: ["time", undefined, ms(1)],
      cpu_pct: ["number", "percent", 12.5],
      mem_pct: ["number", "percent", null],
      stale: ["boolean", undefined, false],
    });
  });

  it("say what an error is", async () => {
    const [frame] = await answered("engines", [
      { engine: "web-1", ok: false, age_seconds: null, error: { code: "docker_timeout", message: "It hangs" } },
    ]);
    expect(frame?.fields.at(-1)?.values).toEqual(["It hangs"]);
  });
});

describe("the JSON of a frame", () => {
  const frames = async (name: string, rows: readonly object[], notices: readonly string[] = []) => {
    const told = notices.map((text) => ({ severity: "info", text }) as const);
    const found = await toFrames(
      { refId: "B", metric: getMetric(name), rows: rows as never, notices: told },
      new Budget("test"),
    );
    return JSON.parse(JSON.stringify(found));
  };

  it("of lines is wide, has its notices once and distinct legends", async () => {
    const sample = (minute: number, queue: string, source: string, env: string, value: number | undefined) => {
      return { time: at(minute), queue, source, env, value };
    };
    const line = (labels: object, displayNameFromDS: string) => {
      return { name: "queue_oldest_age", type: "number", labels, config: { unit: "s", displayNameFromDS } };
    };
    const rows = [
      sample(1, "a", "x", "staging", 5),
      sample(1, "a", "y", "production", undefined),
      sample(2, "a", "x", "staging", 6),
      sample(2, "a", "y", "production", 7),
      sample(2, "b", "x", "staging", 8),
    ];
    const meta = { type: "timeseries-wide", typeVersion: [0, 1] };
    const time = { name: "time", type: "time" };
    expect(await frames("queue_oldest_age", rows, ["said"])).toEqual([
      {
        schema: {
          refId: "B",
          name: "queue_oldest_age",
          meta: { ...meta, notices: [{ severity: "info", text: "said" }] },
          fields: [
            time,
            line({ queue: "a", source: "x", env: "staging" }, "a (x, staging)"),
            line({ queue: "a", source: "y", env: "production" }, "a (y, production)"),
          ],
        },
        data: {
          values: [
            [ms(1), ms(2)],
            [5, 6],
            [null, 7],
          ],
        },
      },
      {
        schema: {
          refId: "B",
          name: "queue_oldest_age",
          meta,
          fields: [time, line({ queue: "b", source: "x", env: "staging" }, "b")],
        },
        data: { values: [[ms(2)], [8]] },
      },
    ]);
    const [bare] = await frames("queue_depth", [{ time: at(1), queue: null, value: 1 }]);
    expect(bare.schema.fields[1]).toEqual({
      name: "queue_depth",
      type: "number",
      labels: {},
      config: { unit: "short", displayNameFromDS: "queue_depth" },
    });
    // Two lines without another label share their name.
    const same = await frames("queue_depth", [
      { time: at(1), queue: "a", value: 1 },
      { time: at(1), queue: "a", env: 1, value: 2 },
    ]);
    expect(same[0].schema.fields[1].config.displayNameFromDS).toBe("a");
    expect(await frames("queue_depth", [], ["said"])).toEqual([
      {
        schema: {
          refId: "B",
          name: "queue_depth",
          meta: { notices: [{ severity: "info", text: "said" }] },
          fields: [],
        },
        data: { values: [] },
      },
    ]);
  });

  it("of a table has each cell in its column's type", async () => {
    const row = { engine: 5, ok: "yes", age_seconds: 1.5, error: { code: "x" } };
    const values = async (more: object) =>
      (await frames("engines", [{ ...row, ...more }]))[0].data.values.map(([cell]: unknown[]) => cell);
    expect(await frames("engines", [row])).toEqual([
      {
        schema: {
          refId: "B",
          name: "engines",
          fields: [
            { name: "engine", type: "string" },
            { name: "ok", type: "boolean" },
            { name: "age_seconds", type: "number", config: { unit: "s" } },
            { name: "error", type: "string" },
          ],
        },
        data: { values: [["5"], ["yes"], [1.5], [null]] },
      },
    ]);
    expect(await values({ engine: ["a", "b"], error: { message: 7 }, age_seconds: undefined })).toEqual([
      "a, b",
      "yes",
      null,
      "7",
    ]);
    expect(await values({ engine: true, error: null })).toEqual(["true", "yes", 1.5, null]);
    const times = await frames("containers", [
      { created_at: at(1), started_at: "never" },
      { created_at: null, started_at: 5 },
    ]);
    const column = (name: string) =>
      times[0].data.values[times[0].schema.fields.findIndex((one: { name: string }) => one.name === name)];
    expect([column("created_at"), column("started_at")]).toEqual([
      [ms(1), null],
      [null, null],
    ]);
  });
});

describe("an empty answer", () => {
  it.each(metrics.map(({ name }) => [name]))("of %s has no frame, except for its notices", async (name) => {
    expect(await answered(name, [])).toEqual([]);
    const [frame] = await answered(name, [], ["runner: it does not answer"]);
    expect(frame?.length).toBe(0);
    expect(frame?.meta?.notices).toEqual([{ severity: "warning", text: "runner: it does not answer" }]);
  });
});

it.each([
  ["engines", { engine: "a" }, 4],
  ["queue_depth", { time: at(1), queue: "a", value: 1 }, 2],
])("frames of %s take turns and end with the budget", async (name, row, count) => {
  const budget = new Budget("test");
  let waited = 0;
  vi.spyOn(budget, "turn").mockImplementation(async () => void (waited += 1));
  const make = () => toFrames({ refId: "A", metric: getMetric(name), rows: [row, row], notices: [] }, budget);
  expect(await make()).toHaveLength(1);
  // Each column of a table, each row of lines.
  expect(waited).toBe(count);
  const gone = new Error("gone");
  vi.spyOn(budget, "turn").mockImplementation(() => Promise.reject(gone));
  await expect(make()).rejects.toBe(gone);
});

import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import { containerTable } from "../../src/metrics/containers.ts";
import { type Matrix, parseMatrix } from "../../src/prometheus/answer.ts";
import {
  toContainerHistories,
  toContainerRangeQuery,
  toHostHistories as toHistories,
} from "../../src/prometheus/history.ts";
import { toHostRangeQuery, toMatchers } from "../../src/prometheus/query.ts";
import { finish } from "../support/steps.ts";

/** Prometheus 2.53.3 on a host whose node-exporter was stopped for five seconds, each second. */
const recorded = readFileSync(new URL("host-history.json", import.meta.url), "utf8");
const range = { from: 1_795_603_464, step: 1, steps: 8 };

const budget = createSharedBudget(new AbortController().signal);
const toHostHistories = (over: typeof range, answer: Matrix) => toHistories(over, answer, budget);
const matrix = (result: object[]) => JSON.stringify({ status: "success", data: { resultType: "matrix", result } });

/** As the parser was that made objects of all points. */
function toValues(points: readonly (readonly [number, string])[], over: typeof range): number[] {
  const values = Array.from({ length: over.steps }, () => Number.NaN);
  for (const [time, text] of points) {
    const index = Math.round((time - over.from) / over.step) - 1;
    if (index >= 0 && index < over.steps && text.trim() !== "" && Number.isFinite(Number(text)))
      values[index] = Number(text);
  }
  return values;
}

it("points are read as JSON.parse would, whatever the labels", () => {
  // Values are numbers: that no brackets end one is relied on.
  const junk = fc.string().filter((value) => !value.includes("]]"));
  const text = fc.oneof(fc.double().map(String), fc.constantFrom("NaN", "+Inf", "", "1e3", " 5 "), junk);
  const time = fc.oneof(
    fc.integer({ min: range.from - 2, max: range.from + 12 }),
    fc.double({ min: range.from, max: range.from + 9, noNaN: true }),
  );
  const hostile = fc.constantFrom('"values":[[', "]]", '\\"values\\":[[1,\\"2\\"]]', "]]}", '{"values":0}');
  const labels = fc.dictionary(fc.constantFrom("m", "instance", "values"), fc.oneof(fc.string(), hostile));
  const series = fc.array(fc.record({ metric: labels, values: fc.array(fc.tuple(time, text), { maxLength: 12 }) }), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(series, fc.constantFrom(undefined, 1), (result, indent) => {
      const body = JSON.stringify({ status: "success", data: { resultType: "matrix", result } }, null, indent);
      const read = finish(parseMatrix(200, body, range)).series;
      expect(read.map(({ labels: own }) => own)).toEqual(result.map(({ metric }) => ({ ...metric })));
      expect(read.map(({ values }) => values)).toEqual(result.map(({ values }) => toValues(values, range)));
    }),
    { numRuns: 500 },
  );
});

describe("the answer of Prometheus", () => {
  it("has numbers while the host was up, and nulls while it was down", async () => {
    const { series, warnings } = finish(parseMatrix(200, recorded, range));
    expect(warnings).toEqual([]);
    expect(series.find(({ labels }) => labels["m"] === "cpu")?.values).toEqual([
      0.0201, 0.0201, 0.0201, 0.0201, 0.0201, 0.0201, 0.0207, 0.0184,
    ]);
    const history = (await toHostHistories(range, { series, warnings })).get("127.0.0.1:40591");
    expect(history?.stepSeconds).toBe(1);
    const down = { up: false, cpuUtil: null, memUtil: null, diskUtil: null, load1: null };
    const up = { up: true, cpuUtil: 0.0201, memUtil: 0.0295, diskUtil: 0.6921, load1: 0.3 };
    expect(history?.points).toEqual([
      { time: "2026-11-25T10:44:25Z", ...up },
      ...["26", "27", "28", "29", "30"].map((second) => ({ time: `2026-11-25T10:44:${second}Z`, ...down })),
      { time: "2026-11-25T10:44:31Z", ...up, cpuUtil: 0.0207, memUtil: 0.0282, load1: 0.26 },
      { time: "2026-11-25T10:44:32Z", ...up, cpuUtil: 0.0184, memUtil: 0.0287, load1: 0.26 },
    ]);
  });

  it("does not depend on the order of its series", async () => {
    const { series } = finish(parseMatrix(200, recorded, range));
    const reversed = await toHostHistories(range, { series: series.toReversed(), warnings: [] });
    expect(reversed).toEqual(await toHostHistories(range, { series, warnings: [] }));
  });

  it("may be empty, and may contain series without a host", async () => {
    expect((await toHostHistories(range, finish(parseMatrix(200, matrix([]), range)))).size).toBe(0);
    const strangers = [
      { metric: { m: "up", job: "node" }, values: [[range.from + 1, "1"]] },
      { metric: { m: "other", instance: "a:1" }, values: [[range.from + 1, "1"]] },
    ];
    expect((await toHostHistories(range, finish(parseMatrix(200, matrix(strangers), range)))).size).toBe(0);
  });

  it("ignores values that are not finite or outside the range", async () => {
    const texts = ["1", "NaN", "+Inf", "-Inf", "", " ", "x", "-0.5"];
    const values = texts.map((text, index) => [range.from + 1 + index, text]);
    const outside = [range.from, range.from + 9].map((time) => [time, "7"]);
    const [series] = finish(parseMatrix(200, matrix([{ metric: {}, values: [...values, ...outside] }]), range)).series;
    const none = Number.NaN;
    expect(series?.values).toEqual([1, none, none, none, none, none, none, -0.5]);
  });

  it.each<[string, unknown]>([
    ["no list of points", "x"],
    ["a point that is none", [7]],
    ["a time as text", [["1", "2"]]],
    ["a value that is no text", [[1, 2]]],
  ])("with %s is not of a Prometheus API", (_, values) => {
    expect(() => finish(parseMatrix(200, matrix([{ metric: {}, values }]), range))).toThrow(
      expect.objectContaining({ code: "prometheus_unavailable", kind: "not_json" }),
    );
  });

  it("has points at the nearest times of the range, ends included", () => {
    const over = { from: 100, step: 10, steps: 2 };
    const read = (...points: unknown[]) =>
      finish(parseMatrix(200, matrix([{ metric: {}, values: points }]), over)).series[0]?.values;
    const none = Number.NaN;
    expect(read([110, "1"], [120, "2"])).toEqual([1, 2]);
    expect(read([104.9, "0"], [105, "1"], [114.9, "2"])).toEqual([2, none]);
    expect(read([115, "3"], [124.9, "4"], [125, "5"])).toEqual([none, 4]);
    expect(read()).toEqual([none, none]);
  });

  it.each([
    ["as usual", ","],
    ["differently", ", "],
  ])("is read in turns where one series has many points, formatted %s", (_, comma) => {
    const points = Array.from({ length: 50_000 }, (__, index) => `[${index + 1}${comma}"${index}"]`).join(comma);
    const result = `[{"metric":{},"values":[${points}]}]`;
    const body = `{"status":"success","data":{"resultType":"matrix","result":${result}}}`;
    const steps = parseMatrix(200, body, { from: 0, step: 1, steps: 50_000 });
    let [turns, one] = [0, steps.next()];
    for (; !one.done; one = steps.next()) turns += 1;
    expect(one.value.series[0]?.values).toEqual(Array.from({ length: 50_000 }, (__, index) => index));
    expect(turns).toBeGreaterThan(10);
  });

  it("is parsed as JSON when it is formatted differently", () => {
    const over = { from: 0, step: 1, steps: 2 };
    const frame = (values: string, more = "") =>
      `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"m":"up"},"values":${values}}${more}]}}`;
    const read = (values: string, more = "") =>
      finish(parseMatrix(200, frame(values, more), over)).series.map((one) => one.values);
    const usual = '[[1,"5"],[2,"6"]]';
    expect(read(usual)).toEqual([[5, 6]]);
    expect(read('[[1,"5"], [2,"6"]]')).toEqual([[5, 6]]);
    expect(read('[[1, "5"],[2,"6"]]')).toEqual([[5, 6]]);
    expect(read('[[1,"5" ],[2,"6"]]')).toEqual([[5, 6]]);
    expect(read('[ [1,"5"],[2,"6"]]')).toEqual([[5, 6]]);
    const more = `,{"metric":{},"values":[[2,"9"]]},{"metric":{},"values":[]}`;
    expect(read(usual, more)).toEqual([
      [5, 6],
      [Number.NaN, 9],
      [Number.NaN, Number.NaN],
    ]);
    for (const broken of ['[[1,"5"],[2,"6"', '[[x,"5"]]', '[[1,"5"],[2]]', "0", "7", '{"a":1}', "null"])
      expect(() => read(broken)).toThrow(
        expect.objectContaining({ kind: "not_json", message: "The answer is not from a Prometheus API" }),
      );
    const noticed = frame(usual).replace("{", '{"warnings":["w"],"infos":["i"],');
    expect(finish(parseMatrix(200, noticed, over))).toEqual({
      series: [{ labels: { m: "up" }, values: [5, 6] }],
      warnings: ["w", "i"],
    });
  });

  it("uses the first of two jobs by name that reached the host", async () => {
    const over = { from: 0, step: 60, steps: 2 };
    const toSeries = (m: string, job: string | null, ...values: string[]) => ({
      metric: { m, instance: "a:1", ...(job !== null && { job }) },
      values: values.map((value, n) => [(n + 1) * 60, value]),
    });
    const both = (job: string | null, up: string[], load: string) => [
      toSeries("sampled", job, "59", "119"),
      toSeries("up", job, ...up),
      toSeries("load1", job, load, load),
    ];
    const loads = async (...given: object[]) => {
      const history = (await toHostHistories(over, finish(parseMatrix(200, matrix(given), over)))).get("a:1");
      return history?.points.map(({ load1 }) => load1);
    };
    const [a, b] = [both("a", ["0", "1"], "1"), both("b", ["1", "1"], "2")];
    expect([await loads(...a, ...b), await loads(...b, ...a)]).toEqual([
      [2, 1],
      [2, 1],
    ]);
    expect(await loads(...both(null, ["1", "1"], "3"), ...b)).toEqual([3, 3]);
  });

  it("may be a vector, a refusal or an outage: prometheus_unavailable", async () => {
    const vector = JSON.stringify({ status: "success", data: { resultType: "vector", result: [] } });
    const refusal = JSON.stringify({ status: "error", errorType: "bad_data", error: "exceeded maximum resolution" });
    expect(() => finish(parseMatrix(200, vector, range))).toThrow(expect.objectContaining({ kind: "not_json" }));
    expect(() => finish(parseMatrix(400, refusal, range))).toThrow(expect.objectContaining({ kind: "rejected" }));
    expect(() => finish(parseMatrix(502, "bad gateway", range))).toThrow(expect.objectContaining({ kind: "server" }));
  });
});

describe("the query", () => {
  it("has rates over the step: at least 5 minutes, at most an hour", async () => {
    const windows = (step: number) => new Set(toHostRangeQuery(step, []).match(/\[\d+s\]/g));
    expect(windows(15)).toEqual(new Set(["[300s]"]));
    expect(windows(900)).toEqual(new Set(["[900s]"]));
    expect(windows(86_400)).toEqual(new Set(["[3600s]"]));
  });

  it("names instances literally in every selector, unless very many", async () => {
    expect(toMatchers("instance", ["10.0.0.1:9100", 'a"b\\c|d\n'])).toEqual([
      String.raw`instance=~"10\\.0\\.0\\.1:9100|a\"b\\\\c\\|d\n"`,
    ]);
    const query = toHostRangeQuery(60, ["a:1"]);
    const selectors = query.match(/\b(?:up|node_\w+)\b(?:\{[^}]*\})?/g) ?? [];
    expect(selectors.length).toBeGreaterThan(15);
    // `up` is also the value of a label `m`.
    expect(selectors.filter((selector) => !selector.includes('instance=~"a:1"'))).toEqual(["up"]);
    expect(
      toHostRangeQuery(
        60,
        Array.from({ length: 101 }, (_, index) => `h${index}:1`),
      ),
    ).not.toContain("instance=~");
  });
});

describe("the series of containers", () => {
  const web = { name: "web", engine: "local", env: "staging" } as const;
  const series = (m: string, labels: object, text: string) => ({
    metric: { m, name: "web", engine: "local", env: "staging", ...labels },
    values: Array.from({ length: 8 }, (_, index) => [
      range.from + 1 + index,
      m === "sampled" ? `${range.from + index}.9` : text,
    ]),
  });
  const all = (labels: object, cpu: string) => [
    series("sampled", labels, ""),
    series("cpu", labels, cpu),
    series("mem", labels, "34.1"),
    series("restarts", labels, "3"),
  ];
  const read = async (...given: object[]) =>
    (await toContainerHistories(range, [web], finish(parseMatrix(200, matrix(given), range)), budget))[0];

  it("are those of the name, engine and environment, and of no other", async () => {
    const history = await read(
      ...all({ env: "production" }, "250"),
      ...all({}, "12.4"),
      ...all({ engine: "far" }, "99"),
    );
    expect(history).toMatchObject({ source: "prometheus", stepSeconds: 1, since: null });
    expect(history?.points.map(({ cpuPct, memPct, restarts }) => [cpuPct, memPct, restarts])).toEqual(
      Array.from({ length: 8 }, () => [12.4, 34.1, 3]),
    );
    expect(await read(...all({ env: "production" }, "250"))).toBe(null);
  });

  it("have the names of our own /metrics", async () => {
    const asked = [...new Set(toContainerRangeQuery(["web"]).match(/ops_\w+/g))];
    expect(asked).toHaveLength(4);
    const columns = new Set(containerTable.columns.map(([name]) => name));
    expect(asked.filter((name) => !columns.has(name))).toEqual([]);
    const labels = containerTable.labels({ ...web, role: "web", service: null, version: "1" } as never);
    for (const [label, value] of Object.entries(web)) expect(labels).toContain(`${label}="${value}"`);
  });

  it("keep their environment when a scrape config has its own", async () => {
    expect((await read(...all({ env: "scraped", exported_env: "staging" }, "12.4")))?.points[0]?.cpuPct).toBe(12.4);
    expect(await read(...all({ exported_env: "production" }, "12.4"))).toBe(null);
  });
});

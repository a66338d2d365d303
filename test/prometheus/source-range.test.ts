import { describe, expect, it } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { toHostRangeQuery } from "../../src/prometheus/query.ts";
import { createHostSource } from "../../src/prometheus/source.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";

const never = new AbortController().signal;
const range = { from: 1_800_000_000, step: 60, steps: 3 };
const matrix = (...result: object[]) => JSON.stringify({ status: "success", data: { resultType: "matrix", result } });
const load = (instance: string) => ({ metric: { m: "load1", instance }, values: [[range.from + 60, "1.5"]] });
const report = JSON.stringify({
  status: "success",
  data: { resultType: "vector", result: [{ metric: { m: "mem", instance: "a:1" }, value: [1, "0.5"] }] },
});

function sourceOf(url: string, rangeTimeoutMs = 20_000) {
  const options = { url, thresholds: { cpu: 1, mem: 1 }, logger: silentLogger, timeoutMs: 20_000, rangeTimeoutMs };
  const source = createHostSource(options);
  return { ...source, [Symbol.asyncDispose]: () => source.close() };
}

describe("a range query", () => {
  it("is one POST to query_range with its first and last time", async () => {
    await using upstream = await startFakeUpstream((response) => response.end(matrix(load("a:1"))));
    await using source = sourceOf(`${upstream.url}/prom/`);
    const found = await source.history(range, ["a:1", "b:1"], never);
    expect([...found.keys()]).toEqual(["a:1"]);
    expect(found.get("a:1")?.points.map(({ up, load1 }) => [up, load1])).toEqual([
      [true, 1.5],
      [null, null],
      [null, null],
    ]);
    expect(upstream.seen.map(({ method, url }) => [method, url])).toEqual([["POST", "/prom/api/v1/query_range"]]);
    expect(Object.fromEntries(new URLSearchParams(upstream.seen[0]?.body))).toEqual({
      query: toHostRangeQuery(60, ["a:1", "b:1"]),
      start: "1800000060",
      end: "1800000180",
      step: "60",
      latency_offset: "1ms",
      nocache: "1",
      timeout: "20000ms",
    });
  });

  it("is shared by callers with the same question, and nobody else", async () => {
    await using upstream = await startFakeUpstream((response) => setTimeout(() => response.end(matrix()), 60));
    await using source = sourceOf(upstream.url);
    const leaver = new AbortController();
    const left = source.history(range, ["a:1"], leaver.signal);
    const same = Array.from({ length: 5 }, () => source.history(range, ["a:1"], never));
    const others = [source.history({ ...range, step: 30 }, ["a:1"], never), source.history(range, ["b:1"], never)];
    leaver.abort();
    await expect(left).rejects.toMatchObject({ code: "prometheus_unavailable", kind: "abandoned" });
    await Promise.all([...same, ...others]);
    expect(upstream.seen).toHaveLength(3);
    await source.history(range, ["a:1"], never);
    expect(upstream.seen).toHaveLength(4);
  });

  it("waits for its turn, two at a time; current hosts do not wait", async () => {
    let out = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    await using upstream = await startFakeUpstream((response, { url }) => {
      if (!url.endsWith("query_range")) {
        response.end(report);
        return;
      }
      most = Math.max(most, (out += 1));
      ends.push(() => {
        out -= 1;
        response.end(matrix());
      });
    });
    await using source = sourceOf(upstream.url);
    const histories = Promise.all([1, 2, 3, 4, 5, 6].map((step) => source.history({ ...range, step }, ["a:1"], never)));
    const { hosts } = await source.report(never);
    expect(hosts).toHaveLength(1);
    for (let left = 6; left > 0; left -= 1) {
      await expect.poll(() => ends.length).toBe(Math.min(2, left));
      ends.shift()?.();
    }
    await histories;
    expect(most).toBe(2);
  });

  it("has one deadline, its wait included, and frees its turn", async () => {
    let silent = true;
    await using upstream = await startFakeUpstream((response) => silent || response.end(matrix()));
    const deadlineMs = 400;
    await using source = sourceOf(upstream.url, deadlineMs);
    const begin = performance.now();
    const answers = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((step) => source.history({ ...range, step }, ["a:1"], never)),
    );
    // Two at a time, one deadline after the other, would be three.
    const all = performance.now() - begin;
    for (const answer of answers)
      expect(answer).toMatchObject({ reason: { code: "prometheus_unavailable", kind: "deadline" } });
    await expect(source.history(range, ["a:1"], never)).rejects.toMatchObject({ kind: "deadline" });
    expect(all).toBeLessThan((performance.now() - begin - all) * 2);
    silent = false;
    await expect
      .poll(() =>
        source.history(range, ["a:1"], never).then(
          ({ size }) => size,
          () => "failed",
        ),
      )
      .toBe(0);
  });

  it("with an answer over 10 MB asked for too much; 9 MB passes", async () => {
    let size = 9;
    await using upstream = await startFakeUpstream((response) =>
      response.end(`${matrix()}${" ".repeat(size * 1024 * 1024)}`),
    );
    await using source = sourceOf(upstream.url);
    expect((await source.history(range, ["a:1"], never)).size).toBe(0);
    size = 11;
    await expect(source.history(range, ["a:1"], never)).rejects.toMatchObject({
      code: "invalid_request",
      message: "The history is larger than 10 MB: choose a longer step, or a shorter range",
    });
  });
});

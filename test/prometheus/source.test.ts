import { gzipSync } from "node:zlib";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { OpsError } from "../../src/lib/errors.ts";
import { type Logger, silentLogger } from "../../src/lib/logger.ts";
import { parseTarget } from "../../src/prometheus/client.ts";
import { createHostSource, probePrometheus } from "../../src/prometheus/source.ts";
import { hostQuery } from "../../src/prometheus/query.ts";
import { drip, startFakeUpstream } from "../support/fake-upstream.ts";

const thresholds = { cpu: 0.85, mem: 0.85 };
const never = new AbortController().signal;
const good = JSON.stringify({
  status: "success",
  data: { resultType: "vector", result: [{ metric: { m: "mem", instance: "a:1" }, value: [1, "0.5"] }] },
});
/** Longer than a busy machine needs; shorter only where it is waited for. */
const timeoutMs = 20_000;

function sourceOf(url: string, logger: Logger = silentLogger, deadlineMs = timeoutMs) {
  const source = createHostSource({ url, thresholds, logger, timeoutMs: deadlineMs, ttlMs: 0 });
  return { report: (signal = never) => source.report(signal), [Symbol.asyncDispose]: () => source.close() };
}

describe("a request to Prometheus", () => {
  it.each([
    ["answer", good],
    ["failure", "none"],
  ])("is sent at most once a second, and its %s is every caller's", async (_, body) => {
    await using upstream = await startFakeUpstream((response) => response.end(body));
    const source = createHostSource({ url: upstream.url, thresholds, logger: silentLogger });
    onTestFinished(() => source.close());
    const now = performance.now();
    const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
    onTestFinished(() => clock.mockRestore());
    const ask = () =>
      source.report(never).then(
        ({ hosts }) => hosts.length,
        ({ code }: { code: string }) => code,
      );
    const first = await ask();
    expect(first).toBe(body === good ? 1 : "prometheus_unavailable");
    clock.mockImplementation(() => now + 999);
    expect([await ask(), await ask(), upstream.seen.length]).toEqual([first, first, 1]);
    clock.mockImplementation(() => now + 1001);
    expect([await ask(), upstream.seen.length]).toEqual([first, 2]);
  });

  it("is one POST with path prefix, basic auth and a server deadline", async () => {
    await using upstream = await startFakeUpstream((response) => response.end(good));
    await using source = sourceOf(`${upstream.url.replace("//", "//ops:p%40ss%3A%25@")}/prom/`);
    expect((await source.report()).hosts).toHaveLength(1);
    expect(upstream.seen).toHaveLength(1);
    const { method, url, headers, body } = upstream.seen[0] as (typeof upstream.seen)[number];
    expect([method, url]).toEqual(["POST", "/prom/api/v1/query"]);
    expect(headers).toMatchObject({
      "accept-encoding": "identity",
      "content-type": "application/x-www-form-urlencoded",
      authorization: `Basic ${Buffer.from("ops:p@ss:%").toString("base64")}`,
    });
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
      query: hostQuery,
      timeout: "20000ms",
      latency_offset: "1ms",
      nocache: "1",
    });
  });

  it("is shared by concurrent callers; one of them may leave", async () => {
    await using upstream = await startFakeUpstream((response) => setTimeout(() => response.end(good), 60));
    await using source = sourceOf(upstream.url);
    const leaver = new AbortController();
    const left = source.report(leaver.signal);
    const others = Promise.all(Array.from({ length: 20 }, () => source.report()));
    leaver.abort();
    await expect(left).rejects.toMatchObject({ code: "prometheus_unavailable", kind: "abandoned" });
    expect(await others).toHaveLength(20);
    expect(upstream.seen).toHaveLength(1);
    await source.report();
    expect(upstream.seen).toHaveLength(2);
  });

  it("is aborted when the last caller has left, and the next starts anew", async () => {
    let answers = 0;
    await using upstream = await startFakeUpstream((response) =>
      answers++ === 0 ? drip(response) : response.end(good),
    );
    await using source = sourceOf(upstream.url);
    await expect(source.report(AbortSignal.timeout(80))).rejects.toMatchObject({ kind: "abandoned" });
    await expect.poll(() => upstream.connections()).toBe(0);
    expect((await source.report()).hosts).toHaveLength(1);
    await expect(source.report(AbortSignal.abort())).rejects.toMatchObject({ kind: "abandoned" });
  });
});

describe("hostile answers become prometheus_unavailable", () => {
  const cases: [string, Parameters<typeof startFakeUpstream>[0], string][] = [
    ["a drip feed", (response) => drip(response), "deadline"],
    ["silence", () => {}, "deadline"],
    ["a redirect", (response) => response.writeHead(302, { location: "/elsewhere" }).end(), "redirect"],
    ["a login page", (response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"), "not_json"],
    [
      "half a body",
      (response) => void response.writeHead(200, { "content-length": "999" }).write("{", () => response.destroy()),
      "unreachable",
    ],
    ["a reset", (response) => response.destroy(), "unreachable"],
    ["invalid UTF-8", (response) => response.end(Buffer.from([0xff, 0xfe, 0x7b])), "not_json"],
    ["a missing API", (response) => response.writeHead(404).end("404 page not found"), "no_api"],
    ["a refusal", (response) => response.writeHead(401).end(), "credentials"],
  ];
  it.each(cases)("%s is prometheus_unavailable", async (_, answer, kind) => {
    await using upstream = await startFakeUpstream(answer);
    await using source = sourceOf(upstream.url, silentLogger, kind === "deadline" ? 400 : timeoutMs);
    await expect(source.report()).rejects.toMatchObject({ code: "prometheus_unavailable", status: 503, kind });
    expect(upstream.seen.map(({ url }) => url)).toEqual(["/api/v1/query"]);
  });

  it("a gzip bomb is never inflated", async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, " "));
    await using upstream = await startFakeUpstream((response) =>
      response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
    );
    await using source = sourceOf(upstream.url);
    const before = process.memoryUsage().rss;
    await expect(source.report()).rejects.toMatchObject({ kind: "not_json" });
    expect(process.memoryUsage().rss - before).toBeLessThan(32 * 1024 * 1024);
  });

  it("an endless body ends at 4 MB", async () => {
    let sent = 0;
    await using upstream = await startFakeUpstream((response) => {
      const block = Buffer.alloc(256 * 1024, " ");
      const more = () => {
        while (!response.destroyed && response.write(block)) sent += block.length;
      };
      response.on("drain", more);
      more();
    });
    await using source = sourceOf(upstream.url);
    await expect(source.report()).rejects.toMatchObject({ kind: "too_large" });
    await expect.poll(() => upstream.connections()).toBe(0);
    expect(sent).toBeLessThan(24 * 1024 * 1024);
  });
});

describe("the log of Prometheus' failures", () => {
  it("has a remedy, and never the credentials or the upstream's text", async () => {
    await using upstream = await startFakeUpstream((response) => response.writeHead(401).end("sekret"));
    const url = upstream.url.replace("//", "//ops:hunter2@");
    const { ok, detail } = await probePrometheus({ url, thresholds });
    expect(ok).toBe(false);
    expect(detail).toMatch(/^Prometheus refused the credentials \(HTTP 401\): put user:password@/);
    expect(detail).not.toMatch(/hunter2|sekret/);
    expect(parseTarget("https://ops:hunter2@prom/x").endpoint.href).toBe("https://prom/x/api/v1/query");
    expect(() => parseTarget("ftp://prom")).toThrow(TypeError);
  });

  it("is one line for each change of state", async () => {
    let body = "{}";
    await using upstream = await startFakeUpstream((response) => response.end(body));
    const lines: string[] = [];
    const log = (_: object, message: string) => void lines.push(message);
    await using source = sourceOf(upstream.url, { debug: log, info: log, warn: log, error: log });
    for (const next of ["{}", "{}", good, good, good.replace("{", '{"warnings":["w"],'), good]) {
      body = next;
      await source.report().catch(() => {});
    }
    expect(lines).toEqual([
      "The answer is not from a Prometheus API",
      "Prometheus answers again",
      "Prometheus answered with warnings",
      "Prometheus answers again",
    ]);
  });
});

describe("a Prometheus that nobody configured", () => {
  const reportOf = async (url: string, isGiven?: boolean) => {
    const source = createHostSource({
      url,
      thresholds,
      logger: silentLogger,
      ...(isGiven !== undefined && { isGiven }),
      ttlMs: 0,
    });
    onTestFinished(() => source.close());
    return source.report(never).then(
      () => null,
      ({ code, unconfigured }: OpsError) => ({ code, unconfigured }),
    );
  };
  const code = "prometheus_unavailable";

  it("is none if its host name has no address; all else is an outage", async () => {
    expect(await reportOf("http://prometheus.invalid:9090", false)).toEqual({ code, unconfigured: true });
    expect(await reportOf("http://prometheus.invalid:9090")).toEqual({ code, unconfigured: false });
    await using upstream = await startFakeUpstream((response) => response.end("none"));
    expect(await reportOf(upstream.url, false)).toEqual({ code, unconfigured: false });
  });
});

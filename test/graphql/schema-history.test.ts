import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createHostSource } from "../../src/prometheus/source.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { startFakeUpstream } from "../support/fake-upstream.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const schema = createSchema();

async function ask(sources: Sources, source: string, caller = createCaller()) {
  const result = await graphql({ schema, source, contextValue: createContext(sources, caller) });
  return { data: JSON.parse(JSON.stringify(result.data)), errors: result.errors ?? [] };
}

const instances = Array.from({ length: 50 }, (_, index) => `10.0.0.${index}:9100`);
const answer = (resultType: string, result: object[]) =>
  JSON.stringify({ status: "success", data: { resultType, result } });

/**
 * Fifty hosts that share five node names, and the queries for their past: a load at each time,
 * which is their number.
 */
function answerHosts(form: URLSearchParams): string {
  const times = [Number(form.get("start")), Number(form.get("end"))];
  if (!form.has("step")) {
    const report = instances.flatMap((instance, index) => [
      { metric: { m: "mem", instance }, value: [1_800_000_000, "0.5"] },
      { metric: { m: "uname", instance, nodename: `node-${index % 5}` }, value: [1_800_000_000, "1"] },
    ]);
    return answer("vector", report);
  }
  const loads = instances.map((instance, index) => ({
    metric: { m: "load1", instance },
    values: times.map((time) => [time, `${index}`]),
  }));
  return answer("matrix", loads);
}

async function withPrometheus(reply: (form: URLSearchParams) => string | null) {
  const asked: { path: string; form: URLSearchParams }[] = [];
  const upstream = await startFakeUpstream((response, { url, body }) => {
    const form = new URLSearchParams(body);
    asked.push({ path: url, form });
    const text = reply(form);
    response.writeHead(text === null ? 502 : 200).end(text ?? "bad gateway");
  });
  const prometheus = createHostSource({ url: upstream.url, thresholds: { cpu: 1, mem: 1 }, logger: silentLogger });
  const memory = createMemorySources({
    containers: [sampleContainer({ name: "web" }), sampleContainer({ name: "worker" })],
  });
  return {
    sources: { ...memory.sources, hosts: prometheus, containerHistory: prometheus } satisfies Sources,
    calls: memory.calls,
    asked,
    [Symbol.asyncDispose]: async () => {
      await prometheus.close();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

it("the past of containers is not built for a client that has left", async () => {
  const caller = createCaller();
  const { sources } = createMemorySources({
    containers: [sampleContainer({ name: "web" }), sampleContainer({ name: "worker" })],
  });
  let recalled = 0;
  const watched: Sources = {
    ...sources,
    containers: { ...sources.containers, statsHistory: () => ((recalled += 1), []) },
    containerHistory: {
      ...sources.containerHistory,
      containerHistory: () => {
        caller.budget.cancel();
        return Promise.reject(new Error("aborted"));
      },
    },
  };
  const { errors } = await ask(
    watched,
    `{ containers { history(from: "8d", step: 3600) { points { cpuPct } } } }`,
    caller,
  );
  expect(errors.map(({ message }) => message)).toEqual(["The client has disconnected", "The client has disconnected"]);
  expect(recalled).toBe(0);
});

describe("Host.history", () => {
  it("of fifty hosts is one request, and each host has its own", async () => {
    await using stage = await withPrometheus(answerHosts);
    const { data, errors } = await ask(
      stage.sources,
      '{ hosts { name instance history(from: "2h") { stepSeconds points { time load1 up } } } }',
    );
    expect(errors).toEqual([]);
    expect(stage.asked.map(({ path }) => path)).toEqual(["/api/v1/query", "/api/v1/query_range"]);
    expect(data.hosts).toHaveLength(50);
    for (const { name, instance, history } of data.hosts) {
      const number = instances.indexOf(instance);
      expect(name).toBe(`node-${number % 5} (${instance})`);
      expect(history.points).toHaveLength(240);
      expect(history.stepSeconds).toBe(30);
      expect([history.points[0].load1, history.points[1].load1, history.points.at(-1).load1]).toEqual([
        number,
        null,
        number,
      ]);
    }
  });

  it("queries each range once, for the selected hosts only", async () => {
    await using stage = await withPrometheus(answerHosts);
    const { data } = await ask(
      stage.sources,
      `{ a: host(name: "10.0.0.7") { day: history(from: "24h") { points { load1 } }
          same: history(from: "24h", step: 360) { stepSeconds }
                                     hour: history(from: "1h", step: 600) { points { load1 } } }
         b: host(name: "10.0.0.8:9100") { history(from: "24h") { stepSeconds } } }`,
    );
    expect(data.a.hour.points).toHaveLength(6);
    expect(data.a.day.points.at(-1).load1).toBe(7);
    const ranges = stage.asked.filter(({ path }) => path.endsWith("range")).map(({ form }) => form);
    expect(ranges.map((form) => [form.get("step"), form.get("query")?.match(/instance=~"[^"]+"/)?.[0]])).toEqual([
      ["360", String.raw`instance=~"10\\.0\\.0\\.7:9100|10\\.0\\.0\\.8:9100"`],
      ["600", String.raw`instance=~"10\\.0\\.0\\.7:9100"`],
    ]);
  });

  it("fails alone: the current hosts are answered", async () => {
    await using stage = await withPrometheus((form) => (form.has("step") ? null : answerHosts(form)));
    const { data, errors } = await ask(
      stage.sources,
      '{ host(name: "10.0.0.7") { name history(from: "1h") { stepSeconds } } }',
    );
    expect(data.host).toEqual({ name: "node-2 (10.0.0.7:9100)", history: null });
    expect(errors.map(({ originalError }) => originalError)).toMatchObject([{ code: "prometheus_unavailable" }]);
  });

  it.each([
    ['from: "yesterday"', "from must be a time"],
    ['from: "1h", step: 0', "step must be from 1 to 86400"],
    ['from: "30d", step: 60', "at most 11000"],
  ])("refuses (%s), without a query", async (args, message) => {
    await using stage = await withPrometheus(answerHosts);
    const { errors } = await ask(stage.sources, `{ host(name: "10.0.0.7") { history(${args}) { stepSeconds } } }`);
    expect(errors.map(({ originalError }) => originalError)).toMatchObject([
      { code: "invalid_request", message: expect.stringContaining(message) },
    ]);
    expect(stage.asked.map(({ path }) => path)).toEqual(["/api/v1/query"]);
  });

  it("is for tokens that may see the hosts", async () => {
    await using stage = await withPrometheus(answerHosts);
    const staging = createCaller(["ops:read"], ["staging"]);
    const { data, errors } = await ask({ ...stage.sources, env: "production" }, "{ hosts { name } }", staging);
    expect(data.hosts).toBe(null);
    expect(errors.map(({ originalError }) => originalError)).toMatchObject([{ code: "forbidden" }]);
    const { loaders } = createContext({ ...stage.sources, env: "production" }, staging);
    const range = { from: 1_800_000_000, step: 60, steps: 10 };
    await expect(loaders.hosts.history(range).load("10.0.0.7:9100")).rejects.toMatchObject({ code: "forbidden" });
    expect(stage.asked).toEqual([]);
  });
});

/** Scraped at each time of the range: `web` alone. */
function answerContainers(form: URLSearchParams): string {
  const [start, end, step] = ["start", "end", "step"].map((name) => Number(form.get(name))) as [number, number, number];
  const times = Array.from({ length: Math.floor((end - start) / step) + 1 }, (_, index) => start + index * step);
  const series = (m: string, value: (time: number) => number) => ({
    metric: { m, name: "web", engine: "local", env: "staging" },
    values: times.map((time) => [time, `${value(time)}`]),
  });
  return answer("matrix", [
    series("sampled", (time) => time - 1),
    series("cpu", () => 12.5),
    series("restarts", () => 2),
  ]);
}

it("all hosts' and containers' pasts pass the limits of /graphql", async () => {
  await using stage = await withPrometheus((form) =>
    form.get("query")?.includes("ops_") ? answerContainers(form) : answerHosts(form),
  );
  await using gateway = await startGateway(stage.sources);
  const { status, body } = await gateway.query(`{
    hosts { name history(from: "7d") { stepSeconds points { time up cpuUtil memUtil diskUtil load1 } } }
    containers { name history(from: "7d") { source since stepSeconds problem { code message }
      points { time cpuPct memPct restarts } } } }`);
  expect([status, body.errors]).toEqual([200, undefined]);
  expect(body.data.hosts[0].history.stepSeconds).toBe(2520);
  expect(body.data.containers[0].history.points).toHaveLength(240);
  expect(stage.asked).toHaveLength(3);
});

describe("Container.history", () => {
  const query = (from: string) =>
    `{ containers { name history(from: "${from}", step: 60) ` +
    "{ source since stepSeconds problem { code } points { time cpuPct memPct restarts } } } }";

  it("of over ten minutes is from Prometheus in one request, else memory", async () => {
    await using stage = await withPrometheus(answerContainers);
    const { data, errors } = await ask(stage.sources, query("1h"));
    expect(errors).toEqual([]);
    const [web, worker] = data.containers;
    expect(web.history).toMatchObject({ source: "PROMETHEUS", since: null, stepSeconds: 60, problem: null });
    expect(web.history.points).toHaveLength(60);
    expect(web.history.points[0]).toMatchObject({ cpuPct: 12.5, memPct: null, restarts: 2 });
    expect(worker.history).toMatchObject({ source: "MEMORY", problem: null });
    expect(stage.asked.map(({ path }) => path)).toEqual(["/api/v1/query_range"]);
    expect(stage.asked[0]?.form.get("query")).toContain('ops_container_cpu_percent{name=~"web|worker"}');
    // A container that Prometheus reports is not sampled.
    expect(stage.calls["statsHistory"]).toBe(1);
  });

  it("has what memory holds, and why there is no more", async () => {
    await using stage = await withPrometheus(() => null);
    const { data, errors } = await ask(stage.sources, query("1h"));
    expect(errors).toEqual([]);
    expect(data.containers[0].history).toMatchObject({ source: "MEMORY", problem: { code: "prometheus_unavailable" } });
  });

  it("of the last minutes is from memory only, if that reaches back", async () => {
    await using stage = await withPrometheus(answerContainers);
    const now = Date.now();
    const statsHistory = () =>
      Array.from({ length: 120 }, (_, index) => ({
        sampledAt: new Date(now - (119 - index) * 5000).toISOString(),
        cpuPct: index,
        memPct: 1,
        memUsedBytes: 1,
      }));
    const containers = { ...stage.sources.containers, statsHistory };
    const { data } = await ask({ ...stage.sources, containers }, query("5m"));
    expect(data.containers.map(({ history }: any) => [history.source, history.since, history.problem])).toEqual([
      ["MEMORY", null, null],
      ["MEMORY", null, null],
    ]);
    const values = data.containers[0].history.points.map(({ cpuPct }: any) => cpuPct);
    expect(values).toHaveLength(5);
    expect(values.at(-1)).toBeGreaterThanOrEqual(117);
    expect(values.at(-1) - values[0]).toBe(48);
    expect(stage.asked).toEqual([]);
  });
});

import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { makeToken } from "../../src/cli/token.ts";
import { metrics } from "../../src/grafana/metrics.ts";
import { startGateway } from "../support/gateway.ts";
import { lastHour } from "../support/grafana-panel.ts";
import { column, linesOf, readFrames } from "../support/grafana-read.ts";
import { createStage, deployInfo } from "../support/stage.ts";
import { until } from "../support/until.ts";

let stage: Awaited<ReturnType<typeof createStage>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;
/** Of a token that may only read. */
const reader = makeToken({
  subject: "grafana",
  scopes: ["ops:read"],
  environments: ["staging", "production"],
  expiresAt: new Date(Date.now() + 3_600_000),
});

/**
 * Jobs of the runner that waited from 40 to 20 minutes ago: five that succeeded then, and one that
 * failed. Another shows how far back its rows go.
 */
async function stagePast(url: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  await client.query(`
    insert into runner_jobs select 'past' || n, 'webhook.past', 'done', now() - interval '40 minutes', now() - interval '20 minutes' from generate_series(1, 5) n;
    insert into runner_jobs values ('past0', 'webhook.past', 'done', now() - interval '75 minutes', now() - interval '70 minutes', null);
    insert into runner_jobs values ('past6', 'webhook.past', 'failed', now() - interval '40 minutes', now() - interval '20 minutes', 'no route')`);
  await client.end();
}

beforeAll(async () => {
  const runFolder = inject("runFolder");
  stage = await createStage({
    dockerSocket: inject("dockerSocket"),
    postgresUrl: inject("postgresUrl"),
    prometheusUrl: inject("prometheusUrl"),
    runFolder,
  });
  await stagePast(stage.env.WALLET_CORE_OPS_DATABASE_URL);
  const tokensFile = join(mkdtempSync(join(runFolder, "grafana-")), "tokens.json");
  writeFileSync(tokensFile, JSON.stringify([reader.entry]));
  gateway = await startGateway(stage.sources, { tokensFile });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await stage[Symbol.asyncDispose]();
});

async function post(
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: any }> {
  const response = await gateway.fetch(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", authorization: `Bearer ${reader.token}`, ...headers },
  });
  return { status: response.status, body: await response.json() };
}

async function query(body: object) {
  const answer = await post("/grafana/query", body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return readFrames(answer.body);
}
const target = (name: string, payload: object = {}, refId = "A") => ({ refId, target: name, payload });
const queues = ["payouts", "pos_settlement", "webhook.aella.process"];
/** Where a queue is one that only has a past. */
const allQueues = [...queues, "webhook.past"];

describe("Grafana's JSON datasource on real upstreams", () => {
  it("fills one panel with every metric, readable by @grafana/data", async () => {
    const frames = await query(lastHour(metrics.map(({ name }, index) => target(name, {}, `M${index}`))));
    const seen = new Map(frames.map((frame) => [frame.name, frame]));
    // Nobody restarted anything, and nothing went wrong.
    const always = metrics.map(({ name }) => name).filter((name) => !["restarts", "alerts"].includes(name));
    expect(always.filter((name) => !seen.get(name)?.length)).toEqual([]);
    const errors = frames.flatMap(({ meta }) => meta?.notices ?? []).filter(({ severity }) => severity === "error");
    expect(errors).toEqual([]);
  });

  it("tables: the seed's containers, queues, errors, host, engine and deploy", async () => {
    const [containers] = await query(lastHour([target("containers", { accessories: "true" })]));
    const mine = column(containers, "container").indexOf(`${stage.service}-web-latest`);
    const web = Object.fromEntries((containers?.fields ?? []).map(({ name, values }) => [name, values[mine]]));
    expect(web).toMatchObject({
      role: "web",
      status: "running",
      version: deployInfo.current_tag,
      commit_sha: "abc123",
      restarts: 0,
      stale: false,
      engine: "local",
    });
    expect(web["started_at"]).toBeGreaterThan(Date.now() - 600_000);
    expect(web["mem_pct"]).toEqual(expect.any(Number));

    const [listed] = await query(lastHour([target("queues")]));
    expect(column(listed, "queue")).toEqual(allQueues);
    expect(column(listed, "depth")).toEqual([4, 12, 2, 0]);
    expect(column(listed, "processed_per_sec")).toEqual([1.2, 0.6, 0.4, 0]);

    const [errors] = await query(lastHour([target("queue_errors", { queue: "pos_settlement" })]));
    expect(column(errors, "error")).toEqual(["pq: serialization failure"]);
    expect(column(errors, "count")).toEqual([2]);

    const [hosts, engines] = await query(lastHour([target("hosts"), target("engines", {}, "B")]));
    const deployedAt = Date.parse(deployInfo.deployed_at);
    const range = {
      from: new Date(deployedAt - 60_000).toISOString(),
      to: new Date(deployedAt + 60_000).toISOString(),
    };
    const [deploys] = await query(lastHour([target("deploys", {}, "C")], { range }));
    expect(column(hosts, "mem_util")[0]).toBeGreaterThan(0);
    expect(column(engines, "ok")).toEqual([true]);
    expect(column(deploys, "text")).toContain(`${deployInfo.current_tag} by ${deployInfo.deployed_by}`);
    expect(column(deploys, "time")).toContain(deployedAt);
  });

  it("series: the queues' rows and Prometheus' samples", async () => {
    const [depth, failures, ...up] = await query(
      lastHour([target("queue_depth"), target("queue_failures", {}, "B"), target("up", {}, "D")]),
    );
    expect(
      depth?.meta?.notices?.map(({ severity, text }) => `${severity} ${text.replace(/since .*/, "since")}`),
    ).toEqual(["info payouts: known since", "info pos_settlement: known since"]);
    const past = linesOf(depth).find(({ legend }) => legend === "webhook.past");
    expect(past).toMatchObject({ unit: "short", labels: { queue: "webhook.past", source: "runner" } });
    const at = (minutesAgo: number) =>
      depth?.fields[0]?.values.findLastIndex((time: number) => time <= Date.now() - minutesAgo * 60_000) ?? -1;
    expect([50, 30, 10].map((minutes) => past?.values[at(minutes)])).toEqual([0, 6, 0]);
    const failed = linesOf(failures).find(({ legend }) => legend === "webhook.past")?.values ?? [];
    expect(failed.reduce((sum, value) => sum + Number(value), 0)).toBe(1);
    expect(up.flatMap(linesOf).map(({ legend, values }) => [legend, values.at(-1)])).toEqual(
      expect.arrayContaining([
        ["engine up", 1],
        ["engine total", 1],
      ]),
    );
  });

  it("shows a host once Prometheus has a sample at one of the points", async () => {
    const load = async () => linesOf((await query(lastHour([target("host_load1")])))[0]);
    await until(async () => (await load()).some(({ values }) => values.some((value) => Number(value) > 0)), 25_000);
    expect((await load()).map(({ labels, unit }) => [Object.keys(labels ?? {}), unit])).toEqual([
      [["host", "instance"], "short"],
    ]);
  });

  it("shows a container's use once it was sampled", async () => {
    const lines = async () =>
      linesOf((await query(lastHour([target("container_mem_pct", { role: ["web"], step: "15" })])))[0]);
    await until(
      async () => (await lines()).some(({ values }) => values.some((value) => typeof value === "number")),
      25_000,
    );
    expect((await lines()).map(({ labels, unit }) => [labels?.["container"], unit])).toEqual([
      [`${stage.service}-web-latest`, "percent"],
    ]);
  });

  it("variables, options and tags are the existing ones", async () => {
    const values = async (name: string) =>
      (await post("/grafana/variable", { payload: { target: name } })).body.map(({ __value: value }: any) => value);
    expect(await values("queue")).toEqual(allQueues);
    expect(await values("container")).toEqual([`${stage.service}-web-latest`]);
    expect(await values("host")).toHaveLength(1);
    const options = await post("/grafana/metric-payload-options", {
      metric: "queue_depth",
      payload: { source: ["runner"] },
      name: "queue",
    });
    expect(options.body).toEqual(["webhook.aella.process", "webhook.past"].map((value) => ({ value, label: value })));
    const tags = await post("/grafana/tag-values", {
      key: "queue",
      filters: [{ key: "source", operator: "=~", value: "p.*" }],
    });
    expect(tags.body.map(({ text }: any) => text)).toEqual(["payouts", "pos_settlement"]);
  });
});

describe("Infinity on real upstreams", () => {
  const infinity = { accept: "application/json;q=0.9,text/plain" };
  /** As its macros make them: `${__timeFrom:date:iso}`, and `${__timeFrom}`. */
  const ranges = () => {
    const [from, to] = [Date.now() - 3_600_000, Date.now()];
    return [
      `from: "${new Date(from).toISOString()}", to: "${new Date(to).toISOString()}"`,
      `from: ${from}, to: ${to}`,
      `from: "${from}", to: "${to}"`,
    ];
  };

  it("gets flat rows for every series", async () => {
    for (const range of ranges()) {
      const lines = [
        ...["DEPTH", "PROCESSED_PER_SEC", "FAILURES", "OLDEST_AGE_SECONDS"].map(
          (kind) => `${kind}: queueSeries(kind: ${kind}, ${range}) { time queue value }`,
        ),
        ...["CPU_UTIL", "MEM_UTIL", "DISK_UTIL", "LOAD"].map(
          (kind) => `${kind}: hostSeries(kind: ${kind}, ${range}) { time host value }`,
        ),
        ...["CPU_PCT", "MEM_PCT"].map(
          (kind) => `${kind}: containerSeries(kind: ${kind}, ${range}) { time container value }`,
        ),
        `upCounts(${range}) { time kind up total }`,
      ];
      const text = `query { ${lines.join("\n")} }`;
      const { status, body } = await post(
        "/graphql",
        { query: text, variables: null },
        { ...infinity, "x-ops-strict": "1" },
      );
      expect(status, JSON.stringify(body.errors)).toBe(200);
      expect(body.errors).toBeUndefined();
      for (const [field, rows] of Object.entries<any[]>(body.data)) {
        expect(rows.length, field).toBeGreaterThan(0);
        expect(rows.every(({ time }, index) => index === 0 || time >= rows[index - 1].time)).toBe(true);
      }
    }
  });

  it("agrees with the datasource, point by point", async () => {
    const body = lastHour([target("host_mem_util")]);
    const { from, to } = body.range;
    const [frame] = await query(body);
    const { body: answer } = await post("/graphql", {
      query: `{ hostSeries(kind: MEM_UTIL, from: "${from}", to: "${to}", step: 15) { time value } }`,
    });
    expect(answer.data.hostSeries.map(({ time, value }: any) => [Date.parse(time), value])).toEqual(
      linesOf(frame)[0]?.values.map((value, index) => [frame?.fields[0]?.values[index], value]),
    );
  });
});

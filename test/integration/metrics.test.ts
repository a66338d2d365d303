import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { toRuleFiles } from "../../script/alerts/prometheus.ts";
import { freePort } from "../../script/services/process.ts";
import { startPrometheus } from "../../script/services/prometheus.ts";
import { queueNumberNames, toQueueNumber } from "../../src/facts/queue.ts";
import { toBound } from "../support/bound.ts";
import { assertNoCrash } from "../support/crash.ts";
import { parseExposition, valuesOf } from "../support/exposition.ts";
import { untilSamples } from "../support/prometheus.ts";
import { createStage, deployInfo } from "../support/stage.ts";
import { until } from "../support/until.ts";

const folder = mkdtempSync(join(inject("runFolder"), "metrics-"));
let stage: Awaited<ReturnType<typeof createStage>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;

/** The gateway as it is run, with the listener that needs no token. */
async function startGateway(env: Readonly<Record<string, string>>) {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const child: ChildProcess = spawn(process.execPath, ["src/cli.ts", "serve"], {
    env: {
      PATH: process.env["PATH"] ?? "",
      ...env,
      WALLET_CORE_OPS_PORT: String(port),
      WALLET_CORE_OPS_METRICS_ADDRESS: `127.0.0.1:${metricsPort}`,
    },
  });
  let text = "";
  child.stdout?.on("data", (chunk) => (text += chunk));
  child.stderr?.on("data", (chunk) => (text += chunk));
  const ended = once(child, "close");
  await until(async () => text.includes('"listening"') || child.exitCode !== null);
  const headers = { authorization: `Bearer ${env["WALLET_CORE_OPS_TOKEN"]}` };
  return {
    port,
    metricsPort,
    scrape: async (query = "", accept = "text/plain") =>
      (await fetch(`http://127.0.0.1:${port}/metrics${query}`, { headers: { ...headers, accept } })).text(),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await ended;
      assertNoCrash(text);
    },
  };
}

/** What promtool says of a file or of its input; "" for nothing. */
function promtool(args: readonly string[], input = ""): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8" });
  return { status, text: stdout + stderr };
}

beforeAll(async () => {
  stage = await createStage({
    dockerSocket: inject("dockerSocket"),
    postgresUrl: inject("postgresUrl"),
    prometheusUrl: inject("prometheusUrl"),
    runFolder: folder,
  });
  gateway = await startGateway(stage.env);
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
});

describe("/metrics of the running gateway", () => {
  it("has the numbers of the real upstreams", async () => {
    // On a busy machine a read of the first scrape may come too late.
    await until(async () => valuesOf(await gateway.scrape("?stats=1"), "ops_upstream_up").join() === "1,1,1,1");
    const text = await gateway.scrape("?stats=1");
    const service = stage.env.WALLET_CORE_OPS_SERVICE;
    const web = { name: `${service}-staging-web-latest`, role: "web", env: "staging" };
    expect(valuesOf(text, "ops_container_up", web)).toEqual([1]);
    expect(valuesOf(text, "ops_container_health", { ...web, state: "healthy" })).toEqual([1]);
    expect(valuesOf(text, "ops_container_memory_usage_bytes", web)[0]).toBeGreaterThan(10_000);
    expect(valuesOf(text, "ops_container_cpu_percent", web)[0]).toBeGreaterThanOrEqual(0);
    expect(valuesOf(text, "ops_container_up", { name: `${stage.service}-redis`, role: "redis" })).toEqual([1]);
    expect(valuesOf(text, "ops_queue_depth", { queue: "payouts" })).toEqual([4]);
    expect(valuesOf(text, "ops_queue_processed_per_second", { queue: "webhook.aella.process" })).toEqual([0.4]);
    expect(valuesOf(text, "ops_host_up", { host: hostname() })).toEqual([1]);
    expect(valuesOf(text, "ops_deploy_info", { tag: deployInfo.current_tag, sha: deployInfo.commit_sha })).toEqual([1]);
    expect(valuesOf(text, "ops_upstream_up")).toEqual([1, 1, 1, 1]);
  });

  it("passes promtool check metrics without a remark", async () => {
    // From the second scrape on it has the event loop's delay.
    await gateway.scrape();
    await sleep(100);
    const text = await gateway.scrape("?stats=1");
    expect(valuesOf(text, "ops_event_loop_delay_seconds")).toHaveLength(4);
    expect(promtool(["check", "metrics"], text)).toEqual({ status: 0, text: "" });
  });

  it("counts its own calls and requests", async () => {
    const before = await gateway.scrape();
    const text = await gateway.scrape();
    for (const upstream of ["docker", "postgres", "prometheus", "deploy"]) {
      const [calls = 0] = valuesOf(text, "ops_upstream_requests_total", { upstream });
      expect(calls, upstream).toBeGreaterThan(0);
      expect(valuesOf(text, "ops_upstream_request_duration_seconds_count", { upstream })).toEqual([calls]);
    }
    expect(valuesOf(text, "ops_upstream_requests_total", { upstream: "redis" })).toEqual([0]);
    expect(valuesOf(text, "ops_upstream_errors_total")).toEqual(valuesOf(before, "ops_upstream_errors_total"));
    expect(valuesOf(text, "ops_http_requests_total", { route: "/metrics", code: "200" })[0]).toBeGreaterThan(0);
  });

  it("is 200, valid and fast with every upstream down", async () => {
    const env = {
      WALLET_CORE_OPS_TOKEN: stage.env.WALLET_CORE_OPS_TOKEN,
      WALLET_CORE_OPS_AUDIT_FILE: join(folder, "away.jsonl"),
      WALLET_CORE_OPS_DOCKER_HOSTS: `unix://${folder}/nowhere.sock`,
      WALLET_CORE_OPS_DATABASE_URL: "postgres://127.0.0.1:1/nowhere",
      WALLET_CORE_OPS_PROMETHEUS_URL: "http://127.0.0.1:1",
      WALLET_CORE_OPS_DEPLOY_INFO_PATH: folder,
    };
    await using away = await startGateway(env);
    const before = performance.now();
    const text = await away.scrape("?stats=1");
    expect(performance.now() - before).toBeLessThan(toBound(5000));
    expect(valuesOf(text, "ops_upstream_up")).toEqual([0, 0, 0, 0]);
    expect(valuesOf(text, "ops_engine_up")).toEqual([0]);
    expect(parseExposition(text).filter(({ name }) => /^ops_(?:container|queue|host|deploy)_/.test(name))).toEqual([]);
    expect(promtool(["check", "metrics"], text)).toEqual({ status: 0, text: "" });
    const again = await away.scrape();
    expect(
      valuesOf(again, "ops_upstream_errors_total", { upstream: "docker", code: "docker_unavailable" })[0],
    ).toBeGreaterThan(0);
    expect(valuesOf(again, "ops_upstream_errors_total", { upstream: "postgres" })[0]).toBeGreaterThan(0);
    expect(valuesOf(again, "ops_upstream_errors_total", { upstream: "prometheus" })[0]).toBeGreaterThan(0);
    const ofDeploy = valuesOf(again, "ops_upstream_errors_total", { upstream: "deploy" });
    // One for each scrape; one more where problems ask for it after the first read has failed.
    expect(ofDeploy.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(2);
  });
});

describe("the metrics listener without a token", () => {
  const get = (path: string, host: string, method = "GET") =>
    new Promise<number>((done, reject) => {
      const call = request(
        { port: gateway.metricsPort, host: "127.0.0.1", path, method, headers: { host } },
        (response) => {
          response.resume().on("end", () => done(response.statusCode ?? 0));
        },
      );
      call.on("error", reject).end();
    });

  it("serves the metrics and nothing else", async () => {
    const response = await fetch(`http://127.0.0.1:${gateway.metricsPort}/metrics`);
    expect(response.status).toBe(200);
    expect(valuesOf(await response.text(), "ops_upstream_up")).toEqual([1, 1, 1, 1]);
    expect(await get("/metrics", "localhost", "POST")).toBe(405);
    for (const path of ["/graphql", "/api/v1/admin/ops/containers", "/"])
      expect(await get(path, "localhost")).toBe(404);
  });

  it("refuses a browser that was sent there by another name", async () => {
    expect(await get("/metrics", "rebound.example")).toBe(401);
    expect(await get("/metrics", `localhost:${gateway.metricsPort}`)).toBe(200);
  });

  it("is refused on any other address, in one line", () => {
    const env = { PATH: process.env["PATH"] ?? "", ...stage.env, WALLET_CORE_OPS_METRICS_ADDRESS: "0.0.0.0:9464" };
    const { status, stderr } = spawnSync(process.execPath, ["src/cli.ts", "serve"], { env, encoding: "utf8" });
    expect(status).toBe(78);
    expect(stderr.trim()).toMatch(
      /^WALLET_CORE_OPS_METRICS_ADDRESS must be a loopback address with a port, such as 127\.0\.0\.1:9464/,
    );
  });

  it("ends the process with the reason when its address is in use", () => {
    const taken = `127.0.0.1:${gateway.metricsPort}`;
    const env = {
      PATH: process.env["PATH"] ?? "",
      ...stage.env,
      WALLET_CORE_OPS_PORT: "0",
      WALLET_CORE_OPS_METRICS_ADDRESS: taken,
    };
    const { status, stderr } = spawnSync(process.execPath, ["src/cli.ts", "serve"], {
      env,
      encoding: "utf8",
      timeout: 10_000,
    });
    expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining("EADDRINUSE") });
  });
});

describe("deploy/prometheus", () => {
  /** The shipped configuration, with the addresses and the token file of this run. */
  function writeConfig(): string {
    const dir = join(folder, "shipped");
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, "token"), stage.env.WALLET_CORE_OPS_TOKEN);
    const shipped = readFileSync("deploy/prometheus/prometheus.yml", "utf8");
    const config = shipped
      .replace("gateway:4000", `127.0.0.1:${gateway.port}`)
      .replace("/run/secrets/token", join(dir, "token"))
      .replace("rules/*.yml", resolve("deploy/prometheus/rules/*.yml"))
      .replaceAll("_interval: 15s", "_interval: 1s")
      .replace("scrape_timeout: 10s", "scrape_timeout: 1s");
    writeFileSync(join(dir, "prometheus.yml"), config);
    return join(dir, "prometheus.yml");
  }

  it("passes promtool check config, check rules and the rules' unit tests", { timeout: 120_000 }, () => {
    const config = promtool(["check", "config", writeConfig()]);
    expect(config).toMatchObject({ status: 0, text: expect.stringMatching(/SUCCESS: 2 rule files found/) });
    const rules = ["alerts", "recording"].map((name) => `deploy/prometheus/rules/${name}.yml`);
    expect(promtool(["check", "rules", ...rules])).toMatchObject({ status: 0 });
    const tests = ["rules", "missed-scrapes"].map((name) => `deploy/prometheus/tests/${name}.yml`);
    expect(promtool(["test", "rules", ...tests])).toMatchObject({ status: 0 });
  });

  it("has a unit test for each alert, and our metrics only", async () => {
    const alerts = readFileSync("deploy/prometheus/rules/alerts.yml", "utf8");
    const rules = alerts + readFileSync("deploy/prometheus/rules/recording.yml", "utf8");
    const tests = readFileSync("deploy/prometheus/tests/rules.yml", "utf8");
    const names = [...alerts.matchAll(/alert: (\w+)/g)].map(([, name = ""]) => name);
    expect(names.filter((name) => !new RegExp(`alertname: ${name}\\n\\s+exp_alerts:\\n`).test(tests))).toEqual([]);
    const ofQueues = queueNumberNames.map((name) => `"ops_queue_${toQueueNumber(name).metric}"`);
    const sources = [...globSync("src/metrics/*.ts").map((file) => readFileSync(file, "utf8")), ...ofQueues].join("");
    const used = new Set([...rules.matchAll(/(?<![:\w])ops_\w+/g)].map(([name]) => name.replace(/_bucket$/, "")));
    expect([...used].filter((name) => !sources.includes(`"${name}"`))).toEqual([]);
    expect(used.size).toBeGreaterThan(10);
  });

  it("makes a real Prometheus scrape the gateway and evaluate the rules", async () => {
    const prometheus = await startPrometheus(join(folder, "prometheus"), { configFile: writeConfig() });
    try {
      await untilSamples(prometheus.url, 'up{job="wallet-core-ops"} == 1');
      await untilSamples(prometheus.url, "count_over_time(ops_upstream_up[1m]) > 2");
      for (const series of [
        'ops_container_cpu_percent{role="web"}',
        'ops_queue_state{state="ok"}',
        "ops_host_cpu_util_ratio",
        'ops_deploy_info{sha="abc123"}',
        "ops_http_request_duration_seconds_bucket",
        'role:ops_container_up:sum{role="web"} == 1',
      ])
        await untilSamples(prometheus.url, series);
      const { activeTargets } = (await ask(prometheus.url, "targets")) as {
        activeTargets: { scrapePool: string; lastError: string }[];
      };
      expect(activeTargets.find(({ scrapePool }) => scrapePool === "wallet-core-ops")?.lastError).toBe("");
      const { groups } = (await ask(prometheus.url, "rules")) as {
        groups: { rules: { name: string; health: string }[] }[];
      };
      const rules = groups.flatMap((group) => group.rules);
      await until(async () => (await healths(prometheus.url)).every((health) => health === "ok"));
      expect(rules).toHaveLength([...toRuleFiles().values()].join("").match(/- (?:alert|record): /g)?.length ?? 0);
      const metadata = (await ask(prometheus.url, "metadata?limit_per_metric=1")) as Record<
        string,
        { type: string; unit: string }[]
      >;
      expect(metadata["ops_http_requests"] ?? metadata["ops_http_requests_total"]).toMatchObject([{ type: "counter" }]);
      expect(metadata["ops_queue_oldest_age_seconds"]).toMatchObject([{ type: "gauge", unit: "seconds" }]);
    } finally {
      await prometheus.stop();
    }
  });

  async function ask(url: string, path: string): Promise<unknown> {
    return ((await (await fetch(`${url}/api/v1/${path}`)).json()) as { data: unknown }).data;
  }

  async function healths(url: string): Promise<string[]> {
    const { groups } = (await ask(url, "rules")) as { groups: { rules: { health: string }[] }[] };
    return groups.flatMap(({ rules }) => rules.map(({ health }) => health));
  }
});

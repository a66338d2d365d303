import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { parseConfig } from "../src/config/config.ts";
import { ConfigError } from "../src/config/reader.ts";
import { silentLogger } from "../src/lib/logger.ts";
import type { ObserveCall } from "../src/lib/upstream-call.ts";
import { createSources, toQueueOptions } from "../src/sources.ts";
import { soon } from "./support/docker-containers.ts";

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "ops-sources-"))));
afterAll(() => rmSync(folder, { recursive: true }));

const base = {
  TOKEN: "token-of-the-sources-tests",
  DOCKER_HOSTS: "a=unix:///nowhere/a.sock",
  PROMETHEUS_URL: "http://127.0.0.1:1",
};
const toConfig = (more: Readonly<Record<string, string>> = {}, text = "") =>
  parseConfig(
    Object.fromEntries(Object.entries({ ...base, ...more }).map(([name, value]) => [`WALLET_CORE_OPS_${name}`, value])),
    () => text,
  );

it("sources have what is configured", async () => {
  const plain = createSources(toConfig(), silentLogger);
  const { thresholds, env, restartEnabled, jobsEnabled, healthExecEnabled } = plain;
  expect({ thresholds, env, restartEnabled, jobsEnabled, healthExecEnabled }).toEqual({
    thresholds: { cpu: 0.85, mem: 0.85 },
    env: null,
    restartEnabled: false,
    jobsEnabled: false,
    healthExecEnabled: false,
  });
  await plain.close();
  for (const [name, field] of [
    ["RESTART", "restartEnabled"],
    ["HEALTH_EXEC", "healthExecEnabled"],
    ["JOBS", "jobsEnabled"],
  ] as const) {
    const more = { [name]: "on", ...(name === "JOBS" && { CONTROL_DATABASE_URL: "postgres://127.0.0.1:1/x" }) };
    const sources = createSources(toConfig({ ...more, ENV: "staging", CPU_THRESHOLD: "0.5" }), silentLogger);
    const on = (["restartEnabled", "healthExecEnabled", "jobsEnabled"] as const).filter((one) => sources[one]);
    expect([on, sources.env, sources.thresholds]).toEqual([[field], "staging", { cpu: 0.5, mem: 0.85 }]);
    await sources.close();
  }
});

it("a service is one's own by name, or may be where selectors are set", async () => {
  const named = createSources(toConfig({ SERVICE: "a,b" }), silentLogger);
  expect(["a", "b", "c"].map(named.isOwnService)).toEqual([true, true, false]);
  const selected = createSources(toConfig({ SERVICE: "a", CORE: "team=x" }), silentLogger);
  const unnamed = createSources(toConfig({}), silentLogger);
  expect([named, selected, unnamed].map((one) => one.isProductConfigured)).toEqual([true, true, false]);
  expect(["a", "c"].map(selected.isOwnService)).toEqual([true, true]);
  await Promise.all([named.close(), selected.close(), unnamed.close()]);
});

it("reading the deploy file is one call; a missing file is no failure", async () => {
  const path = join(folder, "deploy_info.json");
  const observe = vi.fn<ObserveCall>();
  const sources = createSources(toConfig({ DEPLOY_INFO_PATH: path }), silentLogger, observe);
  await expect(sources.deploy.read(soon())).rejects.toMatchObject({ code: "deploy_info_missing" });
  expect(observe.mock.calls).toEqual([["deploy", expect.any(Number), null]]);
  writeFileSync(path, "{");
  await expect(sources.deploy.read(soon())).rejects.toMatchObject({ code: "deploy_info_invalid" });
  expect(observe.mock.lastCall).toEqual(["deploy", expect.any(Number), "deploy_info_invalid"]);
  await sources.close();
});

it.each([
  [{ ENV: "production" }, {}, "production"],
  [{ ENV: "production" }, { destination: "staging" }, "staging"],
  [{ ENV: "production", DESTINATIONS: "qa=staging" }, { destination: "qa" }, "staging"],
  [{}, { service: "wallet-core" }, null],
])("with %j a deploy of %j is of %j", async (more: Readonly<Record<string, string>>, said, env) => {
  const path = join(folder, `deploy_${Object.keys(more).join("_")}_${Object.values(said).join("_")}.json`);
  const info = {
    current_tag: "v1",
    previous_tag: "",
    commit_sha: "",
    deployed_by: "x",
    deployed_at: "2026-01-10T13:15:00Z",
  };
  writeFileSync(path, JSON.stringify({ ...info, ...said }));
  const sources = createSources(toConfig({ ...more, DEPLOY_INFO_PATH: path }), silentLogger);
  expect((await sources.deploy.read(soon())).env).toBe(env);
  await sources.close();
});

it("queues have what is configured, and the control role only with JOBS", () => {
  const urls = {
    DATABASE_URL: "postgres://127.0.0.1:1/r",
    CONTROL_DATABASE_URL: "postgres://127.0.0.1:1/c",
    RABBITMQ_URL: "http://127.0.0.1:1",
    REDIS_URL: "redis://127.0.0.1:1",
    ENV: "staging",
  };
  const common = {
    databaseUrl: urls.DATABASE_URL,
    controlDatabaseUrl: null,
    brokers: { rabbitmq: urls.RABBITMQ_URL, redis: urls.REDIS_URL },
    env: "staging",
    logger: silentLogger,
  };
  expect(toQueueOptions(toConfig(urls), silentLogger)).toEqual(common);
  const on = toQueueOptions(toConfig({ ...urls, JOBS: "on" }), silentLogger);
  expect(on).toEqual({ ...common, controlDatabaseUrl: urls.CONTROL_DATABASE_URL });
  const file = toConfig({ ...urls, QUEUES_FILE: "/q.json" }, '{"detect":false,"hide":["river"],"sources":[]}');
  expect(toQueueOptions(file, silentLogger)).toEqual({ ...common, detect: false, hide: ["river"], sources: [] });
});

it("each problem of the queues file is a configuration mistake", () => {
  const bad = toConfig({ QUEUES_FILE: "/q.json" }, '{"detect":1,"hide":2,"sources":[]}');
  const thrown = (() => {
    try {
      toQueueOptions(bad, silentLogger);
    } catch (error) {
      return error;
    }
    return null;
  })();
  expect(thrown).toBeInstanceOf(ConfigError);
  const { issues } = thrown as ConfigError;
  expect(issues).toHaveLength(2);
  for (const issue of issues) expect(issue).toMatch(/^WALLET_CORE_OPS_QUEUES_FILE: \/q\.json: \S/);
});

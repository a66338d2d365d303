import { afterEach, describe, expect, it } from "vitest";
import { drifted } from "../../script/grafana/dashboards/figures.ts";
import type { Target } from "../../script/grafana/model.ts";
import { whileFound } from "../../script/alerts/model.ts";
import type { Container } from "../../src/containers/container.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { type AlertName, problemKinds, problemRules } from "../../src/problems/rules.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { startGateway, token } from "../support/gateway.ts";
import { numbersOf } from "../support/grafana-frames.ts";
import { ask } from "../support/grafana-queries.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";
import { sampleHistory } from "../support/queues.ts";

const ago = (seconds: number) => `${new Date(Date.now() - seconds * 1000).toISOString().slice(0, 19)}Z`;
const history = sampleDeployLog([
  sampleRecord({ tag: "v1", deployedAt: ago(40_000) }),
  sampleRecord({ tag: "v2", deployedAt: ago(1200), durationSeconds: 60 }),
]);
const web = (version: string, more: Partial<Container> = {}) =>
  sampleContainer({ name: `web-${version}-${more.role}`, version, commitSha: "", createdAt: ago(1250), ...more });

const closers: AsyncDisposable[] = [];
afterEach(async () => {
  for (const closer of closers.splice(0)) await closer[Symbol.asyncDispose]();
});

/** How many problems a scrape has that an alert is about. */
const judge = (alert: AlertName, ...containers: Container[]) => judgeAfter(history, alert, ...containers);

const judgeAfter = (log: typeof history, alert: AlertName, ...containers: Container[]) =>
  judgeMemory({ containers, deployLogs: [log] }, alert);

async function open(memory: Partial<Memory>) {
  const gateway = await startGateway(createMemorySources({ deploy: new Error("none"), ...memory }).sources);
  closers.push(gateway);
  return gateway;
}

async function judgeMemory(memory: Partial<Memory>, alert: AlertName): Promise<number> {
  const { url } = await open(memory);
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  const found = (await answer.text()).matchAll(/^ops_problem\{kind="(\w+)".*\} (\d+)$/gm);
  const kinds = new Set<string>(problemKinds.filter((kind) => problemRules[kind].alert === alert));
  return [...found].reduce((sum, [, kind = "", count]) => sum + (kinds.has(kind) ? Number(count) : 0), 0);
}

/** The first number that a panel's query has. */
async function measure(memory: Partial<Memory>, model: Target): Promise<number | undefined> {
  const { url } = await open(memory);
  const frames = await ask({ url, token, prometheusUrl: "" }, model, { env: null, destination: null });
  return frames.flatMap(numbersOf).flatMap(({ values }) => values as number[])[0];
}

it("an alert is about each kind of problem that names it", () => {
  const missed = problemKinds.filter((kind) => {
    const { alert } = problemRules[kind];
    return alert !== null && !whileFound(alert, ["env"]).expr.split(/["|]/).includes(kind);
  });
  expect(missed).toEqual([]);
});

describe("OpsFailuresUpSinceDeploy", () => {
  it("fires when the running release is worse, not when it is healthy", async () => {
    const title = "OpsFailuresUpSinceDeploy" as const;
    expect(await judge(title, web("v2"))).toBe(0);
    expect(await judge(title, web("v2", { health: "unhealthy" }))).toBe(1);
  });

  it("judges the last deploy of each environment, unnamed ones included", async () => {
    const title = "OpsFailuresUpSinceDeploy" as const;
    const production = [sampleRecord({ tag: "v3", env: "production", deployedAt: ago(900) })];
    const unnamed = [sampleRecord({ tag: "v9", env: null, deployedAt: ago(1100) })];
    const later = [...production, sampleRecord({ tag: "v4", env: "production", deployedAt: ago(300) })];
    const others = [web("v4", { env: "production" }), web("v3", { env: "production", role: "worker" })];
    const log = { ...history, records: [...history.records, ...later, ...unnamed] };
    expect(await judgeAfter(log, title, web("v2", { health: "unhealthy" }), ...others)).toBe(1);
    expect(await judgeAfter(log, title, web("v2"), ...others, web("v9", { env: null, health: "unhealthy" }))).toBe(1);
    const replaced = web("v3", { env: "production", role: "worker", health: "unhealthy" });
    expect(await judgeAfter(log, title, web("v2"), web("v4", { env: "production" }), replaced)).toBe(0);
  });

  it("ends an hour after the deploy, and while no queue can be read", async () => {
    const title = "OpsFailuresUpSinceDeploy" as const;
    const read = async (age: number, isDown = false) => {
      const past = async (_: unknown, { from, step }: { from: number; step: number }) => {
        if (isDown) throw new OpsError("postgres_unavailable", "gone");
        const isAfter = from >= Date.now() / 1000 - age - 5;
        return new Map([
          ["mail", sampleHistory({ depth: 0, processedPerSec: 700 / step, failures: isAfter ? 300 : 0 })],
        ]);
      };
      const records = [sampleRecord({ tag: "v2", deployedAt: ago(age), durationSeconds: 60 })];
      const queueSources = [{ name: "jobs", env: "staging" as const, metrics: [], errors: [], history: past }];
      const containers = [web("v2", { createdAt: ago(age) })];
      return judgeMemory({ containers, deployLogs: [{ ...history, records }], queueSources }, title);
    };
    expect(await read(3000)).toBe(1);
    expect(await read(26 * 3600)).toBe(0);
    expect(await read(3000, true)).toBe(0);
  });

  it("ends once the release was rolled back", async () => {
    const unwell = web("v2", { health: "unhealthy", status: "exited", role: "worker" });
    expect(await judge("OpsFailuresUpSinceDeploy", web("v1", { createdAt: ago(40_000) }), unwell)).toBe(0);
  });
});

describe("OpsReleaseDrift", () => {
  it("fires for what a deploy missed once it is over, else not", async () => {
    const title = "OpsReleaseDrift" as const;
    expect(await judge(title, web("v2"), web("v2", { role: "worker" }))).toBe(0);
    expect(await judge(title, web("v2"), web("v1", { role: "worker" }))).toBeGreaterThan(0);
    expect(await judge(title, web("v2"), web("v1", { role: "worker", createdAt: ago(30) }))).toBe(0);
  });

  it("counts what the panel of the overview counts: no silent engine", async () => {
    const panel = (drifted.targets ?? [])[0] as Target;
    const away = { name: "away", ok: false, error: { code: "docker_timeout", message: "took longer than 2 s" } };
    const silent = { deployLogs: [history], engines: [{ name: "local", ok: true, error: null }, away] };
    const counted = async (...containers: Container[]) => [
      await judgeMemory({ ...silent, containers }, "OpsReleaseDrift"),
      await measure({ ...silent, containers }, panel),
    ];
    expect(await counted(web("v2"), web("v2", { role: "worker" }))).toEqual([0, 0]);
    expect(await counted(web("v1"), web("v1", { role: "worker" }))).toEqual([2, 2]);
  });
});

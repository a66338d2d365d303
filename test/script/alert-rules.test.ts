import { afterEach, describe, expect, it } from "vitest";
import { toAlerting } from "../../script/grafana/alerts.ts";
import { drifted } from "../../script/grafana/dashboards/figures.ts";
import type { Target } from "../../script/grafana/model.ts";
import type { Container } from "../../src/containers/container.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { startGateway, token } from "../support/gateway.ts";
import { numbersOf } from "../support/grafana-frames.ts";
import { ask } from "../support/grafana-queries.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";
import { sampleHistory } from "../support/queues.ts";

interface Rule {
  readonly title: string;
  readonly data: readonly { readonly model: Target }[];
}
const { groups } = toAlerting() as { groups: readonly { rules: readonly Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
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

/** The number that a rule of one query judges, as Grafana reads it. */
const judge = (title: string, ...containers: Container[]) => judgeAfter(history, title, ...containers);

const judgeAfter = (log: typeof history, title: string, ...containers: Container[]) =>
  judgeMemory({ containers, deployLogs: [log] }, title);

const judgeMemory = (memory: Partial<Memory>, title: string) =>
  measure(memory, rules.find((rule) => rule.title === title)?.data[0]?.model as Target);

/** The first number that a query has. */
async function measure(memory: Partial<Memory>, model: Target): Promise<number | undefined> {
  const { sources } = createMemorySources({ deploy: new Error("none"), ...memory });
  const gateway = await startGateway(sources);
  closers.push(gateway);
  const frames = await ask({ url: gateway.url, token, prometheusUrl: "" }, model, { env: null, destination: null });
  return frames.flatMap(numbersOf).flatMap(({ values }) => values as number[])[0];
}

describe("OpsFailuresUpSinceDeploy", () => {
  it("fires when the running release is worse, not when it is healthy", async () => {
    const title = "OpsFailuresUpSinceDeploy";
    expect(await judge(title, web("v2"))).toBe(0);
    expect(await judge(title, web("v2", { health: "unhealthy" }))).toBe(1);
  });

  it("judges the last deploy of each environment, unnamed ones included", async () => {
    const title = "OpsFailuresUpSinceDeploy";
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

  it("ends an hour after the deploy, and is unknown without queue sources", async () => {
    const title = "OpsFailuresUpSinceDeploy";
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
      return judgeMemory({ containers: [web("v2")], deployLogs: [{ ...history, records }], queueSources }, title);
    };
    expect(await read(3000)).toBe(1);
    expect(await read(26 * 3600)).toBe(0);
    await expect(read(3000, true)).rejects.toThrow(/503/);
  });

  it("ends once the release was rolled back", async () => {
    const unwell = web("v2", { health: "unhealthy", status: "exited", role: "worker" });
    expect(await judge("OpsFailuresUpSinceDeploy", web("v1", { createdAt: ago(40_000) }), unwell)).toBe(0);
  });
});

describe("OpsReleaseDrift", () => {
  it("fires for what a deploy missed once it is over, else not", async () => {
    const title = "OpsReleaseDrift";
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

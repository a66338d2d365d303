import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import { startPostgres } from "../../script/services/postgres.ts";
import { freePort } from "../../script/services/process.ts";
import { startPrometheus } from "../../script/services/prometheus.ts";
import { toBound } from "../support/bound.ts";
import { startGateway } from "../support/gateway.ts";
import { createStage } from "../support/stage.ts";
import { until } from "../support/until.ts";

/** Upstreams of our own, so that they can be stopped and started again under a running gateway. */
const folder = mkdtempSync(join(inject("runFolder"), "outage-"));
let docker: Dockerd;
let postgres: Awaited<ReturnType<typeof startPostgres>>;
let prometheus: Awaited<ReturnType<typeof startPrometheus>>;
let prometheusPort = 0;
let stage: Awaited<ReturnType<typeof createStage>>;
let gateway: Awaited<ReturnType<typeof startGateway>>;

const startMetrics = (name: string) => startPrometheus(join(folder, name), { port: prometheusPort });

beforeAll(async () => {
  prometheusPort = await freePort();
  [docker, postgres, prometheus] = await Promise.all([
    startDockerd(join(folder, "docker")),
    startPostgres(join(folder, "postgres")),
    startMetrics("prometheus"),
  ]);
  mkdirSync(join(folder, "stage"));
  stage = await createStage({
    dockerSocket: docker.socketPath,
    postgresUrl: postgres.url,
    prometheusUrl: prometheus.url,
    runFolder: join(folder, "stage"),
  });
  gateway = await startGateway(stage.sources);
});
afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]();
  await stage?.[Symbol.asyncDispose]();
  await Promise.allSettled([docker?.stop(), postgres?.stop(), prometheus?.stop()]);
});

const paths = ["/containers", "/queues", "/hosts", "/deploy-info"];

/** Status of each endpoint, and the code of the one that fails. */
async function look(): Promise<Record<string, string>> {
  const answers = paths.map(async (path) => {
    const response = await gateway.fetch(`/api/v1/admin/ops${path}`);
    const body = (await response.json()) as { error?: { code: string } };
    return [path, body.error?.code ?? String(response.status)] as const;
  });
  return Object.fromEntries(await Promise.all(answers));
}

const well = Object.fromEntries(paths.map((path) => [path, "200"]));
const healed = () => until(async () => JSON.stringify(await look()) === JSON.stringify(well), 30_000);

describe("a running gateway", () => {
  it("survives an outage of the engine", async () => {
    expect(await look()).toEqual(well);
    await docker.halt();
    // The last that is known, for a minute, marked stale and with the error beside it.
    const document = "{ containers { name stale } engines { ok ageSeconds error { code } } hosts { name } }";
    await until(async () => (await gateway.query(document)).body.data.engines[0].ok === false);
    const { headers } = await gateway.fetch("/api/v1/admin/ops/containers");
    expect(headers.get("x-ops-engines")).toMatch(/^"local";age=\d+\.\d;error=docker_unavailable$/);
    const { body } = await gateway.query(document);
    expect(body.data.engines).toMatchObject([
      { ageSeconds: expect.any(Number), error: { code: "docker_unavailable" } },
    ]);
    expect(body.data.containers).not.toEqual([]);
    expect(body.data.containers.every(({ stale }: { stale: boolean }) => stale)).toBe(true);
    // Nothing is done to what may not be so any more.
    const path = `/api/v1/admin/ops/containers/${body.data.containers[0].name}/restart`;
    const restart = await gateway.fetch(path, { method: "POST" });
    expect(await restart.json()).toMatchObject({ error: { code: "docker_unavailable" } });
    expect(body.data.hosts).toHaveLength(1);
    await docker.start();
    await until(async () => (await gateway.query(document)).body.data.engines[0].ok === true);
    // The containers stopped with their engine: the newest of each role shows, as exited.
    await healed();
    const containers = (await (await gateway.fetch("/api/v1/admin/ops/containers")).json()) as { status: string }[];
    expect(containers).toMatchObject([{ status: "exited" }]);
  });

  it("survives an outage of PostgreSQL", async () => {
    await postgres.restart(async () => {
      // An answer serves for a second.
      await expect.poll(look, { timeout: toBound(5000) }).toEqual({ ...well, "/queues": "queues_unavailable" });
    });
    await healed();
  });

  it("survives an outage of Prometheus", async () => {
    await prometheus.stop();
    await expect.poll(look, { timeout: toBound(5000) }).toEqual({ ...well, "/hosts": "prometheus_unavailable" });
    prometheus = await startMetrics("prometheus-again");
    await healed();
  });
});

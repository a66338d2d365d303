import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, expect, inject, it } from "vitest";
import { toBound } from "../support/bound.ts";
import { removeContainers, startContainer } from "../support/docker-containers.ts";
import { startGatewayProcess, watchRestarts } from "../support/gateway-process.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
let audit: string;

beforeEach(() => {
  audit = join(mkdtempSync(join(inject("runFolder"), "unwell-")), "audit.jsonl");
});
afterAll(() => removeContainers(socketPath, ids));

const gateway = (more = {}) => startGatewayProcess(socketPath, "unwell", audit, more);
/** Counts its starts; ends at SIGTERM. */
const counts = ["sh", "-c", "echo >>/starts; trap 'exit 0' TERM; while :; do sleep 0.1; done"];
/** Healthy until it is started a second time. */
const onlyOnce = '[ "$(wc -l </starts)" -lt 2 ]';

async function start(name: string, role: string, healthCmd: string, cmd = counts): Promise<string> {
  const labels = { service: "unwell", role, destination: "staging" };
  ids.push(await startContainer(socketPath, { name: `unwell-${name}`, labels, healthCmd, cmd }));
  return `unwell-${name}`;
}

/** Waits until all of them are healthy, by the gateway's own account. */
async function allHealthy(own: Awaited<ReturnType<typeof gateway>>, names: readonly string[]): Promise<void> {
  await until(async () => {
    const { data } = await own.query("{ containers { name health } }");
    const healthy = new Set(
      (data.containers as any[]).filter(({ health }) => health === "HEALTHY").map(({ name }) => name),
    );
    return names.every((name) => healthy.has(name));
  });
}

it("a healthy container that its restart made unhealthy is reported", async () => {
  await using own = await gateway();
  const name = await start("turns", "turns", onlyOnce);
  await allHealthy(own, [name]);
  const { status, body } = await own.restart(name, "?wait=healthy&wait_seconds=20");
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { restarted: true, status: "running", health: "unhealthy", healthy: false },
  });
});

it("a container that fails to start, or is too slow, is reported", async () => {
  await using own = await gateway();
  const falls = await start("falls", "falls", "true", [
    "sh",
    "-c",
    "[ -e /was ] && exit 3; >/was; trap 'exit 0' TERM; while :; do sleep 0.1; done",
  ]);
  const slow = await start("slow", "slow", '[ "$(wc -l </starts)" -lt 2 ] || sleep 1000');
  await allHealthy(own, [falls, slow]);
  expect((await own.restart(falls, "?wait=healthy")).body).toMatchObject({
    restarted: true,
    status: "exited",
    health: "none",
    healthy: false,
  });
  const before = performance.now();
  // Its probe takes a second to be given up.
  expect((await own.restart(slow, "?wait=healthy&wait_seconds=1")).body).toMatchObject({ healthy: false });
  expect(performance.now() - before).toBeLessThan(toBound(8000));
});

it("a role's restart stops at the container that became unhealthy", async () => {
  await using own = await gateway();
  using restarts = await watchRestarts(socketPath);
  const names = [
    await start("role-1", "web", "true"),
    await start("role-2", "web", onlyOnce),
    await start("role-3", "web", "true"),
    await start("role-4", "web", "true"),
  ];
  await allHealthy(own, names);
  const steps = "steps { outcome error { code } container { name health } }";
  const { data } = await own.query(
    `mutation { restartRole(role: "web", env: STAGING, reason: "leak", waitSeconds: 20) { complete ${steps} } }`,
  );
  const step = (index: number, outcome: string, health: string) => ({
    outcome,
    error: null,
    container: { name: names[index], health },
  });
  expect(data.restartRole).toEqual({
    complete: false,
    steps: [
      step(0, "RESTARTED", "HEALTHY"),
      step(1, "UNHEALTHY", "UNHEALTHY"),
      step(2, "SKIPPED", "HEALTHY"),
      step(3, "SKIPPED", "HEALTHY"),
    ],
  });
  expect(restarts.names.filter((name) => name.startsWith("unwell-role-"))).toEqual(names.slice(0, 2));
});

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import type { Container } from "../../src/containers/container.ts";
import { probeEngine } from "../../src/containers/docker/probe.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { createSharedBudget } from "../../src/lib/budget/budget.ts";
import type { Logger } from "../../src/lib/logger.ts";
import { toBound } from "../support/bound.ts";
import { findRows, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { until } from "../support/until.ts";

let dockerd: Dockerd;
let fullId: string;
const logged: string[] = [];
const log = (fields: object, message: string) =>
  logged.push(`${message} ${(fields as { code?: string }).code ?? ""}`.trim());
const logger: Logger = { debug() {}, info: log, warn: log, error: log };

/** The engine that all tests share stays up; ours is the one that suffers. */
function createSource() {
  return createContainerSource({
    engines: [
      { name: "up", env: null, address: { kind: "unix", socketPath: inject("dockerSocket") } },
      { name: "own", env: null, address: { kind: "unix", socketPath: dockerd.socketPath } },
    ],
    rules: rulesOf("faultcheck"),
    logger,
    listTimeoutMs: 700,
    inspectTimeoutMs: 700,
    resyncMs: 1000,
    staleMs: 3000,
    // A cgroup would tell of a container whose engine hangs.
    cgroupRoot: null,
  });
}

beforeAll(async () => {
  dockerd = await startDockerd(join(inject("runFolder"), "faults"), { bridge: false });
  fullId = await startContainer(dockerd.socketPath, {
    name: "faultcheck-web-1",
    labels: { service: "faultcheck", role: "web" },
    env: ["KAMAL_VERSION=1"],
    restartPolicy: "always",
  });
});

afterAll(async () => {
  await dockerd.stop();
});

test("an engine is stopped and started again under the source", async () => {
  await using stack = new AsyncDisposableStack();
  const source = createSource();
  stack.defer(() => source.close());
  const ref = { engine: "own", fullId };
  const statuses = async () => (await source.list(soon())).engines;

  // The first answers of an engine that has just started may be late.
  await expect.poll(statuses).toMatchObject([
    { name: "up", ok: true, error: null },
    { name: "own", ok: true, error: null },
  ]);
  logged.length = 0;
  await dockerd.halt();
  await until(async () => (await statuses())[1]?.ok === false);
  for (let round = 0; round < 3; round++) {
    const [up, own] = await statuses();
    expect(up?.ok).toBe(true);
    expect(own).toMatchObject({ ok: false, error: { code: "docker_unavailable" } });
    expect(own?.error?.message).toMatch(/^Docker engine own: its socket does not exist/);
  }
  // The last that is known of it, marked, and nothing to act on.
  expect(await findRows(source, [ref])).toMatchObject([{ name: "faultcheck-web-1", stale: true }]);
  await expect(source.inspectNow(ref, createSharedBudget(soon()))).rejects.toMatchObject({
    code: "docker_unavailable",
  });
  await expect(source.restart(ref, 0)).rejects.toMatchObject({ code: "docker_unavailable" });
  // Then it is gone, and the error stays.
  const isShown = async () => (await source.list(soon())).containers.some(({ engine }) => engine === "own");
  expect(await isShown()).toBe(true);
  await until(async () => !(await isShown()), 5000);
  expect((await statuses())[1]).toMatchObject({ name: "own", ok: false, error: { code: "docker_unavailable" } });

  await dockerd.start();
  await until(async () => (await statuses())[1]?.ok === true);
  // One line for each change, none for each of the dozen attempts. (While it starts it may accept,
  // and not answer yet.)
  const lines = logged.filter((line) => !line.endsWith("docker_timeout"));
  expect(lines).toEqual(["Docker engine cannot be asked docker_unavailable", "Docker engine answers again"]);
  expect((await source.list(soon())).containers.map(({ name }) => name)).toContain("faultcheck-web-1");
  await until(async () => ((await findRows(source, [ref]))[0] as Container).status === "running");
  expect(await findRows(source, [ref])).toMatchObject([{ status: "running", stale: false }]);
});

test("an engine that hangs times out, becomes stale and hides nothing else", async () => {
  await using stack = new AsyncDisposableStack();
  const source = createSource();
  stack.defer(() => source.close());
  await source.list(soon());
  const { pid } = dockerd;
  process.kill(pid, "SIGSTOP");
  stack.defer(() => void process.kill(pid, "SIGCONT"));

  await until(async () => (await source.list(soon())).engines[1]?.ok === false, 2500);
  const start = performance.now();
  const { engines } = await source.list(soon());
  expect(performance.now() - start).toBeLessThan(toBound(100));
  expect(engines).toMatchObject([{ ok: true }, { ok: false, error: { code: "docker_timeout" } }]);
  expect(await findRows(source, [{ engine: "own", fullId }])).toMatchObject([
    { name: "faultcheck-web-1", role: "web", status: "running", restarts: expect.any(Number), stale: true },
  ]);
  expect(await source.stats([{ engine: "own", fullId }], createSharedBudget(soon()))).toMatchObject([
    { code: "docker_timeout" },
  ]);
  await expect(source.logs({ engine: "own", fullId }, { tail: 1 }, createSharedBudget(soon()))).rejects.toMatchObject({
    code: "docker_timeout",
  });
  // A caller that goes away does not wait for the deadline.
  const gone = performance.now();
  expect(await source.stats([{ engine: "own", fullId }], createSharedBudget(AbortSignal.timeout(50)))).toMatchObject([
    { code: "docker_timeout" },
  ]);
  expect(performance.now() - gone).toBeLessThan(toBound(400));

  process.kill(pid, "SIGCONT");
  await until(async () => (await source.list(soon())).engines.every(({ ok }) => ok), 10_000);
});

test("an engine killed during a restart leaves the outcome unknown", async () => {
  await using stack = new AsyncDisposableStack();
  const source = createSource();
  stack.defer(() => source.close());
  const stubborn = await startContainer(dockerd.socketPath, {
    name: "faultcheck-stubborn",
    cmd: ["sleep", "600"],
    stopTimeout: 20,
  });
  const restart = source.restart({ engine: "own", fullId: stubborn }, 20);
  setTimeout(() => void dockerd.halt("SIGKILL"), 700);
  await expect(restart).rejects.toMatchObject({ code: "restart_unknown", upstream: "docker:own" });
});

test("missing permission for the socket differs from a missing engine", async () => {
  const socketPath = join(inject("runFolder"), "faults-none", "docker.sock");
  expect(existsSync(socketPath)).toBe(false);
  const none = await probeEngine({ name: "none", env: null, address: { kind: "unix", socketPath } });
  expect(none).toEqual({
    ok: false,
    detail:
      "Docker engine none: its socket does not exist: is Docker running, and is its socket mounted at this path? (WALLET_CORE_OPS_DOCKER_HOSTS)",
    warnings: [],
  });
  // Root may open everything: another user has to try.
  const probe = new URL("../../src/containers/docker/probe.ts", import.meta.url).href;
  const engine = { name: "denied", env: null, address: { kind: "unix", socketPath: inject("dockerSocket") } };
  const script = `import { probeEngine } from ${JSON.stringify(probe)};
    console.log(JSON.stringify(await probeEngine(${JSON.stringify(engine)})));`;
  const nobody = { uid: 65_534, gid: 65_534 };
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], nobody);
  expect(JSON.parse(stdout)).toMatchObject({
    ok: false,
    detail: expect.stringContaining("no permission for its socket"),
  });
  const fine = await probeEngine({
    name: "up",
    env: null,
    address: { kind: "unix", socketPath: inject("dockerSocket") },
  });
  expect(fine).toMatchObject({ ok: true, detail: expect.stringMatching(/^API 1\.\d+, \d+ containers?$/) });
});

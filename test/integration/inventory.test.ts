import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { type Dockerd, startDockerd } from "../../script/services/dockerd.ts";
import type { Container } from "../../src/containers/container.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toBound } from "../support/bound.ts";
import { createContainer, findRows, removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { until } from "../support/until.ts";

/** An engine of our own, that can be stopped and flooded. */
let dockerd: Dockerd;

beforeAll(async () => {
  dockerd = await startDockerd(join(inject("runFolder"), "inventory"), { bridge: false });
});

afterAll(async () => {
  await dockerd.stop();
});

function watch(socketPath = dockerd.socketPath) {
  const engine = { name: "own", env: null, address: { kind: "unix" as const, socketPath } };
  const source = createContainerSource({ engines: [engine], rules: rulesOf("convergence"), logger: silentLogger });
  return { ...source, [Symbol.asyncDispose]: () => source.close() };
}

type Source = ReturnType<typeof watch>;

interface Truth {
  readonly Name: string;
  readonly RestartCount: number;
  readonly State: { readonly Status: string; readonly StartedAt: string };
}

/**
 * What `docker inspect` says of each of these, as far as the inventory tells it too; null for those
 * that `docker ps -a` does not have.
 */
async function readTruth(ids: readonly string[]) {
  const listed = (await callDocker(dockerd.socketPath, "GET", "/containers/json?all=1")) as readonly { Id: string }[];
  const present = new Set(listed.map(({ Id }) => Id));
  return Promise.all(
    ids.map(async (id) => {
      if (!present.has(id)) return null;
      const { Name, RestartCount, State } = (await callDocker(
        dockerd.socketPath,
        "GET",
        `/containers/${id}/json`,
      )) as Truth;
      const started = State.StartedAt.startsWith("0001") ? null : `${State.StartedAt.slice(0, 19)}Z`;
      return { name: Name.slice(1), restarts: RestartCount, status: State.Status, startedAt: started };
    }),
  );
}

async function readInventory(source: Source, ids: readonly string[]) {
  const refs = ids.map((fullId) => ({ engine: "own", fullId }));
  return (await findRows(source, refs)).map((row) => {
    if (row === null) return row;
    const { name, restarts, status, startedAt } = row;
    return { name, restarts, status, startedAt };
  });
}

/** Within two seconds of quiet. */
/** Of an app, so that a stopped one is in one of the lists. */
const labels = { service: "convergence", role: "web" };

async function converge(source: Source, ids: readonly string[]) {
  const isEqual = async () => JSON.stringify(await readInventory(source, ids)) === JSON.stringify(await readTruth(ids));
  await until(isEqual, 2000).catch(() => {});
  expect(await readInventory(source, ids)).toEqual(await readTruth(ids));
}

const docker = (method: string, path: string) => callDocker(dockerd.socketPath, method, path).catch(() => {});

test("the inventory equals docker's list after any changes", { timeout: 120_000 }, async () => {
  await using source = watch();
  await source.list(soon());
  const ids: string[] = [];
  // A small generator with a seed, so that a failure can be had again.
  let seed = Number(process.env["CONVERGENCE_SEED"] ?? 20_260_113);
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let round = 0; round < 3; round++) {
    for (let step = 0; step < 40; step++) {
      const id = ids[random(ids.length)] ?? "";
      const kind = random(10);
      if (kind < 2 || ids.length < 4) {
        ids.push(
          await createContainer(dockerd.socketPath, {
            name: `c-${ids.length}`,
            labels,
            cmd: ["sleep", "600"],
            stopTimeout: 0,
          }),
        );
      } else if (kind < 5) await docker("POST", `/containers/${id}/start`);
      else if (kind < 6) await docker("POST", `/containers/${id}/kill`);
      else if (kind < 7) await docker("POST", `/containers/${id}/rename?name=r-${round}-${step}`);
      else if (kind < 8) await docker("DELETE", `/containers/${id}?force=1`);
      else if (kind < 9) await docker("POST", `/containers/${id}/restart?t=0`);
      else await docker("POST", `/containers/${id}/${random(2) ? "pause" : "unpause"}`);
    }
    await converge(source, ids);
    // F1: an orderly stop, then a kill. Its events are lost with it.
    await dockerd.restart(round % 2 ? "SIGKILL" : "SIGTERM");
    const back = performance.now();
    await until(async () => (await source.list(soon())).engines[0]?.ok === true, 10_000);
    expect(performance.now() - back).toBeLessThan(10_000);
    await converge(source, ids);
  }
  await removeContainers(dockerd.socketPath, ids);
  await converge(source, ids);
});

test("F8: the stream is cut for more events than the engine remembers", { timeout: 60_000 }, async () => {
  await using proxy = await startFaultProxy(dockerd.socketPath);
  await using source = watch(proxy.socketPath);
  const id = await createContainer(dockerd.socketPath, { name: "gap-0", labels, cmd: ["sleep", "600"] });
  await source.list(soon());
  expect(await readInventory(source, [id])).toMatchObject([{ name: "gap-0" }]);
  proxy.cut();
  const ids = [id, await createContainer(dockerd.socketPath, { name: "gap-new", labels })];
  for (let count = 1; count <= 310; count++) await docker("POST", `/containers/${id}/rename?name=gap-${count}`);
  proxy.heal();
  await until(async () => (await source.list(soon())).engines[0]?.ok === true);
  await converge(source, ids);
  expect(await readInventory(source, ids)).toMatchObject([{ name: "gap-310" }, { name: "gap-new" }]);
  await removeContainers(dockerd.socketPath, ids);
});

test("F4: a container whose inspection hangs delays no other", async () => {
  await using proxy = await startFaultProxy(dockerd.socketPath);
  const stuck = await startContainer(dockerd.socketPath, { name: "stuck", labels });
  const other = await startContainer(dockerd.socketPath, { name: "other", labels: { ...labels, role: "job" } });
  proxy.hang(`${stuck}/json`);
  await using source = watch(proxy.socketPath);
  const start = performance.now();
  const rows = (await source.list(soon())).containers;
  expect(performance.now() - start).toBeLessThan(toBound(1900));
  expect(rows).toMatchObject([
    { name: "other", status: "running", restarts: 0 },
    { name: "stuck", role: "web", status: "running", restarts: null },
  ]);
  await docker("POST", `/containers/${other}/kill`);
  const statusOf = async (index: number) => ((await source.list(soon())).containers[index] as Container).status;
  await until(async () => (await statusOf(0)) === "exited", 1000);
  // The end of the stuck one is known by the list.
  await docker("POST", `/containers/${stuck}/kill`);
  await until(async () => (await statusOf(1)) === "exited", 5000);
  await removeContainers(dockerd.socketPath, [stuck, other]);
});

test("F9: a crash loop costs few inspections; an idle engine costs none", { timeout: 90_000 }, async () => {
  await using proxy = await startFaultProxy(dockerd.socketPath);
  await using source = watch(proxy.socketPath);
  await source.list(soon());
  const id = await createContainer(dockerd.socketPath, { name: "crash", labels, cmd: ["true"] });
  const before = proxy.requests.length;
  const start = performance.now();
  let starts = 0;
  while (performance.now() - start < 3000 || starts < 10) {
    await docker("POST", `/containers/${id}/start`);
    starts++;
  }
  await sleep(1500);
  const asked = proxy.requests.slice(before).filter((request) => request.includes(`${id}/json`)).length;
  expect(asked).toBeLessThan(30);
  await converge(source, [id]);
  await removeContainers(dockerd.socketPath, [id]);
  await sleep(1500);
  const idle = proxy.requests.length;
  await sleep(31_000);
  const calls = proxy.requests.slice(idle).map((request) => request.replace(/^GET \/v[\d.]+/, ""));
  expect(calls).toEqual(["/containers/json?all=1"]);
});

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createContainer, removeContainers, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";

const socketPath = inject("dockerSocket");
const settings = {
  engines: [{ name: "web-1", env: null, address: { kind: "unix" as const, socketPath } }],
  rules: rulesOf("restartcheck"),
  logger: silentLogger,
};
const source = createContainerSource(settings);
const ids: string[] = [];

afterAll(async () => {
  await source.close();
  await removeContainers(socketPath, ids);
});

async function start(name: string, more: Partial<Parameters<typeof startContainer>[1]> = {}) {
  const fullId = await startContainer(socketPath, { name: `restartcheck-${name}`, ...more });
  ids.push(fullId);
  return { engine: "web-1", fullId };
}

async function startedAt(fullId: string): Promise<string> {
  const answer = (await callDocker(socketPath, "GET", `/containers/${fullId}/json`)) as {
    State: { StartedAt: string };
  };
  return answer.State.StartedAt;
}

/** How often Docker itself says that it restarted this container since `from` (unix seconds). */
async function countRestarts(fullId: string, from: number): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ container: [fullId], event: ["restart"] }));
  const path = `/events?since=${from}&until=${Math.ceil(Date.now() / 1000) + 1}&filters=${filters}`;
  // With one event the answer is JSON; with several it is one a line, which is no JSON.
  const answer = await callDocker(socketPath, "GET", path);
  return answer === null ? Number.POSITIVE_INFINITY : 1;
}

test("a restart returns the state after it", async () => {
  const ref = await start("ok");
  const before = await startedAt(ref.fullId);
  const { container, dockerStatus } = await source.restart(ref, 0);
  expect(container).toMatchObject({ fullId: ref.fullId, name: "restartcheck-ok", status: "running" });
  expect(dockerStatus).toBe(204);
  expect(await startedAt(ref.fullId)).not.toBe(before);
});

test("a restart starts a stopped container", async () => {
  const fullId = await createContainer(socketPath, { name: "restartcheck-created" });
  ids.push(fullId);
  expect(await source.restart({ engine: "web-1", fullId }, 0)).toMatchObject({ container: { status: "running" } });
});

test("a second restart of a container is refused; Docker restarts it once", async () => {
  const ref = await start("twice");
  const from = Math.floor(Date.now() / 1000);
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => source.restart(ref, 0)));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  const refused = results.filter((result) => result.status === "rejected");
  expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(
    Array.from({ length: 4 }, () => "restart_in_progress"),
  );
  expect(await countRestarts(ref.fullId, from)).toBe(1);
  // Over is over: the next one is allowed.
  await expect(source.restart(ref, 0)).resolves.toMatchObject({ container: { status: "running" } });
});

test("a failed start after a restart says that the container has exited", async () => {
  const folder = mkdtempSync(join(inject("runFolder"), "bind-"));
  const { Id } = (await callDocker(socketPath, "POST", "/containers/create?name=restartcheck-mount", {
    Image: "ops-sample:latest",
    Cmd: ["sleep", "600"],
    StopTimeout: 0,
    HostConfig: { NetworkMode: "none", Mounts: [{ Type: "bind", Source: folder, Target: "/data" }] },
  })) as { Id: string };
  ids.push(Id);
  await callDocker(socketPath, "POST", `/containers/${Id}/start`);
  rmSync(folder, { recursive: true });
  await expect(source.restart({ engine: "web-1", fullId: Id }, 0)).rejects.toMatchObject({
    code: "docker_error",
    upstream: "docker:web-1",
    upstreamStatus: 500,
    message: "Docker engine web-1: the restart failed and the container was left exited",
  });
});

test("an unknown container is not found", async () => {
  const restart = source.restart({ engine: "web-1", fullId: "0".repeat(64) }, 0);
  await expect(restart).rejects.toMatchObject({ code: "container_not_found" });
});

test("a restart over its deadline is unknown and continues", async () => {
  // Ignores SIGTERM for its two seconds, with a grace of less than none.
  const ref = await start("slow", { cmd: ["sleep", "600"], stopTimeout: 2 });
  const impatient = createContainerSource({ ...settings, restartGraceMs: -1500 });
  const before = await startedAt(ref.fullId);
  await expect(impatient.restart(ref, 2)).rejects.toMatchObject({ code: "restart_unknown" });
  await expect.poll(() => startedAt(ref.fullId), { timeout: 10_000 }).not.toBe(before);
  await impatient.close();
});

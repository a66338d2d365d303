import { appendFileSync, mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inject, it } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { startDockerd } from "../../script/services/dockerd.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { createDeploySource } from "../../src/deploys/files/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toEnv } from "../support/deploys.ts";
import { createContainer, removeContainers, startContainer, stopContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const socketPath = inject("dockerSocket");
const folder = mkdtempSync(join(inject("runFolder"), "boots-"));

/**
 * A service as Kamal deploys it, and a gateway that looks at its deploys. `sockets` are those of
 * its engines.
 */
async function openService(service: string, sockets: readonly string[] = [socketPath]) {
  const dir = join(folder, service);
  mkdirSync(dir);
  const engines = sockets.map((path, index) => ({
    name: `web-${index + 1}`,
    env: null,
    address: { kind: "unix" as const, socketPath: path },
  }));
  const containers = createContainerSource({ engines, rules: rulesOf(service), logger: silentLogger });
  const deploy = createDeploySource({ path: join(dir, "deploy_info.json"), toEnv, logger: silentLogger });
  const gateway = await startGateway({ ...createMemorySources().sources, containers, deploy });
  const ids: string[] = [];
  const specOf = (version: string) => ({
    name: `${service}-web-${version}`,
    labels: { service, role: "web", destination: "" },
    env: [`KAMAL_VERSION=${version}`],
  });
  return {
    /** A real engine tells of its times by the second. */
    async boot(version: string, socket = socketPath): Promise<string> {
      await sleep(1100);
      const id = await startContainer(socket, specOf(version));
      ids.push(id);
      return id;
    },
    async create(version: string): Promise<void> {
      await sleep(1100);
      ids.push(await createContainer(socketPath, specOf(version)));
    },
    async stop(id: string, socket = socketPath): Promise<void> {
      await sleep(1100);
      await stopContainer(socket, id);
    },
    /** What the hook appends. */
    record(tag: string, previous: string): void {
      const line = {
        current_tag: tag,
        previous_tag: previous,
        commit_sha: "",
        deployed_by: "kim",
        deployed_at: new Date().toISOString(),
        service,
        runtime_seconds: "1",
      };
      appendFileSync(join(dir, "deploy_history.jsonl"), `${JSON.stringify(line)}\n`);
    },
    states: async (): Promise<string[]> => {
      const { body } = await gateway.query("{ deploys { nodes { tag state previousTag } } }");
      return body.data.deploys.nodes.map(
        (one: Record<string, string>) => `${one["tag"]} ${one["state"]} ${one["previousTag"]}`,
      );
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await containers.close();
      await Promise.all(sockets.map((socket) => removeContainers(socket, ids)));
    },
  };
}

const patience = { timeout: 20_000 };

it.concurrent("a release that Kamal stopped beside the running one has failed", async ({ expect }) => {
  await using service = await openService("boots");
  const v1 = await service.boot("v1");
  const v2 = await service.boot("v2");
  await expect.poll(async () => (await service.states())[0], patience).toBe("v2 INCOMPLETE v1");
  await service.stop(v2);
  await expect.poll(service.states, patience).toEqual(["v2 FAILED v1", "v1 CURRENT null"]);
  await service.boot("v3");
  await service.stop(v1);
  await expect.poll(service.states, patience).toEqual(["v3 CURRENT v1", "v2 FAILED v1", "v1 PREVIOUS null"]);
  // Kamal removes the oldest containers: what was seen is remembered.
  await removeContainers(socketPath, [v1]);
  await expect.poll(service.states, patience).toEqual(["v3 CURRENT null", "v2 FAILED null"]);
});

it.concurrent("a failed release is not the previous one after a clean-up", async ({ expect }) => {
  await using service = await openService("boots-pruned");
  const v1 = await service.boot("v1");
  for (const version of ["v2", "v3"]) await service.stop(await service.boot(version));
  await service.boot("v4");
  await service.stop(v1);
  await removeContainers(socketPath, [v1]);
  await expect.poll(service.states, patience).toEqual(["v4 CURRENT null", "v3 UNKNOWN null", "v2 UNKNOWN null"]);
  // What the hook recorded is the release before, also where nothing is left of it.
  service.record("v4", "v1");
  await expect.poll(service.states, patience).toEqual(["v4 CURRENT v1", "v3 UNKNOWN null", "v2 UNKNOWN null"]);
});

it.concurrent("the hook's record shows that a release between has failed", async ({ expect }) => {
  await using service = await openService("boots-recorded");
  service.record("v1", "");
  await service.stop(await service.boot("v2"));
  await service.boot("v3");
  service.record("v3", "v1");
  await expect.poll(service.states, patience).toEqual(["v3 CURRENT v1", "v2 FAILED v1", "v1 PREVIOUS null"]);
});

it.concurrent("a release that was rolled back at once had served", async ({ expect }) => {
  await using service = await openService("boots-back");
  const v1 = await service.boot("v1");
  const v2 = await service.boot("v2");
  await service.stop(v1);
  await sleep(1100);
  await callDocker(socketPath, "POST", `/containers/${v1}/start`);
  await service.stop(v2);
  await expect.poll(service.states, patience).toEqual(["v2 ROLLED_BACK v1", "v1 CURRENT null"]);
});

it.concurrent("a release whose container never started is a deploy too", async ({ expect }) => {
  await using service = await openService("boots-created");
  const v1 = await service.boot("v1");
  await service.create("v2");
  await expect.poll(service.states, patience).toEqual(["v2 INCOMPLETE v1", "v1 CURRENT null"]);
  await service.boot("v3");
  await service.stop(v1);
  await expect.poll(service.states, patience).toEqual(["v3 CURRENT v1", "v2 UNKNOWN v1", "v1 PREVIOUS null"]);
});

it.concurrent("a release that failed on a new host as on the others has failed", async ({ expect }) => {
  await using stack = new AsyncDisposableStack();
  const second = await startDockerd(mkdtempSync(join(folder, "engine-")), { bridge: false });
  stack.defer(() => second.stop());
  const service = stack.use(await openService("boots-host", [socketPath, second.socketPath]));
  const v1 = await service.boot("v1");
  const failed = [await service.boot("v2"), await service.boot("v2", second.socketPath)] as const;
  await service.stop(failed[0]);
  await service.stop(failed[1], second.socketPath);
  await expect.poll(service.states, patience).toEqual(["v2 FAILED v1", "v1 CURRENT null"]);
  await service.boot("v3");
  await service.boot("v3", second.socketPath);
  await service.stop(v1);
  await expect.poll(service.states, patience).toEqual(["v3 CURRENT v1", "v2 FAILED v1", "v1 PREVIOUS null"]);
});

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, it } from "vitest";
import { silentLogger } from "../../src/logger.ts";
import { createDeploySource } from "../../src/upstreams/deploy/source.ts";
import { createContainerSource } from "../../src/upstreams/docker/source.ts";
import { removeContainers, startContainer, stopContainer } from "../support/docker-containers.ts";
import { toEnv } from "../support/deploys.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const socketPath = inject("dockerSocket");
const ids: string[] = [];
afterAll(() => removeContainers(socketPath, ids));

/** As Kamal starts a container of a version; a real engine tells of its times by the second. */
async function boot(version: string): Promise<string> {
  await sleep(1100);
  const id = await startContainer(socketPath, {
    name: `boots-web-${version}`,
    labels: { service: "boots", role: "web", destination: "" },
    env: [`KAMAL_VERSION=${version}`],
  });
  ids.push(id);
  return id;
}

it("a release that Kamal stopped again beside the running one has failed, before and after the next one", async () => {
  const engine = { name: "web-1", env: null, address: { kind: "unix", socketPath } } as const;
  const containers = createContainerSource({ engines: [engine], rules: rulesOf("boots"), logger: silentLogger });
  const path = join(mkdtempSync(join(tmpdir(), "ops-boots-")), "deploy_info.json");
  const deploy = createDeploySource({ path, toEnv, logger: silentLogger });
  await using gateway = await startGateway({ ...createMemorySources().sources, containers, deploy });
  const states = async () => {
    const { body } = await gateway.query("{ deploys { tag state previousTag } }");
    return body.data.deploys.map((one: Record<string, string>) => `${one["tag"]} ${one["state"]} ${one["previousTag"]}`);
  };
  try {
    const v1 = await boot("v1");
    const v2 = await boot("v2");
    await expect.poll(async () => (await states())[0], { timeout: 20_000 }).toBe("v2 incomplete v1");
    await stopContainer(socketPath, v2);
    await expect.poll(states, { timeout: 20_000 }).toEqual(["v2 failed v1", "v1 current null"]);
    await boot("v3");
    await stopContainer(socketPath, v1);
    await expect.poll(states, { timeout: 20_000 }).toEqual(["v3 current v1", "v2 failed v1", "v1 previous null"]);
  } finally {
    await containers.close();
  }
});

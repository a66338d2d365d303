import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, inject, it } from "vitest";
import { callDocker } from "../../script/services/docker-api.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { removeContainers, soon, startContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const socketPath = inject("dockerSocket");
const repo = "registry.test/imagedeploys";
const revisionOf = (version: string) => `${version.slice(1)}e31249b8e72f9ce9a5482e3c466c23c90bb4811`;
const ids: string[] = [];
const engine = createContainerSource({
  engines: [{ name: "web-1", env: "staging", address: { kind: "unix", socketPath } }],
  rules: rulesOf("imagedeploys"),
  logger: silentLogger,
});
const gateway = await startGateway({
  ...createMemorySources({ deploy: new Error("none") }).sources,
  containers: engine,
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await removeContainers(socketPath, ids);
  for (const tag of ["v1", "v2", "v3", "latest"])
    await callDocker(socketPath, "DELETE", `/images/${repo}:${tag}?force=1`);
  await engine.close();
});

/** An image as Kamal builds it, and gives it the tag `latest` as it boots it. */
async function deployImage(version: string): Promise<void> {
  await callDocker(socketPath, "POST", `/commit?container=${ids[0]}&repo=${repo}&tag=${version}`, {
    Labels: { service: "imagedeploys", "org.opencontainers.image.revision": revisionOf(version) },
  });
  await callDocker(socketPath, "POST", `/images/${repo}:${version}/tag?repo=${repo}&tag=latest`);
  await sleep(1100);
}

async function run(version: string): Promise<void> {
  const spec = {
    image: `${repo}:${version}`,
    env: [`KAMAL_VERSION=${version}`],
    labels: { service: "imagedeploys", role: "web" },
  };
  ids.push(await startContainer(socketPath, { name: `imagedeploys-web-${version}`, ...spec }));
}

it("a removed release is known by its image's tag, a future one is not", async () => {
  ids.push(await startContainer(socketPath, { name: "imagedeploys-base" }));
  await deployImage("v1");
  await deployImage("v2");
  await run("v2");
  await deployImage("v3");
  const images = (await engine.images(soon())).toSorted((a, b) => (a.version < b.version ? -1 : 1));
  expect(images.map(({ version, commitSha, env }) => [version, commitSha, env])).toEqual([
    ["v1", revisionOf("v1"), "staging"],
    ["v2", revisionOf("v2"), "staging"],
    ["v3", revisionOf("v3"), "staging"],
  ]);
  const { Metadata: metadata } = (await callDocker(socketPath, "GET", `/images/${repo}:v1/json`)) as {
    Metadata: { LastTagTime: string };
  };
  expect(Date.parse(images[0]?.taggedAt ?? "")).toBe(Date.parse(metadata.LastTagTime));
  const { body } = await gateway.query(
    "{ deploys { nodes { tag origin state commitSha deployedAt containers { name } } } }",
  );
  expect(body.errors).toBeUndefined();
  expect(body.data.deploys.nodes).toEqual([
    expect.objectContaining({
      tag: "v2",
      origin: "CONTAINERS",
      state: "CURRENT",
      containers: [{ name: "imagedeploys-web-v2" }],
    }),
    {
      tag: "v1",
      origin: "IMAGES",
      state: "PREVIOUS",
      commitSha: revisionOf("v1"),
      deployedAt: `${(images[0]?.taggedAt ?? "").slice(0, 19)}Z`,
      containers: [],
    },
  ]);
});

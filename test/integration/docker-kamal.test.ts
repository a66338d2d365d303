import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import {
  createContainer,
  findRows,
  removeContainers,
  soon,
  startContainer,
  stopContainer,
  tagImage,
} from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const source = createContainerSource({
  engines: [{ name: "web-1", env: null, address: { kind: "unix", socketPath } }],
  rules: rulesOf("kamalmap"),
  logger: silentLogger,
});
const ids: string[] = [];
const app = (service: string, role: string, destination = "") => ({ service, role, destination });

/** All containers of this file, by name, as a caller would get them. */
async function read(): Promise<Map<string, Container>> {
  const { containers } = await source.list(soon());
  const mine = containers.filter(({ name }) => name.startsWith("kamalmap-"));
  return new Map(mine.map((container) => [container.name, container]));
}

beforeAll(async () => {
  await tagImage(socketPath, "registry.test/kamalmap", "latest");
  await tagImage(socketPath, "registry.test/kamalmap", "0f4a1c2");
  await tagImage(socketPath, "redis", "7-alpine");
  const start = async (...args: Parameters<typeof startContainer>) => ids.push(await startContainer(...args));
  await start(socketPath, {
    name: "kamalmap-staging-web-latest",
    image: "registry.test/kamalmap:latest",
    labels: app("kamalmap-staging", "web"),
    env: [
      "KAMAL_VERSION=latest",
      "KAMAL_HOST=37.27.91.235",
      "GIT_SHA=abc123f",
      "DATABASE_URL=postgres://u:secret@db/x",
    ],
    hostname: "37.27.91.235-56703216100c",
    publish: "0.0.0.0:18571:80",
    healthCmd: "echo fine",
  });
  await start(socketPath, {
    name: "kamalmap-staging-redis",
    image: "redis:7-alpine",
    labels: { service: "kamalmap-staging-redis" },
  });
  // The other naming scheme: a destination.
  const old = await startContainer(socketPath, {
    name: "kamalmap-worker-production-0f4a1c1",
    image: "registry.test/kamalmap:latest",
    labels: app("kamalmap", "worker", "production"),
  });
  ids.push(old);
  await stopContainer(socketPath, old);
  await start(socketPath, {
    name: "kamalmap-worker-production-0f4a1c2",
    image: "registry.test/kamalmap:0f4a1c2",
    labels: app("kamalmap", "worker", "production"),
    env: ["KAMAL_VERSION=0f4a1c2", "KAMAL_DESTINATION=production"],
    healthCmd: "exit 1",
  });
  await start(socketPath, {
    name: "kamalmap-staging-web-latest_replaced_0123456789abcdef",
    labels: app("kamalmap-staging", "web"),
    env: ["KAMAL_VERSION=latest"],
  });
  await start(socketPath, { name: "kamalmap-staging-exec-latest-a1b2c3", labels: { service: "kamalmap-staging" } });
  ids.push(
    await createContainer(socketPath, { name: "kamalmap-staging-web-assets", labels: { service: "kamalmap-staging" } }),
  );
  // A crash: nothing of this role runs.
  const crashed = await startContainer(socketPath, {
    name: "kamalmap-staging-runner-latest",
    labels: app("kamalmap-staging", "runner"),
  });
  ids.push(crashed);
  await stopContainer(socketPath, crashed);
});

afterAll(async () => {
  await source.close();
  await removeContainers(socketPath, ids);
});

test("containers listed are running ones and a stopped role's newest", async () => {
  expect([...(await read()).keys()]).toEqual([
    "kamalmap-staging-runner-latest",
    "kamalmap-staging-web-latest",
    "kamalmap-staging-web-latest_replaced_0123456789abcdef",
    "kamalmap-worker-production-0f4a1c2",
    "kamalmap-staging-redis",
  ]);
});

test("the web container of the contract is mapped", async () => {
  await until(async () => (await read()).get("kamalmap-staging-web-latest")?.health === "healthy");
  const web = (await read()).get("kamalmap-staging-web-latest");
  expect(web).toMatchObject({
    engine: "web-1",
    id: ids[0]?.slice(0, 12),
    fullId: ids[0],
    kind: "core",
    role: "web",
    service: "kamalmap-staging",
    env: "staging",
    status: "running",
    health: "healthy",
    version: "latest",
    floating: true,
    replaced: false,
    commitSha: "abc123f",
    restarts: 0,
    host: "37.27.91.235-56703216100c",
    image: "registry.test/kamalmap:latest",
    ports: ["0.0.0.0:18571"],
    probe: { failingStreak: 0, output: "fine\n" },
  });
  expect(web?.hostNames.slice(0, 2)).toEqual(["37.27.91.235", "web-1"]);
  expect(web?.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(web?.startedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  expect(JSON.stringify(web)).not.toContain("secret");
});

test("the accessory of the contract is mapped", async () => {
  expect((await read()).get("kamalmap-staging-redis")).toMatchObject({
    kind: "accessory",
    role: "redis",
    env: "staging",
    health: "none",
    probe: null,
    version: "7-alpine",
    commitSha: "",
    host: "kamalmap-staging-redis",
    image: "redis:7-alpine",
    ports: [],
  });
});

test("the naming scheme with a destination is mapped", async () => {
  await until(async () => (await read()).get("kamalmap-worker-production-0f4a1c2")?.health === "unhealthy");
  const worker = (await read()).get("kamalmap-worker-production-0f4a1c2");
  expect(worker).toMatchObject({
    kind: "core",
    role: "worker",
    env: "production",
    version: "0f4a1c2",
    commitSha: "0f4a1c2",
  });
  expect(worker?.probe?.failingStreak).toBeGreaterThan(0);
});

test("the image's name stays when its tag has moved on", async () => {
  const { containers } = await source.list(soon());
  const [old] = await findRows(source, [{ engine: "web-1", fullId: ids[2] as string }]);
  expect(containers.some(({ fullId }) => fullId === ids[2])).toBe(false);
  expect(old).toMatchObject({ image: "registry.test/kamalmap:latest", status: "exited", version: "0f4a1c1" });
});

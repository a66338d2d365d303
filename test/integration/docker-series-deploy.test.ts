import { setTimeout as sleep } from "node:timers/promises";
import { graphql } from "graphql";
import { afterAll, expect, inject, it } from "vitest";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createCaller } from "../support/caller.ts";
import { removeContainers, startContainer, stopContainer } from "../support/docker-containers.ts";
import { rulesOf } from "../support/docker-facts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { until } from "../support/until.ts";

const socketPath = inject("dockerSocket");
const containers = createContainerSource({
  engines: [{ name: "web-1", env: "staging", address: { kind: "unix", socketPath } }],
  rules: rulesOf("seriesdeploy"),
  logger: silentLogger,
});
const sources = { ...createMemorySources().sources, containers };
const schema = createSchema();
const ids: string[] = [];
afterAll(async () => {
  await containers.close();
  await removeContainers(socketPath, ids);
});

const begin = Math.floor(Date.now() / 1000) * 1000;

interface Told {
  readonly containerCpuPct: readonly { readonly container: string; readonly value: number | null }[];
  readonly containers: readonly { readonly name: string }[];
}

/** Of each container, how many points of the same range have a value; and what the list shows. */
async function look() {
  const source = `{
    containerCpuPct(from: ${begin}, to: ${Date.now()}, step: 5) { container value }
    containers { name }
  }`;
  const { data, errors } = await graphql({ schema, source, contextValue: createContext(sources, createCaller()) });
  expect(errors).toBeUndefined();
  const told = data as unknown as Told;
  const points: Record<string, number> = {};
  for (const { container, value } of told.containerCpuPct) {
    if (value !== null) points[container] = (points[container] ?? 0) + 1;
  }
  return { points, listed: told.containers.map(({ name }) => name) };
}
const start = async (version: string) => {
  const name = `seriesdeploy-web-${version}`;
  ids.push(await startContainer(socketPath, { name, labels: { service: "seriesdeploy", role: "web" } }));
  return name;
};

it("a replaced release stays on the graph, and off the list", async () => {
  const old = await start("p2");
  await until(async () => ((await look()).points[old] ?? 0) >= 2, 20_000);
  const next = await start("p3");
  await stopContainer(socketPath, ids[0] ?? "");
  await until(async () => (await look()).listed.join() === next);
  expect((await look()).points[old]).toBeGreaterThanOrEqual(2);
  // Nor does it go with the next sample.
  await sleep(3000);
  expect((await look()).points[old]).toBeGreaterThanOrEqual(2);
});

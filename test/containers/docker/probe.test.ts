import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { probeContainers, probeEngine } from "../../../src/containers/docker/probe.ts";
import { createCgroupFiles, v2Files } from "../../support/cgroup-files.ts";
import { rulesOf } from "../../support/docker-facts.ts";
import { fullId, hang, inspected, json, listed, startFakeEngine } from "../../support/docker-fake.ts";

// Loading it takes longer than a deadline on a busy machine.
beforeAll(() => import("dockerode"));

const id = fullId("a");

async function start(containers: Readonly<Record<string, object>> = { [id]: {} }) {
  const fake = await startFakeEngine();
  onTestFinished(() => fake[Symbol.asyncDispose]());
  const named = Object.entries(containers).map(([each, config], index) => [each, `web-${index + 1}`, config] as const);
  fake.on("/containers/json", json(named.map(([each, name, config]) => listed(each, name, config))));
  for (const [each, name, config] of named) fake.on(`${each}/json`, json(inspected(each, name, config)));
  return fake;
}

describe("a look at an engine", () => {
  it("shows its version and how many containers it has", async () => {
    const fake = await start({ [id]: {}, [fullId("b")]: {} });
    expect(await probeEngine(fake.options)).toEqual({
      ok: true,
      version: "1.45",
      detail: "API 1.45, 2 containers",
      warnings: [],
    });
    fake.on("/containers/json", json({}));
    expect(await probeEngine(fake.options)).toEqual({
      ok: true,
      version: "1.45",
      detail: "API 1.45, 0 containers",
      warnings: [],
    });
    fake.on("/containers/json", hang);
    expect(await probeEngine(fake.options, 100)).toEqual({
      ok: false,
      detail: "Docker engine fake: no answer within 0.1 s (WALLET_CORE_OPS_DOCKER_HOSTS)",
      warnings: [],
    });
    fake.on("/containers/json", (_url, response) => {
      response.writeHead(500, { "content-type": "application/json" }).end('{"message":"layer store is\\nbroken"}');
    });
    expect((await probeEngine(fake.options)).detail).toBe(
      "Docker engine fake: it answered with status 500: layer store isbroken (WALLET_CORE_OPS_DOCKER_HOSTS)",
    );
  });

  const noCgroups = "statistics: from the engine, because /nonexistent holds no cgroups, or they cannot be read";
  const look = (fake: Awaited<ReturnType<typeof start>>, more: object = {}, services = "wallet-core") =>
    probeContainers({ ...fake.options, ...more }, rulesOf(services), "/nonexistent");
  const app = (service: string, destination = "") => ({ Labels: { service, role: "web", destination } });

  it("shows whose the containers are", async () => {
    const fake = await start({
      [id]: app("wallet-core", "stg"),
      [fullId("b")]: app("wallet-core", "prod"),
      [fullId("c")]: app("wallet-core", "production"),
      [fullId("d")]: app("shop", "production"),
      [fullId("e")]: app("shop"),
      [fullId("f")]: { Labels: { "com.docker.compose.project": "billing", "com.docker.compose.service": "db" } },
    });
    expect(await look(fake)).toEqual({
      detail: `3 of 6 containers belong to wallet-core (3 core); other services here: billing, shop; 3 of production, 1 of staging, 2 of unknown environment; ${noCgroups}`,
      warnings: [],
      count: 6,
      core: 3,
      accessories: 0,
      services: ["billing", "shop"],
    });
  });

  it("names the services where no container is the product's", async () => {
    const hostile = { Labels: { service: "\u001B[2Jx", role: "web" } };
    const accessory = { Labels: { service: "web-4" } };
    const fake = await start({
      [id]: app("store"),
      [fullId("b")]: app("store"),
      [fullId("c")]: hostile,
      [fullId("d")]: accessory,
    });
    expect(await look(fake)).toMatchObject({
      detail: `0 of 4 containers belong to wallet-core; services here: store, web-4; 4 of unknown environment; ${noCgroups}`,
      warnings: [],
      core: 0,
      services: ["store", "web-4"],
    });
  });

  it.each([
    [1, "web-1"],
    [5, "web-1, web-2, web-3, web-4, web-5"],
    [6, "web-1, web-2, web-3, web-4, web-5 and 1 more"],
    [7, "web-1, web-2, web-3, web-4, web-5 and 2 more"],
  ])("warns of %i containers of no environment", async (count, names) => {
    const ids = Array.from({ length: count }, (_, index) => String(index).repeat(64));
    const fake = await start(Object.fromEntries(ids.map((each) => [each, {}])));
    const remedy =
      "end the address of their engine in WALLET_CORE_OPS_DOCKER_HOSTS with ?env=staging or ?env=production, or set WALLET_CORE_OPS_ENV";
    expect((await look(fake))?.warnings).toEqual([
      `of unknown environment, so only tokens of every environment see them: ${names}: ${remedy}`,
    ]);
    expect((await look(fake, { env: "staging" }))?.warnings).toEqual([]);
  });

  it("warns of unknown destinations and contradictions with their remedies", async () => {
    const fake = await start({
      [id]: app("wallet-core", "qa"),
      [fullId("b")]: app("wallet-core-staging", "prod"),
      [fullId("c")]: app("wallet-core", "q a"),
    });
    const begins = "of unknown environment, so only tokens of every environment see them: ";
    const disagrees =
      "what names their environment (labels, variables, name, engine) disagrees, see docs/containers.md";
    expect((await look(fake))?.warnings).toEqual([
      `${begins}web-1: add qa=staging or qa=production to WALLET_CORE_OPS_DESTINATIONS`,
      `${begins}web-2, web-3: ${disagrees}`,
    ]);
  });

  it("says of a container whose inspection hangs that it was not inspected", async () => {
    const fake = await start({ [id]: app("wallet-core", "prod"), [fullId("b")]: app("wallet-core-staging", "prod") });
    fake.on(`${id}/json`, hang);
    const begins = "of unknown environment, so only tokens of every environment see them: ";
    expect((await look(fake))?.warnings).toEqual([
      `${begins}web-1: they could not be inspected in time, so what names their environment is not known; run this again, and look whether their engine hangs`,
      `${begins}web-2: what names their environment (labels, variables, name, engine) disagrees, see docs/containers.md`,
    ]);
  });

  it("says that nothing is shown", async () => {
    const fake = await start({});
    expect(await probeContainers(fake.options, rulesOf("wallet-core"))).toMatchObject({
      detail: "no container is shown; statistics: from the engine, because no container runs",
      warnings: [],
      count: 0,
    });
  });

  it("says where statistics come from", async () => {
    using host = createCgroupFiles(`0::/docker/${id}\n`);
    host.write(v2Files(`docker/${id}`, { "cgroup.procs": "0\n" }));
    const fake = await start({ [id]: {} });
    const { detail } = (await probeContainers(fake.options, rulesOf("wallet-core"), host.root)) ?? {};
    expect(detail).toContain(`; statistics: from ${host.root}, networks from the engine`);
  });
});

import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { type QueueOwner, toConfiguredOwner, toOwners } from "../../../src/queues/owners.ts";
import type { Sources } from "../../../src/graphql/sources.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { sampleFailures, sampleWorkerJobs } from "../../support/queues.ts";

type Owners = readonly QueueOwner[] | null;
const alone = (service: string | null): Owners => toOwners([group(service)], "alone");
const workers = (...services: (string | null)[]): Owners =>
  toOwners(
    services.map((service) => group(service)),
    "workers",
  );
const core = (service: string | null, host: string, more: Partial<Container> = {}) =>
  sampleContainer({
    service,
    host,
    name: host,
    fullId: host.padEnd(64, "0"),
    id: host,
    env: "staging",
    destination: null,
    ...more,
  });
const shop = core("shop", "shop-worker");
const billing = core("billing", "billing-worker");
const crm = core("crm", "crm-worker", { kind: "other" });
const group = (service: string | null, destination: string | null = null, env: Environment | null = "staging") => ({
  service,
  destination,
  env,
});
const beta = toOwners([group("shop", "beta")], "workers");
const jobs: Memory["queueSources"][number] = { name: "jobs", env: "staging", metrics: [{ name: "mail" }], errors: [] };
const running = (queue: string, host: string | null) => async () => [sampleWorkerJobs({ queue, source: "jobs", host })];

function open(memory: Partial<Memory>, environments?: Environment[]) {
  const made = createMemorySources({ queueSources: [jobs], ...memory });
  const ask = async (name = "mail", source = "jobs", sources: Sources = made.sources): Promise<Owners> =>
    (await createContext(sources, createCaller(undefined, environments)).loaders.owners(source))(name);
  return { ...made, ask };
}

describe("the owner of a queue", () => {
  it.each<[string, readonly Container[], Owners]>([
    ["the only service", [shop], alone("shop")],
    ["the only service, besides what has no name", [shop, core(null, "tool")], alone("shop")],
    ["what has no name, where nothing has", [core(null, "tool")], alone(null)],
    ["unknown with two services", [shop, billing], null],
    ["unknown with two destinations", [shop, core("shop", "beta-worker", { destination: "beta" })], null],
    ["the only service of its environment", [shop, { ...billing, env: "production" }], alone("shop")],
    ["unknown with an app of another product", [shop, crm], null],
    ["the only service, besides an accessory of another product", [shop, { ...crm, service: crm.name }], alone("shop")],
    ["the only service, besides an app of another environment", [shop, { ...crm, env: "production" }], alone("shop")],
    ["unknown without containers and deploys", [], null],
  ])("is %s", async (_, containers, expected) => {
    expect(await open({ containers, deploy: new Error("none") }).ask()).toEqual(expected);
  });

  it("is the service of its workers, by running jobs and failures", async () => {
    const failed = [{ ...sampleFailures({ queue: "bills", error: "boom", count: 1 }), worker: "billing-worker" }];
    const source = { ...jobs, errors: failed, workerJobs: running("mail", "shop-worker") } as never;
    const { ask } = open({ containers: [shop, billing], queueSources: [source] });
    expect(await ask("mail")).toEqual(workers("shop"));
    expect(await ask("bills")).toEqual(workers("billing"));
    expect(await ask("other")).toBeNull();
    expect(await ask("mail", "unknown")).toBeNull();
  });

  it("is remembered when its workers are idle, and their containers gone", async () => {
    let host: string | null = "shop-worker";
    const workerJobs = async () => (host === null ? [] : [sampleWorkerJobs({ queue: "mail", source: "jobs", host })]);
    const { ask, setContainers } = open({ containers: [shop, billing], queueSources: [{ ...jobs, workerJobs }] });
    const owner = workers("shop");
    expect(await ask()).toEqual(owner);
    host = null;
    setContainers([billing, core("other", "x")]);
    expect(await ask()).toEqual(owner);
  });

  it("is not inferred from workers without a container or a name", async () => {
    for (const host of ["elsewhere", null]) {
      const { ask } = open({
        containers: [shop, billing],
        queueSources: [{ ...jobs, workerJobs: running("mail", host) }],
      });
      expect(await ask()).toBeNull();
    }
  });

  it("has no name for a token that may not see it", async () => {
    const hidden = { ...billing, env: "production" as const };
    const { ask } = open(
      { containers: [shop, hidden], queueSources: [{ ...jobs, workerJobs: running("mail", "billing-worker") }] },
      ["staging"],
    );
    expect(await ask()).toEqual(workers(null));
  });

  it.each<[string, Container, Environment[] | undefined, Owners]>([
    ["the foreign one", crm, undefined, workers("crm")],
    ["one without a name", crm, ["staging"], workers(null)],
    ["the other destination", core("shop", "crm-worker", { destination: "beta", kind: "other" }), undefined, beta],
  ])("is %s that failed its jobs, and unknown for other queues", async (_, foreign, environments, expected) => {
    for (const retired of [false, true]) {
      const failed = [{ ...sampleFailures({ queue: "crm", error: "boom", count: 1 }), worker: "crm-worker" }];
      const errors = [...failed, { ...sampleFailures({ queue: "odd", error: "boom", count: 1 }), worker: "elsewhere" }];
      const { ask } = open(
        {
          containers: retired ? [shop] : [shop, foreign],
          retired: retired ? [foreign] : [],
          queueSources: [{ ...jobs, errors } as never],
        },
        environments,
      );
      expect(await ask("crm")).toEqual(expected);
      for (const queue of ["mail", "odd"]) expect(await ask(queue)).toBeNull();
    }
  });

  it("reads no failures if there is only one service", async () => {
    const { ask, calls } = open({ containers: [shop, core(null, "tool")] });
    expect([await ask(), calls.errors]).toEqual([alone("shop"), undefined]);
  });

  it("is unknown while an engine is silent that may run another service", async () => {
    const down = { name: "far", ok: false, runs: null, error: { code: "docker_timeout", message: "far hangs" } };
    const engines = [{ name: "local", ok: true, error: null }, down];
    const { ask, sources } = open({ containers: [shop], engines });
    expect(await ask()).toEqual(alone("shop"));
    const two = { ...sources, services: ["shop", "billing"] };
    expect(await ask("mail", "jobs", two)).toBeNull();
  });

  it("is the configured one", async () => {
    const { ask, sources } = open({ containers: [shop, billing] });
    const owner = { service: "billing", destination: null };
    const all = async () =>
      (await sources.queues.all(new AbortController().signal)).map((source) => ({ ...source, owner }));
    const configured = { ...sources, queues: { ...sources.queues, all } };
    expect(await ask()).toBeNull();
    expect(await ask("mail", "jobs", configured)).toEqual([toConfiguredOwner(owner)]);
  });
});

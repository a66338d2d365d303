import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../../support/deploys.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { sampleWorkerJobs } from "../../support/queues.ts";

const schema = createSchema();
const query = `{
  queues { name source owners { service destination everyDestination basis } }
  queueSources { name owner { service destination everyDestination basis } }
}`;
const worker = (service: string | null, more: Partial<Container> = {}) => {
  const host = `${service}-${more.destination ?? "none"}-${more.env ?? "staging"}`;
  return sampleContainer({
    service,
    name: host,
    host,
    fullId: host.padEnd(64, "0"),
    id: host,
    env: "staging",
    destination: null,
    ...more,
  });
};
const [shop, beta, billing] = [worker("shop"), worker("shop", { destination: "beta" }), worker("billing")];
const source = (
  name: string,
  queues: readonly string[],
  workers: Readonly<Record<string, string>> = {},
  more: Partial<Memory["queueSources"][number]> = {},
): Memory["queueSources"][number] => ({
  name,
  env: "staging",
  metrics: queues.map((queue) => ({ name: queue })),
  errors: [],
  workerJobs: async () =>
    Object.entries(workers).map(([queue, host]) => sampleWorkerJobs({ queue, source: name, host })),
  ...more,
});
const deployed = (service: string, deployedAt: string, more = {}) =>
  sampleRecord({ service, destination: null, env: "staging", tag: "v2", deployedAt, ...more });

async function ask(memory: Partial<Memory>, environments?: Environment[]) {
  const deploy = new OpsError("deploy_info_missing", "deploy_info.json not found");
  const { sources, calls } = createMemorySources({ deploy, ...memory });
  const contextValue = createContext(sources, createCaller(undefined, environments));
  const result = await graphql({ schema, source: query, contextValue });
  expect(result.errors).toBeUndefined();
  const data = JSON.parse(JSON.stringify(result.data));
  const owners = Object.fromEntries(
    data.queues.map((one: any) => [
      `${one.source}/${one.name}`,
      one.owners?.map(({ service, destination, basis }: any) => [service, destination, basis]) ?? null,
    ]),
  );
  return { data, owners, calls, text: JSON.stringify(data) };
}

describe("Queue.owners", () => {
  it("are the services of its workers, for each queue of each source", async () => {
    const { owners } = await ask({
      containers: [shop, beta, billing],
      queueSources: [
        source("a", ["default", "mail", "idle"], { default: shop.host, mail: beta.host }),
        source("b", ["default"], { default: billing.host }),
      ],
    });
    expect(owners).toEqual({
      "a/default": [["shop", null, "WORKERS"]],
      "a/mail": [["shop", "beta", "WORKERS"]],
      "a/idle": null,
      "b/default": [["billing", null, "WORKERS"]],
    });
  });

  it("are as configured, whatever the workers are", async () => {
    const owner = { service: "billing", destination: "beta" };
    const { data } = await ask({
      containers: [shop, billing],
      queueSources: [
        source("a", ["mail"], { mail: shop.host }, { owner }),
        source("b", [], {}, { owner: { service: "shop" } }),
        source("c", []),
      ],
    });
    const expected = { ...owner, everyDestination: false, basis: "CONFIGURED" };
    expect(data.queues[0].owners).toEqual([expected]);
    expect(data.queueSources.map(({ owner: one }: any) => one)).toEqual([
      expected,
      { service: "shop", destination: null, everyDestination: true, basis: "CONFIGURED" },
      null,
    ]);
  });

  it("have no name that the token may not see", async () => {
    const secret = worker("secret", { env: "production" });
    const foreign = worker("foreign", { kind: "other" });
    const memory = {
      containers: [shop, secret, foreign],
      queueSources: [source("a", ["mail", "tool"], { mail: secret.host, tool: foreign.host })],
    };
    const whole = await ask(memory);
    expect(whole.owners).toEqual({ "a/mail": [["secret", null, "WORKERS"]], "a/tool": [["foreign", null, "WORKERS"]] });
    const limited = await ask(memory, ["staging"]);
    expect(limited.text).not.toMatch(/secret|foreign/);
  });

  it("are not shared with a token that may not see them", async () => {
    const foreign = worker("foreign", { kind: "other" });
    const { sources } = createMemorySources({
      containers: [shop, foreign],
      queueSources: [source("a", ["mail"], { mail: foreign.host })],
    });
    const read = async (environments?: Environment[]) => {
      const contextValue = createContext(sources, createCaller(undefined, environments));
      return JSON.stringify((await graphql({ schema, source: query, contextValue })).data);
    };
    expect(await read()).toContain("foreign");
    expect(await read(["staging"])).not.toContain("foreign");
  });

  it("are unknown if the workers are, of two services or destinations", async () => {
    const queueSources = [
      source("a", ["mail"], { mail: "elsewhere" }),
      source("b", ["mail"], {}, { workerJobs: async () => Promise.reject(new Error("odd")) }),
    ];
    for (const containers of [
      [shop, billing],
      [shop, beta],
    ]) {
      expect((await ask({ containers, queueSources })).owners).toEqual({ "a/mail": null, "b/mail": null });
    }
    expect((await ask({ containers: [shop], queueSources })).owners).toEqual({
      "a/mail": [["shop", null, "ALONE"]],
      "b/mail": [["shop", null, "ALONE"]],
    });
  });

  it("are unknown while a silent engine may run another destination", async () => {
    const far = { name: "far", ok: false, error: { code: "docker_timeout", message: "far hangs" } };
    const memory = (records: Parameters<typeof sampleDeployLog>[0], engines: Memory["engines"]) => ({
      containers: [shop],
      engines: [{ name: "local", ok: true, error: null }, ...engines],
      deployLogs: [sampleDeployLog(records)],
      queueSources: [source("a", ["mail"])],
    });
    const own = deployed("shop", "2026-01-13T09:00:00Z");
    const other = deployed("shop", "2026-01-13T08:00:00Z", { destination: "beta" });
    const alone = { "a/mail": [["shop", null, "ALONE"]] };
    expect((await ask(memory([own, other], []))).owners).toEqual(alone);
    expect((await ask(memory([own], [far]))).owners).toEqual(alone);
    expect((await ask(memory([own, other], [far]))).owners).toEqual({ "a/mail": null });
  });

  it("of a long list take one read of each source", async () => {
    const names = Array.from({ length: 300 }, (_, index) => `q${index}`);
    let reads = 0;
    const workerJobs = async () => {
      reads += 1;
      return names.map((queue) => sampleWorkerJobs({ queue, source: "a", host: shop.host }));
    };
    const { owners } = await ask({
      containers: [shop, billing],
      queueSources: [source("a", names, {}, { workerJobs })],
    });
    expect(reads).toBe(1);
    expect(new Set(Object.values(owners).map((one) => JSON.stringify(one)))).toEqual(
      new Set([JSON.stringify([["shop", null, "WORKERS"]])]),
    );
  });
});

import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import { scopes } from "../../../src/auth/principal.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { codeOf } from "../../support/graphql-errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";

const schema = createSchema();
const shop = { service: "shop", destination: null, env: "staging" } as const;
const containers = [
  sampleContainer({ ...shop, name: "web-1", role: "web", version: "v1", health: "unhealthy" }),
  sampleContainer({ ...shop, name: "web-2", role: "web", version: "v2" }),
  sampleContainer({ ...shop, name: "worker-1", role: "worker", version: "v2", status: "exited", health: "none" }),
  sampleContainer({ ...shop, name: "web-live", role: "web", version: "v2", env: "production" }),
  sampleContainer({ ...shop, name: "web-beta", role: "web", version: "v3", destination: "beta" }),
  sampleContainer({ ...shop, name: "redis", role: "redis", version: "7", kind: "accessory" }),
];

function open(memory: Partial<Memory> = {}) {
  const { sources } = createMemorySources({ containers, ...memory });
  return async (source: string, caller = createCaller()) => {
    const { data, errors } = await graphql({ schema, source, contextValue: createContext(sources, caller) });
    return { data: JSON.parse(JSON.stringify(data)), codes: errors?.map(codeOf) };
  };
}

const toPlaces = ({ data }: any) =>
  data.roles.map(({ name, env, destination }: any) => [name, env, destination].filter(Boolean).join(" "));

describe("roles", () => {
  it("have their containers and counts", async () => {
    const { data } = await open()(`{ roles(env: STAGING, destination: "") { name service destination env
      containers { name } containerCount runningCount unhealthyCount releases } }`);
    expect(data.roles).toEqual([
      {
        name: "web",
        service: "shop",
        destination: null,
        env: "STAGING",
        containers: [{ name: "web-1" }, { name: "web-2" }],
        containerCount: 2,
        runningCount: 2,
        unhealthyCount: 1,
        releases: ["v1", "v2"],
      },
      {
        name: "worker",
        service: "shop",
        destination: null,
        env: "STAGING",
        containers: [{ name: "worker-1" }],
        containerCount: 1,
        runningCount: 0,
        unhealthyCount: 0,
        releases: ["v2"],
      },
    ]);
  });

  it.each([
    ["", ["web STAGING beta", "web PRODUCTION", "web STAGING", "worker STAGING"]],
    [
      "(includeAccessories: true, env: STAGING)",
      ["redis STAGING", "web STAGING beta", "web STAGING", "worker STAGING"],
    ],
    ['(name: "worker")', ["worker STAGING"]],
    ['(service: "other")', []],
    ['(destination: "beta")', ["web STAGING beta"]],
  ])("are chosen by %s", async (args, places) => {
    expect(toPlaces(await open()(`{ roles${args} { name env destination } }`)).toSorted()).toEqual(places.toSorted());
  });

  it("are of the containers that the token may see", async () => {
    const ask = open();
    const staging = createCaller(scopes, ["staging"]);
    expect(toPlaces(await ask('{ roles(name: "web") { name env destination } }', staging))).not.toContain(
      "web PRODUCTION",
    );
    expect((await ask("{ roles(env: PRODUCTION) { name } }", staging)).codes).toEqual(["forbidden"]);
  });

  it("are null if nothing is known", async () => {
    const engines = [{ name: "local", ok: false, error: { code: "docker_timeout", message: "late" } }];
    expect(await open({ containers: [], engines })("{ roles { name } }")).toEqual({
      data: { roles: null },
      codes: ["docker_timeout"],
    });
  });

  it("are found by their id, and by a container", async () => {
    const ask = open();
    const { data } = await ask('{ container(name: "web-live") { roleGroup { id name containers { name } } } }');
    const { id, ...role } = data.container.roleGroup;
    expect(role).toEqual({ name: "web", containers: [{ name: "web-live" }] });
    const query = `{ node(id: "${id}") { ... on Role { name env } } }`;
    expect((await ask(query)).data.node).toEqual({ name: "web", env: "PRODUCTION" });
    expect((await ask(query, createCaller(scopes, ["staging"]))).data.node).toBeNull();
  });

  it("have only the series of their containers", async () => {
    const to = Math.floor(Date.now() / 1000) * 1000;
    const { data } = await open()(
      `{ roles(env: STAGING) { name
         series(kind: CPU_PCT, from: "${to - 300_000}", to: "${to}", step: 60) { container } } }`,
    );
    const shown = data.roles.map(({ name, series }: any) => [
      name,
      new Set(series.map(({ container }: any) => container)),
    ]);
    expect(shown.flatMap(([name, names]: any) => [...names].map((one) => [name, one])).toSorted()).toEqual([
      ["web", "web-1"],
      ["web", "web-2"],
      ["web", "web-beta"],
      ["worker", "worker-1"],
    ]);
  });
});

it("the jobs that run in a container are its work", async () => {
  const { data } = await open()(
    '{ container(name: "web-1") { work { jobs { jobId } total gaps { source reason } } } }',
  );
  expect(data.container.work).toEqual({
    jobs: null,
    total: null,
    gaps: [{ source: null, reason: `another container has the same host name, ${containers[0]?.host}` }],
  });
});

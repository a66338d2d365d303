import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Environment, environments } from "../../src/domain/environment.ts";
import { scopes } from "../../src/domain/principal.ts";
import { OpsError } from "../../src/errors.ts";
import { createCaller } from "../support/caller.ts";
import { createMemorySources, sampleContainer, sampleHost, sampleDeploy } from "../support/memory-sources.ts";
import { createRest } from "../support/rest.ts";

const staging = createCaller(scopes, ["staging"]);
const queue = (name: string) => ({ name, source: name, depth: 1, processedPerSec: 0, failuresLastHour: 0 });

describe("a token limited to staging", () => {
  it("sees no byte of anything else, whatever runs and whatever it asks", async () => {
    const container = fc.record({
      env: fc.constantFrom<(Environment | null)[]>("staging", "production", null),
      kind: fc.constantFrom("core" as const, "accessory" as const),
      running: fc.boolean(),
    });
    const asks = fc.constantFrom(
      "",
      "env=staging",
      "env=production",
      "include_accessories=true",
      "include_accessories=1&include_stats=1",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(container, { maxLength: 8 }), asks, async (given, query) => {
        const containers = given.map(({ env, kind, running }, index) =>
          sampleContainer({
            name: `${env === "staging" ? "mine" : "canary"}-${index}`,
            image: env === "staging" ? "mine" : "canary",
            kind,
            env,
            status: running ? "running" : "exited",
          }),
        );
        const { sources } = createMemorySources({ containers, hosts: [sampleHost({ name: "canary" })] });
        const { get, call } = createRest(sources, staging);
        const answers = [get("/containers", query), get("/hosts"), get("/queues"), get("/deploy-info")];
        for (const { name } of containers) {
          const path = `/containers/${name}`;
          answers.push(
            get(path, query),
            get(`${path}/logs`, query),
            get(`${path}/health-check`, query),
            call("POST", `${path}/restart`),
          );
        }
        const settled = await Promise.allSettled(answers);
        const seen = settled.map((result) =>
          JSON.stringify(result.status === "fulfilled" ? result.value : result.reason.message),
        );
        expect(seen.join("\n")).not.toContain("canary");
        const listed = settled[0]?.status === "fulfilled" ? JSON.parse(settled[0].value.body).length : 0;
        const mine = given.filter(({ env, kind }) => env === "staging" && (kind === "core" || query.includes("accessories")));
        expect(listed).toBe(query === "env=production" ? 0 : mine.length);
      }),
      { numRuns: 60 },
    );
  });

  it("gets the same answer for a container of production as for none at all", async () => {
    const { sources } = createMemorySources({ containers: [sampleContainer({ name: "prod", env: "production" })], engines: [] });
    const { get } = createRest(sources, staging);
    const [hidden, absent] = await Promise.allSettled([get("/containers/prod"), get("/containers/none")]);
    expect(hidden).toMatchObject({ status: "rejected", reason: { code: "container_not_found", message: "No such container" } });
    expect(absent).toMatchObject({ status: "rejected", reason: { code: "container_not_found", message: "No such container" } });
  });

  it("may not ask for an environment that it does not list", async () => {
    const { get } = createRest(createMemorySources().sources, staging);
    await expect(get("/containers", "env=production")).rejects.toMatchObject({ code: "forbidden", status: 403 });
  });

  it("sees queues, hosts and deploy info only where they belong to staging", async () => {
    const memory = {
      queueSources: [
        { name: "a", env: "staging" as const, metrics: [queue("a")], errors: [] },
        { name: "b", env: "production" as const, metrics: [queue("b")], errors: new OpsError("schema_mismatch", "b") },
      ],
      hosts: [sampleHost()],
    };
    const unknown = createRest(createMemorySources(memory).sources, staging);
    expect(JSON.parse((await unknown.get("/queues")).body)).toMatchObject({
      queues: [{ name: "a" }],
      sources: [{ name: "a", ok: true }],
    });
    await expect(unknown.get("/hosts")).rejects.toMatchObject({ code: "forbidden" });
    await expect(unknown.get("/deploy-info")).rejects.toMatchObject({ code: "forbidden" });
    // The environment of the deploy info is the source's to know.
    const deploy = { ...sampleDeploy, env: "staging" as const };
    const known = createRest(createMemorySources({ ...memory, deploy }, { env: "staging" }).sources, staging);
    expect(JSON.parse((await known.get("/hosts")).body).hosts).toHaveLength(1);
    expect(JSON.parse((await known.get("/deploy-info")).body)).toHaveProperty("current_tag");
    const other = createRest(createMemorySources(memory, { env: "production" }).sources, staging);
    await expect(other.get("/hosts")).rejects.toMatchObject({ code: "forbidden" });
  });
});

describe("scopes", () => {
  const memory = { containers: [sampleContainer()] };
  const path = "/containers/wallet-core-staging-web-latest";

  it("ops:read does not imply ops:logs or ops:operate", async () => {
    const { sources, calls } = createMemorySources(memory, { restartEnabled: true });
    const { get, call } = createRest(sources, createCaller(["ops:read"]));
    await expect(get(`${path}/logs`)).rejects.toMatchObject({ code: "forbidden" });
    await expect(call("POST", `${path}/restart`)).rejects.toMatchObject({ code: "forbidden" });
    await expect(get(`${path}/restart`)).rejects.toMatchObject({ code: "forbidden" });
    expect(calls).not.toHaveProperty("restart");
    expect((await get(`${path}/health-check`)).status).toBe(200);
  });

  it("ops:operate alone reads nothing, and no upstream is asked", async () => {
    const { sources, calls } = createMemorySources(memory);
    const { get } = createRest(sources, createCaller(["ops:operate"], environments));
    for (const asked of ["/containers", path, "/queues", "/hosts", "/deploy-info"]) {
      await expect(get(asked)).rejects.toMatchObject({ code: "forbidden" });
    }
    expect(calls).toEqual({});
  });
});

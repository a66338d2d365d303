import { graphql, parse, subscribe } from "graphql";
import { describe, expect, it } from "vitest";
import { scopes } from "../../src/auth/principal.ts";
import type { EngineStatus } from "../../src/containers/source.ts";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { createRest } from "../support/rest.ts";

const schema = createSchema();
const staging = createCaller(scopes, ["staging"]);
const own = sampleContainer({ name: "web", engine: "own" });
const up = { name: "own", env: "staging" as const, ok: true, error: null };
const error = { code: "docker_timeout", message: "Docker engine db-7: no answer" };
const down = { name: "db-7", ok: false, error };
const production = { ...down, env: "production" as const };
const nowhere = { ...down, env: null, runs: null };

function open(
  engines: readonly (typeof up | (Pick<EngineStatus, "name" | "ok" | "error"> & Partial<EngineStatus>))[],
  containers = [own],
) {
  const memory = createMemorySources({ containers, engines }, { restartEnabled: true });
  const rest = createRest(memory.sources, staging);
  const query = async (source: string, caller = staging) => {
    const { data, errors } = await graphql({ schema, source, contextValue: createContext(memory.sources, caller) });
    return { data: data as any, code: (errors?.[0]?.originalError as { code?: string } | undefined)?.code, errors };
  };
  const follow = (source: string) =>
    subscribe({ schema, document: parse(source), contextValue: createContext(memory.sources, staging) });
  const codeOf = (path: string, parameters = "", method = "GET") =>
    rest.call(method, path, parameters).then(
      ({ status }) => status,
      ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
    );
  return { ...memory, rest, query, follow, codeOf };
}

describe("an engine of another environment", () => {
  const { rest, query, follow, codeOf, calls } = open([up, production]);

  it("appears nowhere: no list, header, count, drift, coverage or problem", async () => {
    const names = async (caller = staging) =>
      (await query("{ engines { name } }", caller)).data.engines.map((one: any) => one.name);
    expect(await names()).toEqual(["own"]);
    expect(await names(createCaller())).toEqual(["own", "db-7"]);
    // The second answer comes from memory.
    for (const _ of [1, 2]) expect((await rest.get("/containers")).headers?.["x-ops-engines"]).toBe('"own"');
    const everybody = createCaller();
    expect((await rest.call("GET", "/containers", "", undefined, everybody)).headers?.["x-ops-engines"]).toContain(
      "db-7",
    );
    const range = 'from: "2026-01-13T09:00:00Z", to: "2036-01-13T10:00:00Z"';
    const rows = `upCounts(${range}, kinds: [ENGINE]) { up total } containerSeriesProblems(${range}) { message }`;
    const { data } = await query(
      `{ ${rows} drift { message } timeline { coverage { note } } latestDeploys { state verdict { gaps } } }`,
    );
    expect(data.upCounts).toEqual([{ up: 1, total: 1 }]);
    expect(JSON.stringify(data)).not.toMatch(/db-7|does not answer/);
  });

  it("changes nothing for us while down: 404 stays, restarts continue", async () => {
    expect(await codeOf("/containers/nothing")).toBe("container_not_found: No such container");
    // A hidden engine is refused like a missing one.
    for (const engine of ["db-7", "no-engine"]) {
      const only = "container_not_found: No such container: there is no engine of this name, only own";
      expect(await codeOf("/containers/nothing", `engine=${engine}`)).toBe(only);
      expect(await codeOf("/containers/web", `engine=${engine}`)).toBe(only);
      const message = "engine must be a configured engine: own";
      const list = await query(`{ containers(engine: "${engine}") { name } }`);
      expect(list).toMatchObject({ code: "invalid_request", errors: [{ message }] });
      for (const field of ["containers", "containerEvents"]) {
        const begun = await follow(`subscription { ${field}(engine: "${engine}") { ended } }`);
        expect(begun).toMatchObject({ errors: [{ message, originalError: { code: "invalid_request" } }] });
      }
    }
    expect(await codeOf("/containers/web/restart", "", "POST")).toBe(200);
    expect(calls["restart"]).toBe(1);
    const role = 'mutation { restartRole(role: "web", env: STAGING, reason: "leak") { complete } }';
    expect((await query(role)).data.restartRole).toEqual({ complete: true });
    // Its last list has no matching role.
    const everybody = createCaller();
    expect((await query(role, everybody)).data.restartRole).toEqual({ complete: true });
    const unlisted = open([up, { ...production, runs: null }]);
    expect(await unlisted.query(role, everybody)).toMatchObject({ code: "docker_unavailable" });
  });

  it("is shown if it runs our container, also while it does not answer", async () => {
    const runs: EngineStatus["runs"] = new Set(["staging"]);
    const mixed = open([up, { ...production, runs }]);
    expect((await mixed.query("{ engines { name ok } }")).data.engines).toEqual([
      { name: "own", ok: true },
      { name: "db-7", ok: false },
    ]);
    expect(await mixed.codeOf("/containers/nothing")).toBe(`docker_timeout: ${error.message}`);
    // Its last list has no matching container.
    expect(await mixed.codeOf("/containers/web/restart", "", "POST")).toBe(200);
    const twin = { ...own, fullId: "f".repeat(64), engine: "db-7" };
    const both = open([up, { ...production, runs }], [own, twin]);
    const choice = "it may run a container of this name too: choose one by its engine: engine=own";
    expect(await both.codeOf("/containers/web/restart", "", "POST")).toBe(
      `docker_timeout: ${error.message}; ${choice}`,
    );
    expect(await both.codeOf("/containers/web/restart", "engine=own", "POST")).toBe(200);
  });
});

describe("an engine without a configured environment", () => {
  const unnamed = "docker_unavailable: An engine without a configured environment does not answer";

  it("may run ours until listed: missing is unknown, its name hidden", async () => {
    const { query, codeOf } = open([up, nowhere]);
    expect((await query("{ engines { name } }")).data.engines).toEqual([{ name: "own" }]);
    for (const engine of ["", "engine=db-7", "engine=no-engine"])
      expect(await codeOf("/containers/nothing", engine)).toBe(unnamed);
    expect(await codeOf("/containers/nothing", "engine=own")).toBe("container_not_found: No such container");
    expect((await query('{ containers(engine: "db-7") { name } }')).data.containers).toEqual([]);
    const choice = "it may run a container of this name too: choose one by its engine: engine=own";
    expect(await codeOf("/containers/web/restart", "", "POST")).toBe(`${unnamed}; ${choice}`);
    expect(await codeOf("/containers/web")).toBe(200);
    const { data } = await query('{ drift { kind engine message } logs(role: "none") { truncated } }');
    const message =
      "An engine does not answer, so what it runs is unknown: An engine without a configured environment does not answer";
    expect(data.drift).toEqual([{ kind: "ENGINE_UNKNOWN", engine: null, message }]);
    expect(data.logs).toBeNull();
  });

  it("is known not to run ours once it was listed", async () => {
    const { codeOf } = open([up, { ...nowhere, runs: new Set() }]);
    expect(await codeOf("/containers/nothing")).toBe("container_not_found: No such container");
    expect(await codeOf("/containers/web/restart", "", "POST")).toBe(200);
  });
});

describe("a token with only ops:operate", () => {
  const operator = createCaller(["ops:operate"]);
  const fields = "name restarted status health startedAt";

  it("restarts and gets REST's answer; the container needs ops:read", async () => {
    const { query, rest } = open([up]);
    const dryRun =
      'mutation { restartContainer(name: "web", dryRun: true) ' +
      `{ ${fields} container { image } preview { healthyPeers lastHealthy work { total } } } }`;
    const preview = await query(dryRun, operator);
    expect(preview.data.restartContainer).toMatchObject({
      name: "web",
      container: null,
      preview: { healthyPeers: null, lastHealthy: null, work: null },
    });
    expect(preview.errors?.map(({ path }) => path?.at(-1))).toEqual([
      "container",
      "healthyPeers",
      "lastHealthy",
      "work",
    ]);
    expect(preview.code).toBe("forbidden");
    const done = await query(`mutation { restartContainer(name: "web") { ${fields} container { image } } }`, operator);
    expect(done.data.restartContainer).toMatchObject({ name: "web", restarted: true, container: null });
    const role = await query(
      'mutation { restartRole(role: "web", env: STAGING, reason: "leak") ' +
        "{ complete steps { outcome container { name } } } }",
      operator,
    );
    expect(role.data.restartRole).toEqual({ complete: true, steps: [{ outcome: "RESTARTED", container: null }] });
    const answer = await rest.call("POST", "/containers/web/restart", "", undefined, operator);
    const dry = await rest.call("POST", "/containers/web/restart", "dry_run=true", undefined, operator);
    expect(JSON.parse(dry.body).preview).toEqual({
      refusal: null,
      healthy_peers: null,
      last_healthy: null,
      work: null,
    });
    const { name, status, health, startedAt } = own;
    expect(JSON.parse(answer.body)).toEqual({ name, restarted: true, status, health, started_at: startedAt });
  });
});

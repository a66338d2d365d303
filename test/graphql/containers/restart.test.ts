import { graphql } from "graphql";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Scope } from "../../../src/auth/principal.ts";
import type { Container } from "../../../src/containers/container.ts";
import type { ProbeRun } from "../../../src/containers/source.ts";
import { toCursor } from "../../../src/graphql/args.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { RunningJobs } from "../../../src/queues/queue.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";

const staging = sampleContainer({ name: "web-staging", host: "a" });
const production = sampleContainer({ name: "web-production", host: "b", env: "production" });
const containers = [staging, production];
const schema = createSchema();

/** Runs a document as a caller with these rights. */
async function ask(
  { sources }: ReturnType<typeof createMemorySources>,
  source: string,
  rights: { readonly scopes?: readonly Scope[]; readonly where?: readonly Environment[] } = {},
) {
  const contextValue = createContext(sources, createCaller(rights.scopes, rights.where));
  const { data, errors } = await graphql({ schema, source, contextValue });
  return { data: data as any, code: (errors?.[0]?.originalError as { code?: string } | undefined)?.code };
}

const restart = (name: string, more = "") => `mutation { restartContainer(name: "${name}"${more}) { name restarted } }`;

describe("auditLog", () => {
  it("pages through each entry once while others are written", async () => {
    const memory = createMemorySources({ containers }, { restartEnabled: true });
    for (const name of ["web-staging", "web-production", "web-staging"]) await ask(memory, restart(name));
    const seen: number[] = [];
    for (let cursor = ""; ;) {
      const { data } = await ask(
        memory,
        `{ auditLog(first: 2, after: "${cursor}") ` +
          "{ edges { cursor node { seq } } pageInfo { endCursor hasNextPage } } }",
      );
      const { edges, pageInfo } = data.auditLog;
      seen.push(...edges.map(({ node }: { node: { seq: number } }) => node.seq));
      expect(edges.at(-1).cursor).toBe(pageInfo.endCursor);
      if (!pageInfo.hasNextPage) break;
      cursor = pageInfo.endCursor;
      await ask(memory, restart("web-staging"));
    }
    expect(seen).toEqual([6, 5, 4, 3, 2, 1]);
  });

  it("pages newest first through what the token may see, for ops:operate", async () => {
    const memory = createMemorySources({ containers }, { restartEnabled: true });
    for (const name of ["web-staging", "web-production", "web-staging"]) await ask(memory, restart(name));
    const log = async (args: string, rights = {}) =>
      (
        await ask(memory, `{ auditLog${args} { nodes { seq containerName outcome } } }`, rights)
      ).data?.auditLog?.nodes.map(({ seq }: { seq: number }) => seq);
    expect(await log("")).toEqual([6, 5, 4, 3, 2, 1]);
    expect(await log(`(first: 2, after: "${toCursor("auditLog", "5")}")`)).toEqual([4, 3]);
    expect(await log(`(last: 2, before: "${toCursor("auditLog", "2")}")`)).toEqual([4, 3]);
    expect(await log("", { where: ["staging"] })).toEqual([6, 5, 2, 1]);
    expect(await ask(memory, "{ auditLog { nodes { seq } } }", { scopes: ["ops:read"] })).toMatchObject({
      code: "forbidden",
    });
    for (const args of [
      `after: "x"`,
      `after: "${toCursor("auditLog", "x")}"`,
      `before: "${toCursor("deploys", "1")}"`,
      "last: 2",
      "first: 0",
      "first: 1, last: 1",
    ]) {
      expect(await ask(memory, `{ auditLog(${args}) { nodes { seq } } }`)).toMatchObject({ code: "invalid_request" });
    }
    expect(await ask(memory, "{ auditLog(first: 101) { nodes { seq } } }")).toMatchObject({ code: "invalid_request" });
  });
});

describe("restartContainer", () => {
  it("previews without a restart or a record", async () => {
    const memory = createMemorySources({ containers }, { restartEnabled: true });
    const fields = "restarted healthy preview { refusal { code } healthyPeers lastHealthy }";
    const { data } = await ask(
      memory,
      `mutation { restartContainer(name: "web-staging", dryRun: true) { ${fields} } }`,
    );
    expect(data.restartContainer).toEqual({
      restarted: false,
      healthy: null,
      preview: { refusal: null, healthyPeers: 0, lastHealthy: true },
    });
    expect(memory.calls).not.toHaveProperty("restart");
    expect(memory.audited).toEqual([]);
  });

  it.each([
    ["may act", true, undefined, null],
    ["only reads", true, ["ops:read"], "forbidden"],
    ["may act where restarts are off", false, undefined, "restart_disabled"],
  ] as const)("is previewed by reading for a token that %s", async (_who, restartEnabled, scopes, code) => {
    const memory = createMemorySources({ containers }, { restartEnabled });
    const fields = "refusal { code } lastHealthy healthyPeers work { total }";
    const document = `{ restartPreview(name: "web-staging") { ${fields} } }`;
    const { data } = await ask(memory, document, scopes && { scopes });
    expect(data.restartPreview).toEqual({
      refusal: code && { code },
      lastHealthy: true,
      healthyPeers: 0,
      work: { total: null },
    });
    expect(memory.calls["restart"] ?? 0).toBe(0);
    expect(memory.audited).toEqual([]);
  });

  it("is not previewed for a token that may not see the container", async () => {
    const memory = createMemorySources({ containers }, { restartEnabled: true });
    const where: readonly Environment[] = ["staging"];
    expect(await ask(memory, `{ restartPreview(name: "web-production") { lastHealthy } }`, { where })).toEqual({
      data: { restartPreview: null },
      code: "container_not_found",
    });
    const operator = await ask(memory, `{ restartPreview(name: "web-staging") { lastHealthy } }`, {
      scopes: ["ops:operate"],
    });
    expect(operator.code).toBe("forbidden");
  });

  describe("previews the jobs that run there", () => {
    const job = {
      queue: "payout",
      source: "river",
      jobId: "7",
      kind: "payout",
      startedAt: "2026-01-13T09:45:00Z",
      worker: "a",
    };
    const none = { metrics: [], errors: [] };
    const work = async (
      queueSources: Memory["queueSources"],
      where?: readonly Environment[],
      more: readonly Container[] = [],
    ) => {
      const memory = createMemorySources(
        { containers: [...containers, ...more], queueSources },
        { restartEnabled: true },
      );
      const fields = "work { jobs { jobId queue source kind startedAt worker } total gaps { source reason } }";
      const document = `mutation { restartContainer(name: "web-staging", dryRun: true) { preview { ${fields} } } }`;
      return (await ask(memory, document, where && { where })).data.restartContainer.preview.work;
    };
    const asked: (readonly string[])[] = [];
    const river = (env: Environment, running: Partial<RunningJobs> | OpsError = {}) => ({
      name: "river",
      env,
      ...none,
      running: async (hosts: readonly string[]) => {
        asked.push(hosts);
        if (running instanceof Error) throw running;
        return { jobs: [], total: 0, unnamed: 0, ...running };
      },
    });

    it("by its host name or its id, with the gaps of each source", async () => {
      const table = { name: "runner", env: "staging" as const, ...none };
      expect(await work([river("staging", { jobs: [job], total: 1, unnamed: 2 }), table])).toEqual({
        jobs: [job],
        total: 1,
        gaps: [
          { source: "river", reason: "2 of its running jobs have no known host" },
          { source: "runner", reason: "its rows do not name the host of a job" },
        ],
      });
      expect(asked.at(-1)).toEqual(["a", staging.id]);
    });

    it("as none only if a source knows", async () => {
      expect(await work([river("staging")])).toEqual({ jobs: [], total: 0, gaps: [] });
      const unknown = (source: string | null, reason: string) => ({
        jobs: null,
        total: null,
        gaps: [{ source, reason }],
      });
      expect(await work([])).toEqual(unknown(null, "no queue source is configured"));
      const down = new OpsError("postgres_unavailable", "PostgreSQL cannot be reached");
      expect(await work([river("staging", down)])).toEqual(unknown("river", down.message));
      const hidden = "No queue belongs to an environment of this token";
      expect(await work([river("production", { jobs: [job], total: 1 })], ["staging"])).toEqual(unknown(null, hidden));
      const twin = sampleContainer({ name: "web-twin", host: "a" });
      expect(await work([river("staging")], undefined, [twin])).toEqual(
        unknown(null, "another container has the same host name, a"),
      );
    });
  });

  it.each([
    [`, reason: "${"x".repeat(201)}"`],
    [`, idempotencyKey: "${"x".repeat(256)}"`],
    [', idempotencyKey: "two words"'],
    [", waitHealthy: true, waitSeconds: 301"],
    [", waitHealthy: true, waitSeconds: 0"],
  ])("refuses %s", async (more) => {
    const memory = createMemorySources({ containers }, { restartEnabled: true });
    expect(await ask(memory, restart("web-staging", more))).toMatchObject({ code: "invalid_request" });
    expect(memory.audited).toEqual([]);
  });

  it("also takes the key from REST's header", async () => {
    const memory = createMemorySources({ containers }, { restartEnabled: true });
    await using gateway = await startGateway(memory.sources);
    const post = (key: string) =>
      gateway.fetch("/api/v1/admin/ops/containers/web-staging/restart", {
        method: "POST",
        headers: { "idempotency-key": key },
      });
    expect([(await post("once")).status, (await post("once")).status]).toEqual([200, 200]);
    expect(memory.calls["restart"]).toBe(1);
    expect((await post("a b")).status).toBe(400);
  });
});

describe("restartRole", () => {
  const role = (env: string, more = "") =>
    `mutation { restartRole(role: "web", env: ${env.toUpperCase()}, reason: "leak"${more}) ` +
    "{ complete steps { outcome container { name } } } }";

  it("restarts the running ones of the environment", async () => {
    const stopped = sampleContainer({ name: "web-stopped", status: "exited" });
    const memory = createMemorySources({ containers: [...containers, stopped] }, { restartEnabled: true });
    const { data } = await ask(memory, role("staging"));
    expect(data.restartRole).toEqual({
      complete: true,
      steps: [{ outcome: "RESTARTED", container: { name: "web-staging" } }],
    });
    expect(memory.audited[0]).toMatchObject({ args: { role: "web", step: 1, of: 1 }, reason: "leak" });
  });

  it("waits the requested seconds for each, 1 to 300, 60 by default", async () => {
    const memory = createMemorySources({ containers }, { restartEnabled: true });
    const restartOne = vi.spyOn(memory.sources.restarts, "restart");
    for (const more of ["", ", waitSeconds: 1", ", waitSeconds: 300"]) {
      expect((await ask(memory, role("staging", more))).data.restartRole.complete).toBe(true);
    }
    expect(restartOne.mock.calls.map(([, { waitMs, reason }]) => [waitMs, reason])).toEqual([
      [60_000, "leak"],
      [1000, "leak"],
      [300_000, "leak"],
    ]);
    for (const more of [", waitSeconds: 0", ", waitSeconds: 301"]) {
      expect(await ask(memory, role("staging", more))).toMatchObject({ code: "invalid_request" });
    }
    expect(restartOne).toHaveBeenCalledTimes(3);
  });

  it("is complete only if every step is, with each step's outcome and why", async () => {
    const twins = ["a", "b", "c"].map((name) => sampleContainer({ name, host: name }));
    const source = "{ complete steps { outcome container { name } error { code message } } }";
    const run = async (outcomes: readonly (boolean | Error)[]) => {
      const memory = createMemorySources({ containers: twins }, { restartEnabled: true });
      let step = -1;
      vi.spyOn(memory.sources.restarts, "restart").mockImplementation(async (container) => {
        const healthy = outcomes[++step] ?? true;
        if (healthy instanceof Error) throw healthy;
        return { container, healthy, dockerStatus: 204 };
      });
      return (await ask(memory, `mutation { restartRole(role: "web", env: STAGING, reason: "leak") ${source} }`)).data
        .restartRole;
    };
    const step = (name: string, outcome: string, error: object | null = null) => ({
      outcome,
      container: { name },
      error,
    });
    expect(await run([])).toEqual({ complete: true, steps: ["a", "b", "c"].map((name) => step(name, "RESTARTED")) });
    expect(await run([true, true, false])).toEqual({
      complete: false,
      steps: [step("a", "RESTARTED"), step("b", "RESTARTED"), step("c", "UNHEALTHY")],
    });
    const refused = new OpsError("restart_protected", "It is protected");
    expect(await run([true, refused])).toEqual({
      complete: false,
      steps: [
        step("a", "RESTARTED"),
        step("b", "FAILED", { code: "restart_protected", message: "It is protected" }),
        step("c", "SKIPPED"),
      ],
    });
  });

  it("skips replaced and stopped containers, and other roles", async () => {
    const fleet = [
      staging,
      sampleContainer({ name: "replaced", replaced: true }),
      sampleContainer({ name: "exited", status: "exited" }),
      sampleContainer({ name: "worker", role: "worker" }),
    ];
    const memory = createMemorySources({ containers: fleet }, { restartEnabled: true });
    const { data } = await ask(memory, role("staging"));
    expect(data.restartRole.steps).toEqual([{ outcome: "RESTARTED", container: { name: "web-staging" } }]);
    expect(await ask(memory, role("production"))).toMatchObject({ code: "container_not_found" });
    expect(await ask(memory, role("staging").replace("leak", ""))).toMatchObject({ code: "invalid_request" });
  });

  it("is refused by default, by environment, or for an unknown silent engine", async () => {
    const on = { restartEnabled: true };
    const silent = [{ name: "b", ok: false, runs: null, error: { code: "docker_timeout", message: "no answer" } }];
    const memory = createMemorySources({ containers }, on);
    expect(await ask(createMemorySources({ containers }), role("staging"))).toMatchObject({ code: "restart_disabled" });
    expect(await ask(memory, role("production"), { where: ["staging"] })).toMatchObject({ code: "forbidden" });
    expect(await ask(memory, role("staging"), { scopes: ["ops:read"] })).toMatchObject({ code: "forbidden" });
    const engines = [{ name: "local", ok: true, error: null }, ...silent] as never;
    expect(await ask(createMemorySources({ containers, engines }, on), role("staging"))).toMatchObject({
      code: "docker_unavailable",
    });
    expect(memory.calls).not.toHaveProperty("restart");
  });

  describe("with several destinations", () => {
    const runner = (destination: string | null, env: Environment | null, more: Partial<Container> = {}) => {
      const name = ["runner", more.service ?? "wallet-core", destination, env].join("-");
      return sampleContainer({ role: "runner", service: "wallet-core", name, destination, env, host: name, ...more });
    };
    const [live, beta, bare] = [
      runner("production", "production"),
      runner("beta", "production"),
      runner(null, "production"),
    ];
    const [unmapped, shop] = [runner("qa", null), runner("production", "production", { service: "shop" })];
    const restartRole = async (args: string, fleet: readonly Container[], where?: readonly Environment[]) => {
      const memory = createMemorySources({ containers: fleet }, { restartEnabled: true });
      const source = `mutation { restartRole(role: "runner", reason: "leak"${args}) { steps { container { name } } } }`;
      const contextValue = createContext(memory.sources, createCaller(undefined, where));
      const { data, errors } = await graphql({ schema, source, contextValue });
      const error = errors?.[0]?.originalError as OpsError | undefined;
      const { steps } = (data?.["restartRole"] ?? { steps: [] }) as { steps: { container: { name: string } }[] };
      const outcome = error ? `${error.code}: ${error.message}` : steps.map(({ container }) => container.name);
      return { outcome, restarts: memory.calls["restart"] ?? 0, records: memory.audited.length };
    };
    const fleet = [live, beta, bare];

    it("refuses, names them and restarts nothing", async () => {
      expect(await restartRole(", env: PRODUCTION", fleet)).toEqual({
        outcome:
          "role_ambiguous: 3 services or destinations run the role runner; " +
          "choose one by service, destination or env: " +
          "wallet-core (production), wallet-core -d beta (production), wallet-core -d production (production)",
        restarts: 0,
        records: 0,
      });
      const many = Array.from({ length: 12 }, (_, index) => runner(`d${index}`, "production"));
      expect((await restartRole(", env: PRODUCTION", many)).outcome).toMatch(/: 12 .* and 2 more$/);
    });

    it("restarts those of the chosen one, and no other", async () => {
      const chosen = async (args: string, given = fleet) => (await restartRole(args, given)).outcome;
      expect(await chosen(', env: PRODUCTION, destination: "production"')).toEqual([live.name]);
      expect(await chosen(', destination: "beta"')).toEqual([beta.name]);
      expect(await chosen(', destination: ""')).toEqual([bare.name]);
      expect(await chosen(', env: PRODUCTION, destination: ""')).toEqual([bare.name]);
      expect(await chosen(', destination: "production"', [live, shop])).toMatch(/^role_ambiguous: /);
      expect(await chosen(', destination: "production", service: "shop"', [live, shop])).toEqual([shop.name]);
      expect(await chosen(', destination: "nothing"')).toMatch(/^container_not_found: /);
      expect(await chosen(', env: STAGING, destination: "production"')).toMatch(/^container_not_found: /);
    });

    it("requires env or destination", async () => {
      expect((await restartRole("", fleet)).outcome).toBe("invalid_request: env or destination must be given");
      expect((await restartRole(', service: "wallet-core"', fleet)).outcome).toBe(
        "invalid_request: env or destination must be given",
      );
      expect((await restartRole(", env: null, destination: null", fleet)).outcome).toMatch(/^invalid_request: /);
    });

    it("needs every environment for containers of an unknown one", async () => {
      expect((await restartRole(', destination: "qa"', [live, unmapped])).outcome).toEqual([unmapped.name]);
      expect(await restartRole(', destination: "qa"', [live, unmapped], ["production"])).toMatchObject({
        outcome: "container_not_found: No running container of this role",
        restarts: 0,
      });
      const same = [live, runner("production", null)];
      expect((await restartRole(', destination: "production"', same)).outcome).toMatch(
        /^role_ambiguous: .*unknown environment/,
      );
      expect((await restartRole(', destination: "production"', same, ["production"])).outcome).toEqual([live.name]);
      expect((await restartRole(", env: PRODUCTION", same)).outcome).toEqual([live.name]);
    });

    it("skips a container that joined another role before its turn", async () => {
      const second = runner("production", "production", { name: "second" });
      const memory = createMemorySources({ containers: [live, second] }, { restartEnabled: true });
      const { sources } = memory;
      const restartOne = sources.containers.restart.bind(sources.containers);
      Object.assign(sources.containers, {
        restart: (ref: Container) => {
          memory.setContainers([live, { ...second, destination: "beta" }]);
          return restartOne(ref, 10);
        },
      });
      const source =
        'mutation { restartRole(role: "runner", env: PRODUCTION, reason: "leak") ' +
        "{ steps { outcome error { code } } } }";
      expect((await ask(memory, source)).data.restartRole.steps).toEqual([
        { outcome: "RESTARTED", error: null },
        { outcome: "FAILED", error: { code: "container_not_found" } },
      ]);
      expect(memory.calls["restart"]).toBe(1);
    });
  });
});

describe("healthCheck(probe: true)", () => {
  const probe =
    '{ container(name: "web-staging") { healthCheck(probe: true) { healthy exitCode output ageSeconds } } }';

  it("runs one only if enabled, with ops:operate", async () => {
    const off = createMemorySources({ containers });
    expect(await ask(off, probe)).toMatchObject({ code: "health_exec_disabled" });
    const on = createMemorySources({ containers }, { healthExecEnabled: true });
    expect(await ask(on, probe, { scopes: ["ops:read"] })).toMatchObject({ code: "forbidden" });
    expect([off.calls["probe"], on.calls["probe"]]).toEqual([undefined, undefined]);
    const { data } = await ask(on, probe);
    expect(data.container.healthCheck).toMatchObject({ healthy: false, exitCode: 1, output: "refused" });
  });

  const fields = "status health healthy failingStreak checkedAt ageSeconds output exitCode timedOut durationMs";
  const check = async (container: Container, args = "", probed: Partial<ProbeRun> | null = null) => {
    vi.useFakeTimers({ now: Date.parse("2026-01-13T09:47:30.600Z"), toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const memory = createMemorySources({ containers: [container] }, { healthExecEnabled: true });
    if (probed) {
      const run = {
        exitCode: 0,
        output: "new",
        timedOut: false,
        durationMs: 27,
        checkedAt: "2026-01-13T09:47:28Z",
        ...probed,
      };
      Object.assign(memory.sources.containers, { probe: async () => run });
    }
    const { data, code } = await ask(
      memory,
      `{ container(name: "${container.name}") { healthCheck${args} { ${fields} } } }`,
    );
    expect(code).toBeUndefined();
    return { ...data.container.healthCheck };
  };
  const shown = { failingStreak: 4, checkedAt: "2026-01-13T09:46:00Z", output: "old" };
  const last = { ...shown, failingSince: null };
  const unprobed = { exitCode: null, timedOut: null, durationMs: null };

  it("has the values of the last probe, and its age in seconds", async () => {
    const container = sampleContainer({ name: "web", health: "unhealthy", probe: last });
    const common = { status: "running", health: "UNHEALTHY", failingStreak: 4 };
    // 90.6 s before now.
    expect(await check(container)).toEqual({ ...common, ...shown, ...unprobed, healthy: false, ageSeconds: 91 });
    const probed = { healthy: true, checkedAt: "2026-01-13T09:47:28Z", ageSeconds: 3, output: "new" };
    const run = { exitCode: 0, timedOut: false, durationMs: 27 };
    expect(await check(container, "(probe: true)", {})).toEqual({ ...common, ...probed, ...run });
    const killed = { exitCode: 137, timedOut: true, durationMs: 30_000, checkedAt: "2026-01-13T09:48:00Z" };
    // A clock ahead of ours does not give a negative age.
    expect(await check(container, "(probe: true)", killed)).toEqual({
      ...common,
      ...killed,
      healthy: false,
      ageSeconds: 0,
      output: "new",
    });
    expect(await check(container, "(probe: true)", { exitCode: null })).toMatchObject({
      healthy: null,
      exitCode: null,
    });
  });

  it.each<[Partial<Container>, boolean | null]>([
    [{ health: "healthy" }, true],
    [{ health: "unhealthy" }, false],
    [{ health: "starting" }, null],
    [{ health: "none" }, null],
    [{ health: "healthy", status: "exited" }, false],
  ])("%j is healthy: %s", async (more, healthy) => {
    expect(await check(sampleContainer({ name: "web", ...more }))).toMatchObject({
      healthy,
      status: more.status ?? "running",
    });
  });

  it("is unknown before the first probe; stopped ones are not probed", async () => {
    const container = sampleContainer({ name: "web", probe: null });
    const unknown = { failingStreak: null, checkedAt: null, ageSeconds: null, output: null, ...unprobed };
    expect(await check(container)).toMatchObject(unknown);
    expect(await check({ ...container, status: "exited" }, "(probe: true)", {})).toMatchObject({
      ...unknown,
      healthy: false,
    });
  });
});

describe("a refusal", () => {
  const memory = createMemorySources(
    { containers },
    { restartEnabled: true, limits: { cooldownMs: 60_000, budgetPerHour: 1 } },
  );
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  beforeAll(async () => {
    gateway = await startGateway(memory.sources);
  });
  afterAll(() => gateway[Symbol.asyncDispose]());

  it("says when to try again: Retry-After, extensions.retryAfter", async () => {
    const path = "/api/v1/admin/ops/containers/web-staging/restart";
    expect((await gateway.fetch(path, { method: "POST" })).status).toBe(200);
    const again = await gateway.fetch(path, { method: "POST" });
    expect(again.status).toBe(429);
    expect(Math.abs(Number(again.headers.get("retry-after")) - 55)).toBeLessThanOrEqual(5);
    const { body } = await gateway.query(restart("web-production"));
    expect(body.errors?.[0].extensions).toMatchObject({
      code: "restart_budget",
      status: 429,
      retryAfter: expect.any(Number),
    });
  });
});

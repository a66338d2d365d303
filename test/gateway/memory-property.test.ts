import * as fc from "fast-check";
import { parse } from "graphql";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Scope } from "../../src/auth/principal.ts";
import type { Container, ContainerStats } from "../../src/containers/container.ts";
import type { DeployInfo } from "../../src/deploys/deploy.ts";
import { ConsoleNowDocument } from "../../src/generated/console.ts";
import { createGrafanaHandler, grafanaDocuments } from "../../src/grafana/handler.ts";
import { createExecute } from "../../src/graphql/execute.ts";
import { longList } from "../../src/graphql/compiled/row-memo.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import type { Sources } from "../../src/graphql/sources.ts";
import { createPostHandler } from "../../src/graphql/yoga/post.ts";
import { createSubscribe } from "../../src/graphql/yoga/subscriptions.ts";
import { createMaskError } from "../../src/graphql/yoga/yoga.ts";
import type { Host } from "../../src/hosts/host.ts";
import { type Environment, environments } from "../../src/lib/environment.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { versionOf } from "../../src/lib/version.ts";
import { createMetricsHandler, metricsDocument } from "../../src/metrics/handler.ts";
import type { UnsupportedSystem } from "../../src/queues/queue.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer, sampleEngine, sampleStats } from "../support/containers.ts";
import { sampleDeployInfo } from "../support/deploys.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { sampleFailures, sampleQueue } from "../support/queues.ts";
import { createRest } from "../support/rest.ts";

/** What the sources know; a change exchanges an object, as a source does. */
function createState() {
  return {
    containers: [sampleContainer({ name: "web" })] as readonly Container[],
    isEngineOk: true,
    hosts: {
      hosts: [sampleHost()] as readonly Host[],
      thresholds: { cpu: 0.85, mem: 0.85 },
      updatedAt: "2026-01-13T09:46:00Z",
    },
    areHostsCached: true,
    queues: [sampleQueue({ name: "mails" })],
    unsupported: [] as readonly UnsupportedSystem[],
    failures: [] as readonly (ReturnType<typeof sampleFailures> & { fingerprint: string; complete: boolean })[],
    deploy: sampleDeployInfo as DeployInfo | null,
    stats: sampleStats as ContainerStats | null,
  };
}
type State = ReturnType<typeof createState>;

/** Sources of one state; without `remembers` nothing that they return can be remembered. */
function toSources(state: State, env: Environment | null, remembers: boolean): Sources {
  const memory = createMemorySources({}, { env }).sources;
  const listing = () => ({
    // New rows are written again.
    containers: remembers ? state.containers : state.containers.map((row) => ({ ...row })),
    engines: [
      sampleEngine({
        runs: new Set(state.containers.flatMap((container) => container.env ?? [])),
        ok: state.isEngineOk,
        error: state.isEngineOk ? null : { code: "docker_unavailable", message: "gone" },
      }),
    ],
  });
  const source = {
    name: "jobs",
    kind: "table",
    env: null,
    metrics: async () => state.queues,
    failures: async () => state.failures,
  };
  return {
    ...memory,
    containers: {
      ...memory.containers,
      list: async () => listing(),
      listCached: () => (remembers ? listing() : null),
      stats: async (refs) => refs.map(() => state.stats),
      statsVersion: () => (remembers ? versionOf(state.stats) : null),
    },
    hosts: {
      ...memory.hosts,
      report: async () => state.hosts,
      reportCached: () => (remembers && state.areHostsCached ? state.hosts : null),
    },
    queues: {
      all: async () => [source],
      unsupported: async () => state.unsupported,
      allCached: () => (remembers ? [{ source, metrics: state.queues, failures: state.failures }] : null),
      close: async () => {},
    },
    deploy: {
      ...memory.deploy,
      read: async () => {
        if (!state.deploy) throw new OpsError("deploy_info_missing", "deploy_info.json not found on host");
        return state.deploy;
      },
    },
  };
}

const environment = fc.constantFrom<Environment | null>("staging", "production", null);
const container = fc
  .record({
    name: fc.constantFrom("web", "worker", "redis"),
    env: environment,
    kind: fc.constantFrom("core", "accessory", "other"),
    status: fc.constantFrom("running", "exited", "paused"),
    version: fc.constantFrom("v1", "latest"),
    floating: fc.boolean(),
    commitSha: fc.constantFrom("", "abc"),
    stale: fc.boolean(),
  })
  .map((given) => sampleContainer(given as Partial<Container>));

/** What happens at a source. */
const change: fc.Arbitrary<(state: State) => void> = fc.oneof(
  fc.array(container, { maxLength: 4 }).map((containers) => (state: State) => void (state.containers = containers)),
  // A list that is long enough for its rows to be remembered, of which one changes.
  fc.tuple(container, fc.nat(longList)).map(([row, index]) => (state: State) => {
    const before =
      state.containers.length < longList
        ? Array.from({ length: longList + 1 }, () => sampleContainer())
        : state.containers;
    state.containers = before.with(index, row);
  }),
  fc.boolean().map((isOk) => (state: State) => void (state.isEngineOk = isOk)),
  fc
    .double({ min: 0, max: 1, noNaN: true })
    .map((cpuUtil) => (state: State) => void (state.hosts = { ...state.hosts, hosts: [sampleHost({ cpuUtil })] })),
  fc.boolean().map((isCached) => (state: State) => void (state.areHostsCached = isCached)),
  fc.nat(9).map((depth) => (state: State) => void (state.queues = [sampleQueue({ name: "mails", depth })])),
  fc.constantFrom(null, "web").map((worker) => (state: State) => {
    state.failures = [{ ...sampleFailures({ queue: "mails", worker }), fingerprint: "0123456789ab", complete: true }];
  }),
  fc.constantFrom("sidekiq", "bull", null).map((kind) => (state: State) => {
    state.unsupported = kind === null ? [] : [{ name: kind, kind, reason: "it counts nothing" }];
  }),
  fc.constantFrom("deploy-2", "v1", null).map((tag) => (state: State) => {
    state.deploy = tag === null ? null : { ...sampleDeployInfo, currentTag: tag };
  }),
  fc.nat(99).map((cpuPct) => (state: State) => void (state.stats = { ...sampleStats, cpuPct })),
);

/** Who asks for what. */
const question = fc.record({
  scopes: fc.constantFrom<readonly Scope[]>(["ops:read"], ["ops:read", "ops:logs"], ["ops:logs"]),
  where: fc.constantFrom<readonly Environment[]>(["staging"], ["production"], environments),
  asked: fc.constantFrom(
    "/containers",
    "/containers?env=staging",
    "/containers?env=production",
    "/containers?include_accessories=true",
    "/containers?include_stats=true",
    "/containers/web",
    "/containers/redis?include_accessories=true",
    "/deploy-info",
    "/hosts",
    "/queues",
    "/metrics",
    "table containers",
    "table containers accessories=true",
    "table containers env=staging",
    "table containers env=production status:running",
    "table containers role:nobody",
    "table hosts host:vm",
    "table hosts",
    "table queues queue_errors",
    "table containers hosts",
    "{ containers(includeAccessories: true) { id name status version commitSha deployed: env } }",
    "{ containers(env: STAGING) { ...A } } fragment A on Container { name version }",
    '{ container(name: "web") { name status } }',
    "{ containers { name cpuPct deploy { currentTag } } }",
    "{ hosts { name cpuUtil } hostsUpdatedAt thresholds { cpu } }",
    "{ hosts { name } containers { name stale } }",
    "{ queues { name depth state drainSeconds waitP50Seconds } }",
    "{ queues { name orphans } }",
    "{ queueSources { name env ok numbersOk error { code message } } queues { id } }",
    "{ deployInfo { currentTag } containers { name } }",
  ),
});

const schema = createSchema();

/**
 * The body of a query for these tables: `name=value` is a field of their payload, `name:value` a
 * filter of the dashboard.
 */
function toTables(asked: string): Buffer {
  const words = asked.split(" ").slice(1);
  const payload = Object.fromEntries(words.filter((word) => word.includes("=")).map((word) => word.split("=")));
  const filters = words.flatMap((word) => {
    const [key, value] = word.split(":");
    return value === undefined ? [] : [{ key, operator: "=", value }];
  });
  const targets = words.filter((word) => /^\w+$/.test(word)).map((target) => ({ refId: target, target, payload }));
  return Buffer.from(JSON.stringify({ targets, filters }));
}

function createGateway(state: State, env: Environment | null, remembers: boolean) {
  const sources = toSources(state, env, remembers);
  const rest = createRest(sources);
  const post = createPostHandler(schema, sources, {
    parsed: parse,
    maskError: createMaskError(silentLogger),
    subscribe: createSubscribe(),
  });
  const metrics = createMetricsHandler(
    createExecute(schema, sources, [metricsDocument]),
    { collect: () => [] },
    () => [],
  );
  const grafana = createGrafanaHandler(createExecute(schema, sources, grafanaDocuments));
  return async (asked: string, caller: ReturnType<typeof createCaller>): Promise<unknown> => {
    if (asked.startsWith("table ")) {
      return grafana({ ...caller, method: "POST", path: "/grafana/query", body: async () => toTables(asked) }).then(
        ({ status, body }) => [status, String(body)],
        (error: OpsError) => [error.code, error.message],
      );
    }
    if (asked === "/metrics") {
      return metrics({ ...caller, method: "GET", query: "", headers: {} }).then(
        ({ body }) => body,
        (error: OpsError) => [error.code, error.message],
      );
    }
    if (asked.startsWith("/")) {
      const [path = "", query = ""] = asked.split("?");
      return rest.call("GET", path, query, undefined, caller).then(
        ({ status, body }) => [status, body],
        (error: OpsError) => [error.code, error.message],
      );
    }
    const answer = await post({ ...caller, headers: {} } as never, Buffer.from(JSON.stringify({ query: asked })));
    if (answer && "status" in answer) return [answer.status, String(answer.body)];
    return JSON.parse(JSON.stringify(answer));
  };
}

test("no remembered answer differs from a new one", { timeout: 120_000 }, async () => {
  // The clock stands still: ages are no part of what is remembered.
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
  await fc.assert(
    fc.asyncProperty(
      environment,
      fc.array(fc.oneof({ weight: 1, arbitrary: change }, { weight: 3, arbitrary: question }), { maxLength: 60 }),
      async (env, steps) => {
        const state = createState();
        const [remembering, other] = [createGateway(state, env, true), createGateway(state, env, false)];
        for (const step of steps) {
          if (typeof step === "function") {
            step(state);
            continue;
          }
          const { asked, scopes, where } = step;
          const caller = createCaller(scopes, where);
          expect(await remembering(asked, caller), asked).toEqual(await other(asked, caller));
        }
      },
    ),
    { numRuns: 150 },
  );
});

test.each([
  "/containers",
  "/containers?include_stats=true",
  "/containers/web",
  "/hosts",
  "/queues",
  "table containers",
  "table queues hosts",
  "{ containers { name } }",
  "{ hosts { name } containers { name } }",
  "{ queues { name state drainSeconds runP95Seconds } queueSources { name ok error { code } } }",
  ConsoleNowDocument.toString(),
])("%s is answered from memory until something changes", async (asked) => {
  // What is wrong is known for a second after an answer.
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const state = createState();
  const sources = toSources(state, null, true);
  let reads = 0;
  const count =
    <Args extends readonly unknown[], Result>(read: (...args: Args) => Result) =>
    (...args: Args): Result => {
      reads += 1;
      return read(...args);
    };
  const counted = {
    ...sources,
    containers: { ...sources.containers, list: count((signal: AbortSignal) => sources.containers.list(signal)) },
    hosts: { ...sources.hosts, report: count((signal: AbortSignal) => sources.hosts.report(signal)) },
    queues: { ...sources.queues, all: count((signal: AbortSignal) => sources.queues.all(signal)) },
  };
  const rest = createRest(counted);
  const post = createPostHandler(schema, counted, {
    parsed: parse,
    maskError: createMaskError(silentLogger),
    subscribe: createSubscribe(),
  });
  const grafana = createGrafanaHandler(createExecute(schema, counted, grafanaDocuments));
  const ask = async () => {
    const [path = "", query = ""] = asked.split("?");
    const request = { ...createCaller(), method: "POST", path: "/grafana/query", body: async () => toTables(asked) };
    if (asked.startsWith("table ")) await grafana(request);
    else if (asked.startsWith("/")) await rest.get(path, query);
    else await post({ ...createCaller(), headers: {} } as never, Buffer.from(JSON.stringify({ query: asked })));
  };
  if (asked.includes("problems")) await ask();
  await ask();
  const once = reads;
  await ask();
  expect([once > 0, reads]).toEqual([true, once]);
  Object.assign(state, {
    containers: state.containers.map((row) => ({ ...row })),
    hosts: { ...state.hosts },
    queues: [...state.queues],
  });
  await ask();
  expect(reads).toBeGreaterThan(once);
  if (!asked.includes("problems")) return;
  await ask();
  const again = reads;
  await ask();
  expect(reads).toBe(again);
  vi.advanceTimersByTime(1000);
  await ask();
  expect(reads).toBeGreaterThan(again);
});

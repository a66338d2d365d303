import { graphql } from "graphql";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Container, StatsPoint } from "../../src/containers/container.ts";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { toEntry } from "../../src/timeline/timeline.ts";
import { toContainerId } from "../../src/graphql/refs.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployInfo, sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";
import { sampleHistory } from "../support/queues.ts";

const schema = createSchema();
const nowMs = Date.parse("2026-01-13T10:00:00Z");
const ago = (seconds: number) => `${new Date(nowMs - seconds * 1000).toISOString().slice(0, 19)}Z`;

beforeEach(() => void vi.useFakeTimers({ now: nowMs, toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

type Made = ReturnType<typeof createMemorySources>;
interface Options {
  readonly caller?: ReturnType<typeof createCaller>;
  readonly change?: (made: Made) => void;
  readonly options?: Parameters<typeof createMemorySources>[1];
}

async function ask(
  memory: Partial<Memory>,
  source: string,
  { caller = createCaller(), change = () => {}, options }: Options = {},
) {
  onTestFinished(() => caller.budget.end());
  const made = createMemorySources(memory, options);
  change(made);
  const { data, errors = [] } = await graphql({ schema, source, contextValue: createContext(made.sources, caller) });
  const refusals = errors.map(
    ({ message, originalError }) => `${(originalError as OpsError | null)?.code}: ${message}`,
  );
  return { data: JSON.parse(JSON.stringify(data ?? null)), refusals, calls: made.calls };
}

/** As `ask`, without any failure. */
async function read(...asked: Parameters<typeof ask>) {
  const { refusals, ...answer } = await ask(...asked);
  expect(refusals).toEqual([]);
  return answer;
}

const staging = () => createCaller(undefined, ["staging"]);
const names = (rows: readonly { name: string }[]) => rows.map(({ name }) => name);
const log = (...records: ReturnType<typeof sampleRecord>[]) => [sampleDeployLog(records)];

describe("arguments that are out of bounds", () => {
  const deploys = { deployLogs: log(sampleRecord({ deployedAt: ago(3600) })) };
  const first = (most: number) => `invalid_request: first must be from 1 to ${most}`;
  const reversed = "invalid_request: from must not be after to";
  const window = "invalid_request: window must be from 60 to 86400 seconds";
  const other = "forbidden: This token does not cover production";
  it.each([
    ["deploys(first: 0) { nodes { tag } }", first(100)],
    ["deploys(first: 101) { nodes { tag } }", first(100)],
    [`deploys(from: "${ago(1)}", to: "${ago(2)}") { nodes { tag } }`, reversed],
    ["deploys(env: PRODUCTION) { nodes { tag } }", other],
    ["drift(env: PRODUCTION) { kind }", other],
    ["errorGroups(env: PRODUCTION) { error }", other],
    ["timeline(env: PRODUCTION) { truncated }", other],
    ["timeline(first: 0) { truncated }", first(500)],
    ["timeline(first: 501) { truncated }", first(500)],
    ['timeline(from: "1h", to: "2h") { truncated }', reversed],
    [
      'timeline(from: "soon") { truncated }',
      "invalid_request: from must be a time (RFC 3339 or unix seconds) or a duration such as 10m",
    ],
    [
      'timeline(to: "soon") { truncated }',
      "invalid_request: to must be a time (RFC 3339 or unix seconds) or a duration such as 10m",
    ],
    ["latestDeploys(maxAgeSeconds: 0) { tag }", "invalid_request: maxAgeSeconds must be at least 1"],
    ["latestDeploys { verdict(window: 59) { outcome } }", window],
    ["latestDeploys { verdict(window: 86401) { outcome } }", window],
    ["containers(env: PRODUCTION) { name }", other],
    ["auditLog(first: 101) { nodes { seq } }", first(100)],
    ["jobErrors(first: 101) { error }", first(100)],
  ])("%s is refused: %s", async (field, refusal) => {
    const answer = await ask(deploys, `{ ${field} }`, { caller: staging(), options: { env: "staging" } });
    expect(answer.refusals).toEqual([refusal]);
  });

  it.each([
    "deploys(first: 1) { nodes { tag } }",
    "deploys(first: 100) { nodes { tag } }",
    `deploys(from: "${ago(1)}", to: "${ago(1)}") { nodes { tag } }`,
    "timeline(first: 1) { truncated }",
    "timeline(first: 500) { truncated }",
    'timeline(from: "1h", to: "1h") { truncated }',
    "latestDeploys(maxAgeSeconds: 1) { tag }",
    "latestDeploys { verdict(window: 60) { outcome } }",
    "latestDeploys { verdict(window: 86400) { outcome } }",
    "auditLog(first: 1) { nodes { seq } }",
    "auditLog(first: 100) { nodes { seq } }",
  ])("%s is at the limit and passes", async (field) => {
    const answer = await ask(deploys, `{ ${field} }`, { caller: staging(), options: { env: "staging" } });
    expect(answer.refusals).toEqual([]);
  });
});

describe("deploys", () => {
  const records = [3600, 3000, 2000].map((at) => sampleRecord({ tag: `t${at}`, deployedAt: ago(at), env: "staging" }));
  const shop = sampleRecord({ tag: "shop", deployedAt: ago(2500), env: "production" });
  const memory = { deploy: new OpsError("deploy_info_missing", "none"), deployLogs: log(...records, shop) };

  it.each<[string, string[]]>([
    ["", ["t2000", "shop", "t3000", "t3600"]],
    ["(first: 2)", ["t2000", "shop"]],
    ["(env: STAGING)", ["t2000", "t3000", "t3600"]],
    ['(tag: "t3000")', ["t3000"]],
    ['(tag: "shop", env: STAGING)', []],
    [`(from: "${ago(3000)}", to: "${ago(2500)}")`, ["shop", "t3000"]],
    [`(from: "${ago(2999)}")`, ["t2000", "shop"]],
    [`(to: "${ago(2501)}")`, ["t3000", "t3600"]],
  ])("%s are %j", async (args, tags) => {
    const { data } = await read(memory, `{ deploys${args} { nodes { tag } } }`);
    expect(data.deploys.nodes.map(({ tag }: { tag: string }) => tag)).toEqual(tags);
  });

  it.each<[string, string[]]>([
    ["", ["t2000", "shop"]],
    ["(maxAgeSeconds: null)", ["t2000", "shop"]],
    ["(maxAgeSeconds: 2500)", ["t2000", "shop"]],
    ["(maxAgeSeconds: 2499)", ["t2000"]],
    ["(maxAgeSeconds: 1999)", []],
  ])("the latest%s are %j", async (args, tags) => {
    const { data } = await read(memory, `{ latestDeploys${args} { tag } }`);
    expect(data.latestDeploys.map(({ tag }: { tag: string }) => tag)).toEqual(tags);
  });

  it("without a readable queue have no verdict if queues are required", async () => {
    const history = async () => Promise.reject(new OpsError("queue_locked", "locked"));
    const errors = new OpsError("queue_locked", "no errors");
    const queueSources = ["jobs", "more"].map((name) => ({
      name,
      env: "staging" as const,
      metrics: [],
      errors,
      history,
    }));
    const source = (args: string) =>
      `{ deploys(first: 1) { nodes { verdict${args} { outcome windowSeconds beforeFrom afterTo gaps } } } }`;
    const answer = await ask({ ...memory, queueSources }, source("(window: 600, needsQueues: true)"));
    const gaps = ["jobs: locked", "more: locked", "errors: no errors"];
    expect(answer.refusals).toEqual([`queues_unavailable: No queue source could be read (${gaps.join("; ")})`]);
    const told = await read({ ...memory, queueSources }, source("(window: 600)"));
    expect(told.data.deploys.nodes[0].verdict).toEqual({
      outcome: "NOT_ENOUGH_DATA",
      windowSeconds: 600,
      beforeFrom: ago(2600),
      afterTo: ago(1400),
      gaps,
    });
    const short = await read({ ...memory, deployLogs: log(sampleRecord({ deployedAt: ago(30) })) }, source(""));
    expect(short.data.deploys.nodes[0].verdict).toMatchObject({ windowSeconds: null, beforeFrom: null, afterTo: null });
  });

  it("have null for unknown restarts", async () => {
    const containers =
      "containers { restartsFrom restartsBefore restartsAfter restartsPValue unhealthySecondsBefore unhealthyNow }";
    const { data } = await read(memory, `{ deploys(first: 1) { nodes { verdict { ${containers} } } } }`);
    expect(data.deploys.nodes[0].verdict.containers).toEqual({
      restartsFrom: null,
      restartsBefore: null,
      restartsAfter: null,
      restartsPValue: null,
      unhealthySecondsBefore: null,
      unhealthyNow: [],
    });
  });

  it("drift of one environment has its own rows and silent engines", async () => {
    const own = sampleContainer({ name: "own", version: "other", createdAt: ago(9000) });
    const production = sampleContainer({
      name: "production",
      version: "other",
      env: "production",
      createdAt: ago(9000),
    });
    const engines = [
      { name: "local", ok: true, error: null },
      { name: "b", ok: false, error: null },
    ];
    const drift = async (args: string) => {
      const { data } = await read(
        { ...memory, containers: [own, production], engines },
        `{ drift${args} { kind env } }`,
      );
      return new Set(
        data.drift.map(({ kind, env }: { kind: string; env: string }) => (kind === "ENGINE_UNKNOWN" ? kind : env)),
      );
    };
    expect(await drift("")).toEqual(new Set(["STAGING", "PRODUCTION", "ENGINE_UNKNOWN"]));
    expect(await drift("(env: STAGING)")).toEqual(new Set(["STAGING", "ENGINE_UNKNOWN"]));
  });
});

describe("containers", () => {
  const own = sampleContainer({ name: "own", version: "v2", engine: "a" });
  const guessed = sampleContainer({ name: "guessed", env: null, inferredEnv: "staging", engine: "b" });
  const redis = sampleContainer({ name: "redis", kind: "accessory", engine: "a" });
  const production = sampleContainer({ name: "production", env: "production", engine: "b" });
  const engines = ["a", "b"].map((name) => ({ name, ok: true, error: null }));
  const memory = { containers: [own, guessed, redis, production], engines };

  it.each<[string, string[]]>([
    ["", ["guessed", "own", "production"]],
    ["(includeAccessories: true)", ["guessed", "own", "production", "redis"]],
    ["(env: STAGING)", ["guessed", "own"]],
    ["(env: PRODUCTION)", ["production"]],
    ['(engine: "a")', ["own"]],
    ['(engine: "a", includeAccessories: true)', ["own", "redis"]],
    ['(engine: "b", env: STAGING)', ["guessed"]],
    ['(engine: "")', ["guessed", "own", "production"]],
  ])("%s are %j", async (args, expected) => {
    expect(names((await read(memory, `{ containers${args} { name } }`)).data.containers)).toEqual(expected);
  });

  it("of the deploy info are core ones of its group that run its release", async () => {
    const info = { ...sampleDeployInfo, currentTag: "v2", env: "staging" as const, service: "wallet-core-staging" };
    const containers = [
      own,
      { ...own, name: "older", fullId: "1", version: "v1" },
      { ...own, name: "accessory", fullId: "2", kind: "accessory" as const },
      { ...own, name: "beta", fullId: "3", destination: "beta" },
    ];
    const { data } = await read({ containers, engines, deploy: info }, "{ deployInfo { containers { name } } }");
    expect(names(data.deployInfo.containers)).toEqual(["own"]);
  });

  it("have the deploy of their release and group, or no deploy", async () => {
    const info = { ...sampleDeployInfo, currentTag: "v2", env: "staging" as const, service: "wallet-core-staging" };
    const containers = [own, { ...own, name: "older", fullId: "1", version: "v1" }];
    const { data } = await read({ containers, engines, deploy: info }, "{ containers { name deploy { currentTag } } }");
    expect(data.containers).toEqual([
      { name: "older", deploy: null },
      { name: "own", deploy: { currentTag: "v2" } },
    ]);
  });

  it("have the metrics of the first host that has one of their names", async () => {
    const source = "{ containers { name hostMetrics { name } } }";
    const hosts = [sampleHost({ name: "one" }), sampleHost({ name: "two", instance: "two:9100" })];
    const containers = [
      sampleContainer({ name: "a", hostNames: ["x", "two", "one"] }),
      sampleContainer({ name: "b", hostNames: ["x"] }),
      sampleContainer({ name: "c", hostNames: [] }),
    ];
    const found = await read({ containers, hosts }, source);
    expect(found.data.containers).toEqual([
      { name: "a", hostMetrics: { name: "two" } },
      { name: "b", hostMetrics: null },
      { name: "c", hostMetrics: null },
    ]);
    const hidden = await ask({ containers, hosts }, source, { caller: staging(), options: { env: "production" } });
    expect([hidden.refusals, hidden.data.containers[0].hostMetrics]).toEqual([[], null]);
    const down = await ask({ containers, hosts: new OpsError("prometheus_unavailable", "down") }, source);
    expect(down.refusals).toEqual(["prometheus_unavailable: down", "prometheus_unavailable: down"]);
  });

  it.each(["created", "exited", "dead"])("that are %s have no statistics, and are not measured", async (status) => {
    const fields = "{ containers { stats { pids } cpuPct memPct } }";
    const { data, calls } = await read({ containers: [sampleContainer({ status })] }, fields);
    expect(data.containers).toEqual([{ stats: null, cpuPct: null, memPct: null }]);
    expect(calls["stats"]).toBeUndefined();
  });

  it("that may run have one sample's statistics, flat ones too", async () => {
    const { data, calls } = await read(
      { containers: [sampleContainer({ status: "paused" })] },
      "{ containers { stats { pids } cpuPct memPct statsHistory { memUsedBytes } } }",
    );
    expect(data.containers).toEqual([
      { stats: { pids: 5 }, cpuPct: 12.4, memPct: 34.1, statsHistory: [{ memUsedBytes: 341 }] },
    ]);
    expect(calls["stats"]).toBe(1);
  });

  it("without a sample have null", async () => {
    const change = ({ sources }: Made) => {
      sources.containers.stats = async (refs) => refs.map(() => null);
    };
    const { data } = await read({ containers: [own], engines }, "{ containers { stats { pids } cpuPct memPct } }", {
      change,
    });
    expect(data.containers).toEqual([{ stats: null, cpuPct: null, memPct: null }]);
  });

  it.each([
    [createCaller(["ops:read"]), "forbidden: This token lacks the scope ops:operate"],
    [createCaller(), "health_exec_disabled: New probes are off; WALLET_CORE_OPS_HEALTH_EXEC=on enables them"],
  ])("are not probed on demand without permission (%#)", async (caller, refusal) => {
    const { refusals } = await ask(memory, '{ container(name: "own") { healthCheck(probe: true) { healthy } } }', {
      caller,
    });
    expect(refusals).toEqual([refusal]);
  });

  it("have logs within the budget, with ops:logs", async () => {
    const caller = createCaller();
    const text = vi.spyOn(caller.budget, "text");
    const { data } = await read(
      memory,
      '{ container(name: "own") { logs(tail: 2) { truncated lines { message } } } }',
      {
        caller,
      },
    );
    const message = `from ${own.fullId}`;
    expect(data.container.logs).toEqual({ truncated: false, lines: [{ message }, { message }] });
    expect(text.mock.calls).toEqual([[0], [2 * message.length]]);
    const refused = await ask(memory, '{ container(name: "own") { logs { truncated } } }', {
      caller: createCaller(["ops:read"]),
    });
    expect(refused.refusals).toEqual(["forbidden: This token lacks the scope ops:logs"]);
  });
});

describe("series of containers", () => {
  const at = (seconds: number) => new Date(nowMs - seconds * 1000).toISOString();
  const samples = (from: number, until: number): StatsPoint[] =>
    Array.from({ length: (from - until) / 5 + 1 }, (_, index) => ({
      sampledAt: at(from - index * 5),
      cpuPct: 25,
      memPct: 50,
      memUsedBytes: 1,
    }));
  const range = `from: "${at(300)}", to: "${at(0)}", step: 60`;
  const web = sampleContainer({ name: "web", role: "web", engine: "a", destination: "beta", startedAt: ago(120) });
  const worker = sampleContainer({ name: "worker", role: "worker", engine: "b" });
  const engines = ["a", "b"].map((name) => ({ name, ok: true, error: null }));
  const rows = async (
    args: string,
    memory: Partial<Memory> = {},
    remembered: Readonly<Record<string, StatsPoint[]>> = {},
  ) => {
    const change = ({ sources }: Made) => {
      sources.containers.statsHistory = (ref) => remembered[(ref as Container).name] ?? samples(400, 0);
    };
    const source = `{ containerMemPct(${range}${args}) { time container engine role destination env value } }`;
    return (await ask({ containers: [web, worker], engines, ...memory }, source, { change })).data.containerMemPct;
  };

  it("have all fields that distinguish them, ascending in time", async () => {
    const all = await rows("");
    expect(all).toHaveLength(12);
    expect(all.slice(0, 2)).toEqual([
      { time: ago(300), container: "web", engine: "a", role: "web", destination: "beta", env: "STAGING", value: 50 },
      {
        time: ago(300),
        container: "worker",
        engine: "b",
        role: "worker",
        destination: null,
        env: "STAGING",
        value: 50,
      },
    ]);
  });

  it.each<[string, string[]]>([
    [', containers: ["web"]', ["web"]],
    [', roles: ["worker"]', ["worker"]],
    [', destinations: ["beta"]', ["web"]],
    [', destinations: [""]', ["worker"]],
    [", env: [PRODUCTION]", []],
    [", env: [STAGING]", ["web", "worker"]],
    [', containers: ["web"], roles: ["worker"]', []],
  ])("with %s are of %j", async (args, expected) => {
    const found = await rows(args);
    expect([...new Set(found.map(({ container }: { container: string }) => container))]).toEqual(expected);
  });

  it("of an old one cover only its own time", async () => {
    const old = sampleContainer({
      name: "old",
      role: "web",
      engine: "a",
      status: "exited",
      startedAt: ago(5000),
      createdAt: ago(5000),
    });
    const found = await rows("", { retired: [old] }, { old: samples(300, 200) });
    const times = found
      .filter(({ container }: { container: string }) => container === "old")
      .map(({ time }: { time: string }) => time);
    expect(times).toEqual([ago(300), ago(240), ago(180), ago(120)].slice(0, times.length));
    expect(times.length).toBeGreaterThan(1);
    expect(times.length).toBeLessThan(6);
  });

  it("have each problem once: silent engines, and Prometheus for all", async () => {
    const memory = {
      containers: [web, worker],
      engines: [
        ...engines,
        ...["c", "d"].map((name) => ({
          name,
          ok: false,
          error: { code: "docker_timeout", message: `${name} is slow` },
        })),
      ],
    };
    const change = ({ sources }: Made) => {
      sources.containers.statsHistory = () => [];
      sources.containerHistory.containerHistory = async () =>
        Promise.reject(new OpsError("prometheus_unavailable", "down"));
    };
    const { data } = await read(memory, `{ containerSeriesProblems(${range}) { code message } }`, { change });
    expect(data.containerSeriesProblems).toEqual([
      { code: "docker_timeout", message: "c is slow" },
      { code: "docker_timeout", message: "d is slow" },
      { code: "prometheus_unavailable", message: "down" },
    ]);
  });

  it("without a point are empty", async () => {
    const later = `from: "2026-01-13T11:00:00Z", to: "2026-01-13T12:00:00Z"`;
    const { data, calls } = await read(
      { containers: [web], hosts: [sampleHost()] },
      `{ containerMemPct(${later}) { value } hostLoad1(${later}) { value } upCounts(${later}) { up } }`,
    );
    expect(data).toEqual({ containerMemPct: [], hostLoad1: [], upCounts: [] });
    expect([calls["statsHistory"], calls["containerHistory"], calls["hostHistory"]]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("series of queues", () => {
  const range = 'from: "2026-01-13T09:00:00Z", to: "2026-01-13T10:00:00Z", step: 3600';
  const point = {
    depth: 1,
    processedPerSec: 2,
    failures: 3,
    oldestAgeSeconds: 4,
    waitP50Seconds: 5,
    waitP95Seconds: 6,
    runP95Seconds: 7,
  };
  it("have each number in its own field, for all points", async () => {
    const points = [
      { time: ago(3600), ...point },
      { time: ago(0), ...point, depth: 8 },
    ];
    const past = sampleHistory({}, { points });
    const queueSources = [
      {
        name: "jobs",
        env: "staging" as const,
        metrics: [],
        errors: [],
        history: async () => new Map([["mail", past]]),
      },
    ];
    const { data } = await read(
      { queueSources },
      `{ queueDepth(${range}) ` +
        `{ time queue source env value } queueSeriesSources(${range}) { name exact since error { code } } }`,
    );
    const row = { queue: "mail", source: "jobs", env: "STAGING" };
    expect(data).toEqual({
      queueDepth: [
        { time: ago(3600), ...row, value: 1 },
        { time: ago(0), ...row, value: 8 },
      ],
      queueSeriesSources: [{ name: "jobs", exact: true, since: null, error: null }],
    });
  });

  it("fail if every source does, with the reasons beside them", async () => {
    const history = async () => Promise.reject(new OpsError("queue_locked", "locked"));
    const queueSources = [{ name: "jobs", metrics: [], errors: [], history }];
    const { data, refusals } = await ask(
      { queueSources },
      `{ queueDepth(${range}) { value } queueSeriesSources(${range}) { name error { code message } } }`,
    );
    expect(data.queueSeriesSources).toEqual([{ name: "jobs", error: { code: "queue_locked", message: "locked" } }]);
    expect(refusals).toEqual(["queue_locked: No queue source could read this range (jobs: locked)"]);
  });

  it("of an unknown queue are refused", async () => {
    const memory = { queueSources: [{ name: "jobs", metrics: [{ name: "mail" }], errors: [] }] };
    const { refusals } = await ask(memory, '{ queues { history(from: "1h") { exact } } }');
    expect(refusals).toEqual(["query_refused: No history is available for this queue"]);
  });
});

describe("entries of the timeline", () => {
  it("have their own fields for their subjects", async () => {
    const container = {
      fullId: "0123456789abcdef",
      id: "0123456789ab",
      name: "web-1",
      engine: "local",
      role: "web",
      version: "v1",
      kind: "core" as const,
    };
    const group = { service: "core", destination: "beta", env: "staging" as const };
    const entry = (more: object) => toEntry({ kind: "health", time: ago(60), message: "m", ...more });
    const change = ({ sources: { timeline } }: Made) => {
      timeline.add(
        entry({ ...group, container, who: "kim", from: "a", to: "b", exitCode: 137, requested: true, after: ago(90) }),
      );
      timeline.add(entry({ kind: "queue_state", queue: { name: "mail", source: "jobs" } }));
      timeline.add(entry({ kind: "host_alert", host: "node" }));
      timeline.add(entry({ kind: "gap", engine: "local" }));
    };
    const fields =
      "kind time after message service destination env who from to container " +
      "containerId engine role version queue source host exitCode requested";
    const { data } = await read(
      {},
      `{ timeline(kinds: [HEALTH, QUEUE_STATE, HOST_ALERT, GAP]) { nodes { ${fields} } } }`,
      {
        change,
      },
    );
    const none = { after: null, service: null, destination: null, env: null, who: null, from: null, to: null };
    const nothing = {
      ...none,
      container: null,
      containerId: null,
      engine: null,
      role: null,
      version: null,
      queue: null,
      source: null,
      host: null,
      exitCode: null,
    };
    const blank = { ...nothing, time: ago(60), message: "m", requested: false };
    expect(data.timeline.nodes.toReversed()).toEqual([
      {
        ...blank,
        ...group,
        env: "STAGING",
        kind: "HEALTH",
        after: ago(90),
        who: "kim",
        from: "a",
        to: "b",
        container: "web-1",
        containerId: toContainerId(container),
        engine: "local",
        role: "web",
        version: "v1",
        exitCode: 137,
        requested: true,
      },
      { ...blank, kind: "QUEUE_STATE", queue: "mail", source: "jobs" },
      { ...blank, kind: "HOST_ALERT", host: "node" },
      { ...blank, kind: "GAP", engine: "local" },
    ]);
  });
});

describe("the restart of a role", () => {
  const web = sampleContainer({ name: "web" });
  const restart = (args: string) => `mutation { restartRole(role: "web", reason: "leak"${args}) { complete } }`;
  const options = { restartEnabled: true };
  const [fine, slow] = [
    { name: "local", ok: true, error: null },
    { name: "b", ok: false, error: { code: "docker_timeout", message: "b is slow" } },
  ];
  const unsure =
    "docker_unavailable: An engine that may run this role does not answer: b is slow; " +
    "elsewhere, restart its containers one by one, each by its name and engine";
  it.each<[string, Partial<Memory>, string, string]>([
    ["without a place", {}, "", "invalid_request: env or destination must be given"],
    ["without a place but a null", {}, ", destination: null", "invalid_request: env or destination must be given"],
    ["at no destination of it", {}, ', destination: "beta"', "container_not_found: No running container of this role"],
    [
      "of another service",
      {},
      ', env: STAGING, service: "shop"',
      "container_not_found: No running container of this role",
    ],
    [
      "while an engine is silent that was never listed",
      { engines: [fine, { ...slow, runs: null }] },
      ", env: STAGING",
      unsure,
    ],
    [
      "while an engine is silent that ran it too",
      { engines: [fine, slow], containers: [web, { ...web, name: "web-2", engine: "b" }] },
      ", env: STAGING",
      unsure,
    ],
  ])("%s is refused", async (_what, memory, args, refusal) => {
    expect((await ask({ containers: [web], ...memory }, restart(args), { options })).refusals).toEqual([refusal]);
  });

  it("runs while an engine that never ran it is silent", async () => {
    const others = [
      { ...web, name: "mail", role: "worker", engine: "b" },
      { ...web, name: "shop", service: "shop", engine: "b" },
      { ...web, name: "live", env: "production", engine: "b" } as const,
    ];
    const memory = { engines: [fine, slow], containers: [web, ...others] };
    const args = `, env: STAGING, service: "${web.service}"`;
    const { data, refusals } = await ask(memory, restart(args), { options });
    expect([data, refusals]).toEqual([{ restartRole: { complete: true } }, []]);
  });

  it("reports a name that moved to another role meanwhile", async () => {
    let asked = 0;
    const change = ({ sources }: Made) => {
      sources.containers.inspectNow = async () => ({
        container: { ...web, role: ++asked > 0 ? "worker" : "web" },
        protectedBy: null,
      });
    };
    const source =
      'mutation { restartRole(role: "web", env: STAGING, reason: "leak") ' +
      "{ steps { outcome error { code message } } } }";
    const { data } = await read({ containers: [web] }, source, { change, options });
    expect(data.restartRole.steps).toEqual([
      { outcome: "FAILED", error: { code: "container_not_found", message: "This container now has another role" } },
    ]);
  });

  it("at the empty destination is that of containers without one", async () => {
    const { data, calls } = await read({ containers: [web] }, restart(', destination: ""'), { options });
    expect([data.restartRole, calls["restart"]]).toEqual([{ complete: true }, 1]);
  });
});

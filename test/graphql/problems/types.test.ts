import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import { scopes } from "../../../src/auth/principal.ts";
import { toContainerKey } from "../../../src/containers/container.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { formatRfc3339 } from "../../../src/lib/time.ts";
import { toEntry, toTimelineContainer } from "../../../src/timeline/timeline.ts";
import { codeOf } from "../../support/graphql-errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer, sampleStats } from "../../support/containers.ts";
import { sampleDeployInfo, sampleDeployLog, sampleRecord } from "../../support/deploys.ts";
import { sampleHost } from "../../support/hosts.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { sampleHistory } from "../../support/queues.ts";

const schema = createSchema();
const nowMs = Date.now();
const ago = (seconds: number) => formatRfc3339(nowMs - seconds * 1000);
const old = { createdAt: ago(7200), startedAt: ago(7200) };
const staging = createCaller(scopes, ["staging"]);
const web = sampleContainer({ name: "web", ...old, health: "unhealthy", env: "staging" });
const other = sampleContainer({ name: "live", ...old, health: "unhealthy", env: "production", engine: "prod" });
const engines: Memory["engines"] = [
  { name: "local", env: "staging", ok: true, error: null },
  { name: "prod", env: "production", ok: false, error: { code: "docker_timeout", message: "prod is late" } },
];
const info = new OpsError("deploy_info_missing", "deploy_info.json not found on host");

function open(memory: Partial<Memory> = {}, options: Parameters<typeof createMemorySources>[1] = {}) {
  const made = createMemorySources({ containers: [web, other], engines, deploy: info, ...memory }, options);
  const query = async (source: string, caller = createCaller()) => {
    const { data, errors } = await graphql({ schema, source, contextValue: createContext(made.sources, caller) });
    return {
      found: (data as any)?.problems,
      codes: (errors ?? []).map(codeOf),
    };
  };
  const kinds = async (caller = createCaller(), args = "") =>
    (await query(`{ problems${args} { problems { kind } gaps } }`, caller)).found.problems.map(({ kind }: any) => kind);
  return { ...made, query, kinds };
}

describe("the query problems", () => {
  it("has the worst first, with where to look", async () => {
    const hosts = [sampleHost({ name: "vm", cpuUtil: 0.96, alert: true })];
    const queueSources: Memory["queueSources"] = [
      { name: "jobs", env: "staging", metrics: [{ name: "payouts", depth: 3, workers: 0 }], errors: [] },
      { name: "mail", env: "staging", metrics: new OpsError("queue_locked", "mail is locked"), errors: [] },
    ];
    const { query, sources } = open({ hosts, queueSources });
    sources.timeline.add(
      toEntry({
        kind: "health",
        time: ago(60),
        message: "",
        to: "unhealthy",
        env: "staging",
        container: toTimelineContainer(web),
      }),
    );
    const { found } = await query(`{ problems { criticalCount warningCount checkedAt gaps problems {
      id kind severity title since at alert alertAfterSeconds env role source upstream evidence
      container { name } containers { name } queue { name state } host { name }
      engine { name error { message } } deploy { tag } } } }`);
    expect(found.problems.map(({ kind, severity }: any) => `${severity} ${kind}`)).toEqual([
      "CRITICAL ENGINE_UNREACHABLE",
      "CRITICAL CONTAINER_UNHEALTHY",
      "CRITICAL CONTAINER_UNHEALTHY",
      "CRITICAL QUEUE_NO_WORKERS",
      "WARNING QUEUE_SOURCE_DOWN",
      "WARNING HOST_HOT",
    ]);
    expect(found).toMatchObject({ criticalCount: 4, warningCount: 2, checkedAt: expect.stringMatching(/Z$/) });
    const [engine, sick, , queue, source, host] = found.problems;
    expect(engine).toMatchObject({
      engine: { name: "prod", error: { message: "prod is late" } },
      env: "PRODUCTION",
      container: null,
    });
    expect(sick).toMatchObject({
      id: `container_unhealthy:${toContainerKey(web)}`,
      since: ago(60),
      alert: "OpsContainerUnhealthy",
      alertAfterSeconds: 180,
      container: { name: "web" },
      containers: [{ name: "web" }],
      env: "STAGING",
    });
    expect(queue).toMatchObject({ queue: { name: "payouts", state: "NO_WORKERS" }, source: "jobs", env: "STAGING" });
    expect(source).toMatchObject({
      source: "mail",
      upstream: "postgres",
      evidence: ["mail: mail is locked (queue_locked)"],
    });
    expect(host).toMatchObject({ host: { name: "vm" }, evidence: ["CPU 96 %, threshold 85 %"] });
  });

  it("shows a token only what it may see", async () => {
    const queueSources: Memory["queueSources"] = [
      { name: "jobs", env: "production", metrics: [{ name: "payouts", depth: 3, workers: 0 }], errors: [] },
    ];
    const { query, kinds } = open({ queueSources, hosts: [sampleHost({ status: "down", alert: true })] });
    expect(await kinds(staging)).toEqual(["CONTAINER_UNHEALTHY"]);
    expect(await kinds()).toEqual([
      "HOST_DOWN",
      "ENGINE_UNREACHABLE",
      "CONTAINER_UNHEALTHY",
      "CONTAINER_UNHEALTHY",
      "QUEUE_NO_WORKERS",
    ]);
    const { found } = await query("{ problems { gaps } }", staging);
    expect(found.gaps).toEqual([
      "hosts: The hosts belong to no environment of this token",
      "memory of containers: not sampled while no client asks for their statistics",
      "queues: No queue belongs to an environment of this token",
    ]);
  });

  it("filters by environment, and keeps those without a known one", async () => {
    const { kinds, query } = open({ hosts: [sampleHost({ status: "down", alert: true })] });
    expect(await kinds(createCaller(), "(env: STAGING)")).toEqual(["HOST_DOWN", "CONTAINER_UNHEALTHY"]);
    expect(await query("{ problems(env: PRODUCTION) { gaps } }", staging)).toEqual({
      found: null,
      codes: ["forbidden"],
    });
    expect(await query("{ problems { gaps } }", createCaller(["ops:logs"]))).toEqual({
      found: null,
      codes: ["forbidden"],
    });
  });

  it("has each upstream that does not answer, and the rest", async () => {
    const { query, sources } = open({ hosts: new OpsError("prometheus_unavailable", "connection refused") });
    Object.assign(sources.queues, {
      all: async () => Promise.reject(new OpsError("postgres_unavailable", "no database")),
    });
    const { found, codes } = await query("{ problems { problems { kind upstream evidence } } }");
    expect(codes).toEqual([]);
    expect(found.problems.map(({ kind, upstream }: any) => [kind, upstream])).toEqual([
      ["ENGINE_UNREACHABLE", null],
      ["UPSTREAM_DOWN", "postgres"],
      ["UPSTREAM_DOWN", "prometheus"],
      ["CONTAINER_UNHEALTHY", null],
      ["CONTAINER_UNHEALTHY", null],
    ]);
    expect(found.problems[2].evidence).toEqual(["connection refused (prometheus_unavailable)"]);
  });

  it("has no problem of a database or a Prometheus that is not configured", async () => {
    const noHosts = new OpsError("prometheus_unavailable", "Prometheus is not configured", { unconfigured: true });
    const { kinds, sources } = open({ containers: [], engines: [], hosts: noHosts });
    const unset = new OpsError("queues_unavailable", "WALLET_CORE_OPS_DATABASE_URL is not set", { unconfigured: true });
    Object.assign(sources.queues, { all: async () => Promise.reject(unset) });
    expect(await kinds()).toEqual([]);
  });

  it("judges only the product, or everything if it is not configured", async () => {
    const loops = { health: "unhealthy", restarts: 9, createdAt: ago(60), startedAt: ago(9) } as const;
    const stopped = { status: "exited", health: "none", finishedAt: ago(60), ...old } as const;
    const billing = { service: "billing", kind: "other" } as const;
    const failing = { depth: 3, workers: 0 };
    const memory: Partial<Memory> = {
      engines: [],
      containers: [
        sampleContainer({ name: "shop-web", service: "shop", health: "none", ...old }),
        sampleContainer({ name: "shop-cache", service: null, kind: "accessory", role: "cache", ...loops }),
        sampleContainer({ name: "billing-web", ...billing, ...loops }),
        sampleContainer({ name: "billing-worker", ...billing, role: "worker", ...stopped }),
        sampleContainer({ name: "by-hand", service: null, kind: "other", role: "by-hand", ...loops }),
      ],
      deployLogs: [
        sampleDeployLog([
          sampleRecord({ tag: "v8", service: "billing", deployedAt: ago(40_000) }),
          sampleRecord({ tag: "v9", service: "billing", deployedAt: ago(1200) }),
        ]),
      ],
      queueSources: [
        {
          name: "jobs",
          env: "staging",
          owner: { service: "shop" },
          metrics: [{ name: "mail", ...failing }],
          errors: [],
        },
        {
          name: "bills",
          env: "staging",
          owner: { service: "billing" },
          metrics: [{ name: "pdf", ...failing }],
          errors: [],
          history: async (_, { from, step }) => {
            const failures = from * 1000 >= nowMs - 1_210_000 ? 300 : 0;
            return new Map([["pdf", sampleHistory({ depth: 0, processedPerSec: 700 / step, failures })]]);
          },
        },
        { name: "more", env: "staging", metrics: [{ name: "unknown", ...failing }], errors: [] },
      ],
    };
    const list = async (options: Parameters<typeof open>[1]) => {
      const { found } = await open(memory, { isOwnService: (service) => service === "shop", ...options }).query(
        "{ problems { problems { kind container { name } queue { name } deploy { tag } } } }",
      );
      const subject = ({ container, queue, deploy }: any) => (container ?? queue)?.name ?? deploy?.tag;
      return found.problems.map((one: any) => `${one.kind} ${subject(one)}`).toSorted();
    };
    const own = [
      "CONTAINER_RESTART_LOOP shop-cache",
      "CONTAINER_UNHEALTHY shop-cache",
      "QUEUE_NO_WORKERS mail",
      "QUEUE_NO_WORKERS unknown",
    ];
    expect(await list({})).toEqual(own);
    expect(await list({ isProductConfigured: false })).toEqual(
      [
        ...own,
        "CONTAINER_RESTART_LOOP billing-web",
        "CONTAINER_RESTART_LOOP by-hand",
        "CONTAINER_UNHEALTHY billing-web",
        "CONTAINER_UNHEALTHY by-hand",
        "DEPLOY_REGRESSED v9",
        "QUEUE_NO_WORKERS pdf",
        "ROLE_DOWN billing-worker",
      ].toSorted(),
    );
  });

  it("samples no container, but reads what others sampled", async () => {
    const healthy = { ...web, health: "healthy" as const };
    const [unsampled, sampled] = [0, 1].map(() => open({ containers: [healthy], engines: [] }));
    const points = [90, 60, 30, 0].map((seconds) => ({ ...sampleStats, memPct: 97, sampledAt: ago(seconds) }));
    if (sampled) sampled.sources.containers.statsHistoryCached = () => points;
    expect([await unsampled?.kinds(), await sampled?.kinds()]).toEqual([[], ["CONTAINER_MEMORY_HIGH"]]);
    expect((await sampled?.query("{ problems { gaps } }"))?.found.gaps).toEqual([]);
    const part = open({ containers: [healthy, { ...other, health: "healthy" as const }], engines: [] });
    part.sources.containers.statsHistoryCached = ({ fullId }) => (fullId === other.fullId ? [] : points);
    expect((await part.query("{ problems { gaps } }")).found.gaps).toEqual([
      "memory of 1 of 2 containers: not sampled while no client asks for their statistics",
    ]);
    const stopped = { ...healthy, status: "exited", finishedAt: ago(9) };
    expect((await open({ containers: [stopped], engines: [] }).query("{ problems { gaps } }")).found.gaps).toEqual([]);
    expect([unsampled?.calls["stats"], unsampled?.calls["statsHistory"]]).toEqual([undefined, undefined]);
  });

  it("has the file that cannot be read, with its last good version", async () => {
    const stale = { ...sampleDeployInfo, stale: true, error: "not valid JSON" };
    const broken = new OpsError("deploy_info_unreadable", "deploy_info.json cannot be read: EACCES");
    const none = { containers: [{ ...web, health: "none" as const, version: stale.currentTag }], engines: [] };
    expect(await open({ ...none, deploy: stale }).kinds()).toEqual(["DEPLOY_INFO_UNREADABLE"]);
    expect(await open({ ...none, deploy: broken }).kinds()).toEqual(["DEPLOY_INFO_UNREADABLE"]);
    const invalid = new OpsError("deploy_info_invalid", "deploy_info.json: not valid JSON");
    expect(await open({ ...none, deploy: invalid }).kinds()).toEqual(["DEPLOY_INFO_UNREADABLE"]);
    const log = sampleDeployLog([], { error: { code: "deploy_info_unreadable", message: "history: EACCES" } });
    expect((await open({ ...none, deployLogs: [log] }).query("{ problems { gaps } }")).found.gaps).toContain(
      "deploys: history: EACCES",
    );
  });
});

describe("a deploy that made things worse", () => {
  const records = [
    sampleRecord({ tag: "v1", deployedAt: ago(40_000) }),
    sampleRecord({ tag: "v2", deployedAt: ago(1200) }),
  ];
  const release = sampleContainer({ version: "v2", createdAt: ago(1200), startedAt: ago(1200), health: "unhealthy" });
  let asked = 0;
  const queueSources: Memory["queueSources"] = [
    {
      name: "jobs",
      env: "staging",
      metrics: [],
      errors: [],
      history: async () => {
        asked += 1;
        return new Map([["payouts", sampleHistory()]]);
      },
    },
  ];
  const memory = { containers: [release], engines: [], deployLogs: [sampleDeployLog(records)], queueSources };

  it("is judged once in half a minute for callers with the same view", async () => {
    const { query } = open(memory);
    const text = "{ problems { problems { kind evidence deploy { tag } } } }";
    const first = await query(text);
    const worse = first.found.problems.find(({ kind }: any) => kind === "DEPLOY_REGRESSED");
    expect(worse).toMatchObject({
      deploy: { tag: "v2" },
      evidence: [`unhealthy now: ${release.name}`, "deployed 20 min ago by ops-user"],
    });
    const once = asked;
    expect(once).toBeGreaterThan(0);
    expect(await Promise.all([query(text), query(text)])).toEqual([first, first]);
    expect(asked).toBe(once);
    expect((await query(text, staging)).found.problems.map(({ kind }: any) => kind)).toContain("DEPLOY_REGRESSED");
    expect(asked).toBe(2 * once);
  });

  it("has the same verdict in its own field", async () => {
    const { query } = open(memory);
    const { found } = await query("{ problems { problems { kind deploy { verdict { outcome windowSeconds } } } } }");
    const worse = found.problems.find(({ kind }: any) => kind === "DEPLOY_REGRESSED");
    expect(worse.deploy.verdict).toEqual({ outcome: "REGRESSED", windowSeconds: expect.closeTo(1200, -2) });
  });

  it("is not judged later than an hour after it", async () => {
    asked = 0;
    const late = [sampleDeployLog([sampleRecord({ tag: "v2", deployedAt: ago(3700) })])];
    const containers = [{ ...release, createdAt: ago(3700), startedAt: ago(3700) }];
    expect(await open({ ...memory, containers, deployLogs: late }).kinds()).toEqual(["CONTAINER_UNHEALTHY"]);
    expect(asked).toBe(0);
  });

  it("that could not be judged is a gap", async () => {
    const failing = {
      ...queueSources[0],
      history: () => Promise.reject(new OpsError("postgres_unavailable", "no database")),
    };
    const healthy = { ...release, health: "healthy" as const };
    const { query } = open({
      ...memory,
      containers: [healthy],
      queueSources: [failing as Memory["queueSources"][number]],
    });
    const { found } = await query("{ problems { problems { kind } gaps } }");
    expect(found.problems).toEqual([]);
    expect(found.gaps).toContain("the verdict on v2 of wallet-core-staging: no queue source could be read");
  });
});

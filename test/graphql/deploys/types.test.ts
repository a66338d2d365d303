import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import type { Scope } from "../../../src/auth/principal.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { DeployRecord } from "../../../src/deploys/deploy.ts";
import { toEntry, toTimelineContainer } from "../../../src/timeline/timeline.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../../support/deploys.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { sampleHistory } from "../../support/queues.ts";

const schema = createSchema();
const limited = createCaller(undefined, ["staging"]);
/** The group of `sampleContainer` and `sampleRecord`. */
const group = { service: "wallet-core-staging", destination: null, env: "staging" as const };
const now = Math.floor(Date.now() / 1000);
const ago = (seconds: number) => `${new Date((now - seconds) * 1000).toISOString().slice(0, 19)}Z`;

async function ask(
  source: string,
  memory: Partial<Memory>,
  caller = createCaller(),
  prepare?: (made: ReturnType<typeof createMemorySources>) => void,
) {
  const made = createMemorySources(memory);
  prepare?.(made);
  const result = await graphql({ schema, source, contextValue: createContext(made.sources, caller) });
  return { data: JSON.parse(JSON.stringify(result.data ?? null)), errors: result.errors ?? [], calls: made.calls };
}

const web = (version: string, more = {}) =>
  sampleContainer({
    name: `web-${version}-${JSON.stringify(more)}`,
    version,
    commitSha: "",
    createdAt: ago(1300),
    ...more,
  });
const log = (...records: DeployRecord[]) => sampleDeployLog(records);
const v1 = sampleRecord({ tag: "v1", deployedAt: ago(40_000) });
const v2 = sampleRecord({ tag: "v2", deployedAt: ago(1200), durationSeconds: 60 });
const live = {
  containers: [web("v2")],
  retired: [web("v1", { status: "exited", createdAt: ago(40_000), finishedAt: ago(1290) })],
};
const noInfo = new OpsError("deploy_info_missing", "deploy_info.json not found on host");

describe("deploys", () => {
  it("are not listed twice while containers are not inspected yet", async () => {
    const tags = async (isInspected: boolean) => {
      const containers = [web("v2", { env: null, isInspected })];
      const memory = { deployLogs: [log(v1, v2)], containers, deploy: noInfo };
      const { data } = await ask("{ deploys { nodes { tag env } } }", memory);
      return data.deploys.nodes.map(({ tag, env }: { tag: string; env: string }) => `${tag} ${env}`);
    };
    expect(await tags(false)).toEqual(["v2 STAGING", "v1 STAGING"]);
    expect(await tags(true)).toEqual(["v2 STAGING", "v2 null", "v1 STAGING"]);
  });

  it("of another Kamal service need every environment, from any origin", async () => {
    const shop = { service: "shop", destination: null, env: "staging" as const };
    const image = {
      engine: "local",
      ...shop,
      version: "shop-image",
      commitSha: "",
      builtAt: ago(900_000),
      taggedAt: ago(800_000),
    };
    const memory = {
      containers: [web("v2"), web("shop-1", { ...shop, kind: "other" })],
      deploy: noInfo,
      images: [image],
      deployLogs: [log(v1, v2, sampleRecord({ ...shop, tag: "shop-1", deployedAt: ago(500) }))],
    };
    const tags = async (caller: ReturnType<typeof createCaller>) => {
      const made = createMemorySources(memory, { isOwnService: (service) => service.startsWith("wallet-core") });
      const source = "{ deploys { nodes { tag } } latestDeploys { tag } }";
      const { data } = await graphql({ schema, source, contextValue: createContext(made.sources, caller) });
      const found = data as { deploys: { nodes: { tag: string }[] }; latestDeploys: { tag: string }[] };
      return [found.deploys.nodes, found.latestDeploys].map((list) => list.map(({ tag }) => tag));
    };
    expect(await tags(limited)).toEqual([["v2", "v1"], ["v2"]]);
    expect(await tags(createCaller())).toEqual([
      ["shop-1", "v2", "v1"],
      ["shop-1", "v2"],
    ]);
  });

  it("of an image with unknown environment need every environment", async () => {
    const image = {
      engine: "local",
      service: group.service,
      env: null,
      version: "v0",
      commitSha: "",
      builtAt: ago(90_000),
      taggedAt: ago(80_000),
    };
    const images = [image, { ...image, env: "staging" as const, version: "v0-staging" }];
    const tags = async (caller = createCaller()) => {
      const { data } = await ask(
        "{ deploys { nodes { tag } } }",
        { containers: [web("v2")], deploy: noInfo, images },
        caller,
      );
      return data.deploys.nodes.map(({ tag }: { tag: string }) => tag);
    };
    expect((await tags()).toSorted()).toEqual(["v0", "v0-staging", "v2"]);
    expect((await tags(limited)).toSorted()).toEqual(["v0-staging", "v2"]);
  });

  const query = "{ deploys { nodes { tag previousTag deployedBy env origin state containers { version status } } } }";

  it("come from history, info and containers, once, with their state", async () => {
    const { data, errors } = await ask(query, { ...live, deploy: noInfo, deployLogs: [log(v1, v2)] });
    expect(errors).toEqual([]);
    expect(data.deploys.nodes).toEqual([
      {
        tag: "v2",
        previousTag: "v1",
        deployedBy: "ops-user",
        env: "STAGING",
        origin: "HISTORY",
        state: "CURRENT",
        containers: [{ version: "v2", status: "running" }],
      },
      {
        tag: "v1",
        previousTag: null,
        deployedBy: "ops-user",
        env: "STAGING",
        origin: "HISTORY",
        state: "PREVIOUS",
        containers: [{ version: "v1", status: "exited" }],
      },
    ]);
  });

  it("come from containers without a file, and from Kamal's log with names", async () => {
    const alone = await ask(query, { ...live, deploy: noInfo });
    expect(alone.data.deploys.nodes).toMatchObject([
      { tag: "v2", origin: "CONTAINERS", state: "CURRENT", deployedBy: null },
      { tag: "v1", origin: "CONTAINERS", state: "PREVIOUS" },
    ]);
    const kamal = {
      ...log(sampleRecord({ tag: "v2", origin: "kamal_audit", deployedBy: "kim", deployedAt: ago(1250) })),
      origin: "kamal_audit" as const,
    };
    const { data } = await ask(query, { ...live, deploy: noInfo, deployLogs: [log(), kamal] });
    expect(data.deploys.nodes).toMatchObject([{ tag: "v2", origin: "KAMAL_AUDIT", deployedBy: "kim" }, { tag: "v1" }]);
  });

  it("that never started are failed, without logs and series", async () => {
    const created = web("v3", { status: "created", createdAt: ago(600), startedAt: null });
    const memory = { ...live, retired: [...live.retired, created], deploy: noInfo };
    const { data } = await ask(
      "{ deploys { nodes { tag state containers { status } } } latestDeploys { tag } }",
      memory,
    );
    expect(data.deploys.nodes[0]).toEqual({ tag: "v3", state: "FAILED", containers: [{ status: "created" }] });
    expect(data.latestDeploys).toEqual([{ tag: "v2" }]);
    const { loaders } = createContext(createMemorySources(memory).sources, createCaller());
    expect((await loaders.containers.listRetired(true)).map(({ version }) => version)).toEqual(["v1"]);
  });

  it("are those of the token's environments, and of the requested one", async () => {
    const elsewhere = sampleRecord({ tag: "v9", env: "production", deployedAt: ago(900) });
    const memory = {
      deploy: noInfo,
      deployLogs: [log(v1, v2, elsewhere, sampleRecord({ tag: "v8", env: null, deployedAt: ago(90_000) }))],
    };
    const tags = async (args: string, caller = createCaller()) =>
      (await ask(`{ deploys${args} { nodes { tag } } deployLogs { deploys } }`, memory, caller)).data;
    expect(await tags("")).toEqual({
      deploys: { nodes: ["v9", "v2", "v1", "v8"].map((tag) => ({ tag })) },
      deployLogs: [{ deploys: 4 }],
    });
    expect(await tags("", limited)).toEqual({
      deploys: { nodes: [{ tag: "v2" }, { tag: "v1" }] },
      deployLogs: [{ deploys: 2 }],
    });
    expect((await tags("(env: PRODUCTION)")).deploys.nodes).toEqual([{ tag: "v9" }]);
    expect((await tags('(tag: "v1", first: 1)')).deploys.nodes).toEqual([{ tag: "v1" }]);
    const { errors } = await ask("{ deploys(env: PRODUCTION) { nodes { tag } } }", memory, limited);
    expect(errors).toMatchObject([{ originalError: { code: "forbidden" } }]);
  });

  it("include the newest of each visible environment, and of none", async () => {
    const elsewhere = [900, 800].map((at) => sampleRecord({ tag: `v9-${at}`, env: "production", deployedAt: ago(at) }));
    const unnamed = [70, 90].map((hours) =>
      sampleRecord({ tag: `v8-${hours}`, env: null, deployedAt: ago(hours * 3600) }),
    );
    const memory = { deploy: noInfo, deployLogs: [log(v1, v2, ...elsewhere, ...unnamed)] };
    const tags = async (caller = createCaller()) =>
      (await ask("{ latestDeploys { tag } }", memory, caller)).data.latestDeploys.map(
        ({ tag }: { tag: string }) => tag,
      );
    expect(await tags()).toEqual(["v9-800", "v2", "v8-70"]);
    expect(await tags(limited)).toEqual(["v2"]);
    const young = await ask("{ latestDeploys(maxAgeSeconds: 1000) { tag } }", memory);
    expect(young.data.latestDeploys).toEqual([{ tag: "v9-800" }]);
    const { errors } = await ask("{ latestDeploys(maxAgeSeconds: 0) { tag } }", memory);
    expect(errors).toMatchObject([{ originalError: { code: "invalid_request" } }]);
  });

  it("report what is wrong with a file", async () => {
    const error = { code: "deploy_info_unreadable", message: "deploy_history.jsonl cannot be read (EACCES)" };
    const { data } = await ask("{ deployLogs { origin skipped complete error { code } } }", {
      deployLogs: [{ ...log(), skipped: 3, complete: false, error }],
    });
    expect(data.deployLogs).toEqual([{ origin: "HISTORY", skipped: 3, complete: false, error: { code: error.code } }]);
  });
});

/** Histories of one step by their start: what ended before and after the deploy. */
const history =
  (before: [number, number], after: [number, number], waits = {}) =>
  async (_: unknown, range: { from: number; step: number }) => {
    const isBefore = range.from < now - 1260;
    const [succeeded, failures] = isBefore ? before : after;
    const point = {
      depth: 0,
      processedPerSec: succeeded / range.step,
      failures,
      waitP95Seconds: 1,
      ...(isBefore ? {} : waits),
    };
    return new Map([["mail", sampleHistory(point)]]);
  };
const jobs = (more: object) => [{ name: "jobs", env: "staging" as const, metrics: [], errors: [], ...more }];

describe("a verdict", () => {
  const query = `{ deploys(first: 1) { nodes { verdict { outcome reasons windowSeconds beforeFrom afterTo gaps
    queues { queue outcome pValue waitPValue runPValue baseline
      before { succeeded failed failureRatio } after { succeeded failed } }
    containers { restartsFrom restartsBefore restartsAfter unhealthySecondsAfter unhealthyNow }
    newErrors { error count regressed queues } } } } }`;
  const base = { ...live, deploy: noInfo, deployLogs: [log(v1, v2)] };

  it("finds a bad release by queues, restarts and errors, with the numbers", async () => {
    const errors = [
      {
        queue: "mail",
        source: "jobs",
        jobId: "1",
        error: "no such column 7",
        timestamp: ago(30),
        count: 40,
        firstAt: ago(1100),
        worker: "h2",
      },
      {
        queue: "mail",
        source: "jobs",
        jobId: "2",
        error: "old trouble",
        timestamp: ago(30),
        count: 9,
        firstAt: ago(2000),
        worker: "h2",
      },
      {
        queue: "mail",
        source: "jobs",
        jobId: "3",
        error: "others have it too",
        timestamp: ago(30),
        count: 90,
        firstAt: ago(1100),
        worker: "h1",
      },
    ];
    const fleet = {
      containers: [web("v2", { host: "h2", restarts: 12 })],
      retired: [web("v1", { host: "h1", status: "exited", restarts: 0, createdAt: ago(40_000) })],
    };
    const { data, errors: problems } = await ask(query, {
      ...base,
      ...fleet,
      queueSources: jobs({ errors, history: history([398, 2], [150, 50]) }),
    });
    expect(problems).toEqual([]);
    expect(data.deploys.nodes[0].verdict).toMatchObject({
      outcome: "REGRESSED",
      reasons: [
        "mail: 25 % of its jobs fail, 0.5 % did before",
        "containers restarted 12 times, 0 times before",
        "a new error occurred 40 times: no such column 7",
      ],
      windowSeconds: expect.closeTo(1200, -1),
      queues: [
        {
          queue: "mail",
          outcome: "REGRESSED",
          baseline: "BEFORE",
          before: { succeeded: 398, failed: 2, failureRatio: 0.005 },
          after: { succeeded: 150, failed: 50 },
          waitPValue: 1,
          runPValue: null,
        },
      ],
      containers: { restartsFrom: "counters", restartsBefore: 0, restartsAfter: 12, unhealthySecondsAfter: null },
      newErrors: [{ error: "no such column 7", count: 40, regressed: true, queues: ["mail"] }],
      gaps: [],
    });
  });

  it("is clean for a good one, and names missing data and silent sources", async () => {
    const outcome = async (sources: object[]) =>
      (await ask(query, { ...base, queueSources: sources as never })).data.deploys.nodes[0].verdict;
    expect(await outcome(jobs({ history: history([398, 2], [397, 3]) }))).toMatchObject({
      outcome: "CLEAN",
      reasons: [],
      newErrors: [],
    });
    expect(await outcome(jobs({ history: history([398, 2], [3, 3]) }))).toMatchObject({ outcome: "NOT_ENOUGH_DATA" });
    const failing = jobs({
      history: () => Promise.reject(new OpsError("query_refused", "too much")),
      errors: new OpsError("postgres_unavailable", "gone"),
    });
    expect(await outcome(failing)).toMatchObject({
      outcome: "NOT_ENOUGH_DATA",
      newErrors: null,
      gaps: ["jobs: too much", "errors: gone"],
    });
    // Of another environment: unrelated to this deploy.
    expect((await outcome([{ ...jobs({ history: history([0, 0], [0, 90]) })[0], env: "production" }])).queues).toEqual(
      [],
    );
  });

  it("finds the new errors of the sources that answer beside a silent one", async () => {
    const error = { queue: "mail", source: "jobs", jobId: "1", error: "no such column 7", count: 40, worker: "h2" };
    const errors = [{ ...error, timestamp: ago(30), firstAt: ago(1100) }];
    const gone = new OpsError("postgres_unavailable", "gone");
    const [silent] = jobs({ errors: gone, history: () => Promise.reject(gone) });
    const containers = [web("v2", { host: "h2" })];
    const retired = [web("v1", { host: "h1", status: "exited", createdAt: ago(40_000) })];
    const queueSources = [...jobs({ errors, history: history([398, 2], [397, 3]) }), { ...silent, name: "billing" }];
    const { data } = await ask(query, { ...base, containers, retired, queueSources: queueSources as never });
    expect(data.deploys.nodes[0].verdict).toMatchObject({
      outcome: "REGRESSED",
      newErrors: [{ error: "no such column 7", count: 40 }],
      gaps: ["billing: gone", "errors of billing: gone"],
    });
  });

  it("finds a queue that the release stopped, unless it was paused", async () => {
    const outcome = async (waits: object, figures: object) => {
      const metrics = [{ name: "mail", depth: 1300, oldestAgeSeconds: 1100, ...figures }];
      const queueSources = jobs({ metrics, history: history([2164, 0], [0, 0], waits) });
      return (await ask(query, { ...base, queueSources })).data.deploys.nodes[0].verdict;
    };
    const [waits, undated] = [
      { depth: 1300, oldestAgeSeconds: 1100 },
      { depth: null, oldestAgeSeconds: null },
    ];
    expect(await outcome(waits, {})).toMatchObject({
      outcome: "REGRESSED",
      reasons: ["mail: 0 jobs ended, 2,164 did before; 1,300 jobs wait"],
    });
    expect((await outcome(undated, {})).outcome).toBe("REGRESSED");
    expect((await outcome(undated, { depth: 0 })).outcome).toBe("NOT_ENOUGH_DATA");
    expect((await outcome(waits, { paused: true })).outcome).toBe("NOT_ENOUGH_DATA");
  });

  it("fails on request if no queue source is readable and nothing is worse", async () => {
    const unwell = { containers: [web("v2", { health: "unhealthy" })] };
    const read = async (args: string, queueSources: object[], more = {}) =>
      ask(`{ latestDeploys { verdict${args} { outcome } } }`, {
        ...base,
        ...more,
        queueSources: queueSources as never,
      });
    const gone = new OpsError("postgres_unavailable", "gone");
    const down = jobs({ history: () => Promise.reject(gone), errors: gone });
    const well = jobs({ name: "others", history: history([398, 2], [397, 3]) });
    const failed = await read("(needsQueues: true)", down);
    expect(failed.errors).toMatchObject([{ originalError: { code: "queues_unavailable", status: 503 } }]);
    const told = [{ verdict: { outcome: "NOT_ENOUGH_DATA" } }];
    expect((await read("", down)).data.latestDeploys).toEqual(told);
    expect((await read("(needsQueues: true)", [])).data.latestDeploys).toEqual(told);
    const refused = jobs({ history: () => Promise.reject(new OpsError("query_refused", "too much")) });
    expect((await read("(needsQueues: true)", refused)).data.latestDeploys).toEqual(told);
    // Its jobs may be in the source that is down.
    expect((await read("(needsQueues: true)", [...down, ...well])).data.latestDeploys).toEqual(told);
    expect((await read("(needsQueues: true)", well)).data.latestDeploys).toEqual([{ verdict: { outcome: "CLEAN" } }]);
    expect((await read("(needsQueues: true)", down, unwell)).data.latestDeploys).toEqual([
      { verdict: { outcome: "REGRESSED" } },
    ]);
  });

  it("ignores samples, incomplete errors, and events around a gap", async () => {
    const sampled = async (...args: Parameters<ReturnType<typeof history>>) =>
      new Map(
        [...(await history([398, 2], [1, 300])(...args))].map(([name, past]) => [
          name,
          { ...past, exact: false, sampled: true },
        ]),
      );
    const many = Array.from({ length: 2500 }, (_, index) => ({
      queue: "mail",
      source: "jobs",
      jobId: "1",
      error: "new trouble",
      timestamp: ago(30),
      count: 1,
      firstAt: ago(100 + (index % 9)),
    }));
    const { data } = await ask(
      query,
      { ...base, queueSources: jobs({ history: sampled, errors: many }) },
      createCaller(),
      ({ sources }) => {
        sources.timeline.begin("container_death", { name: "local", env: null, since: ago(50_000) });
        sources.timeline.add(toEntry({ kind: "gap", time: ago(600), message: "" }));
      },
    );
    expect(data.deploys.nodes[0].verdict).toMatchObject({
      outcome: "NOT_ENOUGH_DATA",
      queues: [{ before: null, after: null }],
      newErrors: null,
      containers: { restartsFrom: "counters" },
      gaps: [
        expect.stringMatching(/^jobs: ended jobs are not stored long enough$/),
        expect.stringMatching(/^errors: /),
      ],
    });
  });

  it("has restarts and health from events that reach back far enough", async () => {
    const container = toTimelineContainer(web("v2"));
    const { data } = await ask(
      query,
      { ...base, queueSources: jobs({ history: history([398, 2], [397, 3]) }) },
      createCaller(),
      ({ sources }) => {
        const { timeline } = sources;
        timeline.begin("container_death", { name: "local", env: null, since: ago(50_000) });
        const common = { ...group, container, message: "" };
        for (let index = 0; index < 9; index += 1)
          timeline.add(toEntry({ ...common, kind: "container_death", time: ago(1000 - index) }));
        timeline.add(toEntry({ ...common, kind: "container_death", time: ago(900), requested: true }));
        // Of other groups, and of one that may belong to any.
        for (const other of [
          { env: "production" as const },
          { destination: "beta" },
          { service: "shop" },
          { env: null },
        ]) {
          timeline.add(toEntry({ ...common, ...other, kind: "container_death", time: ago(900) }));
          timeline.add(toEntry({ ...common, ...other, kind: "health", time: ago(950), to: "unhealthy" }));
        }
        timeline.add(toEntry({ ...common, kind: "health", time: ago(800), to: "unhealthy" }));
        timeline.add(toEntry({ ...common, kind: "health", time: ago(700), to: "healthy" }));
      },
    );
    expect(data.deploys.nodes[0].verdict).toMatchObject({
      outcome: "REGRESSED",
      reasons: ["containers restarted 9 times, 0 times before", "containers were unhealthy for 100 s, 0 s before"],
      containers: { restartsFrom: "events", restartsBefore: 0, restartsAfter: 9, unhealthySecondsAfter: 100 },
    });
  });
});

describe("deploys of a range", () => {
  const records = Array.from({ length: 30 }, (_, index) =>
    sampleRecord({ tag: `r${index}`, deployedAt: ago(3000 - index * 100) }),
  );
  const memory = { deploy: noInfo, deployLogs: [log(...records)] };
  const tags = async (args: string) => {
    const { data, errors } = await ask(`{ deploys(${args}) { nodes { tag } } }`, memory);
    expect(errors).toEqual([]);
    return data.deploys.nodes.map(({ tag }: { tag: string }) => tag);
  };

  it("are filtered before the newest are taken", async () => {
    expect(await tags(`from: "${ago(3000)}", to: "${ago(2800)}"`)).toEqual(["r2", "r1", "r0"]);
    expect(await tags(`to: ${(now - 2800) * 1000}, first: 1`)).toEqual(["r2"]);
    expect(await tags(`from: "${ago(100)}"`)).toEqual(["r29"]);
    expect(await tags(`from: "${ago(150)}", to: "${ago(150)}"`)).toEqual([]);
    expect(
      (await ask(`{ deploys(from: "${ago(1)}", to: "${ago(2)}") { nodes { tag } } }`, memory)).errors,
    ).toMatchObject([{ originalError: { code: "invalid_request" } }]);
  });
});

describe("drift", () => {
  const query = "{ drift { kind message engine containers { version } } }";

  it("shows old replicas, and silent engines", async () => {
    const memory = {
      containers: [web("v2"), web("v1", { engine: "b" })],
      engines: [
        { name: "local", ok: true, error: null },
        { name: "b", ok: true, error: null },
        { name: "c", ok: false, error: { code: "docker_timeout", message: "no answer" } },
      ],
      deploy: noInfo,
      deployLogs: [log(v1, v2)],
    };
    const { data } = await ask(query, memory);
    expect(data.drift.map(({ kind, engine }: { kind: string; engine: string }) => [kind, engine])).toEqual([
      ["MIXED_RELEASES", null],
      ["UNEXPECTED_RELEASE", "b"],
      ["MISSING_ON_ENGINE", "b"],
      ["ENGINE_UNKNOWN", "c"],
    ]);
    expect((await ask(query, { ...live, deploy: noInfo, deployLogs: [log(v1, v2)] })).data.drift).toEqual([]);
  });
});

describe("the timeline", () => {
  const query = (args = "") =>
    `{ timeline${args} { truncated ` +
    "nodes { kind message who container env } coverage { kind known since sampled note } } }";
  const memory = { ...live, deploy: noInfo, deployLogs: [log(v1, v2)] };
  const container = toTimelineContainer(web("v2"));
  const remember = ({ sources, audited }: ReturnType<typeof createMemorySources>) => {
    const { timeline } = sources;
    timeline.begin("health", { name: "local", env: null, since: ago(5000) });
    timeline.add(
      toEntry({
        kind: "health",
        time: ago(600),
        message: "web is unhealthy",
        env: "staging",
        container,
        to: "unhealthy",
      }),
    );
    timeline.add(toEntry({ kind: "restart", time: ago(301), message: "web was restarted", env: "staging", container }));
    timeline.add(toEntry({ kind: "queue_state", time: ago(700), message: "Queue mail is stalled", env: "production" }));
    timeline.add(toEntry({ kind: "gap", time: ago(650), message: "local was not heard" }));
    const at = new Date((now - 300) * 1000).toISOString();
    const common = {
      action: "restart",
      containerName: "web",
      containerId: container.fullId,
      engine: "local",
      env: "staging",
      subject: "kim",
      reason: "stuck",
      at,
    };
    audited.push({ ...common, seq: 1, outcome: "intent", intent: null } as never);
    audited.push(
      { ...common, seq: 2, outcome: "unknown", intent: 1 } as never,
      { ...common, seq: 3, outcome: "ok", intent: 1 } as never,
    );
  };
  const messages = async (args = "", caller = createCaller()) => {
    const { data, errors } = await ask(query(args), memory, caller, remember);
    expect(errors).toEqual([]);
    return data.timeline.nodes.toReversed().map(({ message }: { message: string }) => message);
  };

  it("has deploys, restarts, health and states in order, and their start", async () => {
    const { data } = await ask(query(), memory, createCaller(), remember);
    expect(data.timeline.nodes.toReversed().map(({ kind, who }: { kind: string; who: string }) => [kind, who])).toEqual(
      [
        ["DEPLOY", "ops-user"],
        ["DEPLOY", "ops-user"],
        ["QUEUE_STATE", null],
        ["GAP", null],
        ["HEALTH", null],
        ["RESTART", "kim"],
      ],
    );
    expect(data.timeline.nodes[0].message).toBe("web was restarted by kim: stuck");
    const coverage = Object.fromEntries(data.timeline.coverage.map((one: { kind: string }) => [one.kind, one]));
    expect(coverage).toMatchObject({
      DEPLOY: { known: true, since: v1.deployedAt },
      RESTART: { known: true, since: null },
      HEALTH: { known: true, since: ago(5000), sampled: false, note: null },
      OOM_KILL: { known: false, since: null, note: "not heard: local" },
      QUEUE_STATE: { sampled: true },
      HOST_ALERT: { sampled: true },
    });
  });

  it("is of a range, of the newest, and of kinds", async () => {
    expect(await messages('(from: "11m")')).toEqual(
      ["local was not heard", "web is unhealthy", "web was restarted by kim: stuck"].slice(0),
    );
    expect(await messages('(from: "20m", to: "9m", kinds: [HEALTH, GAP])')).toEqual([
      "local was not heard",
      "web is unhealthy",
    ]);
    const ms = (seconds: number) => (now - seconds) * 1000;
    for (const args of [
      `from: "${ms(1200)}", to: "${ms(540)}"`,
      `from: "${now - 1200}", to: "${now - 540}"`,
      `from: "${ago(1200)}", to: "${ms(540)}.5"`,
    ])
      expect(await messages(`(${args}, kinds: [HEALTH, GAP])`)).toEqual(["local was not heard", "web is unhealthy"]);
    expect(await messages(`(from: "${ago(0).slice(0, 10)}", kinds: [OOM_KILL])`)).toEqual([]);
    expect(await messages(`(from: "${ms(500)}", to: "${ms(500)}")`)).toEqual([]);
    const { data } = await ask(query("(first: 1)"), memory, createCaller(), remember);
    expect([data.timeline.truncated, data.timeline.nodes.length]).toEqual([true, 1]);
    for (const args of ['(from: "x")', "(first: 0)", '(from: "1m", to: "2m")']) {
      expect((await ask(query(args), memory)).errors).toMatchObject([{ originalError: { code: "invalid_request" } }]);
    }
  });

  it("names who restarted for ops:operate only, by environment", async () => {
    const readers: Scope[] = ["ops:read"];
    expect(await messages('(from: "11m", kinds: [RESTART])', createCaller(readers))).toEqual(["web was restarted"]);
    expect(await messages('(from: "20m")', limited)).not.toContain("Queue mail is stalled");
    expect(await messages('(from: "20m", env: PRODUCTION)')).toEqual(["Queue mail is stalled", "local was not heard"]);
    const { errors } = await ask(query("(env: PRODUCTION)"), memory, limited);
    expect(errors).toMatchObject([{ originalError: { code: "forbidden" } }]);
    const { data } = await ask(query(), memory, limited, remember);
    expect(data.timeline.coverage.find(({ kind }: { kind: string }) => kind === "HOST_ALERT")).toMatchObject({
      known: false,
    });
  });
});

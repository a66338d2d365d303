import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeToken } from "../../src/cli/token.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { sampleContainer } from "../support/containers.ts";
import { graphqlHeaders, startGateway } from "../support/gateway.ts";
import { sampleHost, rememberHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { type Asked, rememberQueues } from "../support/queues.ts";

const asked: Asked[] = [];
const memory = createMemorySources({
  containers: [
    sampleContainer(),
    sampleContainer({ name: "wallet-core-production-web", env: "production", health: "unhealthy" }),
    sampleContainer({ name: "wallet-core-redis", kind: "accessory", role: "redis" }),
  ],
  hosts: [sampleHost(), sampleHost({ name: "staging-host-2", instance: "b:9100", status: "down" })],
  queueSources: [
    {
      name: "jobs",
      env: "staging",
      metrics: [{ name: "payouts" }],
      errors: [],
      history: rememberQueues(["payouts", "pos"], asked),
    },
    {
      name: "other",
      env: "production",
      metrics: [{ name: "mail" }, { name: "idle" }],
      errors: [],
      history: rememberQueues(["mail"]),
    },
    {
      name: "huge",
      env: "production",
      metrics: [{ name: "big" }],
      errors: [],
      history: async () => {
        throw new OpsError("query_refused", "This would read too much");
      },
    },
    { name: "forgetful", env: "production", metrics: new OpsError("queues_unavailable", "Away"), errors: [] },
  ],
});
const sources = {
  ...memory.sources,
  hosts: {
    ...memory.sources.hosts,
    history: async (range: Parameters<typeof rememberHost>[0], instances: readonly string[]) => {
      memory.calls["hostHistory"] = (memory.calls["hostHistory"] ?? 0) + 1;
      return new Map(instances.map((instance) => [instance, rememberHost(range)]));
    },
  },
};
const stagingOnly = makeToken({
  subject: "s",
  scopes: ["ops:read"],
  environments: ["staging"],
  expiresAt: new Date(Date.now() + 3_600_000),
});
const folder = mkdtempSync(join(tmpdir(), "ops-series-"));
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  writeFileSync(join(folder, "tokens.json"), JSON.stringify([stagingOnly.entry]));
  gateway = await startGateway(sources, { tokensFile: join(folder, "tokens.json") });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** A past range of ten minutes, with a point each minute. */
const begin = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
const range = `from: ${begin}, to: "${begin + 540_000}", step: 60`;

async function rows(selection: string): Promise<any[]> {
  const { body } = await gateway.query(`{ rows: ${selection} }`);
  expect(body.errors, JSON.stringify(body.errors)).toBeUndefined();
  return body.data.rows;
}
async function failure(selection: string): Promise<any> {
  const { body } = await gateway.query(`{ rows: ${selection} }`);
  expect(body.data?.rows ?? null).toBeNull();
  return body.errors?.[0];
}
const times = Array.from({ length: 10 }, (_, index) =>
  new Date(begin + index * 60_000).toISOString().replace(".000Z", "Z"),
);

describe("a series by its kind", () => {
  it.each([
    ["containerSeries(kind: CPU_PCT,", "containerCpuPct(", "container"],
    ["containerSeries(kind: MEM_PCT,", "containerMemPct(", "container"],
    ["hostSeries(kind: CPU_UTIL,", "hostCpuUtil(", "host"],
    ["hostSeries(kind: MEM_UTIL,", "hostMemUtil(", "host"],
    ["hostSeries(kind: DISK_UTIL,", "hostDiskUtil(", "host"],
    ["hostSeries(kind: LOAD,", "hostLoad1(", "host"],
    ["queueSeries(kind: DEPTH,", "queueDepth(", "queue"],
    ["queueSeries(kind: PROCESSED_PER_SEC,", "queueProcessedPerSec(", "queue"],
    ["queueSeries(kind: FAILURES,", "queueFailures(", "queue"],
    ["queueSeries(kind: OLDEST_AGE_SECONDS,", "queueOldestAge(", "queue"],
  ])("%s has the rows of the field that it replaces", async (field, old, name) => {
    const found = await rows(`${field} ${range}) { time ${name} value }`);
    expect(found.length).toBeGreaterThan(9);
    expect(found).toEqual(await rows(`${old}${range}) { time ${name} value }`));
  });

  it("is refused as that field is", async () => {
    const from = `from: ${begin}, to: ${begin - 1}`;
    expect((await failure(`queueSeries(kind: DEPTH, ${from}) { value }`)).message).toBe("from must not be after to");
  });
});

describe("series of queues", () => {
  it("are flat rows, ascending, of all sources with a history", async () => {
    const found = await rows(`queueDepth(${range}) { time queue source env value }`);
    expect(found).toHaveLength(30);
    expect(found.map(({ time }) => time)).toEqual(times.flatMap((time) => [time, time, time]));
    expect(found.slice(0, 3)).toEqual([
      { time: times[0], queue: "payouts", source: "jobs", env: "STAGING", value: 1 },
      { time: times[0], queue: "pos", source: "jobs", env: "STAGING", value: 1 },
      { time: times[0], queue: "mail", source: "other", env: "PRODUCTION", value: 1 },
    ]);
  });

  it("query each source once for all numbers of a range", async () => {
    asked.length = 0;
    const { body } = await gateway.query(
      `{ a: queueDepth(${range}) { value } b: queueFailures(${range}) { value } c: queueOldestAge(${range}) { value }
         d: queueProcessedPerSec(${range}) { value } e: queueSeriesSources(${range}) { name } }`,
    );
    expect(asked).toEqual([{ queues: null, range: { from: begin / 1000 - 60, step: 60, steps: 10 } }]);
    expect(body.data.b.filter(({ value }: any) => value === 1)).toHaveLength(3);
    expect(body.data.c.slice(0, 6).map(({ value }: any) => value)).toEqual([60, 60, 60, 120, 120, 120]);
    expect(body.data.d.every(({ value }: any) => value === 0)).toBe(true);
  });

  it("say which sources have none, and why", async () => {
    expect(await rows(`queueSeriesSources(${range}) { name env exact since error { code message } }`)).toEqual([
      { name: "jobs", env: "STAGING", exact: true, since: null, error: null },
      { name: "other", env: "PRODUCTION", exact: true, since: null, error: null },
      {
        name: "huge",
        env: "PRODUCTION",
        exact: null,
        since: null,
        error: { code: "query_refused", message: "This would read too much" },
      },
      {
        name: "forgetful",
        env: "PRODUCTION",
        exact: null,
        since: null,
        error: { code: "query_refused", message: "No history is available for its queues" },
      },
    ]);
  });

  it("are narrowed by lists; a queue has rows only of its sources", async () => {
    const pairs = async (filter: string) => {
      const found = await rows(`queueDepth(${range} ${filter}) { queue source }`);
      return [...new Set(found.map(({ queue, source }) => `${source}/${queue}`))];
    };
    expect(await pairs('queues: ["payouts"]')).toEqual(["jobs/payouts"]);
    expect(await pairs('queues: ["payouts", "mail", "idle", "none"]')).toEqual([
      "jobs/payouts",
      "other/mail",
      "other/idle",
    ]);
    expect(await pairs('sources: ["other"]')).toEqual(["other/mail"]);
    expect(await pairs("env: [STAGING]")).toEqual(["jobs/payouts", "jobs/pos"]);
    expect(await pairs("env: [], sources: []")).toEqual([]);
  });

  it("fail when no source has one; the sources are still listed", async () => {
    const one = `${range}, sources: ["huge", "forgetful"]`;
    const error = await failure(`queueDepth(${one}) { value }`);
    expect(error.extensions.code).toBe("query_refused");
    expect(error.message).toContain("huge: This would read too much; forgetful: No history");
    expect(await rows(`queueSeriesSources(${one}) { name }`)).toHaveLength(2);
  });

  it("take epoch milliseconds and RFC 3339, in text and in variables", async () => {
    const query =
      "query ($from: DateTime!, $to: DateTime!) " +
      '{ queueDepth(from: $from, to: $to, step: 60, sources: ["other"]) { time } }';
    for (const from of [begin, String(begin), new Date(begin).toISOString()]) {
      const { body } = await gateway.query(query, { from, to: begin + 540_000 });
      expect(body.data.queueDepth).toHaveLength(10);
    }
    expect((await gateway.query(query, { from: "yesterday", to: begin })).body.errors).toHaveLength(1);
  });

  it("respect limits, and are empty in the future", async () => {
    expect(
      (await failure(`queueDepth(from: "2020-01-01", to: "2026-01-01", step: 60) { value }`)).extensions.code,
    ).toBe("invalid_request");
    expect((await failure(`queueDepth(from: ${begin}, to: ${begin - 1}) { value }`)).message).toBe(
      "from must not be after to",
    );
    expect(await rows(`queueDepth(from: ${Date.now() + 60_000}, to: ${Date.now() + 120_000}) { value }`)).toEqual([]);
  });
});

describe("series of hosts", () => {
  it("are one query for all hosts and numbers, null while down", async () => {
    const before = memory.calls["hostHistory"] ?? 0;
    const { body } = await gateway.query(
      `{ cpu: hostCpuUtil(${range}) { time host instance value } mem: hostMemUtil(${range}) ` +
        `{ value } disk: hostDiskUtil(${range}) { value } load: hostLoad1(${range}) { value } }`,
    );
    expect(memory.calls["hostHistory"]).toBe(before + 1);
    expect(body.data.cpu.slice(0, 2)).toEqual([
      { time: times[0], host: "staging-host-1", instance: sampleHost().instance, value: 0.5 },
      { time: times[0], host: "staging-host-2", instance: "b:9100", value: 0.5 },
    ]);
    expect(body.data.cpu.at(-1)).toEqual({ time: times[9], host: "staging-host-2", instance: "b:9100", value: null });
    expect([body.data.mem, body.data.disk, body.data.load].map(([first]) => first.value)).toEqual([0.25, 0.75, 2]);
    expect(await rows(`hostCpuUtil(${range}, hosts: ["staging-host-2"]) { host }`)).toHaveLength(10);
  });
});

describe("series of containers", () => {
  it("cover the visible ones, with the fields that distinguish them", async () => {
    const [first, ...others] = await rows(`containerCpuPct(${range}) { time container engine role env value }`);
    expect(first).toEqual({
      time: times[0],
      container: "wallet-core-production-web",
      engine: "local",
      role: "web",
      env: "PRODUCTION",
      value: null,
    });
    expect(others).toHaveLength(19);
    expect(await rows(`containerMemPct(${range}, roles: ["redis"]) { value }`)).toEqual([]);
    expect(await rows(`containerMemPct(${range}, roles: ["redis"], includeAccessories: true) { value }`)).toHaveLength(
      10,
    );
    expect(await rows(`containerMemPct(${range}, env: [STAGING]) { container }`)).toHaveLength(10);
    expect(await rows(`containerSeriesProblems(${range}) { code message }`)).toEqual([]);
  });
});

describe("upCounts", () => {
  it("is the past of hosts, and one current row of every kind", async () => {
    const past = await rows(`upCounts(${range}) { time kind up total }`);
    expect(past).toHaveLength(10);
    expect(past[0]).toEqual({ time: times[0], kind: "HOST", up: 2, total: 2 });
    expect(past[9]).toEqual({ time: times[9], kind: "HOST", up: 0, total: 2 });
    const now = await rows(
      `upCounts(from: ${Date.now() - 60_000}, to: ${Date.now()}, step: 60) { time kind up total }`,
    );
    expect(now.slice(-4).map(({ kind, up, total }) => [kind, up, total])).toEqual([
      ["HOST", 1, 2],
      ["ENGINE", 1, 1],
      ["QUEUE_SOURCE", 3, 4],
      ["CONTAINER", 1, 2],
    ]);
    const engines = await rows(
      `upCounts(from: ${Date.now() - 60_000}, to: ${Date.now()}, kinds: [ENGINE]) { kind up }`,
    );
    expect(engines).toEqual([{ kind: "ENGINE", up: 1 }]);
  });

  it("says for each kind whether it was counted, without a new query", async () => {
    const now = `from: ${Date.now() - 60_000}, to: ${Date.now()}, step: 60`;
    const before = memory.calls["hostHistory"] ?? 0;
    const { body } = await gateway.query(`{ upCounts(${now}) { up } upCountKinds(${now}) { kind error { code } } }`);
    expect(body.data.upCountKinds).toEqual(
      ["HOST", "ENGINE", "QUEUE_SOURCE", "CONTAINER"].map((kind) => ({ kind, error: null })),
    );
    expect(memory.calls["hostHistory"]).toBe(before + 1);
  });
});

describe("a token for staging", () => {
  const ask = async (query: string) => {
    const headers = { ...graphqlHeaders, authorization: `Bearer ${stagingOnly.token}` };
    return (await gateway.fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query }) })).json();
  };
  it.each(["queueDepth", "containerCpuPct"])("may not ask %s for it, nor for unassigned hosts", async (field) => {
    const { errors } = await ask(`{ ${field}(${range}, env: [PRODUCTION]) { value } hostCpuUtil(${range}) { value } }`);
    expect(errors.map(({ extensions }: any) => extensions.code)).toEqual(["forbidden", "forbidden"]);
  });
});

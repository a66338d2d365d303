import { graphql } from "graphql";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { toHostHistory } from "../../src/hosts/history.ts";
import { type ErrorCode, OpsError } from "../../src/lib/errors.ts";
import { toTimes } from "../../src/lib/range.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources, type Memory } from "../support/memory-sources.ts";

const schema = createSchema();
const now = Date.parse("2026-01-13T10:00:30Z");

beforeEach(() => {
  vi.useFakeTimers({ now, toFake: ["Date"] });
});

afterEach(() => {
  vi.useRealTimers();
});

type Kind = "host" | "engine" | "queue_source" | "container";

const memory: Partial<Memory> = {
  hosts: ["a", "b", "c"].map((name) => sampleHost({ name, instance: name, status: name === "c" ? "down" : "up" })),
  engines: [
    { name: "local", ok: true, error: null },
    { name: "second", ok: true, error: null },
    { name: "third", ok: true, error: null },
    { name: "gone", ok: false, error: { code: "docker_timeout", message: "" } },
  ],
  containers: [
    sampleContainer({ name: "healthy" }),
    sampleContainer({ name: "none", health: "none" }),
    sampleContainer({ name: "starting", health: "starting" }),
    sampleContainer({ name: "unhealthy", health: "unhealthy" }),
    sampleContainer({ name: "exited", status: "exited" }),
    sampleContainer({ name: "stale", stale: true }),
    sampleContainer({ name: "redis", kind: "accessory" }),
  ],
  queueSources: [
    { name: "fine", metrics: [], errors: [] },
    { name: "also", metrics: [], errors: new OpsError("queues_unavailable", "") },
    { name: "away", metrics: new OpsError("queues_unavailable", ""), errors: [] },
    { name: "gone", metrics: new OpsError("queues_unavailable", ""), errors: [] },
    { name: "lost", metrics: new OpsError("queues_unavailable", ""), errors: [] },
  ],
};

/**
 * Whether the hosts were up at the times of a range: a always, b until the second, c unknown at the
 * first.
 */
const past = {
  a: [1, 1, 1],
  b: [1, 1, 0],
  c: [Number.NaN, 0, 0],
} as Readonly<Record<string, readonly number[]>>;

/** Sources of which some kinds fail with these codes. */
async function ask(args: string, failing: Partial<Record<Kind, ErrorCode>> = {}) {
  const { sources } = createMemorySources(memory);
  const fail = (kind: Kind) => async () => {
    throw new OpsError(failing[kind] as ErrorCode, `${kind} failed`);
  };
  const history: typeof sources.hosts.history = async (range, instances) =>
    new Map(
      instances.map((instance) => {
        const [times, up] = [toTimes(range), (past[instance] ?? []).slice(-range.steps)];
        const none = times.map(() => Number.NaN);
        const sampled = times.map((time, index) => (Number.isNaN(up[index]) ? Number.NaN : time));
        return [instance, toHostHistory(range, [{ sampled, up, cpu: none, mem: none, disk: none, load1: none }])];
      }),
    );
  const list = failing.container && fail("container");
  const contextValue = createContext(
    {
      ...sources,
      hosts: { ...sources.hosts, history, ...(failing.host && { report: fail("host") }) },
      queues: { ...sources.queues, unsupported: async () => [{ name: "bull", kind: "redis", reason: "it is old" }] },
      containers: { ...sources.containers, ...(list && { list }) },
      ...(failing.queue_source && { queues: { ...sources.queues, unsupported: fail("queue_source") } }),
    },
    createCaller(),
  );
  const source = `{ upCounts(${args}) { time kind up total } upCountKinds(${args}) { kind error { code message } } }`;
  const { data, errors } = await graphql({ schema, source, contextValue });
  const codes = errors?.map(({ originalError }) => (originalError as OpsError | undefined)?.code);
  return { ...JSON.parse(JSON.stringify(data)), codes };
}

const toRows = (
  rows: readonly {
    readonly time: string;
    readonly kind: Kind;
    readonly up: number | null;
    readonly total: number | null;
  }[],
) => rows.map(({ time, kind, up, total }) => [time.slice(11, 19), kind, up, total]);
const recent = 'from: "2026-01-13T09:58:00Z", to: "2026-01-13T10:00:30Z", step: 60';

describe("upCounts", () => {
  it("counts hosts at each time, and every kind now, by its own rules", async () => {
    const { upCounts, upCountKinds } = await ask(recent);
    expect(toRows(upCounts)).toEqual([
      // A host without data at that time does not count.
      ["09:58:00", "HOST", 2, 2],
      ["09:59:00", "HOST", 2, 3],
      ["10:00:00", "HOST", 1, 3],
      ["10:00:30", "HOST", 2, 3],
      ["10:00:30", "ENGINE", 3, 4],
      // Without the unsupported system.
      ["10:00:30", "QUEUE_SOURCE", 2, 5],
      ["10:00:30", "CONTAINER", 3, 6],
    ]);
    expect(upCountKinds).toEqual(
      ["HOST", "ENGINE", "QUEUE_SOURCE", "CONTAINER"].map((kind) => ({ kind, error: null })),
    );
  });

  it("has a current row only if the range reaches it within a step", async () => {
    const kindsOf = async (to: string, from = "2026-01-13T09:58:00Z", more = ", step: 60") => {
      const { upCounts } = await ask(`from: "${from}", to: "${to}", kinds: [ENGINE]${more}`);
      return toRows(upCounts).map(([time]) => time);
    };
    expect(await kindsOf("2026-01-13T09:59:30Z")).toEqual(["09:59:30"]);
    expect(await kindsOf("2026-01-13T09:59:29Z")).toEqual([]);
    expect(await kindsOf("2026-01-13T10:05:00Z")).toEqual(["10:00:30"]);
    expect(await kindsOf("2026-01-13T10:05:00Z", "2026-01-13T10:00:30Z")).toEqual(["10:00:30"]);
    expect(await kindsOf("2026-01-13T10:05:00Z", "2026-01-13T10:00:31Z")).toEqual([]);
    expect(await kindsOf("2026-01-13T10:00:00Z", undefined, ", step: 30")).toEqual(["10:00:00"]);
    expect(await kindsOf("2026-01-13T09:59:59Z", undefined, ", step: 30")).toEqual([]);
  });

  it("has only the current row if the past has the same time", async () => {
    vi.setSystemTime("2026-01-13T10:00:00Z");
    const { upCounts } = await ask(recent);
    expect(toRows(upCounts).filter(([time, kind]) => time === "10:00:00" && kind === "HOST")).toEqual([
      ["10:00:00", "HOST", 2, 3],
    ]);
  });

  it("has the requested kinds, and queries no host then", async () => {
    const { upCounts, upCountKinds } = await ask(`${recent}, kinds: [CONTAINER, ENGINE]`, {
      host: "prometheus_unavailable",
    });
    expect(toRows(upCounts).map(([, kind]) => kind)).toEqual(["ENGINE", "CONTAINER"]);
    expect(upCountKinds.map(({ kind }: { kind: Kind }) => kind)).toEqual(["ENGINE", "CONTAINER"]);
  });

  it("has nulls for a kind that failed, with the reason, beside others", async () => {
    const { upCounts, upCountKinds, codes } = await ask(recent, {
      host: "prometheus_unavailable",
      container: "docker_timeout",
    });
    expect(codes).toBeUndefined();
    expect(toRows(upCounts)).toContainEqual(["10:00:30", "QUEUE_SOURCE", 2, 5]);
    expect(toRows(upCounts).filter(([, , up]) => up === null)).toEqual(
      [["10:00:30", "HOST", null, null]].concat([
        ["10:00:30", "ENGINE", null, null],
        ["10:00:30", "CONTAINER", null, null],
      ]),
    );
    expect(upCountKinds).toEqual([
      { kind: "HOST", error: { code: "prometheus_unavailable", message: "host failed" } },
      { kind: "ENGINE", error: { code: "docker_timeout", message: "container failed" } },
      { kind: "QUEUE_SOURCE", error: null },
      { kind: "CONTAINER", error: { code: "docker_timeout", message: "container failed" } },
    ]);
  });

  it.each<[string, Partial<Record<Kind, ErrorCode>>, ErrorCode]>([
    [
      "a failure of the gateway's side before a refusal",
      { host: "forbidden", queue_source: "queues_unavailable" },
      "queues_unavailable",
    ],
    ["in either order", { host: "prometheus_unavailable", queue_source: "forbidden" }, "prometheus_unavailable"],
    [
      "of equally severe ones the first",
      { host: "prometheus_unavailable", queue_source: "query_timeout" },
      "prometheus_unavailable",
    ],
    ["of refusals the first", { host: "forbidden", queue_source: "answer_too_large" }, "forbidden"],
  ])("fails if all kinds did, with %s", async (_, failing, code) => {
    const { upCounts, upCountKinds, codes } = await ask(`${recent}, kinds: [HOST, QUEUE_SOURCE]`, failing);
    expect([upCounts, codes]).toEqual([null, [code]]);
    expect(upCountKinds.map(({ error }: { error: { code: string } }) => error.code)).toEqual(Object.values(failing));
  });
});

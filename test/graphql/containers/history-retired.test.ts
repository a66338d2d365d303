import { graphql } from "graphql";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Container, ContainerRef, StatsPoint } from "../../../src/containers/container.ts";
import { type ContainerHistory, type ContainerName, toRemembered } from "../../../src/containers/stats/history.ts";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import type { HistoryRange } from "../../../src/lib/range.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const schema = createSchema();
const now = Math.floor(Date.now() / 60_000) * 60_000;
// The memory's range counts back from now: a slow machine must not reach another minute.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: now + 1000 }));
afterEach(() => void vi.useRealTimers());
const at = (secondsAgo: number) => new Date(now - secondsAgo * 1000).toISOString().replace(".000", "");
const minutes = (n: number) => n * 60;

/** A container of a release; stopped unless told to run. */
const release = (name: string, startedAgo: number, more: Partial<Container> = {}) =>
  sampleContainer({ name, status: "exited", createdAt: at(startedAgo), startedAt: at(startedAgo), ...more });
const running = { status: "running" };

/** The sampled time, from how long ago until how long ago; one sample every five seconds. */
type Sampled = Readonly<Record<string, readonly [from: number, until: number]>>;

function toPoints([from, until]: readonly [number, number] = [0, 1]): StatsPoint[] {
  const ages = Array.from({ length: Math.max(0, Math.floor((from - until) / 5) + 1) }, (_, index) => from - index * 5);
  return ages.map((age) => ({ sampledAt: at(age), cpuPct: 25, memPct: 50, memUsedBytes: 1 }));
}

interface Stage {
  readonly containers: readonly Container[];
  readonly retired: readonly Container[];
  readonly remembered?: Sampled;
  readonly scraped?: Sampled;
  readonly where?: readonly Environment[];
  readonly isPrometheusDown?: boolean;
}

async function ask(stage: Stage, args: string, field = "containerCpuPct") {
  const { containers, retired, remembered = {}, scraped = {}, where, isPrometheusDown = false } = stage;
  const { sources } = createMemorySources({ containers, retired });
  const [sampled, asked]: [string[], string[][]] = [[], []];
  const statsHistory = (ref: ContainerRef) => {
    const { name } = ref as Container;
    sampled.push(name);
    return toPoints(remembered[name]);
  };
  const containerHistory = async (range: HistoryRange, named: readonly ContainerName[]) => {
    asked.push(named.map(({ name }) => name));
    if (isPrometheusDown) throw new OpsError("prometheus_unavailable", "Prometheus is not reachable");
    return named.map(({ name }): ContainerHistory | null =>
      scraped[name] ? { ...toRemembered(range, toPoints(scraped[name])), source: "prometheus" } : null,
    );
  };
  const contextValue = createContext(
    { ...sources, containers: { ...sources.containers, statsHistory }, containerHistory: { containerHistory } },
    createCaller(undefined, where),
  );
  const rest = field === "containerSeriesProblems" ? "{ code }" : "{ time container env value }";
  const source = `{ rows: ${field}(to: ${now}, ${args}) ${rest} containers { name } }`;
  const { data, errors } = await graphql({ schema, source, contextValue });
  const rows = (data?.["rows"] ?? []) as { time: string; container: string; value: number | null }[];
  const counts = Object.fromEntries(
    [...new Set(rows.map((row) => row.container))].map((name) => [
      name,
      rows.filter((row) => row.container === name).length,
    ]),
  );
  const listed = (data?.["containers"] ?? []) as { name: string }[];
  return { rows, counts, listed: listed.map(({ name }) => name), errors, sampled, asked };
}
const lastHour = `from: ${now - 3_600_000}, step: 60`;
const lastMinutes = `from: ${now - 480_000}, step: 60`;

it("a previous release keeps its points after a deploy", async () => {
  const stage = { containers: [release("p3", minutes(2), running)], retired: [release("p2", minutes(90))] };
  const remembered = { p2: [minutes(9), minutes(3)], p3: [minutes(2), 0] } as const;
  const { rows, counts, listed } = await ask({ ...stage, remembered }, lastMinutes);
  // A sample stands for a step and a half.
  expect(counts).toEqual({ p3: 9, p2: 7 });
  expect(rows.findLast(({ container }) => container === "p2")).toMatchObject({ time: at(minutes(2)), value: 25 });
  expect(rows.map(({ time }) => time)).toEqual(rows.map(({ time }) => time).toSorted());
  expect(listed).toEqual(["p3"]);
});

it("one Prometheus query serves all; none without points has rows", async () => {
  const retired = [release("p2", minutes(40)), release("p1", minutes(300))];
  const stage = { containers: [release("p3", minutes(20), running)], retired };
  const scraped = { p2: [minutes(40), minutes(21)], p3: [minutes(20), 0] } as const;
  const { counts, asked } = await ask({ ...stage, scraped }, lastHour);
  expect(counts).toEqual({ p3: 61, p2: 21 });
  expect(asked).toEqual([["p3", "p2", "p1"]]);
});

it("a retired container without readable points has its problem named", async () => {
  const stage = {
    containers: [release("p3", minutes(9), running)],
    retired: [release("p2", minutes(90))],
    remembered: { p3: [minutes(9), 0] },
    isPrometheusDown: true,
  } as const;
  expect((await ask(stage, lastMinutes)).counts).toEqual({ p3: 9 });
  const ofRetired = { ...stage, retired: [release("p2", minutes(90), { role: "worker" })] };
  const problems = await ask(ofRetired, `${lastHour}, roles: ["worker"]`, "containerSeriesProblems");
  expect(problems).toMatchObject({ rows: [{ code: "prometheus_unavailable" }], asked: [["p2"]] });
});

it("one that ended before the range is neither queried nor sampled", async () => {
  const stage = { containers: [release("p3", minutes(30), running)], retired: [release("p2", minutes(90))] };
  expect(await ask(stage, lastMinutes)).toMatchObject({ sampled: ["p3"], asked: [["p3"]] });
  expect(await ask(stage, lastHour)).toMatchObject({ sampled: ["p3"], asked: [["p3", "p2"]] });
  // A release that never became healthy replaced nothing: the one before it was running.
  const failed = [release("p2", minutes(60)), release("p1", minutes(90))];
  const { counts } = await ask(
    { containers: [release("p3", minutes(4), running)], retired: failed, remembered: { p1: [minutes(9), minutes(4)] } },
    lastMinutes,
  );
  expect(counts).toEqual({ p3: 9, p1: 6 });
});

it("whether one ended does not depend on other requested ones", async () => {
  const stage = { containers: [release("p3", minutes(30), running)], retired: [release("p2", minutes(90))] };
  const { sources } = createMemorySources(stage);
  const sampled: string[] = [];
  const statsHistory = (ref: ContainerRef) => {
    sampled.push((ref as Container).name);
    return [];
  };
  const contextValue = createContext(
    { ...sources, containers: { ...sources.containers, statsHistory } },
    createCaller(),
  );
  const range = { from: now / 1000 - 480, step: 60, steps: 8 };
  for (const container of [...stage.retired, ...stage.containers])
    await contextValue.loaders.containerHistory.history(range).load(container);
  expect(sampled).toEqual(["p3"]);
});

it("a token sees only its environments, narrowed by all arguments", async () => {
  const production = { env: "production" } as const;
  const containers = [release("p3", minutes(2), { ...running, ...production }), release("s3", minutes(2), running)];
  const retired = [
    release("p2", minutes(90), production),
    release("s2", minutes(90)),
    release("a2", minutes(90), { kind: "accessory", role: "redis" }),
  ];
  const points = [minutes(9), minutes(3)] as const;
  const stage = { containers, retired, remembered: { p2: points, s2: points, a2: points } };
  const names = async (args: string, where?: readonly Environment[]) =>
    Object.keys((await ask({ ...stage, ...(where && { where }) }, args)).counts);
  expect(await names(lastMinutes)).toEqual(["p3", "s3", "p2", "s2"]);
  expect(await names(lastMinutes, ["staging"])).toEqual(["s3", "s2"]);
  expect(await names(`${lastMinutes}, env: [PRODUCTION]`)).toEqual(["p3", "p2"]);
  expect(await names(`${lastMinutes}, containers: ["s2"]`)).toEqual(["s2"]);
  expect(await names(`${lastMinutes}, roles: ["redis"], includeAccessories: true`)).toEqual(["a2"]);
});

it("the row limit includes them: fewer points, or a refused step", async () => {
  const [hour, twoHours] = [minutes(60), minutes(120)];
  const many = Array.from({ length: 150 }, (_, index) => `old-${index}`);
  const containers = Array.from({ length: 100 }, (_, index) =>
    release(`web-${index}`, hour, { ...running, role: `${index}` }),
  );
  const retired = many.map((name, index) => release(name, twoHours, { role: `${index % 100}` }));
  const scraped = Object.fromEntries(many.map((name) => [name, [hour, 0] as const]));
  const stage = { containers, retired, scraped };
  const coarse = await ask(stage, `from: ${now - 3_600_000}, maxPoints: 720`);
  expect(coarse.errors).toBeUndefined();
  expect(coarse.rows.length).toBeGreaterThan(20_000);
  expect(coarse.rows.length).toBeLessThan(40_000);
  const refused = await ask(stage, `from: ${now - 3_600_000}, step: 5`);
  expect(refused.errors?.[0]?.message).toContain("more than 100000 rows: choose a longer step");
  expect(refused.asked).toEqual([]);
});

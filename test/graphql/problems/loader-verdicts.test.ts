import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { formatRfc3339 } from "../../../src/lib/time.ts";
import { createReadLimits, type Database } from "../../../src/queues/postgres/database.ts";
import { inTurn } from "../../../src/queues/postgres/history.ts";
import type { QueueSource } from "../../../src/queues/queue.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { sampleDeployInfo, sampleDeployLog, sampleRecord } from "../../support/deploys.ts";
import { createMemorySources, type Memory } from "../../support/memory-sources.ts";
import { sampleHistory, sampleWorkerJobs } from "../../support/queues.ts";

/**
 * Services, each deployed 20 minutes ago, each with its own queue. In every third of them, half of
 * the jobs have failed since.
 */
const [count, worse] = [60, 20];
const start = Date.parse("2026-01-13T10:00:00Z");
const ago = (seconds: number) => formatRfc3339(start - seconds * 1000);
const numbers = Array.from({ length: count }, (_, index) => index);
const containers = numbers.map((index) =>
  sampleContainer({
    name: `web-${index}`,
    service: `shop-${index}`,
    host: `host-${index}`,
    version: "v2",
    createdAt: ago(1260),
    startedAt: ago(1260),
  }),
);
const records = numbers.flatMap((index) => [
  sampleRecord({ tag: "v1", service: `shop-${index}`, deployedAt: ago(40_000) }),
  sampleRecord({ tag: "v2", service: `shop-${index}`, deployedAt: ago(1200 + index) }),
]);
const isAfter = (from: number) => from > start / 1000 - 1300;

/** A source whose histories take `ms` each, in turn for its database. */
function toSource(name: string, ms: () => number, database: Database) {
  const history: QueueSource["history"] = (_, { from, step }, signal) =>
    inTurn(
      database,
      async () => {
        await new Promise((resolve) => setTimeout(resolve, ms()));
        return new Map(
          numbers.map((index) => {
            const failures = index % 3 === 0 && isAfter(from) ? 100 : 0;
            return [`mail-${index}`, sampleHistory({ processedPerSec: (200 - failures) / step, failures, depth: 0 })];
          }),
        );
      },
      signal,
    );
  return { name, env: "staging" as const, metrics: [], errors: [], history };
}

const openDatabase = () => ({ limits: createReadLimits() }) as unknown as Database;
const workerJobs = async () =>
  numbers.map((index) => sampleWorkerJobs({ queue: `mail-${index}`, source: "jobs", host: `host-${index}` }));

function open(queueSources: Memory["queueSources"]) {
  const { sources } = createMemorySources({
    containers,
    queueSources,
    deploy: new OpsError("deploy_info_missing", `${sampleDeployInfo.currentTag} is not there`),
    deployLogs: [sampleDeployLog(records)],
  });
  const verdict = async () => {
    const { deploys } = createContext(sources, createCaller()).loaders;
    const deploy = (await deploys.all()).find(({ service }) => service === "shop-0");
    const answer = deploy && deploys.verdict(deploy, 1800);
    await vi.advanceTimersByTimeAsync(7000);
    return answer;
  };
  /**
   * How many deploys are regressed, how many verdicts are gaps, their reasons, and how long it
   * took.
   */
  const ask = async () => {
    const begin = performance.now();
    let seconds = Number.POSITIVE_INFINITY;
    const answer = createContext(sources, createCaller()).loaders.problems(null);
    const ended = answer.then(() => (seconds = Math.round((performance.now() - begin) / 1000)));
    for (let step = 0; step < 400; step += 1) await vi.advanceTimersByTimeAsync(25);
    const { problems, gaps } = await answer;
    await ended;
    const unjudged = gaps.filter((gap) => gap.startsWith("the verdict on "));
    return {
      regressed: problems.filter(({ kind }) => kind === "deploy_regressed").length,
      unjudged: unjudged.length,
      reasons: [...new Set(unjudged.map((gap) => gap.replace(/shop-\d+/, "shop")))],
      seconds,
    };
  };
  return Object.assign(ask, { verdict });
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "performance", "setTimeout", "clearTimeout"], now: start });
});
afterEach(() => {
  vi.useRealTimers();
});

it("the verdicts on sixty services are all judged, on one database", async () => {
  const database = openDatabase();
  const others = ["a", "b", "c"].map((name) => toSource(name, () => 1, database));
  const ask = open([{ ...toSource("jobs", () => 1, database), workerJobs }, ...others]);
  expect(await ask()).toMatchObject({ regressed: worse, unjudged: 0 });
});

it("verdicts without enough time are gaps until the next read", async () => {
  const ask = open([{ ...toSource("jobs", () => 70, openDatabase()), workerJobs }]);
  const first = await ask();
  expect(first.unjudged).toBeGreaterThan(10);
  expect(first.unjudged).toBeLessThan(30);
  expect(first.reasons).toEqual(["the verdict on v2 of shop: No time was left to read it: try again soon"]);
  expect(first.regressed).toBeGreaterThan(10);
  expect(await ask()).toMatchObject({ regressed: worse, unjudged: 0 });
});

it("earlier verdicts stay while they wait to be judged again", async () => {
  const ask = open([{ ...toSource("jobs", () => 70, openDatabase()), workerJobs }]);
  await ask();
  await ask();
  await vi.advanceTimersByTimeAsync(40_000);
  expect(await ask()).toMatchObject({ regressed: worse, unjudged: 0 });
});

it("a deploy's own verdict matches the problems when time is up", async () => {
  let ms = 5;
  const ask = open([{ ...toSource("jobs", () => ms, openDatabase()), workerJobs }]);
  await ask();
  ms = 1_000_000;
  const verdict = await ask.verdict();
  expect(verdict).toMatchObject({ outcome: "regressed", unfinished: null });
  expect(verdict?.gaps.at(-1)).toMatch(/^judged \d+ s ago: No time was left to read it: try again soon$/);
});

it("a verdict whose jobs may be in a silent database is a gap", async () => {
  const history: QueueSource["history"] = async () => {
    throw new OpsError("postgres_unavailable", "gone");
  };
  const other = { ...toSource("other", () => 1, openDatabase()), history: async () => new Map() };
  const ask = open([{ ...toSource("jobs", () => 1, openDatabase()), history, workerJobs }, other]);
  const reasons = ["the verdict on v2 of shop: its jobs may be in what could not be read: jobs"];
  expect(await ask()).toMatchObject({ regressed: 0, unjudged: count, reasons });
});

it("a database that never answers affects no other verdict", async () => {
  const silent = toSource("silent", () => 1_000_000, openDatabase());
  const ask = open([{ ...toSource("jobs", () => 5, openDatabase()), workerJobs }, silent]);
  const { regressed, unjudged, reasons, seconds } = await ask();
  expect([regressed, unjudged, seconds]).toEqual([worse, count - worse, 6]);
  expect(reasons).toEqual(["the verdict on v2 of shop: No time was left to read it: try again soon"]);
});

it("a source with workers unknown in time delays no verdict longer", async () => {
  const { promise } = Promise.withResolvers<never>();
  const silent = { ...toSource("silent", () => 1, openDatabase()), workerJobs: () => promise };
  const ask = open([{ ...toSource("jobs", () => 5, openDatabase()), workerJobs }, silent]);
  const { regressed, unjudged, reasons, seconds } = await ask();
  expect([regressed, unjudged]).toEqual([worse, count - worse]);
  expect(reasons).toEqual(["the verdict on v2 of shop: No time was left to read it: try again soon"]);
  expect(seconds).toBeLessThan(4);
});

it("a database that fails slowly delays the verdicts by two failures", async () => {
  const silent = toSource("silent", () => 1_000_000, openDatabase());
  const read = silent.history;
  const history: QueueSource["history"] = async (queues, range, signal) => {
    const limited = AbortSignal.any([signal, timeout(1000)]);
    return (await read?.(queues, range, limited)) ?? new Map();
  };
  const ask = open([
    { ...toSource("jobs", () => 5, openDatabase()), workerJobs },
    { ...silent, history },
  ]);
  const reasons = ["the verdict on v2 of shop: its jobs may be in what could not be read: silent"];
  expect(await ask()).toEqual({ regressed: worse, unjudged: count - worse, reasons, seconds: 2 });
});

function timeout(ms: number): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new OpsError("postgres_unavailable", "silent")), ms);
  return controller.signal;
}

import { graphql } from "graphql";
import { describe, expect, it } from "vitest";
import { createContext } from "../../src/graphql/context.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import type { OpsError } from "../../src/lib/errors.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { toEntry } from "../../src/timeline/timeline.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleDeployLog, sampleRecord } from "../support/deploys.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { sampleWorkerJobs } from "../support/queues.ts";

const schema = createSchema();
const timestamp = "2026-01-13T09:59:00Z";
const toSource = (name: string, env?: "staging" | "production") => {
  const metrics = [{ name: `${name}-queue` }];
  const errors = [{ queue: `${name}-queue`, source: name, jobId: "1", error: `${name} broke`, timestamp, count: 1 }];
  const workers = [sampleWorkerJobs({ queue: `${name}-queue`, source: name, host: "gone", count: 2 })];
  return { name, ...(env && { env }), metrics, errors, workerJobs: async () => workers };
};
const engine = (name: string, more: object) => ({ name, ok: true, error: null, runs: new Set<never>(), ...more });

function open() {
  const memory = createMemorySources({
    containers: [
      sampleContainer({ name: "web", destination: null }),
      sampleContainer({ name: "beta-web", destination: "beta" }),
      sampleContainer({ name: "production-web", env: "production", destination: "eu" }),
    ],
    engines: [
      engine("configured", { env: "staging" }),
      engine("shared", { runs: new Set(["staging", "production"]) }),
      engine("empty", {}),
      engine("new", { ok: false, runs: null }),
      engine("other", { env: "production" }),
    ],
    queueSources: [toSource("own", "staging"), toSource("other", "production"), toSource("lost")],
    deployLogs: [
      sampleDeployLog([
        sampleRecord({ tag: "t1", destination: "beta", env: "staging" }),
        sampleRecord({ tag: "t1", destination: null, env: "staging" }),
      ]),
    ],
  });
  const time = formatRfc3339(Date.now() - 60_000);
  const group = { service: "wallet-core", env: "staging" as const };
  for (const destination of ["beta", null])
    memory.sources.timeline.add(
      toEntry({ kind: "queue_state", time, message: `at ${destination}`, ...group, destination }),
    );
  return memory;
}

async function ask(selection: string, caller = createCaller()) {
  const contextValue = createContext(open().sources, caller);
  const { data, errors = [] } = await graphql({ schema, source: `{ rows: ${selection} }`, contextValue });
  const refusals = errors.map(({ originalError }) => (originalError as OpsError | null)?.code);
  return { rows: JSON.parse(JSON.stringify(data?.["rows"] ?? null)), refusals };
}

/** The names in a list, from the selected field. */
async function names(selection: string, ...caller: Parameters<typeof ask>[1][]) {
  const { rows, refusals } = await ask(selection, ...caller);
  expect(refusals).toEqual([]);
  return (rows.nodes ?? rows).map((row: object) => Object.values(row)[0]);
}

describe("the filter env", () => {
  it.each([
    ["queues", "name", ["own-queue"], ["other-queue"], ["lost-queue", "other-queue", "own-queue"]],
    ["queueSources", "name", ["own"], ["other"], ["own", "other", "lost"]],
    ["jobErrors", "source", ["own"], ["other"], ["own", "other", "lost"]],
    ["errorGroups", "error", ["own broke"], ["other broke"], ["own broke", "other broke", "lost broke"]],
    [
      "engines",
      "name",
      ["configured", "shared", "new"],
      ["shared", "new", "other"],
      ["configured", "shared", "empty", "new", "other"],
    ],
  ])("of %s leaves out rows with another or no known one", async (field, name, staging, production, all) => {
    expect(await names(`${field}(env: STAGING) { ${name} }`)).toEqual(staging);
    expect(await names(`${field}(env: PRODUCTION) { ${name} }`)).toEqual(production);
    expect(await names(`${field} { ${name} }`)).toEqual(all);
  });

  it("of orphans queries only sources of that environment", async () => {
    const { sources } = createMemorySources({ queueSources: [toSource("own", "staging"), toSource("lost")] });
    const { loaders } = createContext(sources, createCaller());
    const totals = await Promise.all([null, "staging" as const].map((env) => loaders.orphans.all(env)));
    expect(totals.map(({ total }) => total)).toEqual([4, 2]);
    expect(await loaders.orphans.all("production")).toEqual({ jobs: [], total: 0, gaps: [] });
  });

  it("of upCounts counts engines, sources and containers of that environment", async () => {
    const range = `from: ${Date.now() - 60_000}, to: ${Date.now() + 60_000}, kinds: [ENGINE, QUEUE_SOURCE, CONTAINER]`;
    const totals = async (args: string) => {
      const { rows } = await ask(`upCounts(${range}${args}) { kind total }`);
      return Object.fromEntries(rows.map((row: { kind: string; total: number }) => [row.kind, row.total]));
    };
    expect(await totals("")).toEqual({ ENGINE: 5, QUEUE_SOURCE: 3, CONTAINER: 3 });
    expect(await totals(", env: PRODUCTION")).toEqual({ ENGINE: 3, QUEUE_SOURCE: 1, CONTAINER: 1 });
  });

  it.each(["queues { name }", "queueSources { name }", "jobErrors { error }", "orphans { total }", "engines { name }"])(
    "of %s refuses an environment that the token does not list",
    async (field) => {
      const [name, ...rest] = field.split(" ");
      const answer = await ask(`${name}(env: PRODUCTION) ${rest.join(" ")}`, createCaller(undefined, ["staging"]));
      expect(answer).toEqual({ rows: null, refusals: ["forbidden"] });
    },
  );
});

describe("the filter destination", () => {
  it.each([
    ["containers", "", "name", ["web"], ["beta-web"]],
    ["deploys", 'tag: "t1", ', "nodes { destination }", [null], ["beta"]],
    ["timeline", "kinds: [QUEUE_STATE], ", "nodes { message }", ["at null"], ["at beta"]],
  ])("of %s finds a destination, or those without one", async (field, args, selected, none, beta) => {
    expect(await names(`${field}(${args}destination: "") { ${selected} }`)).toEqual(none);
    expect(await names(`${field}(${args}destination: "beta") { ${selected} }`)).toEqual(beta);
  });
});

import { graphql } from "graphql";
import { expect, test } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { createSchema } from "../../../src/graphql/schema.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer } from "../../support/containers.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

const schema = createSchema();

async function ask(source: string, status: string) {
  const { sources, calls } = createMemorySources({ containers: [sampleContainer({ name: "web", status })] });
  const result = await graphql({ schema, source, contextValue: createContext(sources, createCaller()) });
  return { data: JSON.parse(JSON.stringify(result.data)).container, errors: result.errors ?? [], calls };
}

test("a container has all its statistics, their source and their history", async () => {
  const { data, errors } = await ask(
    `{ container(name: "web") {
         stats { source cpuPct cpuPeriods cpuThrottledPeriods cpuThrottledSeconds memPct memUsedBytes memLimitBytes pids
                 networkReceiveBytes networkTransmitBytes blockReadBytes blockWriteBytes sampledAt }
         statsHistory { cpuPct memPct memUsedBytes sampledAt } } }`,
    "running",
  );
  expect(errors).toEqual([]);
  expect(data).toEqual({
    stats: {
      source: "ENGINE",
      cpuPct: 12.4,
      cpuPeriods: 100,
      cpuThrottledPeriods: 10,
      cpuThrottledSeconds: 0.5,
      memPct: 34.1,
      memUsedBytes: 341,
      memLimitBytes: 1000,
      pids: 5,
      networkReceiveBytes: 2000,
      networkTransmitBytes: 1000,
      blockReadBytes: 4096,
      blockWriteBytes: 0,
      sampledAt: "2026-01-13T09:46:00Z",
    },
    statsHistory: [{ cpuPct: 12.4, memPct: 34.1, memUsedBytes: 341, sampledAt: "2026-01-13T09:46:00Z" }],
  });
});

test.each(["exited", "created", "dead"])(
  "a container that is %s has no statistics, and costs no query",
  async (status) => {
    const { data, calls } = await ask('{ container(name: "web") { cpuPct memPct stats { pids } } }', status);
    expect(data).toEqual({ cpuPct: null, memPct: null, stats: null });
    expect(calls["stats"]).toBeUndefined();
  },
);

test.each(["running", "paused", "restarting"])("a container that is %s is measured once", async (status) => {
  const { data, calls } = await ask('{ container(name: "web") { cpuPct memPct stats { pids } } }', status);
  expect(data).toEqual({ cpuPct: 12.4, memPct: 34.1, stats: { pids: 5 } });
  expect(calls["stats"]).toBe(1);
});

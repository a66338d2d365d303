import { setImmediate } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import type { CgroupReader } from "../../../../src/containers/docker/stats/cgroup.ts";
import { createStatsReader, type SampledEngine } from "../../../../src/containers/docker/stats/read.ts";
import { createSampler } from "../../../../src/containers/docker/stats/sampler.ts";
import { createFairLimit } from "../../../../src/lib/budget/fair-limit.ts";

const places = 2;
const many = Array.from({ length: 3000 }, (_, index) => `many-${index}`);
const [large, small] = [
  { owner: "large", order: 1 },
  { owner: "small", order: 2 },
];

/** A sampler over one engine, and whose statistics were read so far, from it or from files. */
function setUp({ isHere = false, periodMs = 60_000 } = {}) {
  const calls: string[] = [];
  const counted: string[] = [];
  const stats = { cpu_stats: { cpu_usage: { total_usage: 5 } }, memory_stats: { usage: 7, limit: 9 } };
  const engine = {
    name: "web-1",
    inventory: { snapshot: () => ({ known: () => null }) },
    limits: { stats: createFairLimit(places) },
    ask: async (_: number, run: (signal: AbortSignal) => Promise<unknown>) => run(new AbortController().signal),
    client: {
      async call(id: string, action: string) {
        if (action === "stats") calls.push(id);
        await setImmediate();
        const read = new Date().toISOString();
        return action === "stats" ? { read, ...stats } : { State: { StartedAt: "2026-01-13T09:00:00Z" } };
      },
    },
  } as unknown as SampledEngine;
  const read: CgroupReader["read"] = (id) => {
    calls.push(id);
    // A turn is over after a millisecond.
    for (const end = performance.now() + 0.1; performance.now() < end;);
    const figures = { memUsage: 7, memLimit: 9, memDetail: {}, cpuTotal: calls.length, cpuSystem: 9, onlineCpus: 1 };
    const readCounters = () => {
      counted.push(id);
      return null;
    };
    return { ...figures, source: "cgroup", life: "one", readAt: new Date().toISOString(), readCounters };
  };
  const sampler = createSampler({
    reader: createStatsReader({ cgroups: isHere ? { read } : null, timeoutMs: 1000 }),
    windowMs: 1,
    leaseMs: 60_000,
    periodMs,
  });
  onTestFinished(() => sampler.close());
  /** How many others were read before this one, from now on. */
  const countBefore = async (id: string) => {
    const begin = calls.length;
    await expect.poll(() => calls.indexOf(id, begin), { interval: 1 }).toBeGreaterThan(-1);
    return calls.indexOf(id, begin) - begin;
  };
  const flood = () => {
    for (const id of many) sampler.measure(engine, id, large).catch(() => {});
  };
  return { engine, sampler, calls, counted, countBefore, flood };
}

describe.each([
  ["an engine", false],
  ["files", true],
])("statistics from %s, while one owner reads 3,000 containers", (_, isHere) => {
  it.each([
    ["a container of its own", "small-1"],
    ["one that waits among the 3,000", "many-2999"],
  ])("come after a few readings for another owner: %s", async (_what, id) => {
    const { engine, sampler, calls, countBefore, flood } = setUp({ isHere });
    flood();
    await expect.poll(() => calls.length).toBeGreaterThan(5);
    const stats = sampler.measure(engine, id, small);
    expect(await countBefore(id)).toBeLessThanOrEqual(3 * places);
    expect(await stats).toMatchObject({ memPct: expect.any(Number) });
    // Both of its samples, and not those of the 3,000.
    expect(calls.length).toBeLessThan(many.length);
  });

  it("are read on without a request, and leave requests their turns", async () => {
    const { engine, sampler, calls, countBefore, flood } = setUp({ isHere, periodMs: 1 });
    await sampler.measure(engine, "known", small);
    flood();
    await expect.poll(() => calls.length).toBeGreaterThan(20);
    expect(await countBefore("known")).toBeLessThan(many.length / 2);
    // Others are sampled again and again by now: one more waits for none of them.
    const stats = sampler.measure(engine, "small-2", small);
    expect(await countBefore("small-2")).toBeLessThanOrEqual(4 * places);
    expect(await stats).toMatchObject({ memPct: expect.any(Number) });
  });
});

it("counters of 3,000 containers leave those of another owner their turn", async () => {
  const { engine, sampler, counted } = setUp({ isHere: true });
  const measured = await Promise.all(many.map((id) => sampler.measure(engine, id, large)));
  const reading = measured.map(async (stats) => stats?.counters(large));
  await measured.at(-1)?.counters(small);
  expect(counted.length).toBeLessThanOrEqual(20);
  await Promise.all(reading);
  expect([counted.length, new Set(counted).size]).toEqual([many.length, many.length]);
});

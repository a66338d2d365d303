import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createStatsReader, type SampledEngine } from "../../../../src/containers/docker/stats/read.ts";
import type { CgroupCounters, CgroupSample } from "../../../../src/containers/docker/stats/cgroup.ts";
import { createFairLimit, Waiters } from "../../../../src/lib/budget/fair-limit.ts";
import { fullId } from "../../../support/docker-fake.ts";
import { asker, sample } from "../../../support/stats-sample.ts";

const [a, b] = [fullId("a"), fullId("b")];
const stats = {
  read: "2026-01-13T10:00:00Z",
  cpu_stats: { cpu_usage: { total_usage: 5 } },
  memory_stats: { usage: 7 },
  pids_stats: { current: 8 },
};
const ended = new AbortController().signal;
/** What a cgroup's files show. */
function fromFiles(counted: CgroupCounters | null): CgroupSample {
  const { counters: _counters, ...own } = sample();
  return { ...own, readCounters: vi.fn<CgroupSample["readCounters"]>(() => counted) };
}
const counted = { throttling: null, pids: 7, network: null, blockIo: null };

function setUp({
  here = null,
  cgroups = true,
  known = null,
  answer = stats,
}: { here?: CgroupSample | null; cgroups?: boolean; known?: string | null; answer?: unknown } = {}) {
  const log: unknown[] = [];
  const { signal } = new AbortController();
  const snapshot = { known: (id: string) => (known !== null && id === a ? { raw: { startedAt: known } } : null) };
  const engine = {
    name: "web-1",
    inventory: { snapshot: () => snapshot },
    limits: { stats: createFairLimit(2) },
    ask(deadlineMs: number, run: (signal: AbortSignal) => Promise<unknown>, ...callers: readonly AbortSignal[]) {
      log.push([deadlineMs, callers.every((caller) => caller === ended)]);
      return run(signal);
    },
    client: {
      async call(id: string, action: string, query: object) {
        log.push([id[0], action, query]);
        return action === "stats" ? answer : { State: { StartedAt: "2026-01-13T09:00:00Z" } };
      },
    },
  } as unknown as SampledEngine;
  const read = vi.fn<(fullId: string) => CgroupSample | null>(() => here);
  const reader = createStatsReader({ cgroups: cgroups ? { read } : null, timeoutMs: 300 });
  return { log, engine, reader, read };
}

describe("a sample", () => {
  it("is read from this machine if its cgroup is here", async () => {
    const here = fromFiles(counted);
    const { reader, engine, log, read } = setUp({ here });
    const before = performance.now();
    const found = await reader.read(engine, a, true, new Waiters(asker), ended);
    expect(found?.sample).toMatchObject(here);
    expect(found?.at).toBeGreaterThanOrEqual(before);
    expect(here.readCounters).not.toHaveBeenCalled();
    expect(await found?.sample.counters(new Waiters(asker))).toEqual(counted);
    expect([read.mock.calls, log]).toEqual([[[a]], []]);
  });

  it("of a container that has ended meanwhile has no counters", async () => {
    const { reader, engine, log } = setUp({ here: fromFiles(null) });
    const found = await reader.read(engine, a, true, new Waiters(asker), ended);
    expect(await found?.sample.counters(new Waiters(asker))).toEqual({
      throttling: null,
      pids: null,
      network: null,
      blockIo: null,
    });
    expect(log).toEqual([]);
  });

  it.each([true, false])("is asked of its engine if it is not here (cgroups: %s)", async (cgroups) => {
    const { reader, engine, log } = setUp({ cgroups });
    const found = await reader.read(engine, a, false, new Waiters(asker), ended);
    expect(found?.sample).toMatchObject({ source: "engine", cpuTotal: 5, memUsage: 7, readAt: stats.read });
    expect(await found?.sample.counters(new Waiters(asker))).toEqual({
      throttling: null,
      pids: 8,
      network: null,
      blockIo: null,
    });
    expect(found?.sample.life).toContain("2026-01-13T09:00:00Z");
    expect(log).toEqual([
      [300, true],
      ["a", "stats", { stream: "false", "one-shot": "true" }],
      ["a", "json", {}],
    ]);
  });

  it("that begins a window has the known start", async () => {
    const { reader, engine, log } = setUp({ known: "2026-01-13T08:00:00Z" });
    expect((await reader.read(engine, a, true, new Waiters(asker), ended))?.sample.life).toContain(
      "2026-01-13T08:00:00Z",
    );
    expect(log).toHaveLength(2);
    expect((await reader.read(engine, a, false, new Waiters(asker), ended))?.sample.life).toContain(
      "2026-01-13T09:00:00Z",
    );
    expect(log).toHaveLength(5);
    expect((await reader.read(engine, b, true, new Waiters(asker), ended))?.sample.life).toContain(
      "2026-01-13T09:00:00Z",
    );
  });

  it("has its network from the engine every 15 s without visible processes", async () => {
    const networks = { eth0: { rx_bytes: 5, tx_bytes: 6 } };
    const here = fromFiles({ ...counted, network: undefined });
    const { reader, engine, log } = setUp({ here, answer: { ...stats, networks } });
    const spy = vi.spyOn(performance, "now").mockReturnValue(1000);
    onTestFinished(() => spy.mockRestore());
    const read = async () =>
      (await reader.read(engine, a, true, new Waiters(asker), ended))?.sample.counters(new Waiters(asker));
    expect(await read()).toEqual({ ...counted, network: { received: 5, sent: 6 } });
    spy.mockReturnValue(15_999);
    expect((await read())?.network).toEqual({ received: 5, sent: 6 });
    expect(log).toEqual([
      [300, true],
      ["a", "stats", { stream: "false", "one-shot": "true" }],
    ]);
    spy.mockReturnValue(16_000);
    expect((await read())?.network).toEqual({ received: 5, sent: 6 });
    expect(log).toHaveLength(4);
  });

  it("has no network where none is visible and the engine fails", async () => {
    const here = fromFiles({ ...counted, network: undefined });
    const { reader, engine } = setUp({ here, answer: "nonsense" });
    const found = await reader.read(engine, a, true, new Waiters(asker), ended);
    expect(await found?.sample.counters(new Waiters(asker))).toEqual({ ...counted, network: null });
  });

  it("of a stopped container is empty", async () => {
    const { reader, engine, log } = setUp({ answer: { read: "0001-01-01T00:00:00Z" } });
    expect(await reader.read(engine, a, false, new Waiters(asker), ended)).toBeNull();
    expect(log).toHaveLength(2);
  });
});

it("samples of one engine are limited, those of another do not wait", async () => {
  const kits = [setUp(), setUp()] as const;
  const { reader } = kits[0];
  const asked: string[] = [];
  const waiting: (() => void)[] = [];
  for (const [index, { engine }] of kits.entries()) {
    engine.client.call = async () => {
      asked.push(`engine ${index}`);
      await new Promise<void>((resolve) => waiting.push(resolve));
      return { read: "0001-01-01T00:00:00Z" };
    };
  }
  const reading = [0, 0, 0, 1].map((index) =>
    reader.read((kits[index] ?? kits[0]).engine, a, false, new Waiters(asker), ended),
  );
  await expect.poll(() => asked).toEqual(["engine 0", "engine 0", "engine 1"]);
  waiting[0]?.();
  await expect.poll(() => asked).toEqual(["engine 0", "engine 0", "engine 1", "engine 0"]);
  for (const end of waiting) end();
  await Promise.all(reading);
});

import { setImmediate } from "node:timers/promises";
import { describe, expect, it, vi } from "vitest";
import { createContext } from "../../../src/graphql/context.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer, sampleStats } from "../../support/containers.ts";
import { sampleHost } from "../../support/hosts.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

/** Hosts that answer when released, or fail when their reader leaves. */
function open() {
  const { sources, calls } = createMemorySources({ containers: [sampleContainer({ health: "unhealthy" })] });
  const { promise, resolve: answer } = Promise.withResolvers<void>();
  const report = sources.hosts.report.bind(sources.hosts);
  sources.hosts.report = async (signal) => {
    const left = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(new OpsError("prometheus_unavailable", "gave up")));
    });
    await Promise.race([promise, left]);
    return report(signal);
  };
  const ask = (signal = createCaller().signal, caller = createCaller()) =>
    createContext(sources, { ...caller, signal }).loaders.problems(null);
  return { ask, answer, calls };
}

const kindsOf = ({ problems }: Awaited<ReturnType<ReturnType<typeof open>["ask"]>>) => problems.map(({ kind }) => kind);

describe("the loader of problems", () => {
  it("reads once for all callers with the same view", async () => {
    const { ask, answer, calls } = open();
    answer();
    const [first, ...others] = await Promise.all([ask(), ask(), ask()]);
    expect(others).toEqual([first, first]);
    expect((await ask()).problems).toBe(first?.problems);
    expect([calls["list"], calls["hosts"]]).toEqual([1, 1]);
    const staging = createCaller(["ops:read"], ["staging"]);
    expect(kindsOf(await ask(undefined, staging))).toEqual(["container_unhealthy"]);
    expect(calls["list"]).toBe(2);
  });

  it("answers those who stay when the first caller leaves", async () => {
    const { ask, answer } = open();
    const leaver = new AbortController();
    const gone = ask(leaver.signal);
    const stays = ask();
    leaver.abort(new Error("left"));
    await expect(gone).rejects.toThrow("left");
    answer();
    expect(kindsOf(await stays)).toEqual(["container_unhealthy"]);
  });

  it("says since when all checks found nothing", async () => {
    vi.useFakeTimers({
      toFake: ["Date", "performance", "setTimeout", "clearTimeout"],
      now: Date.parse("2026-01-13T10:00:00Z"),
    });
    try {
      const healthy = sampleContainer({ health: "healthy" });
      const { sources } = createMemorySources({ containers: [healthy] });
      let host = sampleHost();
      const report = sources.hosts.report.bind(sources.hosts);
      sources.hosts.report = async (signal) => ({ ...(await report(signal)), hosts: [host] });
      sources.containers.statsHistoryCached = () => [{ ...sampleStats, sampledAt: new Date().toISOString() }];
      const look = async (afterSeconds: number) => {
        vi.advanceTimersByTime(afterSeconds * 1000);
        const { quietSince, problems, gaps } = await createContext(sources, createCaller()).loaders.problems(null);
        return [quietSince, [...problems.map(({ kind }) => kind), ...gaps].join()];
      };
      expect(await look(0)).toEqual(["2026-01-13T10:00:00Z", ""]);
      expect(await look(50)).toEqual(["2026-01-13T10:00:00Z", ""]);
      // Longer than a minute without a check: something may have been wrong.
      expect(await look(70)).toEqual(["2026-01-13T10:02:00Z", ""]);
      host = sampleHost({ status: "down", alert: true });
      expect(await look(10)).toEqual([null, "host_down"]);
      host = sampleHost();
      expect(await look(10)).toEqual(["2026-01-13T10:02:20Z", ""]);
    } finally {
      vi.useRealTimers();
    }
  });

  it("remembers nothing of a read that all have left", async () => {
    const { ask, answer } = open();
    const leaver = new AbortController();
    const gone = ask(leaver.signal);
    leaver.abort(new Error("left"));
    await expect(gone).rejects.toThrow("left");
    // Its read ends a few turns later: Prometheus seems to have failed.
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    answer();
    expect(kindsOf(await ask())).toEqual(["container_unhealthy"]);
  });
});

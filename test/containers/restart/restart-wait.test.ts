import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { waitForHealth } from "../../../src/containers/restart/outcome.ts";
import { toPreview, toWorkerHosts } from "../../../src/graphql/containers/running-work.ts";
import { sampleContainer } from "../../support/memory-sources.ts";

const starting = sampleContainer({ health: "starting" });

/** Looks at these states one after the other, and then at the last one for ever. */
async function wait(states: readonly (Partial<Container> | Error)[], { from = starting, timeoutMs = 3000, stableMs = 600 } = {}) {
  const left = [...states];
  const look = async () => {
    const next = (left.length > 1 ? left.shift() : left[0]) ?? {};
    if (next instanceof Error) throw next;
    return { container: { ...from, ...next }, protectedBy: null };
  };
  const signal = AbortSignal.timeout(10_000);
  const { container, healthy } = await waitForHealth(from, { inspectForRestart: look }, { timeoutMs, stableMs, signal });
  return [healthy, container.status, container.health];
}

describe("waitForHealth", () => {
  it("ends with the health check's verdict, past an engine that is lost meanwhile", async () => {
    expect(await wait([{}, new Error("lost"), { health: "healthy" }])).toEqual([true, "running", "healthy"]);
    expect(await wait([{ health: "unhealthy" }])).toEqual([false, "running", "unhealthy"]);
  });

  it("gives up when the time is up, the container stopped, or it was started again", async () => {
    expect(await wait([{}], { timeoutMs: 600 })).toEqual([false, "running", "starting"]);
    expect(await wait([{ status: "exited", health: "none" }])).toEqual([false, "exited", "none"]);
    expect(await wait([{ startedAt: "2026-01-13T09:41:00Z", health: "healthy" }])).toEqual([false, "running", "healthy"]);
  });

  it("without a health check, wants it to keep running", async () => {
    const from = sampleContainer({ health: "none" });
    const before = performance.now();
    expect(await wait([{}], { from })).toEqual([true, "running", "none"]);
    expect(performance.now() - before).toBeGreaterThanOrEqual(600);
    expect(await wait([{ status: "restarting" }], { from })).toEqual([false, "restarting", "none"]);
  });
});

const work = { jobs: null, total: null, gaps: [] };

describe("toPreview", () => {
  it("counts the others of its role and environment that are well", () => {
    const me = sampleContainer();
    const others = [
      sampleContainer({ name: "well" }),
      sampleContainer({ name: "sick", health: "unhealthy" }),
      sampleContainer({ name: "down", status: "exited", health: "none" }),
      sampleContainer({ name: "elsewhere", env: "production" }),
      sampleContainer({ name: "worker", role: "worker" }),
    ];
    expect(toPreview(me, [me, ...others], null, work)).toEqual({ refusal: null, healthyPeers: 1, lastHealthy: false, work });
    expect(toPreview(me, [me, ...others.slice(1)], null, work)).toMatchObject({ healthyPeers: 0, lastHealthy: true });
    expect(toPreview({ ...me, health: "unhealthy" }, [], null, work).lastHealthy).toBe(false);
  });
});

it("knows workers by their container's host name, unless another container has it too", () => {
  const me = sampleContainer();
  expect(toWorkerHosts(me, [me, sampleContainer({ name: "twin" })])).toBeNull();
  // Erlang cuts it at the first dot: what two have in common names neither.
  expect(toWorkerHosts(me, [me, sampleContainer({ name: "other", host: "other" })])).toEqual([me.host, me.id, "37"]);
  expect(toWorkerHosts(me, [me, sampleContainer({ name: "beside", host: "37.27.91.235-56703216100d" })])).toEqual([
    me.host,
    me.id,
  ]);
});

import { describe, expect, it } from "vitest";
import type { Container } from "../../../src/containers/container.ts";
import { waitForHealth } from "../../../src/containers/restart/outcome.ts";
import { sampleContainer } from "../../support/containers.ts";

const starting = sampleContainer({ health: "starting" });

/** Looks at these states one after the other, and then at the last one for ever. */
async function wait(
  states: readonly (Partial<Container> | Error)[],
  { from = starting, timeoutMs = 3000, stableMs = 600 } = {},
) {
  const left = [...states];
  const look = async () => {
    const next = (left.length > 1 ? left.shift() : left[0]) ?? {};
    if (next instanceof Error) throw next;
    return { container: { ...from, ...next }, protectedBy: null };
  };
  const signal = AbortSignal.timeout(10_000);
  const { container, healthy } = await waitForHealth(from, { inspectNow: look }, { timeoutMs, stableMs, signal });
  return [healthy, container.status, container.health];
}

describe("waitForHealth", () => {
  it("ends with the health check's verdict, past a lost engine", async () => {
    expect(await wait([{}, new Error("lost"), { health: "healthy" }])).toEqual([true, "running", "healthy"]);
    expect(await wait([{ health: "unhealthy" }])).toEqual([false, "running", "unhealthy"]);
  });

  it("gives up when time is up, the container stopped or was restarted", async () => {
    expect(await wait([{}], { timeoutMs: 600 })).toEqual([false, "running", "starting"]);
    expect(await wait([{ status: "exited", health: "none" }])).toEqual([false, "exited", "none"]);
    expect(await wait([{ startedAt: "2026-01-13T09:41:00Z", health: "healthy" }])).toEqual([
      false,
      "running",
      "healthy",
    ]);
  });

  it("without a health check, requires it to run on", async () => {
    const from = sampleContainer({ health: "none" });
    const before = performance.now();
    expect(await wait([{}], { from })).toEqual([true, "running", "none"]);
    expect(performance.now() - before).toBeGreaterThanOrEqual(600);
    expect(await wait([{ status: "restarting" }], { from })).toEqual([false, "restarting", "none"]);
  });
});

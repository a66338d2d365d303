import { describe, expect, it } from "vitest";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { type SampledRates, toQueueMetrics, unknownRates } from "../../src/queues/metrics.ts";
import { toQueueState } from "../../src/queues/state.ts";

const identity = { name: "q", source: "s", observedAt: "2026-01-01T00:00:00Z" };
const sampled = { processedPerSec: 0.1, failures: 12, failuresRecent: 30, windowSeconds: 120, restSeconds: 40 };

describe("toQueueMetrics", () => {
  const nothing = {
    ...identity,
    depth: 0,
    processedPerSec: null,
    failuresLastHour: null,
    failuresRecent: null,
    active: null,
    deferred: null,
    retrying: null,
    dead: null,
    oldestAgeSeconds: null,
    waitSeconds: null,
    runSeconds: null,
    paused: null,
    workers: null,
    exact: true,
    windowSeconds: null,
  };

  it("has each number in its place", () => {
    const measured = {
      depth: 1,
      processed: 600,
      failures: 3,
      failures_recent: 4,
      active: 5,
      deferred: 6,
      retrying: 7,
      dead: 8,
      oldest_age: 9,
      wait_p50: 10,
      wait_p95: 11,
      run_p50: 12,
      run_p95: 13,
      oldest_run: 14,
      paused: 1,
      workers: 15,
    };
    expect(toQueueMetrics(identity, measured)).toEqual({
      ...identity,
      depth: 1,
      processedPerSec: 2,
      failuresLastHour: 3,
      failuresRecent: 4,
      active: 5,
      deferred: 6,
      retrying: 7,
      dead: 8,
      oldestAgeSeconds: 9,
      waitSeconds: { p50: 10, p95: 11 },
      runSeconds: { p50: 12, p95: 13 },
      oldestRunSeconds: 14,
      paused: true,
      workers: 15,
      exact: true,
      windowSeconds: null,
    });
  });

  it("has null for unmeasured and unknown numbers", () => {
    expect(toQueueMetrics(identity, {})).toEqual(nothing);
    const measures = [
      "depth",
      "processed",
      "failures",
      "failures_recent",
      "active",
      "wait_p50",
      "run_p95",
      "paused",
      "workers",
    ];
    expect(toQueueMetrics(identity, Object.fromEntries(measures.map((measure) => [measure, null])))).toEqual(nothing);
    expect(toQueueMetrics(identity, { oldest_run: null })).toEqual({ ...nothing, oldestRunSeconds: null });
    expect(toQueueMetrics(identity, {})).not.toHaveProperty("oldestRunSeconds");
  });

  it.each([
    [{ wait_p50: 0, wait_p95: 0 }, { waitSeconds: { p50: 0, p95: 0 } }],
    [{ wait_p50: 1, wait_p95: null }, { waitSeconds: null }],
    [{ wait_p50: null, wait_p95: 1 }, { waitSeconds: null }],
    [{ run_p50: 1 }, { runSeconds: null }],
    [{ paused: 0 }, { paused: false }],
    [{ paused: 2 }, { paused: false }],
    [
      { processed: 0, failures: 0 },
      { processedPerSec: 0, failuresLastHour: 0, failuresRecent: null },
    ],
  ])("%j is %j", (measured, expected) =>
    expect(toQueueMetrics(identity, measured)).toEqual({ ...nothing, ...expected }),
  );

  it("takes samples' numbers, and is then not exact", () => {
    expect(toQueueMetrics(identity, {}, sampled)).toEqual({
      ...nothing,
      processedPerSec: 0.1,
      failuresLastHour: 12,
      failuresRecent: 30,
      exact: false,
      windowSeconds: 120,
      restSeconds: 40,
    });
    expect(toQueueMetrics(identity, { processed: 0 }, sampled).processedPerSec).toBe(0);
    expect(toQueueMetrics(identity, {}, unknownRates)).toEqual({ ...nothing, exact: false, restSeconds: null });
  });

  it("has no window where its figures are from rows, or unknown", () => {
    const windowOf = (measured: object, rates: SampledRates = sampled) =>
      toQueueMetrics(identity, measured, rates).windowSeconds;
    const ofRows = { processed: 300, failures: 2 };
    expect([windowOf(ofRows), windowOf({ processed: 300 }), windowOf({ failures: 2 })]).toEqual([null, 120, 120]);
    // Samples that count neither: two queues of one table.
    const blind = { ...sampled, processedPerSec: null, failures: null };
    expect([windowOf({}, blind), windowOf({ failures: 2 }, blind)]).toEqual([null, null]);
  });

  it("takes failures from samples if the rows have none", () => {
    const queue = toQueueMetrics(identity, { depth: 0 }, sampled);
    expect(queue).toMatchObject({ failuresLastHour: 12, failuresRecent: 30, windowSeconds: 120, exact: false });
    expect(toQueueState(queue)).toBe("failing");
    expect(toQueueState(toQueueMetrics(identity, { depth: 0 }, { ...sampled, failuresRecent: 0 }))).toBe("ok");
  });

  it("takes failures from rows also beside a sampled rate", () => {
    const queue = toQueueMetrics(identity, { depth: 0, failures: 12, failures_recent: 2 }, sampled);
    expect(queue).toMatchObject({ failuresLastHour: 12, failuresRecent: 2, processedPerSec: 0.1, windowSeconds: 120 });
    expect(toQueueState(queue)).toBe("ok");
  });

  it("has no failures where neither rows nor samples have them", () => {
    for (const known of [null, { ...sampled, failures: null, failuresRecent: null }, unknownRates]) {
      const queue = toQueueMetrics(identity, { depth: 0 }, known);
      expect(queue).toMatchObject({ failuresLastHour: null, failuresRecent: null });
    }
  });
});

it("a time has whole seconds, in UTC", () => {
  expect(formatRfc3339(1_800_000_000_999)).toBe("2027-01-15T08:00:00Z");
});

import { describe, expect, it } from "vitest";
import { toQueueState } from "../../../src/domain/queue-state.ts";
import { unknownRates } from "../../../src/upstreams/queues/samples.ts";
import { toQueueMetrics } from "../../../src/upstreams/queues/to-metrics.ts";

const identity = { name: "q", source: "s", observedAt: "2026-01-01T00:00:00Z" };
const sampled = { processedPerSec: 0.1, failures: 12, failuresRecent: 30, windowSeconds: 120 };

describe("toQueueMetrics", () => {
  it("takes failures from samples where the rows do not tell them, with those of the last five minutes", () => {
    const queue = toQueueMetrics(identity, { depth: 0 }, sampled);
    expect(queue).toMatchObject({ failuresLastHour: 12, failuresRecent: 30, windowSeconds: 120, exact: false });
    expect(toQueueState(queue)).toBe("failing");
    expect(toQueueState(toQueueMetrics(identity, { depth: 0 }, { ...sampled, failuresRecent: 0 }))).toBe("ok");
  });

  it("takes those that rows tell for those of an hour, also beside a sampled rate", () => {
    const queue = toQueueMetrics(identity, { depth: 0, failures: 12, failures_recent: 2 }, sampled);
    expect(queue).toMatchObject({ failuresLastHour: 12, failuresRecent: 2, processedPerSec: 0.1, windowSeconds: 120 });
    expect(toQueueState(queue)).toBe("ok");
  });

  it("knows no failures where nothing tells them", () => {
    for (const known of [null, { ...sampled, failures: null, failuresRecent: null }, unknownRates]) {
      const queue = toQueueMetrics(identity, { depth: 0 }, known);
      expect(queue).toMatchObject({ failuresLastHour: null, failuresRecent: null });
    }
  });
});

import { describe, expect, it } from "vitest";
import { toQueueState } from "../../../src/domain/queue-state.ts";
import { toQueueMetrics } from "../../../src/upstreams/queues/to-metrics.ts";

const identity = { name: "q", source: "s", observedAt: "2026-01-01T00:00:00Z" };
const sampled = { processedPerSec: 0.1, failures: 12, windowSeconds: 120 };

describe("toQueueMetrics", () => {
  it("says in how long there were so many failures, where they are sampled", () => {
    const queue = toQueueMetrics(identity, { depth: 0 }, sampled);
    expect(queue).toMatchObject({ failuresLastHour: 12, failuresSeconds: 120, windowSeconds: 120, exact: false });
    expect(toQueueState(queue)).toBe("failing");
  });

  it("takes those that rows tell for those of an hour, also beside a sampled rate", () => {
    const queue = toQueueMetrics(identity, { depth: 0, failures: 12 }, { ...sampled, failures: null });
    expect(queue).toMatchObject({ failuresLastHour: 12, processedPerSec: 0.1, windowSeconds: 120 });
    expect(queue).not.toHaveProperty("failuresSeconds");
    expect(toQueueState(queue)).toBe("ok");
  });

  it("knows no failures, and not in how long, where nothing tells them", () => {
    for (const known of [null, { ...sampled, failures: null }, { processedPerSec: null, failures: null, windowSeconds: null }]) {
      const queue = toQueueMetrics(identity, { depth: 0 }, known);
      expect(queue.failuresLastHour).toBeNull();
      expect(queue).not.toHaveProperty("failuresSeconds");
    }
  });
});

import { describe, expect, it } from "vitest";
import { findQueueGaps, findQueueProblems, type SourceReading } from "../../src/problems/queues.ts";
import { type QueueOwner, toConfiguredOwner } from "../../src/queues/owners.ts";
import type { QueueMetrics } from "../../src/queues/queue.ts";
import { type TimelineEntry, toEntry } from "../../src/timeline/timeline.ts";
import { sampleQueue, sampleWorkerJobs } from "../support/queues.ts";

const source: SourceReading = { name: "jobs", kind: "river", env: "staging", place: null, owner: null, error: null };
const locked = { code: "queue_locked", message: "a migration holds the table" };
const observedAt = "2026-01-13T10:00:00Z";
const payouts = (more: Partial<QueueMetrics> = {}) => sampleQueue({ name: "payouts", observedAt, ...more });

function find(
  queue: QueueMetrics,
  events: readonly TimelineEntry[] = [],
  orphans: readonly ReturnType<typeof sampleWorkerJobs>[] | null = null,
  owners: readonly QueueOwner[] | null = null,
) {
  return findQueueProblems({ queues: [{ queue, orphans, owners }], sources: [source], events });
}

function changed(to: string, time: string, name = "payouts") {
  return toEntry({ kind: "queue_state", time, message: "", to, queue: { name, source: "jobs" } });
}

const stalled = payouts({
  depth: 5,
  processedPerSec: 0,
  oldestAgeSeconds: 720,
  active: 0,
  workers: 2,
  failuresLastHour: 1,
});
const failing = payouts({ depth: 0, processedPerSec: 0.1, failuresRecent: 40, failuresLastHour: 60 });

describe("a queue", () => {
  it("that is stalled shows its waiting jobs, since the oldest could run", () => {
    expect(find(stalled)).toMatchObject([
      {
        id: 'queue_stalled:["jobs","payouts"]',
        severity: "critical",
        alert: "OpsQueueStalled",
        alertAfterSeconds: 300,
        title: "payouts is stalled",
        since: "2026-01-13T09:48:00Z",
        env: "staging",
        source: "jobs",
        queue: stalled,
        evidence: [
          "5 jobs wait, the oldest for 12 min",
          "0/s succeed",
          "0 failures in 5 min",
          "1 failure in an hour",
          "0 jobs run",
          "2 workers",
        ],
      },
    ]);
  });

  it("without workers is critical, and has the same alert", () => {
    expect(find(payouts({ depth: 1, workers: 0, oldestAgeSeconds: 30 }))).toMatchObject([
      {
        kind: "queue_no_workers",
        alert: "OpsQueueStalled",
        title: "payouts has jobs but no worker",
        since: "2026-01-13T09:59:30Z",
      },
    ]);
  });

  it("that fails has the time when its last state was first seen", () => {
    const events = [changed("failing", "2026-01-13T09:50:00Z"), changed("ok", "2026-01-13T09:40:00Z")];
    expect(find(failing, events)).toMatchObject([
      {
        kind: "queue_failing",
        title: "Most jobs of payouts fail",
        since: "2026-01-13T09:50:00Z",
        alert: "OpsQueueFailing",
      },
    ]);
    expect(find(failing, [...events, changed("ok", "2026-01-13T09:55:00Z")])).toMatchObject([{ since: null }]);
    expect(find(failing, [changed("failing", "2026-01-13T09:50:00Z", "others")])).toMatchObject([{ since: null }]);
  });

  it("that fails and is behind is two problems, as it is two alerts", () => {
    const both = find({ ...failing, depth: 3, oldestAgeSeconds: 90 });
    expect(both.map(({ kind, since }) => [kind, since])).toEqual([
      ["queue_failing", null],
      ["queue_backlog", "2026-01-13T09:58:30Z"],
    ]);
  });

  it("that is behind by its drain time has only the time of its state", () => {
    const behind = payouts({ depth: 700, processedPerSec: 1, oldestAgeSeconds: 5 });
    const events = [changed("backlog", "2026-01-13T09:30:00Z")];
    expect(find(behind, events)).toMatchObject([
      { kind: "queue_backlog", severity: "warning", alert: "OpsQueueBehind", since: "2026-01-13T09:30:00Z" },
    ]);
    expect(find(behind, [changed("failing", "2026-01-13T09:30:00Z")])).toMatchObject([{ since: null }]);
  });

  it("whose numbers are unknown shows none", () => {
    const unknown = { processedPerSec: null, failuresRecent: null, failuresLastHour: null, oldestAgeSeconds: null };
    expect(find(payouts({ depth: 2, workers: 0, ...unknown }))).toMatchObject([
      { kind: "queue_no_workers", since: null, evidence: ["2 jobs wait", "0 workers"] },
    ]);
  });

  it("that is paused, idle or ok is none", () => {
    for (const one of [
      { ...stalled, paused: true },
      payouts(),
      payouts({ depth: 1, processedPerSec: 2, oldestAgeSeconds: 1 }),
    ]) {
      expect(find(one)).toEqual([]);
    }
  });
});

describe("orphans", () => {
  it("are one problem of their queue, with their workers", () => {
    const lost = [sampleWorkerJobs({ count: 2 }), sampleWorkerJobs({ host: "b", oldestAgeSeconds: null })];
    expect(find(payouts(), [], lost)).toMatchObject([
      {
        kind: "queue_orphans",
        severity: "warning",
        alert: "OpsOrphans",
        title: "3 running jobs of payouts have lost their worker",
        evidence: ["workers b, gone", "the oldest job has been running for 10 min"],
        source: "jobs",
      },
    ]);
  });

  it("have at most five workers by name", () => {
    const lost = Array.from({ length: 7 }, (_, index) => sampleWorkerJobs({ host: `w${index}` }));
    expect(find(payouts(), [], lost)[0]?.evidence[0]).toBe("workers w0, w1, w2, w3, w4 and 2 more");
  });

  it("that are none, or unknown, are no problem", () => {
    expect([...find(payouts(), [], []), ...find(payouts(), [], null)]).toEqual([]);
  });
});

it("a queue of several services names them all as evidence", () => {
  const owners = ["shop", "billing"].map((service) => toConfiguredOwner({ service, destination: null }));
  const stuck = payouts({ depth: 3, workers: 0 });
  const orphans = [sampleWorkerJobs()];
  for (const { service, evidence } of find(stuck, [], orphans, owners)) {
    expect([service, evidence.at(-1)]).toEqual([null, "shared by billing, shop"]);
  }
  const [one] = find(stuck, [], null, owners.slice(0, 1));
  expect([one?.service, one?.evidence.join()]).toEqual(["shop", expect.not.stringContaining("shared")]);
});

describe("a source that cannot be read", () => {
  const ofSources = (...sources: readonly SourceReading[]) => findQueueProblems({ queues: [], sources, events: [] });
  const down = { ...source, error: locked };

  it("is a warning while another in its database answers", () => {
    expect(ofSources(down, { ...source, name: "mail" }, { ...source, name: "rabbit", kind: "rabbitmq" })).toMatchObject(
      [
        {
          kind: "queue_source_down",
          severity: "warning",
          alert: "OpsQueueSourceDown",
          title: "The queues of jobs cannot be read",
          source: "jobs",
          upstream: "postgres",
          env: "staging",
          evidence: ["jobs: a migration holds the table (queue_locked)"],
        },
      ],
    );
  });

  it("is one of its configured service", () => {
    const owner = toConfiguredOwner({ service: "shop", destination: "beta" });
    expect(ofSources({ ...down, owner }, { ...source, name: "mail" })).toMatchObject([
      { kind: "queue_source_down", service: "shop", destination: "beta" },
    ]);
  });

  it("is an outage of its database where none answers there", () => {
    const shop = { ...source, name: "shop:river", place: "shop" };
    const billing = ["river", "que"].map((kind) => ({ ...down, name: `billing:${kind}`, kind, place: "billing" }));
    const broker = { ...down, name: "billing:redis", kind: "redis", place: "billing" };
    expect(ofSources(shop, ...billing, broker)).toMatchObject([
      {
        id: "upstream_down:postgres:billing",
        title: "Nothing can be read from PostgreSQL (billing)",
        upstream: "postgres",
        source: null,
      },
      { id: "upstream_down:redis:billing", title: "Nothing can be read from Redis (billing)", source: "billing:redis" },
    ]);
    expect(ofSources(shop, { ...shop, name: "billing:que", place: "billing" }, ...billing.slice(0, 1))).toMatchObject([
      { kind: "queue_source_down", source: "billing:river" },
    ]);
  });

  it("is an outage of its upstream where none answers", () => {
    const others = [
      { ...source, name: "q", kind: "rabbitmq" },
      { ...down, name: "mail", env: null },
    ];
    expect(ofSources(down, ...others)).toMatchObject([
      {
        kind: "upstream_down",
        severity: "critical",
        alert: "OpsUpstreamDown",
        title: "Nothing can be read from PostgreSQL",
        upstream: "postgres",
        source: null,
        env: null,
        evidence: [
          "jobs: a migration holds the table (queue_locked)",
          "mail: a migration holds the table (queue_locked)",
        ],
      },
    ]);
    expect(ofSources({ ...down, kind: "redis" })).toMatchObject([
      { kind: "upstream_down", title: "Nothing can be read from Redis", source: "jobs", env: "staging" },
    ]);
  });
});

describe("queues that may be failing", () => {
  const unknown = (name: string) =>
    payouts({ name, depth: 0, processedPerSec: null, failuresRecent: 3, failuresLastHour: 9 });
  const gapsOf = (...queues: readonly QueueMetrics[]) =>
    findQueueGaps({ queues: queues.map((queue) => ({ queue, orphans: null, owners: null })) });

  it("are gaps, not problems", () => {
    expect(gapsOf(unknown("mail"), failing, stalled, unknown("bills"))).toEqual([
      "whether most jobs of bills, mail fail: how many succeed is unknown",
    ]);
    expect(find(unknown("mail"))).toEqual([]);
    expect(gapsOf(failing, stalled)).toEqual([]);
  });

  it("are one line, however many they are", () => {
    expect(gapsOf(...Array.from({ length: 9 }, (_, at) => unknown(`q${at}`)))).toEqual([
      "whether most jobs of q0, q1, q2, q3, q4 and 4 more fail: how many succeed is unknown",
    ]);
  });
});

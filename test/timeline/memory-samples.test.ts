import { describe, expect, it, vi } from "vitest";
import type { Host } from "../../src/hosts/host.ts";
import type { QueueMetrics } from "../../src/queues/queue.ts";
import { createTimelineMemory, observeHosts, observeQueues } from "../../src/timeline/memory.ts";
import { toEntry } from "../../src/timeline/timeline.ts";
import { sampleQueue } from "../support/queues.ts";
import { sampleHost } from "../support/hosts.ts";
import { finish, longestPiece } from "../support/steps.ts";

const at = (second: number) => `2026-01-13T09:00:0${second}Z`;
const jobs = { name: "jobs", env: null };
const report = (second: number, ...hosts: Host[]) => ({
  hosts,
  thresholds: { cpu: 0.9, mem: 0.9 },
  updatedAt: at(second),
});

describe("observeQueues", () => {
  it("records each change of state between two reads", () => {
    const memory = createTimelineMemory();
    const observe = observeQueues(memory, "staging");
    const sample = (second: number, change: Partial<QueueMetrics>, source: Parameters<typeof observe>[0] = jobs) =>
      finish(observe(source, [{ ...sampleQueue({ name: "mail" }), observedAt: at(second), ...change }]));
    const idle = {
      depth: 0,
      active: 0,
      processedPerSec: 0,
      oldestAgeSeconds: null,
      failuresLastHour: 0,
      failuresRecent: 0,
      paused: false,
    };
    sample(1, idle);
    sample(2, { paused: true });
    sample(2, { paused: true });
    sample(3, idle);
    sample(4, { paused: true }, { name: "other", env: "production" });
    const entry = { kind: "queue_state", env: "staging", queue: { name: "mail", source: "jobs" } } as const;
    expect(memory.entries("queue_state")).toEqual([
      toEntry({
        ...entry,
        time: at(2),
        after: at(1),
        from: "ok",
        to: "paused",
        message: "Queue mail is paused, was ok",
      }),
      toEntry({
        ...entry,
        time: at(3),
        after: at(2),
        from: "paused",
        to: "ok",
        message: "Queue mail is ok, was paused",
      }),
      toEntry({
        ...entry,
        env: "production",
        queue: { name: "mail", source: "other" },
        time: at(4),
        to: "paused",
        message: "Queue mail is paused",
      }),
    ]);
    expect(memory.begun("queue_state")).toEqual([
      { name: "jobs", env: "staging", since: at(1) },
      { name: "other", env: "production", since: at(4) },
    ]);
  });

  it("takes an idle queue for a healthy one", () => {
    const memory = createTimelineMemory();
    const observe = observeQueues(memory, null);
    const figures = [
      { processedPerSec: 1, depth: 1 },
      { processedPerSec: 0 },
      { paused: true },
      { paused: true },
      { processedPerSec: 1, depth: 1 },
    ];
    for (const [index, more] of figures.entries())
      finish(
        observe({ name: "jobs", env: "staging" }, [sampleQueue({ name: "mail", observedAt: at(index), ...more })]),
      );
    expect(memory.entries("queue_state").map(({ message, time, after, env }) => [message, time, after, env])).toEqual([
      ["Queue mail is paused, was ok", at(2), at(1), "staging"],
      ["Queue mail is ok, was paused", at(4), at(3), "staging"],
    ]);
  });

  it("records each queue by itself, from its first read on", () => {
    const memory = createTimelineMemory();
    const observe = observeQueues(memory, "production");
    for (const second of [1, 2]) {
      const read = (source: string, ...names: string[]) =>
        names.map((name) => sampleQueue({ name, source, paused: name === "mail", observedAt: at(second) }));
      finish(observe({ name: "jobs", env: "staging" }, read("jobs", "mail", "calls")));
      finish(observe({ name: "other", env: null }, read("other", "mail")));
    }
    const paused = { time: at(1), after: null, from: null, to: "paused", message: "Queue mail is paused" };
    expect(memory.entries("queue_state")).toEqual([
      toEntry({ ...paused, kind: "queue_state", env: "staging", queue: { name: "mail", source: "jobs" } }),
      toEntry({ ...paused, kind: "queue_state", env: "production", queue: { name: "mail", source: "other" } }),
    ]);
    expect(memory.begun("queue_state")).toEqual([
      { name: "jobs", env: "staging", since: at(1) },
      { name: "other", env: "production", since: at(1) },
    ]);
  });

  it("ignores a read that is no newer than the last one", () => {
    const memory = createTimelineMemory();
    const begin = vi.spyOn(memory, "begin");
    const observe = observeQueues(memory, null);
    const paused = [sampleQueue({ name: "mail", paused: true, observedAt: at(5) })];
    const early = [sampleQueue({ name: "mail", depth: 1, observedAt: at(4) })];
    const late = [sampleQueue({ name: "mail", depth: 1, observedAt: at(6) })];
    for (const read of [paused, paused, early, late]) finish(observe(jobs, read));
    expect(begin).toHaveBeenCalledTimes(4);
    expect(memory.entries("queue_state").map(({ time, after, to }) => [time, after, to])).toEqual([
      [at(5), null, "paused"],
      [at(6), at(5), "ok"],
    ]);
  });
});

describe("observeHosts", () => {
  it("records each change of an alert between two reports", () => {
    const memory = createTimelineMemory();
    const observe = observeHosts(memory, "staging");
    const host = (change: Partial<Host>) =>
      sampleHost({ name: "h", status: "up", alert: false, cpuUtil: 0.5, memUtil: 0.256, ...change });
    finish(observe(report(1, host({}))));
    finish(observe(report(2, host({ alert: true }))));
    finish(observe(report(3, host({ alert: true, status: "down" }))));
    finish(observe(report(4, host({}), host({ name: "new", status: "down" }))));
    const shown = memory
      .entries("host_alert")
      .map(({ env, host: name, time: when, after, from, to, message }) => [env, name, when, after, from, to, message]);
    expect(shown).toEqual([
      ["staging", "h", at(2), at(1), "ok", "alert", "Host h is hot: CPU 50 %, memory 25 %, was ok"],
      ["staging", "h", at(3), at(2), "alert", "down", "Host h is down, was alert"],
      ["staging", "h", at(4), at(3), "down", "ok", "Host h is healthy, was down"],
      ["staging", "new", at(4), null, null, "down", "Host new is down"],
    ]);
    expect(memory.begun("host_alert")).toEqual([{ name: "prometheus", env: "staging", since: at(1) }]);
  });

  it("records one entry of a host whose use swings around a threshold", () => {
    const memory = createTimelineMemory();
    const observe = observeHosts(memory, null);
    const uses = [0.5, 0.91, 0.89, 0.95, 0.86, 0.84, 0.89, 0.91];
    for (const [index, cpuUtil] of uses.entries())
      finish(observe(report(index + 1, sampleHost({ name: "h", cpuUtil, memUtil: 0.2, alert: cpuUtil >= 0.9 }))));
    expect(memory.entries("host_alert").map(({ time, to }) => [time, to])).toEqual([
      [at(2), "alert"],
      [at(6), "ok"],
      [at(8), "alert"],
    ]);
  });

  it("records a first report only where a host is not healthy", () => {
    const memory = createTimelineMemory();
    const first = report(
      1,
      sampleHost({ name: "a" }),
      sampleHost({ name: "b", alert: true, cpuUtil: null, memUtil: 0.876 }),
      sampleHost({ name: "c", status: "down", cpuUtil: null, memUtil: null }),
    );
    finish(observeHosts(memory, null)(first));
    const seen = { kind: "host_alert", time: at(1) } as const;
    expect(memory.entries("host_alert")).toEqual([
      toEntry({ ...seen, to: "alert", host: "b", message: "Host b is hot: memory 87 %" }),
      toEntry({ ...seen, to: "down", host: "c", message: "Host c is down" }),
    ]);
  });
});

describe("states that change together", () => {
  const many = 2000;
  it("are recorded one at a time, those of hosts", () => {
    const memory = createTimelineMemory();
    const hosts = Array.from({ length: many }, (_, index) => sampleHost({ name: `h${index}`, status: "down" }));
    const add = vi.spyOn(memory, "add");
    const longest = longestPiece((onPiece) => {
      add.mockImplementation(onPiece);
      return observeHosts(memory, null)(report(1, ...hosts));
    });
    expect([add.mock.calls.length, longest]).toEqual([many, 1]);
  });

  it("are recorded one at a time, those of queues", () => {
    const memory = createTimelineMemory();
    const queues = Array.from({ length: many }, (_, index) =>
      sampleQueue({ name: `q${index}`, paused: true, observedAt: at(1) }),
    );
    const add = vi.spyOn(memory, "add");
    const longest = longestPiece((onPiece) => {
      add.mockImplementation(onPiece);
      return observeQueues(memory, null)(jobs, queues);
    });
    expect([add.mock.calls.length, longest]).toEqual([many, 1]);
  });
});

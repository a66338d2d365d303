import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import type { ContainerEvent } from "../../src/containers/events.ts";
import type { Host, HostSource } from "../../src/hosts/host.ts";
import type { QueueMetrics, QueueSource, QueueSources } from "../../src/queues/queue.ts";
import { containerKinds, createContainerRecorder } from "../../src/timeline/containers.ts";
import { createTimelineMemory } from "../../src/timeline/memory.ts";
import { rememberHosts, rememberQueues } from "../../src/timeline/samples.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { sampleContainer, sampleEvent } from "../support/containers.ts";
import { sampleHost } from "../support/hosts.ts";
import { sampleQueue } from "../support/queues.ts";

const now = "2026-01-13T10:00:00.123Z";
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(now) }));
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();
const container = sampleContainer({ name: "web", health: "healthy" });
const time = "2026-01-13T09:00:00.000000001Z";
const event = (action: string, change: Partial<ContainerEvent> = {}) => sampleEvent({ time, action, container, ...change });

function setUp() {
  const memory = createTimelineMemory();
  return { memory, recorder: createContainerRecorder(memory) };
}
const about = {
  time,
  service: container.service,
  destination: container.destination,
  env: container.env,
  container: toTimelineContainer(container),
};

describe("an event of an engine", () => {
  it.each<[string, Partial<ContainerEvent>, object]>([
    ["oom", {}, { kind: "oom_kill", message: "web ran out of memory" }],
    ["restart", {}, { kind: "restart", message: "web was restarted", requested: true }],
    ["health_status", { health: "unhealthy" }, { kind: "health", message: "web is unhealthy", from: "healthy", to: "unhealthy" }],
    ["health_status", { health: "healthy" }, { kind: "health", message: "web is healthy", from: null, to: "healthy" }],
  ])("%s of %j is an entry", (action, change, expected) => {
    const { memory, recorder } = setUp();
    recorder.onEvent(event(action, change));
    const entries = containerKinds.flatMap((kind) => memory.entries(kind));
    expect(entries).toEqual([toEntry({ ...about, ...expected } as Parameters<typeof toEntry>[0])]);
  });

  it("of another kind is none", () => {
    const { memory, recorder } = setUp();
    const others = ["start", "create", "rename", "pause", "destroy"].map((action) => event(action));
    for (const other of [event("kill", { signal: 15 }), event("stop"), ...others]) recorder.onEvent(other);
    expect(containerKinds.flatMap((kind) => memory.entries(kind))).toEqual([]);
    recorder.onEvent(event("die", { exitCode: 0 }));
    expect(memory.entries("container_death").map(({ message }) => message)).toEqual([
      "web ended with exit code 0 after signal 15",
    ]);
  });
});

describe("a gap", () => {
  it("is recorded for each engine that was out of contact", () => {
    const { memory, recorder } = setUp();
    for (const engine of ["one", "two"]) recorder.onGap(engine);
    expect(memory.entries("gap")).toEqual(
      ["one", "two"].map((engine) =>
        toEntry({
          kind: "gap",
          time: now,
          message: `${engine} was not heard for a while: events of its containers may be missing`,
          engine,
        }),
      ),
    );
  });
});

it("an engine is seen from its first answer on", () => {
  const { memory, recorder } = setUp();
  const begun = () => memory.begun("oom_kill").map(({ name, since }) => `${name} ${since}`);
  recorder.onWatched({ name: "one", env: "staging" });
  expect(memory.begun("gap")).toEqual([{ name: "one", env: "staging", since: "2026-01-13T10:00:00Z" }]);
  for (const kind of containerKinds) expect(memory.begun(kind)).toHaveLength(1);
  vi.setSystemTime(Date.parse(now) + 5000);
  for (const name of ["one", "two"]) recorder.onWatched({ name, env: "staging" });
  expect(begun()).toEqual(["one 2026-01-13T10:00:00Z", "two 2026-01-13T10:00:05Z"]);
});

describe("samples", () => {
  const at = (second: number) => `2026-01-13T09:00:0${second}Z`;

  it("of queues are entries of their changes, once for each answer", async () => {
    const memory = createTimelineMemory();
    const state = { metrics: [] as QueueMetrics[] };
    const source = { name: "jobs", env: null, metrics: async () => state.metrics } as unknown as QueueSource;
    const other = { ...source, name: "other", env: "production" } as QueueSource;
    const remembered = rememberQueues({ all: async () => [source, other] } as unknown as QueueSources, memory, "staging");
    const [first, second] = await remembered.all(signal);
    expect((await remembered.all(signal))[0]).toBe(first);
    const sample = async (second_: number, change: Partial<QueueMetrics>, of = first) => {
      state.metrics = [{ ...sampleQueue({ name: "mail" }), observedAt: at(second_), ...change }];
      expect(await of?.metrics(signal)).toBe(state.metrics);
    };
    const idle = {
      depth: 0,
      active: 0,
      processedPerSec: 0,
      oldestAgeSeconds: null,
      failuresLastHour: 0,
      failuresRecent: 0,
      paused: false,
    };
    await sample(1, idle);
    await sample(2, { paused: true });
    await first?.metrics(signal);
    await sample(3, idle);
    await sample(4, { paused: true }, second);
    const entry = { kind: "queue_state", env: "staging", queue: { name: "mail", source: "jobs" } } as const;
    expect(memory.entries("queue_state")).toEqual([
      toEntry({ ...entry, time: at(2), after: at(1), from: "ok", to: "paused", message: "Queue mail is paused, was ok" }),
      toEntry({ ...entry, time: at(3), after: at(2), from: "paused", to: "ok", message: "Queue mail is ok, was paused" }),
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

  it("of hosts are entries of their alerts", async () => {
    const memory = createTimelineMemory();
    const state = { updatedAt: at(0), hosts: [] as Host[] };
    const source = { report: async () => state, extra: 1 } as unknown as HostSource;
    const remembered = rememberHosts(source, memory, "staging");
    const sample = async (second: number, ...hosts: Host[]) => {
      Object.assign(state, { updatedAt: at(second), hosts });
      expect(await remembered.report(signal)).toBe(state);
    };
    const host = (change: Partial<Host>) =>
      sampleHost({ name: "h", status: "up", alert: false, cpuUtil: 0.5, memUtil: 0.256, ...change });
    await sample(1, host({}));
    await sample(2, host({ alert: true }));
    await sample(3, host({ alert: true, status: "down" }));
    await sample(4, host({}), host({ name: "new", status: "down" }));
    const shown = memory
      .entries("host_alert")
      .map(({ env, host: name, time: when, from, to, message }) => [env, name, when, from, to, message]);
    expect(shown).toEqual([
      ["staging", "h", at(2), "ok", "alert", expect.stringMatching(/^Host h is hot: CPU 50.*, memory 2[56].*, was ok$/)],
      ["staging", "h", at(3), "alert", "down", "Host h is down, was alert"],
      ["staging", "h", at(4), "down", "ok", "Host h is healthy, was down"],
      ["staging", "new", at(4), null, "down", "Host new is down"],
    ]);
    expect(memory.begun("host_alert")).toEqual([{ name: "prometheus", env: "staging", since: at(1) }]);
  });
});

it("a container of an entry is that of the list, without what changes", () => {
  const { fullId, id, name, engine, role, version, kind }: Container = container;
  expect(toTimelineContainer(container)).toEqual({ fullId, id, name, engine, role, version, kind });
});

import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import type { ContainerEvent, EventBatch } from "../../src/containers/events.ts";
import type { ContainerSource, EngineStatus } from "../../src/containers/source.ts";
import type { Host, HostSource } from "../../src/hosts/host.ts";
import type { QueueMetrics, QueueSource, QueueSources } from "../../src/queues/queue.ts";
import { containerKinds, rememberContainers } from "../../src/timeline/containers.ts";
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

/** A source whose events are pushed, and whose engines answer as they are set. */
function setUp() {
  const memory = createTimelineMemory();
  const state = { engines: [] as { name: string; ok: boolean }[], accepts: null as ((event: ContainerEvent) => boolean) | null };
  const { readable, writable } = new TransformStream<EventBatch, EventBatch>();
  const writer = writable.getWriter();
  const listing = () => ({ containers: [], engines: state.engines.map((each) => ({ ...each, env: "staging" }) as EngineStatus) });
  const source = {
    events(accepts: (event: ContainerEvent) => boolean) {
      state.accepts = accepts;
      return readable;
    },
    list: async () => listing(),
    listRunning: async () => listing(),
    listCached: () => null,
  } as unknown as ContainerSource;
  const remembered = rememberContainers(source, memory, signal);
  onTestFinished(() => writer.close().catch(() => {}));
  const push = async (batch: Partial<EventBatch>) => {
    await writer.write({ events: [], dropped: 0, interrupted: [], ended: null, ...batch });
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { memory, state, source, remembered, push, fail: () => writer.abort(new RangeError("x")) };
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
  ])("%s of %j is an entry", async (action, change, expected) => {
    const { memory, push } = setUp();
    await push({ events: [event(action, change)] });
    const entries = containerKinds.flatMap((kind) => memory.entries(kind));
    expect(entries).toEqual([toEntry({ ...about, ...expected } as Parameters<typeof toEntry>[0])]);
  });

  it.each([
    ["kill", true],
    ["die", true],
    ["stop", true],
    ["oom", true],
    ["restart", true],
    ["health_status", true],
    ["start", false],
    ["create", false],
    ["rename", false],
  ])("%s is wanted: %s", (action, wanted) => {
    expect(setUp().state.accepts?.(event(action))).toBe(wanted);
  });

  it("of another kind is none", async () => {
    const { memory, push } = setUp();
    await push({ events: [event("kill", { signal: 15 }), event("stop"), event("start")] });
    expect(containerKinds.flatMap((kind) => memory.entries(kind))).toEqual([]);
    await push({ events: [event("die", { exitCode: 0 })] });
    expect(memory.entries("container_death").map(({ message }) => message)).toEqual([
      "web ended with exit code 0 after signal 15",
    ]);
  });
});

describe("a gap", () => {
  it("is there for each engine that was not heard", async () => {
    const { memory, push } = setUp();
    await push({ interrupted: ["one", "two"] });
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

  it("has no end where events cannot be read any more", async () => {
    const { memory, fail } = setUp();
    await fail();
    await expect
      .poll(() => memory.entries("gap"))
      .toEqual([toEntry({ kind: "gap", time: now, message: "Events are not remembered any more" })]);
  });
});

it("an engine is seen from its first answer on, by either list", async () => {
  const { memory, state, remembered, source } = setUp();
  const begun = () => memory.begun("oom_kill").map(({ name, since }) => `${name} ${since}`);
  state.engines = [
    { name: "one", ok: true },
    { name: "two", ok: false },
  ];
  expect((await remembered.list(signal)).engines).toHaveLength(2);
  expect(memory.begun("gap")).toEqual([{ name: "one", env: "staging", since: "2026-01-13T10:00:00Z" }]);
  for (const kind of containerKinds) expect(memory.begun(kind)).toHaveLength(1);
  vi.setSystemTime(Date.parse(now) + 5000);
  state.engines = state.engines.map((engine) => ({ ...engine, ok: true }));
  expect((await remembered.listRunning(signal)).engines).toHaveLength(2);
  await remembered.list(signal);
  expect(begun()).toEqual(["one 2026-01-13T10:00:00Z", "two 2026-01-13T10:00:05Z"]);
  expect(Object.keys(remembered)).toEqual(Object.keys(source));
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

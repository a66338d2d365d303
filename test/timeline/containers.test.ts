import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import type { ContainerEvent, EventBatch } from "../../src/containers/events.ts";
import type { ContainerSource, EngineStatus } from "../../src/containers/source.ts";
import { containerKinds, rememberContainers } from "../../src/timeline/containers.ts";
import { createTimelineMemory } from "../../src/timeline/memory.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { sampleContainer } from "../support/memory-sources.ts";

const now = "2026-01-13T10:00:00.123Z";
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(now) }));
afterEach(() => void vi.useRealTimers());

const { signal } = new AbortController();
const container = sampleContainer({ name: "web", health: "healthy" });
const time = "2026-01-13T09:00:00.000000001Z";
const event = (action: string, change: Partial<ContainerEvent> = {}): ContainerEvent => ({
  time,
  action,
  exitCode: null,
  signal: null,
  health: null,
  previousName: null,
  container,
  ...change,
});

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

it("a container of an entry is that of the list, without what changes", () => {
  const { fullId, id, name, engine, role, version, kind }: Container = container;
  expect(toTimelineContainer(container)).toEqual({ fullId, id, name, engine, role, version, kind });
});

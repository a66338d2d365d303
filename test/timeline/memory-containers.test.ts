import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import type { ContainerEvent } from "../../src/containers/events.ts";
import { containerKinds, createContainerRecorder, createTimelineMemory } from "../../src/timeline/memory.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { sampleContainer, sampleEvent } from "../support/containers.ts";

const now = "2026-01-13T10:00:00.123Z";
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.parse(now) }));
afterEach(() => void vi.useRealTimers());

const container = sampleContainer({ name: "web", health: "healthy" });
const time = "2026-01-13T09:00:00.000000001Z";
const event = (action: string, change: Partial<ContainerEvent> = {}) =>
  sampleEvent({ time, action, container, ...change });

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
    [
      "health_status",
      { health: "unhealthy" },
      { kind: "health", message: "web is unhealthy", from: "healthy", to: "unhealthy" },
    ],
    ["health_status", { health: "healthy" }, { kind: "health", message: "web is healthy", from: null, to: "healthy" }],
  ])("%s of %j is an entry", (action, change, expected) => {
    const { memory, recorder } = setUp();
    recorder.onEvent(event(action, change));
    const entries = containerKinds.flatMap((kind) => memory.entries(kind));
    expect(entries).toEqual([toEntry({ ...about, ...expected } as Parameters<typeof toEntry>[0])]);
  });

  it("of another kind is not an entry", () => {
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
          message: `${engine} was out of contact: events of its containers may be missing`,
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

it("a container of an entry is the list's, without what changes", () => {
  const { fullId, id, name, engine, role, version, kind }: Container = container;
  expect(toTimelineContainer(container)).toEqual({ fullId, id, name, engine, role, version, kind });
});

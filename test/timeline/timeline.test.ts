import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ContainerEvent } from "../../src/containers/events.ts";
import { createContainerRecorder, createStateLog, createTimelineMemory } from "../../src/timeline/memory.ts";
import {
  mergeRestarts,
  orderEntries,
  parseEntry,
  type TimelineEntry,
  toEntry,
  toTimelineContainer,
} from "../../src/timeline/timeline.ts";
import { sampleContainer, sampleEvent } from "../support/containers.ts";
import { finish } from "../support/steps.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 13, 9, 0, second)).toISOString().replace(".000Z", "Z");
const entry = (second: number, more: Partial<TimelineEntry> = {}) =>
  toEntry({ kind: "deploy", time: at(second), message: String(second), ...more });

describe("an entry from JSON", () => {
  const whole = toEntry({
    kind: "container_death",
    time: "2026-01-13T09:46:00.123456789Z",
    message: "died",
    container: { fullId: "f", id: "f", name: "web", engine: "e", role: null, version: null, kind: null },
    exitCode: 1,
  });

  it("is as it was written, also without a field that came later", () => {
    expect(parseEntry(JSON.stringify(whole))).toEqual(whole);
    expect(parseEntry('{"kind":"oom_kill","time":"2026-01-13T09:46:00Z","message":"m"}')).toEqual(
      toEntry({ kind: "oom_kill", time: "2026-01-13T09:46:00Z", message: "m" }),
    );
  });

  it.each([
    ["no JSON", "{"],
    ["null", "null"],
    ["a list", "[]"],
    ["of a kind that a newer version knows", { kind: "flood" }],
    ["without a time", { time: null }],
    ["with a time that is none", { time: "soon" }],
    ["with an earlier time that is none", { after: "soon" }],
    ["without a message", { message: 3 }],
    ["with a host that is no text", { host: {} }],
    ["with an exit code that is no number", { exitCode: "1" }],
    ["whose end is neither requested nor not", { requested: null }],
    ["with half a container", { container: { fullId: "f" } }],
    ["with a role that is no text", { container: { ...whole.container, role: { a: 1 } } }],
    ["with an exit code that is no whole number", { exitCode: 1.5 }],
    ["with an exit code that no process has", { exitCode: 1e308 }],
    ["with half a queue", { queue: { name: "mail" } }],
    ["with a list for a container", { container: [] }],
  ])("is none when it is %s", (_, given) => {
    expect(parseEntry(typeof given === "string" ? given : JSON.stringify({ ...whole, ...given }))).toBeNull();
  });
});

describe("the order of a timeline", () => {
  it("has the newest of a range first", () => {
    const second = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(fc.array(second), second, second, (seconds, a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const range = { from: Date.parse(at(from)), to: Date.parse(at(to)) };
        const entries = finish(
          orderEntries(
            seconds.map((one) => entry(one)),
            range,
          ),
        );
        const expected = seconds.filter((one) => one >= from && one <= to).toSorted((x, y) => y - x);
        expect(entries.map(({ message }) => Number(message))).toEqual(expected);
      }),
    );
  });

  it("is by the engines' nanoseconds within a second", () => {
    const times = ["09:00:00.000000002Z", "09:00:00.000000001Z", "08:59:59.9Z", "09:00:01Z"].map(
      (time) => `2026-01-13T${time}`,
    );
    const range = { from: Date.parse(at(-10)), to: Date.parse(at(10)) };
    const entries = finish(
      orderEntries(
        times.map((time) => entry(0, { time })),
        range,
      ),
    );
    expect(entries.map(({ time }) => times.indexOf(time))).toEqual([3, 0, 1, 2]);
  });

  it("has a restart once, of the audit record, though its engine has it too", () => {
    const container = toTimelineContainer(sampleContainer());
    const other = toTimelineContainer(sampleContainer({ name: "other" }));
    const restart = (second: number, who: string | null, of = container) =>
      entry(second, { kind: "restart", who, container: of });
    const merged = mergeRestarts(
      [restart(10, "kim"), restart(100, "lee")],
      [restart(9, null), restart(12, null), restart(99, null, other)],
    );
    expect(merged.map(({ time, who }) => [time, who])).toEqual([
      [at(10), "kim"],
      [at(100), "lee"],
      [at(12), null],
      [at(99), null],
    ]);
  });

  it("has the restart nearest in time, up to a minute away, each once", () => {
    const container = toTimelineContainer(sampleContainer());
    const restart = (second: number, who: string | null, more: Partial<TimelineEntry> = {}) =>
      entry(second, { kind: "restart", who, container, ...more });
    const seconds = (audited: number, ...seen: readonly number[]) =>
      mergeRestarts(
        [restart(audited, "kim")],
        seen.map((one) => restart(one, null)),
      ).map(({ time, who }) => [Date.parse(time) - Date.parse(at(0)), who]);
    expect(seconds(100, 40)).toEqual([[100_000, "kim"]]);
    expect(seconds(100, 160)).toEqual([[100_000, "kim"]]);
    expect(seconds(100, 39)).toEqual([
      [100_000, "kim"],
      [39_000, null],
    ]);
    expect(seconds(100, 130, 90, 70)).toEqual([
      [100_000, "kim"],
      [130_000, null],
      [70_000, null],
    ]);
    const seen = restart(101, null, { env: "production", service: "core", destination: "prod" });
    expect(mergeRestarts([restart(100, "kim", { env: "staging" }), restart(102, "lee")], [seen])).toEqual([
      restart(100, "kim", { env: "staging", service: "core", destination: "prod" }),
      restart(102, "lee"),
    ]);
  });

  it("has of such a restart the role, release and kind from the engine", () => {
    const container = toTimelineContainer(sampleContainer());
    const audited = { ...container, role: null, version: null, kind: null };
    const restart = (who: string | null, more: Partial<TimelineEntry>) => entry(10, { kind: "restart", who, ...more });
    const merged = mergeRestarts(
      [restart("kim", { container: audited })],
      [restart(null, { container, env: "staging" })],
    );
    expect(merged).toEqual([restart("kim", { container, env: "staging" })]);
  });
});

describe("the timeline's memory", () => {
  it("has the newest 1,000 of each kind, and says how far they reach", () => {
    const memory = createTimelineMemory();
    memory.add(entry(0, { kind: "oom_kill" }));
    for (let index = 0; index < 1002; index += 1) memory.add(entry(index, { kind: "health" }));
    expect([memory.entries("health").length, memory.forgottenUntil("health", () => true)]).toEqual([1000, at(1)]);
    expect([memory.entries("oom_kill").length, memory.forgottenUntil("oom_kill", () => true)]).toEqual([1, null]);
  });

  it("forgets those of one environment or engine without a hint to others", () => {
    const memory = createTimelineMemory();
    memory.add(entry(0, { kind: "health", env: "staging" }));
    memory.add(entry(0, { kind: "gap", engine: "web-1" }));
    for (let index = 1; index <= 1001; index += 1) {
      memory.add(entry(index, { kind: "health", env: "production" }));
      memory.add(entry(index, { kind: "gap", engine: "db-7" }));
    }
    const ofStaging = memory.entries("health").filter(({ env }) => env === "staging");
    expect([ofStaging.length, memory.forgottenUntil("health", ({ env }) => env === "staging")]).toEqual([1, null]);
    expect(memory.forgottenUntil("health", ({ env }) => env === "production")).toBe(at(1));
    expect(memory.forgottenUntil("gap", ({ engine }) => engine === "web-1")).toBeNull();
    expect(memory.forgottenUntil("gap", ({ engine }) => engine === "db-7")).toBe(at(1));
  });

  it("has the first 1,000 subjects since their first, and 5,000 states", () => {
    const memory = createTimelineMemory();
    const begin = (name: string, second: number) => memory.begin("queue_state", { name, env: null, since: at(second) });
    begin("s0", 1);
    begin("s0", 2);
    for (let index = 1; index <= 1000; index += 1) begin(`s${index}`, 3);
    begin("s5", 4);
    const begun = memory.begun("queue_state");
    expect([begun.length, begun[0]?.since, begun.at(-1)]).toEqual([
      1000,
      at(1),
      { name: "s999", env: null, since: at(3) },
    ]);
    expect(memory.begun("host_alert")).toEqual([]);

    const log = createStateLog(memory, "host_alert", "ok");
    const sample = (subject: number, state: string, second: number) =>
      log.sample(`h${subject}`, state, at(second), () => ({ message: `h${subject}` }));
    for (let index = 0; index <= 5000; index += 1) sample(index, "ok", 1);
    sample(4999, "down", 2);
    sample(5000, "down", 2);
    expect(memory.entries("host_alert").map(({ message }) => message)).toEqual(["h4999"]);
  });

  it("replaces an entry in place, and nothing that was dropped", () => {
    const memory = createTimelineMemory();
    const [first, second, third] = [1, 2, 3].map((each) => entry(each, { kind: "health", env: "staging" })) as [
      TimelineEntry,
      TimelineEntry,
      TimelineEntry,
    ];
    for (const one of [first, second]) memory.add(one);
    memory.replace(first, { ...first, message: "more" });
    memory.replace(third, { ...third, message: "more" });
    expect(memory.entries("health")).toEqual([{ ...first, message: "more" }, second]);
  });

  it("finds each change between samples, with the time of the change", () => {
    const memory = createTimelineMemory();
    const log = createStateLog(memory, "queue_state", "ok");
    const toChange = (from: string | null) => ({ message: `from ${from}` });
    for (const [second, subject, state] of [
      [1, "a", "ok"],
      [1, "b", "stalled"],
      [2, "a", "ok"],
      [3, "a", "failing"],
      [3, "b", "stalled"],
      [3, "a", "ok"],
      [9, "a", "ok"],
    ] as const)
      log.sample(subject, state, at(second), toChange);
    expect(memory.entries("queue_state").map(({ time, after, from, to }) => [time, after, from, to])).toEqual([
      [at(1), null, null, "stalled"],
      [at(3), at(2), "ok", "failing"],
      [at(9), at(3), "failing", "ok"],
    ]);
  });
});

const container = sampleContainer();
const event = (action: string, second: number, more: Partial<ContainerEvent> = {}) =>
  sampleEvent({ time: `${at(second).slice(0, -1)}.123456789Z`, action, container, ...more });

describe("what engines report", () => {
  it("is recorded; ends that nobody asked for are distinguished from others", () => {
    const memory = createTimelineMemory();
    const recorder = createContainerRecorder(memory);
    const others = sampleContainer({ name: "other" });
    for (const reported of [
      event("die", 1, { exitCode: 137 }),
      event("oom", 2),
      event("kill", 10, { signal: 15 }),
      event("die", 11, { exitCode: 0 }),
      event("die", 12, { exitCode: 1, container: others }),
      event("die", 100, { exitCode: 2 }),
      event("restart", 13),
      event("health_status", 14, { health: "unhealthy" }),
      event("start", 15),
    ])
      recorder.onEvent(reported);
    recorder.onGap("a");
    expect(memory.entries("container_death").map(({ time, message, requested }) => [time, message, requested])).toEqual(
      [
        [event("", 1).time, `${container.name} ended with exit code 137, which nobody requested`, false],
        [event("", 11).time, `${container.name} ended with exit code 0 after signal 15`, true],
        [event("", 12).time, "other ended with exit code 1, which nobody requested", false],
        // So long after the signal it is no answer to it.
        [event("", 100).time, `${container.name} ended with exit code 2, which nobody requested`, false],
      ],
    );
    expect(memory.entries("oom_kill")).toHaveLength(1);
    expect(memory.entries("health")).toMatchObject([{ from: "healthy", to: "unhealthy", env: "staging" }]);
    expect(memory.entries("restart")).toMatchObject([{ who: null, container: { name: container.name } }]);
    expect(memory.entries("gap")).toHaveLength(1);
    expect(memory.entries("gap")[0]?.message).toContain("a was out of contact");
  });
});

describe("whether an end was requested", () => {
  const minutes = (count: number) => count * 60;
  it.each<[string, readonly (readonly [string, number, Partial<ContainerEvent>?])[], readonly boolean[]]>([
    [
      "a crash loop after a restart: the first end alone",
      [
        ["kill", 0, { signal: 15 }],
        ["die", 2],
        ["stop", 2],
        ["start", 3],
        ["restart", 3],
        ["die", 4],
        ["start", 5],
        ["die", 6],
      ],
      [true, false, false],
    ],
    [
      "a worker that drains for long",
      [
        ["kill", 0, { signal: 15 }],
        ["die", minutes(29)],
      ],
      [true],
    ],
    [
      "a signal of long ago",
      [
        ["kill", 0, { signal: 15 }],
        ["die", minutes(31)],
      ],
      [false],
    ],
    [
      "a signal that is no end (HUP)",
      [
        ["kill", 0, { signal: 1 }],
        ["die", 1],
        ["start", 2],
        ["die", 3],
      ],
      [false, false],
    ],
    [
      "a container's own StopSignal (WINCH)",
      [
        ["kill", 0, { signal: 28 }],
        ["die", 1],
        ["stop", 1],
        ["die", 5],
      ],
      [true, false],
    ],
    [
      "the same, reported in the other order",
      [
        ["kill", 0, { signal: 28 }],
        ["stop", 1],
        ["die", 1],
        ["die", 5],
      ],
      [true, false],
    ],
    [
      "another signal while it drains",
      [
        ["kill", 0, { signal: 15 }],
        ["kill", 5, { signal: 10 }],
        ["die", 70],
      ],
      [true],
    ],
    [
      "killed at the end of its time",
      [
        ["kill", 0, { signal: 28 }],
        ["kill", 10, { signal: 9 }],
        ["die", 10],
        ["stop", 10],
      ],
      [true],
    ],
    [
      "a signal of an unknown number",
      [
        ["kill", 0],
        ["die", 1],
      ],
      [true],
    ],
  ])("%s", (_what, events, requested) => {
    const memory = createTimelineMemory();
    const recorder = createContainerRecorder(memory);
    for (const [action, second, more] of events) recorder.onEvent(event(action, second, more));
    const deaths = memory.entries("container_death");
    expect(deaths.map((one) => one.requested)).toEqual(requested);
    expect(deaths.map(({ message }) => message.includes("nobody requested"))).toEqual(requested.map((one) => !one));
  });
});

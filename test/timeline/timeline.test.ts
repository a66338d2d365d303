import * as fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { ContainerEvent } from "../../src/containers/events.ts";
import { rememberContainers } from "../../src/timeline/containers.ts";
import { createStateLog, createTimelineMemory } from "../../src/timeline/memory.ts";
import { rememberHosts, rememberQueues } from "../../src/timeline/samples.ts";
import { mergeRestarts, orderEntries, type TimelineEntry, toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { createMemorySources, sampleContainer, sampleHost, sampleQueue } from "../support/memory-sources.ts";

const at = (second: number) => new Date(Date.UTC(2026, 0, 13, 9, 0, second)).toISOString().replace(".000Z", "Z");
const signal = new AbortController().signal;
const entry = (second: number, more: Partial<TimelineEntry> = {}) =>
  toEntry({ kind: "deploy", time: at(second), message: String(second), ...more });

describe("the order of a timeline", () => {
  it("has the newest of a range first", () => {
    const second = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(fc.array(second), second, second, (seconds, a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const range = { from: Date.parse(at(from)), to: Date.parse(at(to)) };
        const entries = orderEntries(
          seconds.map((one) => entry(one)),
          range,
        );
        const expected = seconds.filter((one) => one >= from && one <= to).toSorted((x, y) => y - x);
        expect(entries.map(({ message }) => Number(message))).toEqual(expected);
      }),
    );
  });

  it("is that of the engines' nanoseconds within a second", () => {
    const times = ["09:00:00.000000002Z", "09:00:00.000000001Z", "08:59:59.9Z", "09:00:01Z"].map((time) => `2026-01-13T${time}`);
    const range = { from: Date.parse(at(-10)), to: Date.parse(at(10)) };
    const entries = orderEntries(
      times.map((time) => entry(0, { time })),
      range,
    );
    expect(entries.map(({ time }) => times.indexOf(time))).toEqual([3, 0, 1, 2]);
  });

  it("has a restart once, of the audit record, though its engine tells of it too", () => {
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

  it("has the restart that is nearest in time, up to a minute away, and each once", () => {
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

  it("has of such a restart what only the engine knows: role, release and kind of the container", () => {
    const container = toTimelineContainer(sampleContainer());
    const audited = { ...container, role: null, version: null, kind: null };
    const restart = (who: string | null, more: Partial<TimelineEntry>) => entry(10, { kind: "restart", who, ...more });
    const merged = mergeRestarts([restart("kim", { container: audited })], [restart(null, { container, env: "staging" })]);
    expect(merged).toEqual([restart("kim", { container, env: "staging" })]);
  });
});

describe("the memory", () => {
  it("keeps the newest 1,000 of each kind, says how far that reaches, and no other kind pays for it", () => {
    const memory = createTimelineMemory();
    memory.add(entry(0, { kind: "oom_kill" }));
    for (let index = 0; index < 1002; index += 1) memory.add(entry(index, { kind: "health" }));
    expect([memory.entries("health").length, memory.forgottenUntil("health", () => true)]).toEqual([1000, at(1)]);
    expect([memory.entries("oom_kill").length, memory.forgottenUntil("oom_kill", () => true)]).toEqual([1, null]);
  });

  it("forgets of one environment, and of one engine's gaps, without a word to the others", () => {
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

  it("has the first 1,000 subjects, each since it was first seen, and states of the first 5,000", () => {
    const memory = createTimelineMemory();
    const begin = (name: string, second: number) => memory.begin("queue_state", { name, env: null, since: at(second) });
    begin("s0", 1);
    begin("s0", 2);
    for (let index = 1; index <= 1000; index += 1) begin(`s${index}`, 3);
    begin("s5", 4);
    const begun = memory.begun("queue_state");
    expect([begun.length, begun[0]?.since, begun.at(-1)]).toEqual([1000, at(1), { name: "s999", env: null, since: at(3) }]);
    expect(memory.begun("host_alert")).toEqual([]);

    const log = createStateLog(memory, "host_alert", "ok");
    const sample = (subject: number, state: string, second: number) =>
      log.sample(`h${subject}`, state, at(second), () => ({ message: `h${subject}` }));
    for (let index = 0; index <= 5000; index += 1) sample(index, "ok", 1);
    sample(4999, "down", 2);
    sample(5000, "down", 2);
    expect(memory.entries("host_alert").map(({ message }) => message)).toEqual(["h4999"]);
  });

  it("replaces an entry where it is, and nothing that it has forgotten", () => {
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

  it("finds each change between samples, with the time in which it happened", () => {
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
const event = (action: string, second: number, more: Partial<ContainerEvent> = {}): ContainerEvent => ({
  time: `${at(second).slice(0, -1)}.123456789Z`,
  action,
  exitCode: null,
  signal: null,
  health: null,
  previousName: null,
  container,
  ...more,
});

describe("what engines tell", () => {
  it("is remembered from the first list on that they answered; ends by themselves and ends that were asked for are told apart", async () => {
    const { sources, board } = createMemorySources({
      engines: [
        { name: "a", ok: true, error: null },
        { name: "b", ok: false, error: null },
      ],
    });
    const memory = createTimelineMemory();
    const stop = new AbortController();
    const source = rememberContainers(sources.containers, memory, stop.signal);
    expect(memory.begun("container_death")).toEqual([]);
    await source.list(signal);
    expect(memory.begun("container_death").map(({ name }) => name)).toEqual(["a"]);
    const others = sampleContainer({ name: "other" });
    for (const told of [
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
      board.publish(told);
    board.interrupt("a");
    await expect.poll(() => memory.entries("gap").length).toBe(1);
    expect(memory.entries("container_death").map(({ time, message, requested }) => [time, message, requested])).toEqual([
      [event("", 1).time, `${container.name} ended with exit code 137, which nobody asked for`, false],
      [event("", 11).time, `${container.name} ended with exit code 0 after signal 15`, true],
      [event("", 12).time, "other ended with exit code 1, which nobody asked for", false],
      // So long after the signal it is no answer to it.
      [event("", 100).time, `${container.name} ended with exit code 2, which nobody asked for`, false],
    ]);
    expect(memory.entries("oom_kill")).toHaveLength(1);
    expect(memory.entries("health")).toMatchObject([{ from: "healthy", to: "unhealthy", env: "staging" }]);
    expect(memory.entries("restart")).toMatchObject([{ who: null, container: { name: container.name } }]);
    expect(memory.entries("gap")[0]?.message).toContain("a was not heard");
    stop.abort();
    await expect.poll(() => board.readers).toBe(0);
  });
});

describe("whether an end was asked for", () => {
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
      "the same, told in the other order",
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
      "a signal that is not told",
      [
        ["kill", 0],
        ["die", 1],
      ],
      [true],
    ],
  ])("%s", async (_what, told, requested) => {
    const { sources, board } = createMemorySources();
    const memory = createTimelineMemory();
    const stop = new AbortController();
    rememberContainers(sources.containers, memory, stop.signal);
    await expect.poll(() => board.readers).toBe(1);
    for (const [action, second, more] of told) board.publish(event(action, second, more));
    board.publish(event("oom", 9999));
    await expect.poll(() => memory.entries("oom_kill").length).toBe(1);
    const deaths = memory.entries("container_death");
    expect(deaths.map((one) => one.requested)).toEqual(requested);
    expect(deaths.map(({ message }) => message.includes("nobody asked"))).toEqual(requested.map((one) => !one));
    stop.abort();
  });
});

describe("what is seen while somebody asks", () => {
  it("is how hosts change", async () => {
    const memory = createTimelineMemory();
    const { sources } = createMemorySources();
    const steps = [
      sampleHost(),
      sampleHost({ alert: true, cpuUtil: 0.97 }),
      sampleHost({ status: "down", alert: true }),
      sampleHost(),
    ];
    let step = -1;
    const hosts = rememberHosts(
      {
        ...sources.hosts,
        report: async () => ({ hosts: [steps[++step] ?? sampleHost()], thresholds: sources.thresholds, updatedAt: at(step) }),
      },
      memory,
      "staging",
    );
    for (const _ of steps) await hosts.report(signal);
    expect(memory.entries("host_alert").map(({ message, after, env }) => [message, after, env])).toEqual([
      ["Host staging-host-1 is hot: CPU 97 %, memory 64 %, was ok", at(0), "staging"],
      ["Host staging-host-1 is down, was alert", at(1), "staging"],
      ["Host staging-host-1 is well, was down", at(2), "staging"],
    ]);
    expect(memory.begun("host_alert")).toEqual([{ name: "prometheus", env: "staging", since: at(0) }]);
  });

  it("is how queues change; idle is well, and the same answer is no new sample", async () => {
    const memory = createTimelineMemory();
    const { sources } = createMemorySources({ queueSources: [{ name: "jobs", env: "staging", metrics: [], errors: [] }] });
    const figures = [
      { processedPerSec: 1, depth: 1 },
      { processedPerSec: 0 },
      { paused: true },
      { paused: true },
      { processedPerSec: 1, depth: 1 },
    ].map((more, index) => [sampleQueue({ name: "mail", observedAt: at(index), ...more })]);
    const [source] = await sources.queues.all(signal);
    let step = 0;
    const one = { ...source, metrics: async () => figures[step] } as never;
    const queues = rememberQueues({ ...sources.queues, all: async () => [one] }, memory, null);
    for (step = 0; step < figures.length; step += 1) {
      await (await queues.all(signal))[0]?.metrics(signal);
      await (await queues.all(signal))[0]?.metrics(signal);
    }
    expect((await queues.all(signal))[0]).toBe((await queues.all(signal))[0]);
    expect(memory.entries("queue_state").map(({ message, time, after, env }) => [message, time, after, env])).toEqual([
      ["Queue mail is paused, was ok", at(2), at(1), "staging"],
      ["Queue mail is ok, was paused", at(4), at(3), "staging"],
    ]);
  });

  it("is of each queue and each host by itself, from the first sample on, where its source is", async () => {
    const memory = createTimelineMemory();
    const queueSources = [
      { name: "jobs", env: "staging" as const, metrics: [], errors: [] },
      { name: "other", metrics: [], errors: [] },
    ];
    const { sources } = createMemorySources({ queueSources });
    const [jobs, other] = await sources.queues.all(signal);
    let second = 0;
    const sample = (source: string, name: string, paused: boolean) =>
      sampleQueue({ name, source, paused, observedAt: at(second) });
    const answer = (given: typeof jobs, ...names: readonly string[]) => {
      const name = given?.name ?? "";
      return { ...given, metrics: async () => names.map((queue) => sample(name, queue, queue === "mail")) } as never;
    };
    const all = async () => [answer(jobs, "mail", "calls"), answer(other, "mail")];
    const queues = rememberQueues({ ...sources.queues, all }, memory, "production");
    for (second = 1; second <= 2; second += 1) for (const source of await queues.all(signal)) await source.metrics(signal);
    const paused = { time: at(1), after: null, from: null, to: "paused", message: "Queue mail is paused" };
    expect(memory.entries("queue_state")).toEqual([
      toEntry({ ...paused, kind: "queue_state", env: "staging", queue: { name: "mail", source: "jobs" } }),
      toEntry({ ...paused, kind: "queue_state", env: "production", queue: { name: "mail", source: "other" } }),
    ]);
    expect(memory.begun("queue_state")).toEqual([
      { name: "jobs", env: "staging", since: at(1) },
      { name: "other", env: "production", since: at(1) },
    ]);

    const hot = { alert: true, cpuUtil: null, memUtil: 0.876 };
    const report = [
      sampleHost({ name: "a" }),
      sampleHost({ name: "b", ...hot }),
      sampleHost({ name: "c", status: "down", cpuUtil: null, memUtil: null }),
    ];
    const found = { hosts: report, thresholds: sources.thresholds, updatedAt: at(1) };
    const hosts = rememberHosts({ ...sources.hosts, report: async () => found }, memory, null);
    expect(await hosts.report(signal)).toBe(found);
    const seen = { kind: "host_alert", time: at(1) } as const;
    expect(memory.entries("host_alert")).toEqual([
      toEntry({ ...seen, to: "alert", host: "b", message: "Host b is hot: CPU unknown, memory 88 %" }),
      toEntry({ ...seen, to: "down", host: "c", message: "Host c is down" }),
    ]);
  });

  it("is no change where an answer comes again, or is older than the last", async () => {
    const memory = createTimelineMemory();
    const { sources } = createMemorySources({ queueSources: [{ name: "jobs", metrics: [], errors: [] }] });
    const [source] = await sources.queues.all(signal);
    const paused = [sampleQueue({ name: "mail", paused: true, observedAt: at(5) })];
    const early = [sampleQueue({ name: "mail", depth: 1, observedAt: at(4) })];
    const late = [sampleQueue({ name: "mail", depth: 1, observedAt: at(6) })];
    const answers = [paused, paused, early, late];
    let step = -1;
    const one = { ...source, metrics: async () => answers[++step] } as never;
    const begin = vi.spyOn(memory, "begin");
    const queues = rememberQueues({ ...sources.queues, all: async () => [one] }, memory, null);
    const given = [];
    for (const _ of answers) given.push(await (await queues.all(signal))[0]?.metrics(signal));
    expect(given).toEqual(answers);
    expect(begin).toHaveBeenCalledTimes(3);
    expect(memory.entries("queue_state").map(({ time, after, to }) => [time, after, to])).toEqual([
      [at(5), null, "paused"],
      [at(6), at(5), "ok"],
    ]);
  });
});

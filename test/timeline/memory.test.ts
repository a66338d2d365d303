import { describe, expect, it } from "vitest";
import type { ContainerEvent } from "../../src/containers/events.ts";
import { createEnds, createStateLog, createTimelineMemory } from "../../src/timeline/memory.ts";
import {
  mergeRestarts,
  orderEntries,
  type TimelineEntry,
  toEntry,
  toTimelineContainer,
} from "../../src/timeline/timeline.ts";
import { sampleContainer } from "../support/containers.ts";
import { finish } from "../support/steps.ts";

const begin = Date.parse("2026-01-13T09:00:00Z");
const at = (ms: number) => new Date(begin + ms).toISOString();
const container = sampleContainer({ name: "web" });

describe("the end of a container", () => {
  const drain = 1_800_000;
  /** Events as "action ms", a signal or an exit code behind it; and the ends that come of them. */
  function endsOf(...steps: readonly string[]) {
    const memory = createTimelineMemory();
    const take = createEnds(memory);
    for (const step of steps) {
      const [action = "", ms, number, name = "web"] = step.split(" ");
      const value = number === undefined || number === "?" ? null : Number(number);
      take({
        action,
        time: at(Number(ms)),
        signal: action === "kill" ? value : null,
        exitCode: action === "die" ? value : null,
        health: null,
        previousName: null,
        container: sampleContainer({ name }),
      } satisfies ContainerEvent);
    }
    return memory.entries("container_death").map(({ message, requested }) => `${message} ${requested}`);
  }
  const alone = (code: string) => `web ended with exit code ${code}, which nobody requested false`;
  const asked = (code: string, signal: string) => `web ended with exit code ${code} after signal ${signal} true`;

  it.each<[string, string[], string[]]>([
    ["by itself", ["die 0 1"], [alone("1")]],
    ["of no known code", ["die 0"], [alone("?")]],
    ["stopped", ["kill 0 15", "die 5 143", "stop 6"], [asked("143", "15")]],
    ["killed by no known signal", ["kill 0 ?", "die 5 137"], [asked("137", "?")]],
    ...[2, 3, 6, 9, 15].map((signal): [string, string[], string[]] => [
      `by signal ${signal}`,
      [`kill 0 ${signal}`, "die 5 1"],
      [asked("1", String(signal))],
    ]),
    ...[1, 10, 12, 14].map((signal): [string, string[], string[]] => [
      `after the word ${signal}`,
      [`kill 0 ${signal}`, "die 5 1"],
      [alone("1")],
    ]),
    ["by its own signal, stopped before", ["kill 0 10", "stop 4", "die 5 0"], [asked("0", "10")]],
    ["by its own signal, stopped after", ["kill 0 10", "die 4 0", "stop 5"], [asked("0", "10")]],
    ["twice after one signal", ["kill 0 15", "die 4 0", "die 5 1"], [asked("0", "15"), alone("1")]],
    ["twice, stopped once", ["kill 0 10", "die 4 0", "stop 5", "die 6 1"], [asked("0", "10"), alone("1")]],
    ["that drains, and gets a word", ["kill 0 15", "kill 3 10", "die 5 0"], [asked("0", "15")]],
    ["that drains, and is killed", ["kill 0 15", "kill 3 9", "die 5 137"], [asked("137", "9")]],
    ["that got a word, and is killed", ["kill 0 10", "kill 3 9", "die 5 137"], [asked("137", "9")]],
    ["half an hour after the signal", ["kill 0 15", `die ${drain} 0`], [asked("0", "15")]],
    ["later than that", ["kill 0 15", `die ${drain + 1} 0`], [alone("0")]],
    ["late, with a word in between", ["kill 0 15", `kill ${drain + 1} 10`, `die ${drain + 2} 0`], [alone("0")]],
    ["after a stop alone", ["stop 0", "die 1 0"], [alone("0")]],
    ["beside another that is stopped", ["kill 0 15 other", "die 5 1"], [alone("1")]],
    ["with a word after it", ["kill 0 10", "die 1 0", "kill 2 10", "stop 3"], [alone("0")]],
  ])("%s", (_, steps, expected) => {
    expect(endsOf(...steps)).toEqual(expected);
  });

  it.each([
    [999, true],
    [1000, false],
  ])("after the signals of %i others is known as requested: %s", (count, requested) => {
    const others = Array.from({ length: count }, (_, index) => `kill 1 15 other-${index}`);
    expect(endsOf("kill 0 15", ...others, "die 2 0")).toEqual([requested ? asked("0", "15") : alone("0")]);
  });

  it("has its container and its group", () => {
    const memory = createTimelineMemory();
    const event = {
      action: "die",
      time: at(0),
      signal: null,
      exitCode: 3,
      health: null,
      previousName: null,
      container,
    };
    createEnds(memory)(event);
    expect(memory.entries("container_death")).toEqual([
      toEntry({
        kind: "container_death",
        time: at(0),
        message: "web ended with exit code 3, which nobody requested",
        service: container.service,
        destination: container.destination,
        env: container.env,
        container: toTimelineContainer(container),
        exitCode: 3,
        requested: false,
      }),
    ]);
  });
});

describe("the memory of a timeline", () => {
  const entry = (ms: number, change: Partial<TimelineEntry> = {}) =>
    toEntry({ kind: "gap", time: at(ms), message: String(ms), env: "staging", ...change });
  const times = (entries: readonly TimelineEntry[]) => entries.map(({ message }) => Number(message));

  it("has the last thousand of each place, and their start", () => {
    const memory = createTimelineMemory();
    for (let ms = 0; ms < 1000; ms++) memory.add(entry(ms));
    expect([memory.entries("gap").length, memory.forgottenUntil("gap", () => true)]).toEqual([1000, null]);
    memory.add(entry(1000));
    memory.add(entry(1001));
    memory.add(entry(5, { env: "production" }));
    memory.add(entry(6, { engine: "one" }));
    expect(times(memory.entries("gap"))).toEqual([...Array.from({ length: 1000 }, (_, index) => index + 2), 5, 6]);
    expect(memory.forgottenUntil("gap", () => true)).toBe(at(1));
    expect(memory.forgottenUntil("gap", ({ env }) => env === "production")).toBeNull();
    expect(memory.forgottenUntil("health", () => true)).toBeNull();
    expect(memory.entries("health")).toEqual([]);
    for (let ms = 0; ms < 1100; ms++) memory.add(entry(ms, { env: "production" }));
    // The latest time of what these places forgot.
    expect(memory.forgottenUntil("gap", () => true)).toBe(at(99));
    expect(memory.forgottenUntil("gap", ({ env }) => env === "staging")).toBe(at(1));
  });

  it("is in the order of time, whatever comes first", () => {
    const memory = createTimelineMemory();
    for (const ms of [5, 3, 9, 3, 4]) memory.add(entry(ms));
    expect(times(memory.entries("gap"))).toEqual([3, 3, 4, 5, 9]);
    for (let ms = 10; ms < 1006; ms++) memory.add(entry(ms));
    // Older than all that are left: the newest forgotten one counts.
    memory.add(entry(1));
    expect([times(memory.entries("gap"))[0], memory.forgottenUntil("gap", () => true)]).toEqual([3, at(3)]);
  });

  it("replaces the exact entry, and nothing that was dropped", () => {
    const memory = createTimelineMemory();
    const [one, same] = [entry(1), entry(1)];
    memory.add(one);
    memory.add(same);
    memory.replace(same, entry(7));
    memory.replace(entry(1), entry(8));
    expect(times(memory.entries("gap"))).toEqual([1, 7]);
    memory.replace(one, entry(9));
    expect(times(memory.entries("gap"))).toEqual([9, 7]);
  });

  it("has a thousand subjects with the time since they are covered", () => {
    const memory = createTimelineMemory();
    expect(memory.begun("gap")).toEqual([]);
    for (let index = 0; index <= 1000; index++)
      memory.begin("gap", { name: String(index), env: null, since: at(index) });
    memory.begin("gap", { name: "0", env: null, since: at(9) });
    memory.begin("health", { name: "x", env: null, since: at(7) });
    expect(memory.begun("gap")).toHaveLength(1000);
    expect(memory.begun("gap")[0]).toEqual({ name: "0", env: null, since: at(0) });
    expect(memory.begun("health")).toEqual([{ name: "x", env: null, since: at(7) }]);
  });
});

describe("a log of states", () => {
  it("has the changes of each subject, and a first state unless healthy", () => {
    const memory = createTimelineMemory();
    const log = createStateLog(memory, "queue_state", "ok");
    const sample = (subject: string, state: string, ms: number) =>
      log.sample(subject, state, at(ms), (from) => ({ message: `${subject} ${from} ${state}` }));
    sample("a", "ok", 0);
    sample("b", "bad", 0);
    sample("a", "bad", 5);
    sample("a", "bad", 6);
    sample("a", "ok", 6);
    sample("a", "ok", 3);
    sample("a", "ok", 8);
    const shown = memory
      .entries("queue_state")
      .map(({ kind, time, after, from, to, message }) => ({ kind, time, after, from, to, message }));
    expect(shown).toEqual([
      { kind: "queue_state", time: at(0), after: null, from: null, to: "bad", message: "b null bad" },
      { kind: "queue_state", time: at(5), after: at(0), from: "ok", to: "bad", message: "a ok bad" },
      { kind: "queue_state", time: at(8), after: at(6), from: "bad", to: "ok", message: "a bad ok" },
    ]);
  });

  it("has the states of 5000 subjects", () => {
    const memory = createTimelineMemory();
    const log = createStateLog(memory, "queue_state", "ok");
    const sample = (subject: number, state: string, ms: number) =>
      log.sample(String(subject), state, at(ms), () => ({ message: `${subject} ${state}` }));
    for (let subject = 0; subject <= 5000; subject++) sample(subject, "ok", 0);
    for (const subject of [0, 4999, 5000]) sample(subject, "bad", 1);
    expect(memory.entries("queue_state").map(({ message }) => message)).toEqual(["0 bad", "4999 bad"]);
  });
});

describe("a timeline", () => {
  it("has the entries of both ends of its range", () => {
    const entries = [0, 1, 2, 3].map((ms) => toEntry({ kind: "deploy", time: at(ms), message: String(ms) }));
    const order = (from: number, to: number) =>
      finish(orderEntries(entries, { from: begin + from, to: begin + to }))
        .map(({ message }) => message)
        .join();
    expect([order(1, 2), order(0, 3), order(4, 9)]).toEqual(["2,1", "3,2,1,0", ""]);
  });

  it("has one restart of two that are a minute apart", () => {
    const seen = toTimelineContainer(container);
    const known = { ...seen, role: null, version: null, kind: null };
    const audited = (ms: number, env: "production" | null = null) =>
      toEntry({ kind: "restart", time: at(ms), message: "audited", who: "kim", env, container: known });
    const reported = (ms: number) =>
      toEntry({
        kind: "restart",
        time: at(ms),
        message: `reported ${ms}`,
        service: "s",
        destination: "d",
        env: "staging",
        container: seen,
      });
    expect(mergeRestarts([audited(0)], [reported(60_000)])).toEqual([
      { ...audited(0), service: "s", destination: "d", env: "staging", container: seen },
    ]);
    expect(mergeRestarts([audited(60_000, "production")], [reported(0)])[0]).toMatchObject({
      env: "production",
      container: seen,
    });
    expect(mergeRestarts([audited(0)], [reported(60_001)])).toEqual([audited(0), reported(60_001)]);
    // The nearest one.
    expect(
      mergeRestarts([audited(1000)], [reported(0), reported(1500), reported(3000)]).map(({ message }) => message),
    ).toEqual(["audited", "reported 0", "reported 3000"]);
  });
});

import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { silentLogger } from "../../src/lib/logger.ts";
import { createStateLog, type TimelineMemory } from "../../src/timeline/memory.ts";
import { createSharedTimeline, isRecorded } from "../../src/timeline/shared.ts";
import {
  type TimelineEntry,
  type TimelineKind,
  timelineKinds,
  toEntry,
  toSubject,
} from "../../src/timeline/timeline.ts";
import { sampleContainer } from "../support/containers.ts";
import { createTimelineTables } from "../support/timeline-store.ts";

const begin = Date.parse("2026-01-13T09:00:00Z");
const at = (second: number) => new Date(begin + second * 1000).toISOString();
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date", "performance"], now: begin }));
afterEach(() => void vi.useRealTimers());
const moveTo = (second: number) => {
  vi.advanceTimersByTime(Math.max(0, begin + second * 1000 - Date.now()));
};

function createStage() {
  const tables = createTimelineTables();
  const open = (days = 90) => createSharedTimeline({ store: tables.store, logger: silentLogger, days });
  return { ...tables, open };
}
const death = (second: number, more: Partial<TimelineEntry> = {}) => {
  const { fullId, id, name, engine, role, version, kind } = sampleContainer({ name: "web" });
  const container = { fullId, id, name, engine, role, version, kind };
  return toEntry({ kind: "container_death", time: at(second), message: "died", env: "staging", container, ...more });
};
const change = (from: string | null, to: string, after: number | null, second: number, name = "mail") =>
  toEntry({
    kind: "queue_state",
    time: at(second),
    after: after === null ? null : at(after),
    message: `${name} is ${to}`,
    env: "staging",
    queue: { name, source: "jobs" },
    from,
    to,
  });
const mail = toSubject({ kind: "queue_state", queue: { name: "mail", source: "jobs" }, host: null });
const all = (timeline: TimelineMemory) => timelineKinds.flatMap((kind) => timeline.entries(kind));

describe("gateways that share a timeline", () => {
  it("have an engine's event once, wherever it was observed", async () => {
    const stage = createStage();
    const [one, two, three] = [stage.open(), stage.open(), stage.open()];
    for (const each of [one, two]) each.add(death(1));
    two.add(death(2));
    expect(all(one)).toEqual([death(1)]);
    for (const each of [one, two, three, one]) await each.sync();
    for (const each of [one, two, three]) expect(all(each)).toEqual([death(1), death(2)]);
    // An observer that is late.
    three.add(death(1));
    expect(all(three)).toEqual([death(1), death(2)]);
    await three.sync();
    expect(stage.rows).toHaveLength(2);
  });

  it("have a change once that each of them sampled", async () => {
    const stage = createStage();
    const [one, two] = [stage.open(), stage.open()];
    one.add(change("ok", "failing", 1, 10));
    two.add(change("ok", "failing", 4, 14));
    await one.sync();
    one.add(change("failing", "ok", 20, 30));
    for (const each of [two, one, two]) await each.sync();
    two.add(change("failing", "ok", 24, 34));
    await two.sync();
    for (const each of [one, two])
      expect(all(each)).toEqual([change("ok", "failing", 1, 10), change("failing", "ok", 20, 30)]);
  });

  it("know what was before their start, and do not call it complete", async () => {
    const stage = createStage();
    const first = stage.open();
    first.begin("gap", { name: "web-1", env: "staging", since: at(0) });
    first.add(death(1));
    first.add(toEntry({ kind: "gap", time: at(2), message: "out of contact", engine: "web-1" }));
    await first.sync();
    const later = stage.open();
    expect(later.note()).toBe("what gateways share has not been read yet");
    await later.sync();
    expect([later.note(), all(later)]).toEqual(["what came before is from other gateways", [death(1)]]);
    later.begin("gap", { name: "web-1", env: "staging", since: at(9) });
    await later.sync();
    expect(later.begun("gap")).toEqual([{ name: "web-1", env: "staging", since: at(9) }]);
    expect(first.entries("gap")).toHaveLength(1);
  });

  it("lose nothing while it cannot be written, and write it once", async () => {
    const stage = createStage();
    const [one, two] = [stage.open(), stage.open()];
    one.add(death(1));
    stage.fail("fails");
    await one.sync();
    expect([one.note(), all(one)]).toEqual(["The shared state cannot be read: away", [death(1)]]);
    one.add(death(2));
    // This one was made.
    stage.fail("is lost");
    await one.sync();
    expect(one.note()).toContain("away");
    expect(all(one)).toEqual([death(1), death(2)]);
    for (const each of [one, two]) await each.sync();
    expect([one.note(), stage.rows.length]).toEqual(["what came before is from other gateways", 2]);
    for (const each of [one, two]) expect(all(each)).toEqual([death(1), death(2)]);
  });

  it.each([
    ["and nothing was written since", 0],
    ["and others have written as much since", 2],
  ])("write again what their database lost, %s", async (_, others) => {
    const stage = createStage();
    const [one, two] = [stage.open(), stage.open()];
    for (let second = 1; second <= 4; second++) one.add(death(second));
    await one.sync();
    stage.loseEnd(2);
    for (let second = 5; second < 5 + others; second++) two.add(death(second));
    await two.sync();
    one.add(death(9));
    for (const each of [one, two]) await each.sync();
    const expected = [1, 2, 3, 4, ...Array.from({ length: others }, (__, index) => 5 + index), 9].map((second) =>
      death(second),
    );
    for (const each of [one, two]) expect(all(each)).toEqual(expected);
    expect(stage.rows).toHaveLength(expected.length);
  });

  it("know of an end that it was requested once one of them knows", async () => {
    const stage = createStage();
    const [one, two, three] = [stage.open(), stage.open(), stage.open()];
    const requested = death(1, { requested: true });
    for (const each of [one, two]) each.add(death(1));
    for (const each of [one, two, three]) await each.sync();
    two.replace(death(1), requested);
    expect(all(two)).toEqual([requested]);
    for (const each of [two, one, three]) await each.sync();
    three.add(death(1));
    for (const each of [three, one]) await each.sync();
    for (const each of [one, two, three]) expect(all(each)).toEqual([requested]);
  });

  /**
   * Samples of gateways in their order: `a ok 5` is that gateway a samples ok at second 5; `sync`
   * is one of all.
   */
  async function sampled(isShared: boolean, ...steps: readonly string[]) {
    const stage = createStage();
    const open = () => {
      const timeline = stage.open();
      return { timeline, log: createStateLog(timeline, "queue_state", "ok") };
    };
    const gateways = new Map<string, ReturnType<typeof open>>();
    const syncAll = async () => {
      for (let round = 0; round < 2; round += 1) for (const { timeline } of gateways.values()) await timeline.sync();
    };
    for (const step of steps) {
      const [who = "", state = "", second = "0"] = step.split(" ");
      if (who !== "sync" && !gateways.has(who)) {
        gateways.set(who, open());
        await gateways.get(who)?.timeline.sync();
      }
      if (who === "sync") await syncAll();
      const toChange = () => ({ message: "", env: "staging" as const, queue: { name: "mail", source: "jobs" } });
      gateways.get(who)?.log.sample(mail, state, at(Number(second)), toChange, isShared);
    }
    await syncAll();
    const seen = [...gateways.values()].map(({ timeline }) =>
      all(timeline).map(({ from, to, after, time }) =>
        [from, to, after && Date.parse(after) / 1000 - begin / 1000, Date.parse(time) / 1000 - begin / 1000]
          .filter((part) => part !== null)
          .join(" "),
      ),
    );
    return { first: seen[0], others: seen.slice(1) };
  }
  it.each<[string, string[], string[]]>([
    [
      "is seen by one, and its end by another",
      ["a ok 1", "b ok 2", "a stalled 5", "sync", "b ok 9"],
      ["ok stalled 1 5", "stalled ok 5 9"],
    ],
    [
      "comes again",
      ["a ok 1", "a failing 5", "sync", "b ok 9", "sync", "a failing 12"],
      ["ok failing 1 5", "failing ok 5 9", "ok failing 9 12"],
    ],
    [
      "ended before the other knew of it",
      ["a ok 1", "b ok 2", "a stalled 5", "b ok 9", "sync", "b ok 14"],
      ["ok stalled 1 5", "stalled ok 5 9"],
    ],
    ["ended while no gateway was there", ["a failing 1", "sync", "c ok 9"], ["failing 1", "failing ok 1 9"]],
    [
      "is sampled by all at times of their own",
      ["a ok 1", "b ok 2", "a failing 5", "b failing 6", "sync", "b ok 9", "a ok 10"],
      ["ok failing 1 5", "failing ok 5 10"],
    ],
    ["is older than what is known", ["a ok 1", "a failing 9", "sync", "b ok 7"], ["ok failing 1 9"]],
  ])("have one history of a state that %s", async (_, steps, expected) => {
    const { first, others } = await sampled(true, ...steps);
    expect(first).toEqual(expected);
    for (const other of others) expect(other).toEqual(first);
  });

  it("compare a state that each computes from its own samples with its own", async () => {
    const { first } = await sampled(false, "a ok 1", "a failing 5", "sync", "b ok 9", "b ok 12", "a failing 15");
    expect(first).toEqual(["ok failing 1 5"]);
  });

  it("forget what is older than their days", async () => {
    const stage = createStage();
    const one = stage.open(2);
    one.add(death(0));
    one.add(death(86_400));
    await one.sync();
    moveTo(3 * 86_400 - 1);
    await one.sync();
    expect(all(one)).toEqual([death(86_400)]);
    expect(one.forgottenUntil("container_death", () => true)).toBe(at(0));
  });

  it("retain a thousand of each kind while nothing can be written", async () => {
    const stage = createStage();
    const one = stage.open();
    one.add(toEntry({ kind: "oom_kill", time: at(0), message: "oom", host: "h" }));
    for (let second = 0; second < 1003; second++) one.add(death(second));
    expect([one.entries("oom_kill").length, one.entries("container_death").length]).toEqual([1, 1000]);
    expect([one.forgottenUntil("oom_kill", () => true), one.forgottenUntil("container_death", () => true)]).toEqual([
      null,
      at(2),
    ]);
    await one.sync();
    expect(stage.rows).toHaveLength(1001);
    for (let second = 2000; second < 2010; second++) one.add(death(second));
    expect(one.entries("container_death")).toHaveLength(1010);
  });

  it("sync within a second of an event, and every five seconds", async () => {
    vi.useRealTimers();
    const stage = createStage();
    const exchange = vi.spyOn(stage.store, "exchange");
    const [one, two] = [stage.open(), stage.open()];
    const stops = [one.start(), two.start()];
    await vi.waitFor(() => expect(exchange).toHaveBeenCalledTimes(2));
    one.add(death(1));
    await vi.waitFor(() => expect(stage.rows).toHaveLength(1), 3000);
    one.add(death(2));
    // What is left is written at the end.
    await Promise.all(stops.map((stop) => stop()));
    expect(stage.rows).toHaveLength(2);
  });
});

describe("a change of a sampled state", () => {
  const failing = change("ok", "failing", 10, 20);
  const ok = change("failing", "ok", 20, 30);
  it.each<[string, TimelineEntry, TimelineEntry[], boolean]>([
    ["without others is new", failing, [], false],
    ["that was sampled a little later is recorded", change("ok", "failing", 12, 25), [failing], true],
    ["that was sampled a little earlier is recorded", change("ok", "failing", 5, 15), [failing], true],
    ["to another state is new", change("ok", "stalled", 12, 25), [failing], false],
    ["after it was another state is new", change("ok", "failing", 30, 40), [failing, ok], false],
    ["in a long span, with another state between, is new", change("ok", "failing", 1, 40), [failing, ok], false],
    ["in a long span is recorded", change("ok", "failing", 1, 40), [failing], true],
    ["that ends as the other begins is new", change("ok", "failing", 1, 10), [failing], false],
    ["that begins as the other ends is new", change("ok", "failing", 20, 29), [failing], false],
    ["of a first sample is recorded", change(null, "failing", null, 25), [failing], true],
    ["of a first sample after another state is new", change(null, "failing", null, 35), [failing, ok], false],
    [
      "before a first sample of another is recorded",
      change("ok", "failing", 5, 10),
      [change(null, "failing", null, 12)],
      true,
    ],
  ])("%s", (_, entry, recorded, expected) => {
    expect(isRecorded(entry, recorded)).toBe(expected);
  });
});

describe("an outage that changes thousands of states at once", () => {
  const many = 1000;
  /** Changes whose subjects are counted each time one is read. */
  const toChanges = (second: number, to: string, onRead: () => void, count = many) =>
    Array.from({ length: count }, (_, index) => {
      const { queue, ...rest } = change("ok", to, second - 5, second, `q${index}`);
      return Object.defineProperty({ ...rest, queue }, "queue", {
        enumerable: true,
        get: () => (onRead(), queue),
      });
    });

  it("is compared in linear time, when it is seen and when it is written", async () => {
    const stage = createStage();
    const one = stage.open();
    let reads = 0;
    const count = () => void (reads += 1);
    for (const entry of toChanges(10, "failing", count)) one.add(entry);
    await one.sync();
    for (const entry of toChanges(20, "stalled", count)) one.add(entry);
    await one.sync();
    // Each with each would be more than a million.
    expect(reads).toBeLessThan(2 * many * 30);
    expect(stage.rows).toHaveLength(2 * many);
  });

  it("is read and written in turns", async () => {
    vi.useRealTimers();
    const stage = createStage();
    const other = stage.open();
    await other.sync();
    const one = stage.open();
    let [turns, reads, most] = [0, 0, 0];
    // Each piece is as slow as a whole slice of the loop.
    const slow = () => {
      for (const end = performance.now() + 1; performance.now() < end;);
      reads += 1;
      most = Math.max(most, reads);
    };
    for (const entry of toChanges(10, "failing", () => {}, 30)) one.add(entry);
    const entries = one.entries("queue_state");
    for (const entry of entries) {
      const { queue } = entry;
      // The table here copies all of them in one piece: not this.
      Object.defineProperty(entry, "queue", { enumerable: false, get: () => (slow(), queue) });
    }
    let isDone = false;
    const loop = () => {
      turns += 1;
      reads = 0;
      if (!isDone) setImmediate(loop);
    };
    setImmediate(loop);
    await one.sync();
    isDone = true;
    expect(turns).toBeGreaterThan(10);
    // Several for each of 30 entries.
    expect(most).toBeLessThan(30);
    expect(stage.rows).toHaveLength(30);
  });
});

type Step =
  | { readonly kind: "event"; readonly seen: readonly boolean[] }
  | { readonly kind: "sample" | "die"; readonly who: number }
  | { readonly kind: "sync"; readonly who: number; readonly fault: "fails" | "is lost" | null };

describe("isRecorded", () => {
  it("agrees with its definition for all spans", () => {
    const span = fc.tuple(fc.constantFrom("ok", "failing"), fc.nat({ max: 8 }), fc.nat({ max: 9 }), fc.boolean());
    const toEntries = ([to, length, end, isFirst]: readonly [string, number, number, boolean]) =>
      change("ok", to, isFirst ? null : end - length - 1, end);
    const toMs = (one: TimelineEntry) => Date.parse(one.time);
    const toBegin = (one: TimelineEntry) => (one.after === null ? Number.NEGATIVE_INFINITY : Date.parse(one.after));
    const isDefined = (entry: TimelineEntry, recorded: readonly TimelineEntry[]) =>
      recorded.some((one) => {
        if (one.to !== entry.to || toBegin(one) >= toMs(entry) || toBegin(entry) >= toMs(one)) return false;
        const [first, last] = [toMs(one), toMs(entry)].toSorted((a, b) => a - b) as [number, number];
        return !recorded.some((between) => between.to !== entry.to && toMs(between) > first && toMs(between) < last);
      });
    fc.assert(
      fc.property(span, fc.array(span, { maxLength: 8 }), (one, others) => {
        const [entry, recorded] = [toEntries(one), others.map(toEntries)];
        expect(isRecorded(entry, recorded)).toBe(isDefined(entry, recorded));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("any schedule", () => {
  const gateways = 3;
  const who = fc.nat({ max: gateways - 1 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      kind: fc.constant("event" as const),
      seen: fc.array(fc.boolean(), { minLength: gateways, maxLength: gateways }),
    }),
    fc.record({ kind: fc.constant("sample" as const), who }),
    fc.record({ kind: fc.constant("sample" as const), who }),
    fc.record({ kind: fc.constant("die" as const), who }),
    fc.record({
      kind: fc.constant("sync" as const),
      who,
      fault: fc.constantFrom(null, null, null, "fails" as const, "is lost" as const),
    }),
  );
  const states = fc.array(fc.constantFrom("ok", "failing", "stalled"), { minLength: 1, maxLength: 12 });

  it("of events, samples, outages and deaths leaves each of them once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        states,
        fc.integer({ min: 1, max: 40 }),
        async (steps, truth, length) => {
          vi.setSystemTime(begin);
          const stage = createStage();
          const stateAt = (second: number) => truth[Math.floor(second / length) % truth.length] as string;
          const open = () => {
            const timeline = stage.open();
            return {
              timeline,
              log: createStateLog(timeline, "queue_state", "ok"),
              own: new Map<string, TimelineEntry>(),
            };
          };
          const live = Array.from({ length: gateways }, open);
          const written = new Map<string, TimelineEntry>();
          for (const [index, each] of steps.entries()) {
            const second = index + 1;
            moveTo(second);
            if (each.kind === "event") {
              for (const [one, isSeen] of each.seen.entries()) {
                if (!isSeen) continue;
                live[one]?.timeline.add(death(second));
                live[one]?.own.set(at(second), death(second));
              }
              continue;
            }
            const gateway = live[each.who] as (typeof live)[number];
            if (each.kind === "die") live[each.who] = open();
            if (each.kind === "sample") {
              const { log } = gateway;
              const toChange = () => ({
                message: "",
                env: "staging" as const,
                queue: { name: "mail", source: "jobs" },
              });
              log.sample(mail, stateAt(second), at(second), toChange, true);
            }
            if (each.kind === "sync") {
              stage.fail(each.fault);
              await gateway.timeline.sync();
              stage.fail(null);
              if (each.fault !== "fails") for (const [time, entry] of gateway.own) written.set(time, entry);
            }
          }
          for (const { timeline, own } of [...live, ...live]) {
            await timeline.sync();
            for (const [time, entry] of own) written.set(time, entry);
          }
          const [first, ...others] = live.map(({ timeline }) => all(timeline));
          for (const other of others) expect(other).toEqual(first);
          const deaths = (first ?? []).filter(({ kind }) => kind === "container_death");
          expect(deaths.map(({ time }) => time)).toEqual([...written.keys()].toSorted());
          const changes = (first ?? []).filter(({ kind }) => kind === ("queue_state" satisfies TimelineKind));
          const toSegment = ({ time }: TimelineEntry) => {
            // Neighbours of the same state are one.
            let nth = Math.floor((Date.parse(time) - begin) / 1000 / length);
            while (nth > 0 && truth[(nth - 1) % truth.length] === truth[nth % truth.length]) nth -= 1;
            return nth;
          };
          for (const one of changes) expect(one.to).toBe(stateAt((Date.parse(one.time) - begin) / 1000));
          expect(new Set(changes.map(toSegment)).size).toBe(changes.length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

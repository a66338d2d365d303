import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStarts } from "../../../../src/containers/docker/engine/events.ts";
import type { Notifier } from "../../../../src/lib/broadcast.ts";
import { engineEvent, fullId } from "../../../support/docker-fake.ts";
import { useFakeSleep } from "../../../support/fake-sleep.ts";

const [a, b] = [fullId("a"), fullId("b")];

describe("a restart that was seen", () => {
  const [since, until] = [new Date("2026-01-13T09:46:00.500Z"), new Date("2026-01-13T09:48:00Z")];

  it.each([
    ["in Docker's order", ["start", "restart"], true],
    ["in Podman's order", ["restart", "start"], true],
    ["as a start alone, by the container's own policy", ["start"], false],
    ["whose start is still to come", ["restart"], false],
    ["as nothing of the kind", ["die", "kill", "stop"], false],
  ] as const)("%s counts: %s", (_, actions, expected) => {
    const starts = createStarts();
    for (const action of actions) starts.record(engineEvent(action, a, { time: "2026-01-13T09:46:01.000000001Z" }));
    expect(starts.hasRestarted(a, since, until)).toBe(expected);
    expect(starts.hasRestarted(b, since, until)).toBe(false);
  });

  it("a restart before the given time does not count", () => {
    const starts = createStarts();
    for (const action of ["start", "restart"])
      starts.record(engineEvent(action, a, { time: "2026-01-13T09:46:00.400000000Z" }));
    starts.record(engineEvent("start", a, { time: "2026-01-13T09:46:02.000000000Z" }));
    expect(starts.hasRestarted(a, since, until)).toBe(false);
  });

  it("a restart after the given period does not count", () => {
    const starts = createStarts();
    for (const action of ["start", "restart"])
      starts.record(engineEvent(action, a, { time: "2026-01-13T09:48:00.100000000Z" }));
    expect(starts.hasRestarted(a, since, until)).toBe(false);
    expect(starts.hasRestarted(a, since, new Date("2026-01-13T09:48:01Z"))).toBe(true);
  });
});

describe("callers that wait for a start", () => {
  let useRealTimers = () => {};
  beforeEach(() => void (useRealTimers = useFakeSleep()));
  afterEach(() => useRealTimers());

  /** Whether each was notified since it was asked last. */
  const notified = async (waiting: readonly Notifier[]) => {
    const begin = performance.now();
    const ends = waiting.map(async (notifier) => {
      await notifier.wait(new AbortController().signal, 50);
      return performance.now() - begin;
    });
    await vi.advanceTimersByTimeAsync(60);
    return (await Promise.all(ends)).map((ms) => ms === 0);
  };

  it("are notified of their container alone, until they leave", async () => {
    const starts = createStarts();
    const start = (id: string) => starts.record(engineEvent("start", id));
    const [first, second] = [new AbortController(), new AbortController()];
    const waiting = [starts.wait(a, first.signal), starts.wait(a, second.signal), starts.wait(b, second.signal)];
    for (const id of [a, a, fullId("c")]) start(id);
    expect(await notified(waiting)).toEqual([true, true, false]);
    expect(await notified(waiting)).toEqual([false, false, false]);
    first.abort();
    start(a);
    start(b);
    starts.record(engineEvent("restart", a));
    expect(await notified(waiting)).toEqual([false, true, true]);
    second.abort();
    start(a);
    expect(await notified(waiting)).toEqual([false, false, false]);
    waiting.push(starts.wait(a, new AbortController().signal));
    start(a);
    expect(await notified(waiting)).toEqual([false, false, false, true]);
  });

  it("are not notified when they have left before", async () => {
    const starts = createStarts();
    const waiting = [starts.wait(a, AbortSignal.abort())];
    starts.record(engineEvent("start", a));
    expect(await notified(waiting)).toEqual([false]);
  });
});

import { describe, expect, it } from "vitest";
import { beginningOf, eventShare, lookBack } from "../../../../../src/queues/systems/redis/bullmq/details.ts";
import { toEvents } from "../../../../../src/queues/systems/redis/bullmq/events.ts";
import type { Look } from "../../../../../src/queues/systems/redis/bullmq/snapshot.ts";

describe("the beginning of a window", () => {
  const now = 10_000_000;
  const ago = (seconds: number) => now - seconds * 1000;
  const event = (seconds: number, name: string, jobId = "7") => [`${ago(seconds)}-0`, ["event", name, "jobId", jobId]];
  const none = { completed: null, failed: null };
  const look = { oldest: none, events: [], oldestEvent: `${ago(9000)}-0`, isTrimmed: true } as unknown as Look;
  const first = { isFirst: true, isJoined: false, limit: 3, now };
  const back = (some: Partial<Look>, moment: Partial<typeof first>, ...replies: unknown[]) =>
    lookBack("bull:q:", { ...look, ...some }, { ...first, ...moment }).parse(replies);

  it("needs few events if the oldest row is from before the window", () => {
    const oldest = { completed: { id: "a", score: ago(301) }, failed: { id: "b", score: ago(3599) } };
    expect(lookBack("bull:q:", { ...look, oldest }, { ...first, limit: 5000 }).commands).toStrictEqual([
      ["xrange", "bull:q:events", ago(299), "+", "COUNT", 50],
      ["xrange", "bull:q:events", ago(3599), "+", "COUNT", 5000],
    ]);
    expect(lookBack("bull:q:", look, { ...first, isFirst: false }).commands).toStrictEqual([]);
  });

  it.each([
    [300, 299, 5000, 5000],
    [299.999, 3599.999, 5000, 5000],
    [300.001, 3600, 50, 50],
  ])("with oldest rows of %d and %d s needs %i and %i events", (done, dead, most, other) => {
    const oldest = { completed: { id: "a", score: ago(done) }, failed: { id: "b", score: ago(dead) } };
    const { commands } = lookBack("bull:q:", { ...look, oldest }, { ...first, limit: 5000 });
    expect(commands.map((command) => command.at(-1))).toStrictEqual([done === 300 ? 50 : most, other]);
  });

  it("includes events from its first moment on, complete if they reach it", () => {
    const begin = now - 299_000;
    const at = (time: number, jobId: string) => [`${time}-0`, ["event", "completed", "jobId", jobId]];
    const { completed } = back({}, {}, [at(begin - 1, "early"), at(begin, "first")], []);
    expect(completed.events.map(({ jobId }) => jobId)).toStrictEqual(["first"]);
    expect(back({ oldestEvent: `${begin}-0` }, {}, [], []).completed.isWhole).toBe(true);
    expect(back({ oldestEvent: `${begin + 1}-0` }, {}, [], []).completed.isWhole).toBe(false);
    expect([beginningOf("completed", now), beginningOf("failed", now)]).toStrictEqual([begin, now - 3_599_000]);
    expect([eventShare(1), eventShare(2), eventShare(100), eventShare(100_000)]).toStrictEqual([10_000, 5000, 100, 1]);
  });

  it("is unknown if all events of one read are of other kinds", () => {
    const events = toEvents(Array.from({ length: 10_000 }, () => event(20, "active")));
    const later = { isFirst: false, isJoined: true };
    expect(back({ events }, later).completed).toStrictEqual({ events: [], isWhole: false });
    expect(back({ events: events.slice(1) }, later).completed).toStrictEqual({ events: [], isWhole: true });
  });

  it("is known by the first event, or if all were read without one", () => {
    const two = [event(200, "active"), event(199, "completed", "8")];
    const { completed, failed } = back({}, {}, two, [
      event(3000, "active"),
      event(2999, "active"),
      event(2998, "active"),
    ]);
    expect(completed).toStrictEqual({
      events: [{ at: ago(199), event: "completed", jobId: "8", prev: "" }],
      isWhole: true,
    });
    expect(failed).toStrictEqual({ events: [], isWhole: false });
    expect(back({}, {}, two, [event(3000, "active")]).failed.isWhole).toBe(true);
  });

  it("is unknown if the stream was trimmed within it", () => {
    const cut = { oldestEvent: `${ago(200)}-0` };
    expect(back(cut, {}, [event(200, "completed")], []).completed.isWhole).toBe(false);
    expect(back({ ...cut, isTrimmed: false }, {}, [event(200, "completed")], []).completed.isWhole).toBe(true);
    expect(back({ oldestEvent: null }, {}, [], []).completed.isWhole).toBe(false);
  });

  it("is known to a later read by the events since the last", () => {
    const events = toEvents([event(400, "completed", "old"), event(20, "completed", "8"), event(10, "failed", "9")]);
    const later = { isFirst: false, isJoined: true };
    const cut = { oldestEvent: `${ago(200)}-0`, events };
    expect(back(cut, later)).toStrictEqual({
      completed: { events: [{ at: ago(20), event: "completed", jobId: "8", prev: "" }], isWhole: true },
      failed: { events: [{ at: ago(10), event: "failed", jobId: "9", prev: "" }], isWhole: true },
    });
    expect(back(cut, { ...later, isJoined: false }).completed.isWhole).toBe(false);
  });
});

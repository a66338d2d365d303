import { afterEach, describe, expect, it, vi } from "vitest";
import { OpsError } from "../../../src/lib/errors.ts";
import type { QueueHistory } from "../../../src/queues/history.ts";
import { createReadLimits, type Database } from "../../../src/queues/postgres/database.ts";
import { createHistoryBatches, type HistoryQuestion } from "../../../src/queues/postgres/history.ts";
import { sampleHistory } from "../../support/queues.ts";

const range = { from: 0, step: 60, steps: 1 };
const toQuestion = (queue: string): HistoryQuestion => ({ queues: [queue], range, hosts: null });
const { signal } = new AbortController();

/** Reads at most so many histories at once; one of the queue `bad` never. */
function open(most: number) {
  const read: string[][] = [];
  const database = { limits: createReadLimits() } as Database;
  const ask = createHistoryBatches(database, async (questions) => {
    const queues = questions.flatMap((one) => one.queues ?? []);
    read.push(queues);
    if (questions.length > most || queues.includes("bad")) throw new OpsError("query_refused", "too much");
    return queues.map((queue): ReadonlyMap<string, QueueHistory> => new Map([[queue, sampleHistory()]]));
  });
  return { read, ask: (queue: string, end = signal) => ask(toQuestion(queue), end) };
}

it("histories that wait for the same turn are read with one statement", async () => {
  const { read, ask } = open(9);
  const answers = await Promise.all(["a", "b", "c"].map((queue) => ask(queue)));
  expect(answers.map((one) => [...one.keys()])).toEqual([["a"], ["b"], ["c"]]);
  await ask("d");
  expect(read).toEqual([["a", "b", "c"], ["d"]]);
});

it("histories that are too much for one statement are read with several", async () => {
  const { read, ask } = open(2);
  const answers = await Promise.allSettled(["a", "bad", "c"].map((queue) => ask(queue)));
  expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(read).toEqual([["a", "bad", "c"], ["a", "bad"], ["a"], ["bad"], ["c"]]);
});

it("a caller that leaves takes no history of the others with it", async () => {
  const { ask } = open(9);
  const leaver = new AbortController();
  const left = ask("a", leaver.signal).catch((error: unknown) => error);
  const stays = ask("b");
  leaver.abort(new Error("left"));
  expect(await left).toEqual(new Error("left"));
  expect([...(await stays).keys()]).toEqual(["b"]);
});

describe("a statement that runs out of time", () => {
  /**
   * PostgreSQL cancels statements of more than `most` histories. The last queue answers when it is
   * let.
   */
  function openSlow(most: number, last: string) {
    const read: string[][] = [];
    const gate = Promise.withResolvers<void>();
    const database = { limits: createReadLimits() } as Database;
    const ask = createHistoryBatches(database, async (questions) => {
      const queues = questions.flatMap((one) => one.queues ?? []);
      read.push(queues);
      if (queues.length > most) throw Object.assign(new Error("canceling statement"), { code: "57014" });
      if (queues.includes(last)) await gate.promise;
      return queues.map((queue): ReadonlyMap<string, QueueHistory> => new Map([[queue, sampleHistory()]]));
    });
    return { read, open: gate.resolve, ask: (queue: string) => ask(toQuestion(queue), signal) };
  }
  afterEach(() => vi.useRealTimers());

  it("holds up no history whose own statement has answered", async () => {
    const { open: openGate, ask } = openSlow(2, "d");
    const answers = ["a", "b", "c", "d"].map((queue) => ask(queue));
    expect((await Promise.all(answers.slice(0, 2))).map((one) => [...one.keys()])).toEqual([["a"], ["b"]]);
    expect(await Promise.race([answers[2], Promise.resolve("waits")])).toBe("waits");
    openGate();
    expect((await Promise.all(answers)).flatMap((one) => [...one.keys()])).toEqual(["a", "b", "c", "d"]);
  });

  it("is not tried again with as many histories for a minute", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    const { read, open: openGate, ask } = openSlow(2, "d");
    openGate();
    const askAll = () => Promise.all(["a", "b", "c", "d"].map((queue) => ask(queue)));
    await askAll();
    const halves = [
      ["a", "b"],
      ["c", "d"],
    ];
    expect(read.splice(0)).toEqual([["a", "b", "c", "d"], ...halves]);
    vi.advanceTimersByTime(59_000);
    await askAll();
    expect(read.splice(0)).toEqual(halves);
    vi.advanceTimersByTime(2000);
    await askAll();
    expect(read).toEqual([["a", "b", "c", "d"], ...halves]);
  });
});

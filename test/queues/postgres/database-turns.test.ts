import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toQueueError } from "../../../src/queues/postgres/errors.ts";
import { createTurns } from "../../../src/queues/postgres/database.ts";

vi.mock("node:timers/promises", () => import("../../support/timers-promises.ts"));
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());
/** What comes of it, while so much time passes. */
const within = async <T>(ms: number, result: Promise<T>): Promise<T> => (await vi.advanceTimersByTimeAsync(ms), result);

const { signal } = new AbortController();
const subject = { source: null, table: "", sql: "" };
const messageOf = (result: PromiseSettledResult<unknown>) =>
  result.status === "rejected" ? toQueueError(result.reason, subject).message : "answered";

describe("createTurns", () => {
  it("runs as many at once as there are connections, in call order", async () => {
    const turns = createTurns({ connections: 3, silentMs: 1000, waitMs: 1000 });
    const [started, running]: [number[], Set<number>] = [[], new Set()];
    let most = 0;
    const work = (n: number) => async () => {
      started.push(n);
      running.add(n);
      most = Math.max(most, running.size);
      await sleep(5);
      running.delete(n);
      return n;
    };
    const all = Array.from({ length: 30 }, (_, n) => n);
    expect(await within(60, Promise.all(all.map((n) => turns.run(work(n), signal))))).toEqual(all);
    expect([started, most]).toEqual([all, 3]);
  });

  it("distinguishes a silent server from busy connections", async () => {
    const turns = createTurns({ connections: 1, silentMs: 50, waitMs: 150 });
    const hanging = new AbortController();
    const hang = () =>
      new Promise<never>((_, reject) => hanging.signal.addEventListener("abort", () => reject(new Error("ended"))));
    const first = turns.run(hang, signal).catch(() => "ended");
    const silent = await within(
      50,
      Promise.allSettled([turns.run(async () => 1, signal), turns.run(async () => 2, signal)]),
    );
    expect(silent.map(messageOf)).toEqual(["PostgreSQL did not answer in time", "PostgreSQL did not answer in time"]);
    hanging.abort();
    expect(await first).toBe("ended");

    // One that answers, and one that comes too late behind it.
    const [long, late] = [turns.run(() => sleep(20), signal), turns.run(() => sleep(1000), signal)];
    const busy = turns.run(async () => 3, signal);
    expect((await within(150, Promise.allSettled([long, busy]))).map(messageOf)).toEqual([
      "answered",
      "All connections to PostgreSQL are busy with other reads",
    ]);
    await within(1000, late);
  });

  it("counts a refusal as an answer; a caller that leaves costs nothing", async () => {
    const turns = createTurns({ connections: 1, silentMs: 60, waitMs: 300 });
    let ran = 0;
    const refused = turns.run(async () => {
      await sleep(30);
      throw Object.assign(new Error("relation does not exist"), { code: "42P01" });
    }, signal);
    const long = turns.run(() => sleep(100), signal);
    const leaver = new AbortController();
    const left = turns.run(async () => (ran += 1), leaver.signal);
    const waits = turns.run(async () => "in the end", signal);
    leaver.abort(new Error("left"));
    await expect(left).rejects.toThrow("left");
    const [failed] = await within(130, Promise.allSettled([refused, long]));
    expect(failed).toMatchObject({ status: "rejected", reason: { code: "42P01" } });
    expect(await waits).toBe("in the end");
    expect(ran).toBe(0);
  });
});

import { EventEmitter } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Batch, Matched } from "../../../src/lib/pattern/match.ts";
import { createMatcher, type Matcher, type MatchThread } from "../../../src/lib/pattern/matcher.ts";

const closing: Matcher[] = [];
afterEach(() => Promise.all(closing.splice(0).map((matcher) => matcher.close())));

/** A thread that answers when it is told to. */
class StandIn extends EventEmitter {
  readonly sent: string[] = [];
  readonly ref = vi.fn<() => void>();
  readonly unref = vi.fn<() => void>();
  readonly terminate = vi.fn<() => Promise<number>>(async () => (this.emit("exit", 1), 1));

  postMessage({ pattern }: Batch): void {
    this.sent.push(pattern);
  }

  answer(matched: Matched["matched"] = [true], ms = 1): void {
    this.emit("message", { matched, rest: null, ms } satisfies Matched);
  }
}

function setUp(mostMs = 60_000) {
  const threads: StandIn[] = [];
  const start = vi.fn<() => MatchThread>(() => {
    threads.push(new StandIn());
    return threads.at(-1) as unknown as MatchThread;
  });
  const matcher = createMatcher(start, mostMs);
  closing.push(matcher);
  const { signal } = new AbortController();
  const ask = async (pattern: string, owner = "a", order = 1, until = signal) => {
    const batch = { pattern, ignoreCase: false, isWhole: false, texts: ["x"] };
    return (await matcher.match(batch, { owner, order }, until)).matched;
  };
  const sent = () => threads.map((thread) => thread.sent.join(" "));
  return { matcher, threads, start, ask, sent };
}

const tooCostly = { code: "invalid_request", message: expect.stringContaining("takes too long, or too much memory") };

describe("a matcher", () => {
  it("sends a batch at a time, by who used less, then by order", async () => {
    const { threads, ask, sent } = setUp();
    const asked = [ask("a1"), ask("a3", "a", 3), ask("a2", "a", 2), ask("b1", "b", 9)];
    expect(sent()).toEqual(["a1"]);
    for (let answers = 0; answers < 4; answers += 1) {
      await expect.poll(() => threads[0]?.sent.length).toBe(answers + 1);
      threads[0]?.answer([answers % 2 === 0]);
    }
    expect(sent()).toEqual(["a1 b1 a2 a3"]);
    expect(await Promise.all(asked)).toEqual([[true], [false], [true], [false]]);
  });

  it("serves first the owner that used least time, batch after batch", async () => {
    const { threads, ask, sent } = setUp();
    const askAll = async (owner: string) => {
      for (const count of [1, 2, 3]) await ask(owner + count, owner);
    };
    const all = Promise.all(["a", "b", "c"].map(askAll));
    for (let answers = 1; answers <= 9; answers += 1) {
      const last = threads[0]?.sent.at(-1) ?? "";
      threads[0]?.answer([true], last.startsWith("a") ? 600 : 1);
      await expect.poll(() => threads[0]?.sent.length).toBe(Math.min(9, answers + 1));
    }
    await all;
    expect(sent()).toEqual(["a1 b1 c1 b2 c2 b3 c3 a2 a3"]);
  });

  it("keeps the process running only while it waits for an answer", async () => {
    const { threads, ask } = setUp();
    const asked = ask("a");
    const [thread] = threads as [StandIn];
    expect([thread.ref.mock.calls.length, thread.unref.mock.calls.length]).toEqual([1, 0]);
    thread.answer();
    await asked;
    await expect.poll(() => thread.unref.mock.calls.length).toBe(1);
  });

  it("sends nothing for a signal that aborts before its turn", async () => {
    const { threads, ask, sent } = setUp();
    const abort = new AbortController();
    const [first, waiting, other] = [ask("a1"), ask("a2", "a", 2, abort.signal), ask("b1", "b")];
    abort.abort(new RangeError("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await expect(ask("a3", "a", 1, abort.signal)).rejects.toThrow("gone");
    threads[0]?.answer();
    await first;
    await expect.poll(sent).toEqual(["a1 b1"]);
    threads[0]?.answer();
    await other;
    expect(sent()).toEqual(["a1 b1"]);
  });

  it("ends the wait at once for a signal that aborts while its batch runs", async () => {
    const { threads, ask, sent } = setUp();
    const abort = new AbortController();
    const [running, other] = [ask("a1", "a", 1, abort.signal), ask("b1", "b")];
    abort.abort(new RangeError("gone"));
    await expect(running).rejects.toThrow("gone");
    expect(sent()).toEqual(["a1"]);
    threads[0]?.answer([false]);
    await expect.poll(sent).toEqual(["a1 b1"]);
    threads[0]?.answer([true]);
    expect(await other).toEqual([true]);
  });

  it.each(["error", "exit"])("after the thread's %s the next batch gets another one", async (event) => {
    const { threads, ask, sent } = setUp();
    const [lost, other] = [ask("a1"), ask("b1", "b")];
    const cause = new Error("out of memory");
    threads[0]?.emit(event, cause);
    await expect(lost).rejects.toMatchObject(tooCostly);
    await expect.poll(sent).toEqual(["a1", "b1"]);
    // What the first one still says is nobody's.
    threads[0]?.answer([false]);
    threads[0]?.emit(event, cause);
    threads[1]?.answer([true]);
    expect(await other).toEqual([true]);
  });

  it("replaces a thread that dies while nothing is asked", async () => {
    const { threads, ask, sent } = setUp();
    const first = ask("a1");
    threads[0]?.answer();
    await first;
    threads[0]?.emit("exit", 1);
    await new Promise((resolve) => setImmediate(resolve));
    const second = ask("a2");
    threads[1]?.answer();
    expect([await second, sent()]).toEqual([[true], ["a1", "a2"]]);
  });

  it("starts the next thread when the late one has ended, not before", async () => {
    const { threads, ask, start } = setUp(20);
    const ended = Promise.withResolvers<number>();
    const [late, other] = [ask("a1"), ask("b1", "b")];
    threads[0]?.terminate.mockReturnValue(ended.promise);
    await expect(late).rejects.toMatchObject(tooCostly);
    expect(start).toHaveBeenCalledTimes(1);
    ended.resolve(1);
    await expect.poll(() => start.mock.calls.length).toBe(2);
    threads[1]?.answer([false]);
    expect(await other).toEqual([false]);
  });

  it("without a thread is overloaded, and tries again for the next batch", async () => {
    const { threads, ask, start } = setUp();
    start.mockImplementationOnce(() => {
      throw new Error("no threads left");
    });
    await expect(ask("a1")).rejects.toMatchObject({ code: "overloaded", headers: { "Retry-After": "2" } });
    const next = ask("a2");
    threads[0]?.answer();
    expect(await next).toEqual([true]);
  });

  it("when closed ends what runs, and may be asked again", async () => {
    const { matcher, threads, ask, start } = setUp();
    await matcher.close();
    expect(start).not.toHaveBeenCalled();
    const running = ask("a1");
    const closed = matcher.close();
    await expect(running).rejects.toMatchObject({ code: "overloaded" });
    await closed;
    expect(threads[0]?.terminate).toHaveBeenCalledTimes(1);
    const again = ask("a2");
    threads[1]?.answer();
    expect(await again).toEqual([true]);
  });
});

describe("a real thread", () => {
  const batch = (pattern: string) => ({ pattern, ignoreCase: false, isWhole: false, texts: ["x"] });
  const { signal } = new AbortController();
  /** Answers; or fails, as the pattern says. */
  const code = `
    require("node:worker_threads").parentPort.on("message", ({ pattern }) => {
      if (pattern === "endless") for (;;);
      if (pattern === "large") for (const all = []; ; ) all.push(new Array(1000).fill(all.length));
      if (pattern === "throws") throw new RangeError("x");
      if (pattern === "exits") process.exit(0);
      require("node:worker_threads").parentPort.postMessage({ matched: [true], rest: null, ms: 1 });
    });`;
  const start = () =>
    new Worker(code, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 } });

  it.each(["endless", "large", "throws", "exits"])("that is lost (%s) costs its own batch alone", async (way) => {
    const matcher = createMatcher(start, way === "endless" ? 2500 : 60_000);
    closing.push(matcher);
    const lost = matcher.match(batch(way), { owner: "a", order: 1 }, signal);
    const others = ["b", "c"].map((owner) => matcher.match(batch("ok"), { owner, order: 2 }, signal));
    await expect(lost).rejects.toMatchObject(tooCostly);
    for (const other of await Promise.all(others)) expect(other.matched).toEqual([true]);
  });

  it("matches, and refuses what is no pattern", async () => {
    const matcher = createMatcher();
    closing.push(matcher);
    expect(await matcher.match(batch("^x$"), { owner: "a", order: 1 }, signal)).toMatchObject({ matched: [true] });
    expect(await matcher.match(batch("("), { owner: "a", order: 1 }, signal)).toMatchObject({ matched: null });
  });
});

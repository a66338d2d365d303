import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createNotifier, createChanges, createSubscribers } from "../../src/lib/broadcast.ts";
import { collect } from "../support/collect.ts";
import { useFakeSleep } from "../support/fake-sleep.ts";

let useRealTimers = () => {};
beforeEach(() => void (useRealTimers = useFakeSleep()));
afterEach(() => useRealTimers());

/** Counts the listeners that a signal has. */
function watchSignal() {
  const abort = new AbortController();
  let listeners = 0;
  const { signal } = abort;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  vi.spyOn(signal, "addEventListener").mockImplementation((...parameters: Parameters<typeof add>) => {
    listeners++;
    add(...parameters);
  });
  vi.spyOn(signal, "removeEventListener").mockImplementation((...parameters: Parameters<typeof remove>) => {
    listeners--;
    remove(...parameters);
  });
  return { abort, signal, listeners: () => listeners };
}

/**
 * Whether a promise has ended, and after how long it does, milliseconds; null when it does not
 * within 10 s.
 */
async function timeOf(promise: Promise<unknown>): Promise<number | null> {
  const begin = performance.now();
  let ended: number | null = null;
  void promise.then(() => (ended = performance.now() - begin));
  await vi.advanceTimersByTimeAsync(10_000);
  return ended;
}

describe("a notifier", () => {
  it("that was notified before ends the wait at once, and only once", async () => {
    const [notifier, { signal }] = [createNotifier(), watchSignal()];
    notifier.notify();
    notifier.notify();
    expect(await timeOf(notifier.wait(signal, 500))).toBe(0);
    expect(await timeOf(notifier.wait(signal, 500))).toBe(500);
    expect(await timeOf(notifier.wait(signal))).toBeNull();
  });

  it("that is notified, or whose signal aborts, ends the wait then", async () => {
    const [notifier, { abort, signal, listeners }] = [createNotifier(), watchSignal()];
    setTimeout(() => notifier.notify(), 300);
    expect(await timeOf(notifier.wait(signal))).toBe(300);
    setTimeout(() => notifier.notify(), 300);
    expect(await timeOf(notifier.wait(signal, 400))).toBe(300);
    expect([listeners(), vi.getTimerCount()]).toEqual([0, 0]);
    // The ring was heard.
    setTimeout(() => abort.abort(), 200);
    expect(await timeOf(notifier.wait(signal, 400))).toBe(200);
    expect(vi.getTimerCount()).toBe(0);
    expect(await timeOf(notifier.wait(signal))).toBe(0);
    expect(listeners()).toBe(0);
  });
});

describe("readers", () => {
  async function* count() {
    yield 1;
    yield 2;
  }

  it("are registered from their entry until they have read all", async () => {
    const readers = createSubscribers<string>();
    const { signal, listeners } = watchSignal();
    const read = readers.subscribe("a", signal, count);
    const other = readers.subscribe("b", signal, count);
    expect([readers.size, [...readers]]).toEqual([2, ["a", "b"]]);
    expect(await collect(read)).toEqual([1, 2]);
    expect([...readers]).toEqual(["b"]);
    expect(await collect(other)).toEqual([1, 2]);
    expect([readers.size, listeners()]).toEqual([0, 0]);
  });

  it("leave when their signal aborts, and do not enter after it", () => {
    const readers = createSubscribers<string>();
    const { abort, signal, listeners } = watchSignal();
    readers.subscribe("a", signal, count);
    abort.abort();
    expect([readers.size, listeners()]).toEqual([0, 0]);
    readers.subscribe("a", signal, count);
    expect([readers.size, listeners()]).toEqual([0, 0]);
  });

  it("leave when their iterator is returned, begun or not", async () => {
    const readers = createSubscribers<string>();
    const { signal, listeners } = watchSignal();
    const [begun, other] = [readers.subscribe("a", signal, count), readers.subscribe("b", signal, count)];
    await begun.next();
    await begun.return();
    expect([...readers]).toEqual(["b"]);
    await other.return();
    expect([readers.size, listeners()]).toEqual([0, 0]);
    expect(await other.next()).toEqual({ value: undefined, done: true });
  });

  it("leave when their iterator fails", async () => {
    const readers = createSubscribers<string>();
    const read = readers.subscribe("a", new AbortController().signal, async function* () {
      yield 1;
      throw new RangeError("x");
    });
    await expect(collect(read)).rejects.toThrow(RangeError);
    expect(readers.size).toBe(0);
  });
});

/** As `timeOf`, in steps of 10 ms: no time passes after it. */
async function stepTo(promise: Promise<unknown>): Promise<number> {
  let isEnded = false;
  void promise.then(() => (isEnded = true));
  for (let ms = 0; ; ms += 10) {
    await vi.advanceTimersByTimeAsync(ms === 0 ? 0 : 10);
    if (isEnded || ms > 10_000) return ms;
  }
}

describe("changes", () => {
  it("arrive at once, on a change, and after a second", async () => {
    const changes = createChanges();
    const abort = new AbortController();
    expect(changes.watchers).toBe(0);
    const watching = changes.watch(abort.signal);
    expect(changes.watchers).toBe(1);
    expect(await watching.next()).toEqual({ value: {}, done: false });
    const gathered = watching.next();
    setTimeout(() => changes.notify(), 300);
    setTimeout(() => changes.notify(), 390);
    // What happens within 100 ms is one change.
    expect(await stepTo(gathered)).toBe(400);
    expect(await stepTo(watching.next())).toBe(1000);
    changes.notify();
    await vi.advanceTimersByTimeAsync(500);
    // It happened while nobody waited.
    expect(await stepTo(watching.next())).toBe(0);
    expect(await stepTo(watching.next())).toBe(600);
    const ended = watching.next();
    setTimeout(() => abort.abort(), 50);
    expect(await timeOf(ended)).toBe(50);
    expect(await ended).toEqual({ value: undefined, done: true });
    expect(changes.watchers).toBe(0);
    changes.notify();
    expect(await changes.watch(abort.signal).next()).toEqual({ value: undefined, done: true });
  });

  it("are one object for all who watch, and one of their own at first", async () => {
    const changes = createChanges();
    const abort = new AbortController();
    const watchers = Array.from({ length: 3 }, () => changes.watch(abort.signal));
    const next = async () => (await Promise.all(watchers.map((watcher) => watcher.next()))).map(({ value }) => value);
    expect(new Set(await next()).size).toBe(3);
    const moments = [];
    for (const _ of [1, 2]) {
      changes.notify();
      const found = next();
      await vi.advanceTimersByTimeAsync(100);
      expect(new Set(await found).size).toBe(1);
      moments.push((await found)[0]);
    }
    expect(moments[0]).not.toBe(moments[1]);
    abort.abort();
  });

  it("that are cancelled while they are collected end at once", async () => {
    const changes = createChanges();
    const abort = new AbortController();
    const watching = changes.watch(abort.signal);
    await watching.next();
    const gathered = watching.next();
    changes.notify();
    setTimeout(() => abort.abort(), 30);
    expect(await timeOf(gathered)).toBe(30);
    expect(await gathered).toEqual({ value: undefined, done: true });
  });
});

import { afterEach, expect, it, vi } from "vitest";
import { createEventBroadcaster } from "../../../../src/containers/docker/engine/event-feed.ts";
import type { ContainerEvent, EventBatch } from "../../../../src/containers/events.ts";
import { collect } from "../../../support/collect.ts";

afterEach(() => void vi.useRealTimers());

const event = (time: number) => ({ time: String(time) }) as ContainerEvent;
const publish = (board: ReturnType<typeof createEventBroadcaster>, count: number, first = 0) => {
  for (let time = first; time < first + count; time++) board.onEvent(event(time));
};
/** Numbers of the events, how many were dropped, and engines that were not heard. */
const seen = ({ value }: IteratorResult<EventBatch, unknown>) => {
  const { events, dropped, interrupted, ended } = value as EventBatch;
  return [events.map(({ time }) => Number(time)), dropped, interrupted, ended];
};
const range = (first: number, end: number) => Array.from({ length: end - first }, (_, index) => first + index);

it("hands each reader what it accepts, in batches of 250, in order", async () => {
  const board = createEventBroadcaster();
  const abort = new AbortController();
  expect(board.readers).toBe(0);
  const all = board.read(() => true, abort.signal);
  const even = board.read(({ time }) => Number(time) % 2 === 0, abort.signal);
  expect(board.readers).toBe(2);
  publish(board, 501);
  expect(seen(await all.next())).toEqual([range(0, 250), 0, [], null]);
  expect(seen(await all.next())).toEqual([range(250, 500), 0, [], null]);
  expect(seen(await all.next())).toEqual([[500], 0, [], null]);
  expect(seen(await even.next())).toEqual([range(0, 250).map((time) => 2 * time), 0, [], null]);
  expect(seen(await even.next())).toEqual([[500], 0, [], null]);
});

it.each([
  [1000, 0],
  [1001, 1],
  [1234, 234],
])("of %i events for a slow reader the oldest %i go, with one notice", async (count, dropped) => {
  const board = createEventBroadcaster();
  const reading = board.read(() => true, new AbortController().signal);
  publish(board, count);
  expect(seen(await reading.next())).toEqual([range(dropped, dropped + 250), dropped, [], null]);
  expect(seen(await reading.next())).toEqual([range(dropped + 250, dropped + 500), 0, [], null]);
});

it("reports a gap of an engine once, also without events", async () => {
  const board = createEventBroadcaster();
  const reading = board.read(() => true, new AbortController().signal);
  board.onGap("a");
  board.onGap("b");
  board.onGap("a");
  expect(seen(await reading.next())).toEqual([[], 0, ["a", "b"], null]);
  publish(board, 1);
  expect(seen(await reading.next())).toEqual([[0], 0, [], null]);
});

it("waits for an event or a gap", async () => {
  const board = createEventBroadcaster();
  const reading = board.read(({ time }) => time === "7", new AbortController().signal);
  const first = reading.next();
  let ended = false;
  void first.then(() => (ended = true));
  await Promise.resolve();
  publish(board, 1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toBe(false);
  publish(board, 1, 7);
  expect(seen(await first)).toEqual([[7], 0, [], null]);
  const second = reading.next();
  await new Promise((resolve) => setImmediate(resolve));
  board.onGap("a");
  expect(seen(await second)).toEqual([[], 0, ["a"], null]);
});

it.each([
  ["shutdown", [{ events: [], dropped: 0, interrupted: [], ended: "shutdown" }]],
  [undefined, []],
])("ends with the reason of its signal if it is a text: %s", async (reason, batches) => {
  const board = createEventBroadcaster();
  const abort = new AbortController();
  const reading = board.read(() => true, abort.signal);
  publish(board, 3);
  abort.abort(reason);
  expect(board.readers).toBe(0);
  expect(await collect(reading)).toEqual(batches);
});

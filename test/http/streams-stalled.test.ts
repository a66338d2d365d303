import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchProgress } from "../../src/http/streams.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A connection whose progress the test makes, watched for 1000 ms. */
function watch() {
  const socket = { bytesWritten: 500, writableLength: 100 };
  const res: { socket: typeof socket | null } = { socket };
  const onStalled = vi.fn<() => void>();
  const unwatch = watchProgress(res as unknown as ServerResponse, 1000, onStalled);
  return { socket, res, onStalled, unwatch };
}

test("a stalled reader is reported once, at its time", () => {
  const { onStalled } = watch();
  // The first look, after a tenth, is where it is seen first.
  vi.advanceTimersByTime(1099);
  expect(onStalled).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onStalled).toHaveBeenCalledOnce();
  vi.advanceTimersByTime(10_000);
  expect(onStalled).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
});

test("writes that nobody reads are no progress", () => {
  const { socket, onStalled } = watch();
  for (let n = 0; n < 11; n++) {
    vi.advanceTimersByTime(100);
    socket.bytesWritten += 50;
    socket.writableLength += 50;
  }
  expect(onStalled).toHaveBeenCalledOnce();
});

test("a slow reader, or one without unsent data, is not reported", () => {
  const { socket, onStalled } = watch();
  for (let n = 0; n < 10; n++) {
    vi.advanceTimersByTime(900);
    socket.writableLength -= 1;
  }
  socket.writableLength = 0;
  vi.advanceTimersByTime(60_000);
  expect(onStalled).not.toHaveBeenCalled();
  // Its time begins with the last look at which nothing waited, not with what was sent long ago.
  socket.bytesWritten += 100;
  socket.writableLength = 100;
  vi.advanceTimersByTime(900);
  expect(onStalled).not.toHaveBeenCalled();
  vi.advanceTimersByTime(100);
  expect(onStalled).toHaveBeenCalledOnce();
});

test("nothing is reported without a connection or after the watch ended", () => {
  const closed = watch();
  closed.res.socket = null;
  vi.advanceTimersByTime(10_000);
  expect(closed.onStalled).not.toHaveBeenCalled();
  closed.unwatch();
  const { onStalled, unwatch } = watch();
  vi.advanceTimersByTime(1000);
  unwatch();
  vi.advanceTimersByTime(10_000);
  expect(onStalled).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

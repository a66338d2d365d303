import { expect, it, vi } from "vitest";
import { createFollowBuffer, sizeOf } from "../../../../src/containers/docker/logs/buffer.ts";
import type { LogBatch, LogLine } from "../../../../src/containers/logs/log.ts";
import { collect } from "../../../support/collect.ts";

const timestamp = "2026-01-13T09:40:00.000000000Z";
const line = (message: string): LogLine => ({ timestamp, stream: "stdout", level: null, message });
const enough = 256 << 10;
const most = 1 << 20;

function setUp(matches: ((line: LogLine) => boolean) | null = null) {
  const onRoom = vi.fn<() => void>();
  const abort = new AbortController();
  const buffer = createFollowBuffer(matches, onRoom);
  const reading = buffer.read(abort.signal);
  const next = async () => (await reading.next()).value as LogBatch;
  return { onRoom, abort, buffer, reading, next };
}
const batch = (change: Partial<LogBatch>) => ({ lines: [], dropped: 0, cut: null, notice: null, ended: null, ...change });
const turn = () => new Promise((resolve) => setImmediate(resolve));

it("counts each line with 64 characters around its text", () => {
  expect(sizeOf([])).toBe(0);
  expect(sizeOf([line("abc"), line("")])).toBe(3 + 2 * 64);
});

it("hands on each batch as it came, the very same lines", async () => {
  const { buffer, next } = setUp();
  const lines = [line("a"), line("b")];
  buffer.push(lines, 7);
  buffer.push([], 0);
  buffer.notify("stopped");
  buffer.push([line("c")], 7);
  const first = await next();
  expect(first).toEqual(batch({ lines }));
  expect(first.lines).toBe(lines);
  expect(await next()).toEqual(batch({ notice: "stopped" }));
  expect(await next()).toEqual(batch({ lines: [line("c")] }));
});

it("with a filter has what matches alone, and counts that alone", async () => {
  const { buffer, next } = setUp(({ message }) => message.startsWith("a"));
  buffer.push([line("b".repeat(most))], most + 64);
  buffer.push([line("a1"), line(`b${"x".repeat(enough)}`), line("a2")], enough + 200);
  expect(buffer.isFull).toBe(false);
  expect(await next()).toEqual(batch({ lines: [line("a1"), line("a2")] }));
  buffer.push([line(`a${"x".repeat(enough)}`)], 0);
  expect(buffer.isFull).toBe(true);
});

it.each([
  [enough, false],
  [enough + 1, true],
])("with %i characters waiting is full: %s", async (size, isFull) => {
  const { buffer, next, onRoom } = setUp();
  buffer.push([line("a")], size - 1);
  buffer.push([line("b")], 1);
  expect(buffer.isFull).toBe(isFull);
  await next();
  expect(buffer.isFull).toBe(false);
  expect(onRoom).toHaveBeenCalledTimes(isFull ? 1 : 0);
  await next();
  expect(onRoom).toHaveBeenCalledTimes(isFull ? 1 : 0);
});

it("asks for more no sooner than it is full no more", async () => {
  const { buffer, next, onRoom } = setUp();
  for (let count = 0; count < 3; count++) buffer.push([line("a")], enough);
  await next();
  expect([onRoom.mock.calls.length, buffer.isFull]).toEqual([0, true]);
  await next();
  expect([onRoom.mock.calls.length, buffer.isFull]).toEqual([1, false]);
});

it.each([
  ["1 MiB", most - 100, 0, ["a1", "a2"]],
  ["more", most - 99, 2, ["b"]],
])("of %s waiting lets go of the oldest lines, and says how many", async (_, size, dropped, messages) => {
  const { buffer, next } = setUp();
  buffer.push([line("a1"), line("a2")], size);
  buffer.push([line("b")], 100);
  const first = await next();
  expect([first.dropped, first.lines.map(({ message }) => message)]).toEqual([dropped, messages]);
  buffer.push([line("c")], 1);
  expect((await next()).dropped).toBe(0);
});

it("holds the newest batch however large it is", async () => {
  const { buffer, next } = setUp();
  buffer.push([line("a")], 5 * most);
  expect(await next()).toEqual(batch({ lines: [line("a")] }));
  buffer.push([line("b")], 1);
  buffer.push([line("c"), line("d")], 1);
  buffer.push([line("e")], 5 * most);
  expect(await next()).toEqual(batch({ lines: [line("e")], dropped: 3 }));
  expect(buffer.isFull).toBe(false);
});

it("counts a notice as 64 characters, and as no line when it goes", async () => {
  const { buffer, next } = setUp();
  buffer.push([line("a")], enough - 64);
  buffer.notify("stopped");
  expect(buffer.isFull).toBe(false);
  buffer.push([line("b")], 1);
  expect(buffer.isFull).toBe(true);
  buffer.push([line("c")], most);
  expect((await next()).dropped).toBe(2);
});

it("waits for lines, for a notice and for its end", async () => {
  const { buffer, next, reading } = setUp();
  const asked = [next(), next(), next()];
  await turn();
  buffer.push([line("a")], 1);
  expect(await asked[0]).toEqual(batch({ lines: [line("a")] }));
  await turn();
  buffer.notify("resumed");
  expect(await asked[1]).toEqual(batch({ notice: "resumed" }));
  await turn();
  buffer.end("container_gone");
  buffer.end("another");
  expect(await asked[2]).toEqual(batch({ ended: "container_gone" }));
  expect((await reading.next()).done).toBe(true);
});

it("gives what waits before its end, and throws an error then", async () => {
  const { buffer, next, reading } = setUp();
  buffer.push([line("a")], 1);
  buffer.end(new RangeError("lost"));
  expect(await next()).toEqual(batch({ lines: [line("a")] }));
  await expect(reading.next()).rejects.toThrow(new RangeError("lost"));
});

it.each([
  ["shutdown", [batch({ ended: "shutdown" })]],
  [undefined, []],
])("ends with the reason of its signal, %s, and without what waits", async (reason, batches) => {
  const { buffer, abort, reading } = setUp();
  const rest = collect(reading);
  await turn();
  abort.abort(reason);
  buffer.push([line("a")], 1);
  expect(await rest).toEqual(batches);
});

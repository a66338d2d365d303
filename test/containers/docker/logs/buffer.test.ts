import { expect, it, vi } from "vitest";
import { createFollowBuffer, sizeOf } from "../../../../src/containers/docker/logs/buffer.ts";
import { type LogBatch, type LogLine, toBatch } from "../../../../src/containers/logs/log.ts";
import { collect } from "../../../support/collect.ts";
import { sampleLine } from "../../../support/logs.ts";

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

it("a line counts its text and 64 characters", () => {
  expect(sizeOf([])).toBe(0);
  expect(sizeOf([sampleLine("abc"), sampleLine("")])).toBe(3 + 2 * 64);
});

it("a batch is passed on unchanged, with the same line objects", async () => {
  const { buffer, next } = setUp();
  const lines = [sampleLine("a"), sampleLine("b")];
  buffer.push(toBatch({ lines }), 7);
  buffer.push(toBatch({ lines: [] }), 0);
  buffer.notify("stopped");
  buffer.push(toBatch({ lines: [sampleLine("c")] }), 7);
  const first = await next();
  expect(first).toEqual(batch({ lines }));
  expect(first.lines).toBe(lines);
  expect(await next()).toEqual(batch({ notice: "stopped" }));
  expect(await next()).toEqual(batch({ lines: [sampleLine("c")] }));
});

it("a filter passes matching lines alone, and counts them alone", async () => {
  const { buffer, next } = setUp(({ message }) => message.startsWith("a"));
  buffer.push(toBatch({ lines: [sampleLine("b".repeat(most))] }), most + 64);
  buffer.push(toBatch({ lines: [sampleLine("a1"), sampleLine(`b${"x".repeat(enough)}`), sampleLine("a2")] }), enough + 200);
  expect(buffer.isFull).toBe(false);
  expect(await next()).toEqual(batch({ lines: [sampleLine("a1"), sampleLine("a2")] }));
  buffer.push(toBatch({ lines: [sampleLine(`a${"x".repeat(enough)}`)] }), 0);
  expect(buffer.isFull).toBe(true);
});

it.each([
  [enough, false],
  [enough + 1, true],
])("a buffer with %i waiting characters is full: %s", async (size, isFull) => {
  const { buffer, next, onRoom } = setUp();
  buffer.push(toBatch({ lines: [sampleLine("a")] }), size - 1);
  buffer.push(toBatch({ lines: [sampleLine("b")] }), 1);
  expect(buffer.isFull).toBe(isFull);
  await next();
  expect(buffer.isFull).toBe(false);
  expect(onRoom).toHaveBeenCalledTimes(isFull ? 1 : 0);
  await next();
  expect(onRoom).toHaveBeenCalledTimes(isFull ? 1 : 0);
});

it("a full buffer asks for more only when it has room again", async () => {
  const { buffer, next, onRoom } = setUp();
  for (let count = 0; count < 3; count++) buffer.push(toBatch({ lines: [sampleLine("a")] }), enough);
  await next();
  expect([onRoom.mock.calls.length, buffer.isFull]).toEqual([0, true]);
  await next();
  expect([onRoom.mock.calls.length, buffer.isFull]).toEqual([1, false]);
});

it.each([
  ["1 MiB", most - 100, 0, ["a1", "a2"]],
  ["more", most - 99, 2, ["b"]],
])("of %s waiting the oldest lines are dropped and counted", async (_, size, dropped, messages) => {
  const { buffer, next } = setUp();
  buffer.push(toBatch({ lines: [sampleLine("a1"), sampleLine("a2")] }), size);
  buffer.push(toBatch({ lines: [sampleLine("b")] }), 100);
  const first = await next();
  expect([first.dropped, first.lines.map(({ message }) => message)]).toEqual([dropped, messages]);
  buffer.push(toBatch({ lines: [sampleLine("c")] }), 1);
  expect((await next()).dropped).toBe(0);
});

it("the newest batch is stored at any size", async () => {
  const { buffer, next } = setUp();
  buffer.push(toBatch({ lines: [sampleLine("a")] }), 5 * most);
  expect(await next()).toEqual(batch({ lines: [sampleLine("a")] }));
  buffer.push(toBatch({ lines: [sampleLine("b")] }), 1);
  buffer.push(toBatch({ lines: [sampleLine("c"), sampleLine("d")] }), 1);
  buffer.push(toBatch({ lines: [sampleLine("e")] }), 5 * most);
  expect(await next()).toEqual(batch({ lines: [sampleLine("e")], dropped: 3 }));
  expect(buffer.isFull).toBe(false);
});

it("a notice counts 64 characters, and is no line when it is dropped", async () => {
  const { buffer, next } = setUp();
  buffer.push(toBatch({ lines: [sampleLine("a")] }), enough - 64);
  buffer.notify("stopped");
  expect(buffer.isFull).toBe(false);
  buffer.push(toBatch({ lines: [sampleLine("b")] }), 1);
  expect(buffer.isFull).toBe(true);
  buffer.push(toBatch({ lines: [sampleLine("c")] }), most);
  expect((await next()).dropped).toBe(2);
});

it("a reader waits for lines, for a notice and for the end", async () => {
  const { buffer, next, reading } = setUp();
  const asked = [next(), next(), next()];
  await turn();
  buffer.push(toBatch({ lines: [sampleLine("a")] }), 1);
  expect(await asked[0]).toEqual(batch({ lines: [sampleLine("a")] }));
  await turn();
  buffer.notify("resumed");
  expect(await asked[1]).toEqual(batch({ notice: "resumed" }));
  await turn();
  buffer.end("container_gone");
  buffer.end("another");
  expect(await asked[2]).toEqual(batch({ ended: "container_gone" }));
  expect((await reading.next()).done).toBe(true);
});

it("waiting lines are read before the end, and then an error is thrown", async () => {
  const { buffer, next, reading } = setUp();
  buffer.push(toBatch({ lines: [sampleLine("a")] }), 1);
  buffer.end(new RangeError("lost"));
  expect(await next()).toEqual(batch({ lines: [sampleLine("a")] }));
  await expect(reading.next()).rejects.toThrow(new RangeError("lost"));
});

it.each([
  ["shutdown", [batch({ ended: "shutdown" })]],
  [undefined, []],
])("the signal's reason %s ends the log without the waiting lines", async (reason, batches) => {
  const { buffer, abort, reading } = setUp();
  const rest = collect(reading);
  await turn();
  abort.abort(reason);
  buffer.push(toBatch({ lines: [sampleLine("a")] }), 1);
  expect(await rest).toEqual(batches);
});

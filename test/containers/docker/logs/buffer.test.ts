import * as fc from "fast-check";
import { expect, it, vi } from "vitest";
import { createFollowBuffer, sizeOf } from "../../../../src/containers/docker/logs/buffer.ts";
import { type LogBatch, type LogLine, toBatch } from "../../../../src/containers/logs/log.ts";
import { createSharedBudget } from "../../../../src/lib/budget/budget.ts";
import { collect } from "../../../support/collect.ts";
import { sampleLine } from "../../../support/logs.ts";
import { countStepsAtOnce } from "../../../support/rounds.ts";

const enough = 256 << 10;
const most = 1 << 20;

function setUp(matches: ((line: LogLine) => boolean) | null = null, turn: () => Promise<void> | null = () => null) {
  const onRoom = vi.fn<() => void>();
  const abort = new AbortController();
  const buffer = createFollowBuffer({
    filter: matches && { accepts: matches, pattern: undefined },
    onRoom,
    budget: { turn, signal: abort.signal },
  });
  const reading = buffer.read(abort.signal);
  const next = async () => (await reading.next()).value as LogBatch;
  return { onRoom, abort, buffer, reading, next };
}
const batch = (change: Partial<LogBatch>) => ({
  lines: [],
  dropped: 0,
  cut: null,
  notice: null,
  ended: null,
  ...change,
});
const nextRound = () => new Promise<void>((resolve) => setImmediate(resolve));

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
  await nextRound();
  buffer.push(
    toBatch({ lines: [sampleLine("a1"), sampleLine(`b${"x".repeat(enough)}`), sampleLine("a2")] }),
    enough + 197,
  );
  await nextRound();
  expect(buffer.isFull).toBe(false);
  expect([await next(), await next()]).toEqual(["a1", "a2"].map((text) => batch({ lines: [sampleLine(text)] })));
  buffer.push(toBatch({ lines: [sampleLine(`a${"x".repeat(enough)}`)] }), enough + 65);
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
  await nextRound();
  buffer.push(toBatch({ lines: [sampleLine("a")] }), 1);
  expect(await asked[0]).toEqual(batch({ lines: [sampleLine("a")] }));
  await nextRound();
  buffer.notify("resumed");
  expect(await asked[1]).toEqual(batch({ notice: "resumed" }));
  await nextRound();
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
  await nextRound();
  abort.abort(reason);
  buffer.push(toBatch({ lines: [sampleLine("a")] }), 1);
  expect(await rest).toEqual(batches);
});

/** Turns that are granted by hand. */
function createTurns() {
  const waiting: (() => void)[] = [];
  const turn = () => new Promise<void>((resolve) => waiting.push(resolve));
  /** Lets one line pass. */
  const grant = async () => {
    waiting.shift()?.();
    await nextRound();
  };
  return { turn, grant, waiting };
}
const long = "x".repeat(1000 - 64);
const toLines = (count: number, prefix = "") =>
  Array.from({ length: count }, (_, n) => sampleLine(`${prefix}${n} ${long}`));

it("a filter loses and doubles nothing, in order, whenever it has its turn", async () => {
  const actions = fc.array(
    fc.oneof(
      fc.record({ push: fc.array(fc.boolean(), { maxLength: 6 }) }),
      fc.constantFrom("stopped" as const, "resumed" as const, "read" as const, "grant" as const),
    ),
    { maxLength: 40 },
  );
  const turns = fc.infiniteStream(fc.boolean());
  const run = async (
    steps: readonly (string | { readonly push: boolean[] })[],
    waits: Iterator<boolean>,
  ): Promise<void> => {
    const given = createTurns();
    const kit = setUp(
      ({ message }) => message.startsWith("y"),
      () => (waits.next().value === true ? given.turn() : null),
    );
    const got: string[] = [];
    const take = ({ lines, notice }: LogBatch) =>
      got.push(...lines.map(({ message }) => message), ...(notice ? [notice] : []));
    const expected: string[] = [];
    let [number, asked] = [0, null as Promise<unknown> | null];
    for (const step of steps) {
      if (step === "read") asked ??= kit.next().then((value) => ((asked = null), take(value)));
      else if (step === "grant") await given.grant();
      else if (typeof step === "string") {
        kit.buffer.notify(step as "stopped");
        expected.push(step);
      } else {
        const lines = step.push.map((isWanted) => sampleLine(`${isWanted ? "y" : "n"}${(number += 1)}`));
        kit.buffer.push(toBatch({ lines }), sizeOf(lines));
        expected.push(...lines.map(({ message }) => message).filter((message) => message.startsWith("y")));
      }
    }
    kit.buffer.end("container_gone");
    const rest = (async () => {
      await asked;
      for await (const one of kit.reading) take(one);
    })();
    const state = { isDone: false };
    void rest.finally(() => (state.isDone = true)).catch(() => null);
    while (!state.isDone) await given.grant();
    await rest;
    expect(got).toEqual(expected);
    expect(kit.buffer.isFull).toBe(false);
  };
  await fc.assert(
    fc.asyncProperty(actions, turns, (steps, waits) => run(steps, waits[Symbol.iterator]())),
    { numRuns: 100 },
  );
});

it("lines that are not filtered yet count, and the oldest are dropped", async () => {
  const { turn, grant, waiting } = createTurns();
  const { buffer, next, onRoom } = setUp(({ message }) => message.startsWith("y"), turn);
  buffer.push(toBatch({ lines: toLines(300, "n") }), 300 * 1002);
  expect(buffer.isFull).toBe(true);
  for (let line = 0; line < 300; line += 1) await grant();
  expect([buffer.isFull, onRoom.mock.calls.length]).toEqual([false, 1]);

  buffer.push(toBatch({ lines: toLines(400, "y1 ") }), 400 * 1002);
  await grant();
  buffer.push(toBatch({ lines: toLines(400, "y2 ") }), 400 * 1002);
  buffer.push(toBatch({ lines: toLines(400, "y3 ") }), 400 * 1002);
  while (waiting.length > 0) await grant();
  const batches = [await next()];
  while (batches.flatMap(({ lines }) => lines).length < 800) batches.push(await next());
  expect(batches.map(({ dropped }) => dropped).filter((dropped) => dropped > 0)).toEqual([400]);
  expect([batches[0]?.dropped, batches[0]?.lines[0]?.message]).toEqual([400, expect.stringMatching(/^y2 0 /)]);
});

it("a reader that leaves has no more lines filtered", async () => {
  const { turn, grant, waiting } = createTurns();
  const matches = vi.fn<() => boolean>(() => true);
  const { buffer } = setUp(matches, turn);
  buffer.push(toBatch({ lines: toLines(10) }), 10_000);
  await grant();
  buffer.push(toBatch({ lines: toLines(10) }), 10_000);
  buffer.close();
  while (waiting.length > 0) await grant();
  buffer.push(toBatch({ lines: toLines(10) }), 10_000);
  await nextRound();
  expect([matches.mock.calls.length, waiting.length, buffer.isFull]).toEqual([10, 0, false]);
});

it("a filter that fails ends the log with its error", async () => {
  const cause = new RangeError("x");
  const { buffer, reading } = setUp(() => {
    throw cause;
  });
  buffer.push(toBatch({ lines: toLines(1) }), 1000);
  await expect(reading.next()).rejects.toMatchObject({ code: "internal", cause });
});

it("slow filters of several readers leave others their turns", async () => {
  const abort = new AbortController();
  const { most: atOnce, steps } = await countStepsAtOnce(async (step) => {
    const matches = () => {
      step();
      return false;
    };
    const readers = Array.from({ length: 5 }, () => {
      const buffer = createFollowBuffer({
        filter: { accepts: matches, pattern: undefined },
        budget: createSharedBudget(abort.signal),
        onRoom: () => {},
      });
      return { buffer, reading: collect(buffer.read(abort.signal)) };
    });
    const lines = toLines(60);
    for (const { buffer } of readers) {
      buffer.push(toBatch({ lines }), sizeOf(lines));
      buffer.end("container_gone");
    }
    for (const { reading } of readers) expect(await reading).toEqual([batch({ ended: "container_gone" })]);
  });
  expect(steps).toBe(300);
  expect(atOnce).toBeLessThanOrEqual(2);
});

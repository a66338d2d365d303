import { describe, expect, it } from "vitest";
import { createNewestLines } from "../../../../src/containers/docker/logs/window.ts";
import { type LogLine, toLineBytes } from "../../../../src/containers/logs/log.ts";

const line = (change: Partial<LogLine> = {}): LogLine => ({
  timestamp: "2026-01-13T09:40:00.500000000Z",
  stream: "stdout",
  level: "warn",
  message: "Hello World",
  ...change,
});

describe("the newest lines", () => {
  const size = toLineBytes({ message: "aa" });
  function setUp(maxLines: number, maxBytes = Number.POSITIVE_INFINITY) {
    const meter = { held: 0 };
    const newest = createNewestLines(maxLines, maxBytes, {
      hold: (bytes) => void (meter.held += bytes),
      free: (bytes) => void (meter.held -= bytes),
    });
    const add = (...messages: readonly string[]) => {
      for (const message of messages) newest.add(line({ message }));
    };
    const state = () => [newest.take().map(({ message }) => message), newest.dropped, newest.bytes, meter.held];
    return { newest, add, state };
  }

  it.each([
    [1, [["dd"], 3, size, size]],
    [3, [["bb", "cc", "dd"], 1, 3 * size, 3 * size]],
    [4, [["aa", "bb", "cc", "dd"], 0, 4 * size, 4 * size]],
  ])("are at most %i, and dropped ones are freed", (maxLines, expected) => {
    const { add, state } = setUp(maxLines);
    add("aa", "bb", "cc", "dd");
    expect(state()).toEqual(expected);
  });

  it.each([
    [2 * size, [["cc", "dd"], 2, 2 * size, 2 * size]],
    [2 * size - 1, [["dd"], 3, size, size]],
    [size - 1, [[], 4, 0, 0]],
  ])("take at most %i bytes", (maxBytes, expected) => {
    const { add, state } = setUp(10, maxBytes);
    add("aa", "bb", "cc", "dd");
    expect(state()).toEqual(expected);
  });

  it("are correct over many more lines than are wanted", () => {
    const { add, state } = setUp(3);
    const messages = Array.from({ length: 50 }, (_, index) => String(index + 10));
    for (const [index, message] of messages.entries()) {
      add(message);
      const held = Math.min(3, index + 1);
      expect(state()).toEqual([
        messages.slice(index + 1 - held, index + 1),
        index + 1 - held,
        held * size,
        held * size,
      ]);
    }
  });

  it("are empty once they are cleared, and may be reused", () => {
    const { newest, add, state } = setUp(3);
    add("aa", "bb", "cc", "dd");
    newest.clear();
    expect(state()).toEqual([[], 1, 0, 0]);
    add("ee");
    expect(state()).toEqual([["ee"], 1, size, size]);
  });
});

import type { IncomingMessage } from "node:http";
import { PassThrough, Readable } from "node:stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readFollowed } from "../../../../src/containers/docker/logs/follow.ts";
import type { LogLine } from "../../../../src/containers/logs/log.ts";
import { frame, stamp } from "../../../support/docker-frames.ts";

afterEach(() => void vi.restoreAllMocks());

const entry = (n: number, text: string) => frame(n % 2 === 0 ? "stdout" : "stderr", Buffer.from(`${stamp(n)} ${text}`));

interface Kit {
  readonly tty?: boolean;
  readonly goesOn?: (batch: number) => boolean;
  readonly room?: () => Promise<void>;
  readonly turn?: () => Promise<void> | null;
  readonly abort?: AbortController;
}

/** Reads a stream to its end: the texts of each batch. */
function follow(stream: Readable, { tty = false, goesOn = () => true, room, turn = () => null, abort }: Kit = {}) {
  const batches: string[][] = [];
  const publish = (lines: readonly LogLine[]) => {
    batches.push(lines.map(({ message }) => message));
    return goesOn(batches.length);
  };
  const budget = { signal: (abort ?? new AbortController()).signal, turn };
  const reading = readFollowed(stream as IncomingMessage, { tty, budget, publish, room: room ?? (async () => {}) });
  return { batches, reading };
}
const toStream = (...chunks: readonly Buffer[]) => Readable.from(chunks);

describe("a followed log", () => {
  it("has one batch for each chunk that ends a line", async () => {
    const chunks = [
      Buffer.concat([entry(0, "a\n"), entry(1, "b\n"), entry(2, "c")]),
      entry(2, "d\n"),
      entry(3, "half"),
    ];
    const stream = toStream(...chunks);
    const { batches, reading } = follow(stream);
    await reading;
    expect(batches).toEqual([["a", "b"], ["cd"], ["half"]]);
    expect(stream.destroyed).toBe(true);
  });

  it("of a terminal has no frames", async () => {
    const { batches, reading } = follow(toStream(Buffer.from(`${stamp(0)} a\r\n${stamp(1)} b`), Buffer.from(" c")), {
      tty: true,
    });
    await reading;
    expect(batches).toEqual([["a"], ["b c"]]);
  });

  it("that is not a stream is an error, and is closed", async () => {
    const stream = toStream(Buffer.from("<html>no log</html>"));
    await expect(follow(stream).reading).rejects.toThrow(
      expect.objectContaining({ name: "AnswerError", message: "unexpected response to GET /containers/{id}/logs" }),
    );
    expect(stream.destroyed).toBe(true);
  });

  it("ends when the reader does", async () => {
    const stream = toStream(entry(0, "a\n"), entry(2, "b\n"), entry(4, "c\n"));
    const { batches, reading } = follow(stream, { goesOn: (batch) => batch < 2 });
    await reading;
    expect(batches).toEqual([["a"], ["b"]]);
    expect(stream.destroyed).toBe(true);
  });

  it("is read on when there is room, after each chunk", async () => {
    const rooms: (() => void)[] = [];
    const { batches, reading } = follow(toStream(entry(0, "a\n"), entry(2, "b\n")), {
      room: () => new Promise((resolve) => rooms.push(resolve)),
    });
    await expect.poll(() => rooms.length).toBe(1);
    expect(batches).toEqual([["a"]]);
    rooms[0]?.();
    await expect.poll(() => rooms.length).toBe(2);
    expect(batches).toEqual([["a"], ["b"]]);
    rooms[1]?.();
    await reading;
  });

  it("yields to others before each chunk", async () => {
    const turns: (() => void)[] = [];
    const { batches, reading } = follow(toStream(entry(0, "a\n"), entry(2, "b\n")), {
      turn: () => new Promise((resolve) => turns.push(resolve)),
    });
    await expect.poll(() => turns.length).toBe(1);
    expect(batches).toEqual([]);
    turns[0]?.();
    await expect.poll(() => turns.length).toBe(2);
    expect(batches).toEqual([["a"]]);
    turns[1]?.();
    await reading;
    expect(batches).toEqual([["a"], ["b"]]);
  });
});

describe("batches", () => {
  it("that are complete are the read line objects", async () => {
    const seen: (readonly LogLine[])[] = [];
    const publish = (lines: readonly LogLine[]) => seen.push(lines) > 0;
    const budget = { signal: new AbortController().signal, turn: () => null };
    await readFollowed(toStream(entry(0, "a\n"), entry(2, "b\n")) as IncomingMessage, {
      tty: false,
      budget,
      publish,
      room: async () => {},
    });
    expect(seen.map((lines) => lines.map(({ message }) => message))).toEqual([["a"], ["b"]]);
  });
});

describe("a signal", () => {
  it("ends the stream at once, in the middle of its read", async () => {
    const stream = new PassThrough();
    const abort = new AbortController();
    const remove = vi.spyOn(abort.signal, "removeEventListener");
    const { batches, reading } = follow(stream, { abort });
    stream.write(entry(0, "a\n"));
    await expect.poll(() => batches).toEqual([["a"]]);
    abort.abort();
    expect(stream.destroyed).toBe(true);
    await expect(reading).rejects.toThrow(expect.objectContaining({ code: "ERR_STREAM_PREMATURE_CLOSE" }));
    expect(remove.mock.calls.map(([name]) => name)).toContain("abort");
  });

  it("that is aborted already reads nothing, and closes the stream", async () => {
    const abort = new AbortController();
    abort.abort();
    const stream = toStream(entry(0, "a\n"));
    const { batches, reading } = follow(stream, { abort });
    await reading;
    expect([batches, stream.destroyed]).toEqual([[], true]);
  });
});

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { endInSilence, fetchStream } from "../../src/client/silence.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const silent = new Error("silent");
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const reader = endInSilence(readable, 1000, () => silent).getReader();
  const read = () => reader.read().then(({ value, done }) => (done ? null : new TextDecoder().decode(value)));
  return { writer, reader, read };
}

describe("a stream", () => {
  it("passes its bytes on, and its end", async () => {
    const { writer, read } = setUp();
    for (const text of ["one", "two"]) {
      void writer.write(bytes(text));
      await vi.advanceTimersByTimeAsync(900);
      expect(await read()).toBe(text);
    }
    void writer.close();
    expect(await read()).toBeNull();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("fails when nothing comes in time, and lets its source go", async () => {
    const { writer, read } = setUp();
    const closed = writer.closed.catch((reason: unknown) => reason);
    const waiting = read().catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await waiting).toBe(silent);
    expect(await closed).toBe(silent);
  });

  it("may be read slowly: only waiting for bytes counts", async () => {
    const { writer, read } = setUp();
    void writer.write(bytes("one"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await read()).toBe("one");
    void writer.write(bytes("two"));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await read()).toBe("two");
  });

  it("fails as its source does, and is let go by its reader", async () => {
    const broken = setUp();
    void broken.writer.abort(new Error("reset")).catch(() => {});
    await expect(broken.read()).rejects.toThrow("reset");
    const left = setUp();
    await left.reader.cancel(new Error("left"));
    await expect(left.writer.closed).rejects.toThrow("left");
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("an answer that is no stream is read to 64 KiB and a piece, and let go", async () => {
  const piece = bytes("x".repeat(10_000));
  let [given, isLetGo] = [0, false];
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      given += 1;
      // A reader without a bound would not end.
      if (given < 1000) controller.enqueue(piece);
      else controller.close();
    },
    cancel: () => void (isLetGo = true),
  });
  const limits = { openMs: 1000, silenceMs: 1000, toError: () => silent };
  const { refusal } = await fetchStream(async () => new Response(endless, { status: 503 }), ["http://ops"], limits);
  expect(refusal?.length).toBe(70_000);
  expect(isLetGo).toBe(true);
});

import * as fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { createDemuxer, maxFrameBytes } from "../../../../src/containers/docker/logs/framing.ts";
import type { LogStream } from "../../../../src/containers/logs/log.ts";
import { frame, splitBy } from "../../../support/docker-frames.ts";

function demux(chunks: readonly Buffer[]) {
  const frames: [LogStream, string][] = [];
  const push = createDemuxer((stream, payload) => frames.push([stream, payload.toString("latin1")]));
  const ok = chunks.map((chunk) => push(chunk)).every(Boolean);
  return { frames, ok };
}

test("any split into chunks gives the same frames, in order", () => {
  const frames = fc.array(fc.tuple(fc.constantFrom<LogStream>("stdout", "stderr"), fc.uint8Array({ maxLength: 40 })), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(frames, fc.array(fc.nat(60)), (list, cuts) => {
      const whole = Buffer.concat(list.map(([stream, bytes]) => frame(stream, Buffer.from(bytes))));
      const expected = list.map(([stream, bytes]) => [stream, Buffer.from(bytes).toString("latin1")]);
      expect(demux(splitBy(whole, cuts))).toEqual({ frames: expected, ok: true });
    }),
  );
});

test("random bytes never throw", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
      const { ok } = demux(chunks.map((chunk) => Buffer.from(chunk)));
      expect(typeof ok).toBe("boolean");
    }),
  );
});

test("a stream that is not multiplexed is refused at once, and for good", () => {
  expect(demux([Buffer.from("2026-01-13T09:40:00.000000000Z hello\n")])).toEqual({ frames: [], ok: false });
  expect(demux([Buffer.from([3, 0, 0, 0, 0, 0, 0, 1, 65])]).ok).toBe(false);
  expect(demux([Buffer.from([1, 0, 1, 0, 0, 0, 0, 1, 65])]).ok).toBe(false);
  const good = frame("stdout", Buffer.from("x"));
  expect(demux([good, Buffer.from("garbage!"), good]).frames).toEqual([["stdout", "x"]]);
});

test("a frame of 1 MiB is read, a larger one is refused", () => {
  const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(maxFrameBytes, 4);
  expect(demux([header, Buffer.alloc(maxFrameBytes)]).frames).toHaveLength(1);
  header.writeUInt32BE(maxFrameBytes + 1, 4);
  expect(demux([header])).toEqual({ frames: [], ok: false });
});

test("stdin is dropped, an empty frame is a frame", () => {
  const stdin = Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 65]);
  expect(demux([stdin, frame("stderr", Buffer.alloc(0))])).toEqual({ frames: [["stderr", ""]], ok: true });
});

test("a large frame that arrives byte by byte is joined once", () => {
  const joined = vi.spyOn(Buffer, "concat");
  onTestFinished(() => joined.mockRestore());
  const whole = frame("stdout", Buffer.alloc(maxFrameBytes / 32));
  joined.mockClear();
  const chunks = Array.from({ length: whole.length }, (_, index) => whole.subarray(index, index + 1));
  expect(demux(chunks).frames).toHaveLength(1);
  // Joining at each byte would copy 500 MB.
  const copied = joined.mock.results.reduce((sum, { value }) => sum + (value as Buffer).length, 0);
  expect(copied).toBeLessThan(whole.length * 2);
});

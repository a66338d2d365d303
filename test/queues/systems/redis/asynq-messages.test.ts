import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readProtobuf, toServer, toTask, toWorker } from "../../../../src/queues/systems/redis/asynq.ts";
import { encodeTask, field } from "../../../support/redis.ts";

describe("asynq's messages", () => {
  it("are read back as written", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, fc.nat(1_000_000), fc.nat(4_000_000_000), (error, retried, lastFailedAt) => {
        const task = toTask(encodeTask({ id: "x", queue: "q", error, retried, lastFailedAt }));
        expect(task).toStrictEqual({ error, retried, lastFailedAt: lastFailedAt === 0 ? null : lastFailedAt * 1000 });
      }),
    );
  });

  it("accept any bytes in time, and never fail", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const buffer = Buffer.from(bytes);
        for (const read of [toTask, toServer, toWorker]) read(buffer);
      }),
    );
    const cut = encodeTask({ id: "x", queue: "q", error: "boom" }).subarray(0, -4);
    // A number whose last byte is missing.
    expect(readProtobuf(Buffer.from([0x08, 0x80]))).toBeNull();
    expect(readProtobuf(Buffer.from([0x08, 0x80, 0x01]))).toEqual(new Map([[1, [128n]]]));
    expect([toTask(cut), toTask(Buffer.from("no message")), readProtobuf(Buffer.alloc(100, 0xff))]).toStrictEqual([
      null,
      null,
      null,
    ]);
    expect(toTask(Buffer.alloc(0))).toStrictEqual({ error: "", retried: 0, lastFailedAt: null });
  });

  it("ignore unknown fields and wrong types", () => {
    const message = Buffer.concat([
      field(15, Buffer.from("header")),
      Buffer.from([0x85, 0x01, 1, 2, 3, 4]),
      field(7, 9),
      field(6, "text"),
    ]);
    expect(toTask(message)).toStrictEqual({ error: "", retried: 0, lastFailedAt: null });
    const negative = Buffer.concat([Buffer.from([6 << 3]), Buffer.alloc(9, 0xff), Buffer.from([1])]);
    expect(toTask(negative)?.retried).toBe(0);
  });

  it("have the task of a worker", () => {
    const started = field(8, Buffer.concat([field(1, 1_800_000_000), field(2, 5)]));
    const texts = ["web-1", "7", "server", "task-1", "mail:send", "payload", "default"];
    const fields = [1, 2, 3, 4, 5, 6, 7].map((number, index) => field(number, texts[index] ?? ""));
    expect(toWorker(Buffer.concat([...fields, started]))).toStrictEqual({
      host: "web-1",
      taskId: "task-1",
      type: "mail:send",
      queue: "default",
      startedAt: 1_800_000_000_000,
    });
    const none = { host: "", taskId: "", type: "", queue: "", startedAt: null };
    expect(toWorker(Buffer.alloc(0))).toStrictEqual(none);
    expect(toWorker(field(8, field(2, 5)))).toStrictEqual(none);
    expect(toWorker(field(8, "no message"))).toStrictEqual(none);
    expect([toWorker(Buffer.from("x")), toServer(Buffer.from("x"))]).toStrictEqual([null, null]);
  });

  it("take the last value of a field, and ignore fixed numbers", () => {
    const fixed = [
      Buffer.from([(1 << 3) | 1, ...Buffer.alloc(8, 0xff)]),
      Buffer.from([(2 << 3) | 5, 0xff, 0xff, 0xff, 0xff]),
    ];
    const message = Buffer.concat([
      ...fixed,
      field(7, "first"),
      field(6, 3),
      field(7, "last"),
      field(6, 4),
      field(11, 1),
    ]);
    expect(toTask(message)).toStrictEqual({ error: "last", retried: 4, lastFailedAt: 1000 });
    expect(readProtobuf(message)).toEqual(
      new Map<number, unknown[]>([
        [1, [Buffer.alloc(8, 0xff)]],
        [2, [Buffer.alloc(4, 0xff)]],
        [7, [Buffer.from("first"), Buffer.from("last")]],
        [6, [3n, 4n]],
        [11, [1n]],
      ]),
    );
  });

  it.each([
    ["a group, which is not used any more", [(1 << 3) | 3]],
    ["an unknown type", [(1 << 3) | 7]],
    ["a text that is cut", [(1 << 3) | 2, 2, 65]],
    ["a text without its length", [(1 << 3) | 2]],
    ["8 bytes of which one is missing", [(1 << 3) | 1, 1, 2, 3, 4, 5, 6, 7]],
    ["4 bytes of which one is missing", [(1 << 3) | 5, 1, 2, 3]],
    ["a number of 11 bytes", [1 << 3, ...Buffer.alloc(10, 0x80), 1]],
  ])("are empty with %s", (_what, bytes) => expect(readProtobuf(Buffer.from(bytes))).toBeNull());

  it("have numbers of 64 bits", () => {
    const ones = Buffer.alloc(9, 0xff);
    expect(readProtobuf(Buffer.from([1 << 3, ...ones, 1]))).toEqual(new Map([[1, [2n ** 64n - 1n]]]));
    expect(readProtobuf(Buffer.from([1 << 3, ...Buffer.alloc(9, 0x80), 0x7f]))).toEqual(new Map([[1, [2n ** 63n]]]));
    expect(readProtobuf(Buffer.from([0xa0, 0x06, 0xac, 0x02]))).toEqual(new Map([[100, [300n]]]));
  });

  it("have the queues and the state of a server", () => {
    const entry = (name: string) => field(5, Buffer.concat([field(1, name), field(2, 3)]));
    expect(toServer(Buffer.concat([entry("a"), entry("b"), field(7, "active")]))).toStrictEqual({
      isActive: true,
      queues: ["a", "b"],
    });
    expect(toServer(field(7, "stopped"))).toStrictEqual({ isActive: false, queues: [] });
  });
});

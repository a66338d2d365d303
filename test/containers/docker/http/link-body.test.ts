import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { readStart, readText } from "../../../../src/containers/docker/http/link.ts";

const body = (...chunks: readonly (string | Buffer)[]) =>
  Readable.from(chunks.map((chunk) => Buffer.from(chunk as string))) as IncomingMessage;

it("a body is read to its end, with characters divided between chunks", async () => {
  const euro = Buffer.from("€");
  expect(await readText(body("a", euro.subarray(0, 1), euro.subarray(1), "b"), 100)).toBe("a€b");
  expect(await readText(body(), 100)).toBe("");
});

it("a body is read up to its maximum, and not a byte more", async () => {
  expect(await readText(body("abc", "de"), 5)).toBe("abcde");
  await expect(readText(body("abc", "def"), 5)).rejects.toThrow("its answer is larger than 0 MiB");
  await expect(readText(body(Buffer.alloc((3 << 20) + 1)), 3 << 20)).rejects.toThrow(
    expect.objectContaining({ name: "AnswerError", message: "its answer is larger than 3 MiB" }),
  );
});

it("the start of a body is returned if there is one", async () => {
  expect(await readStart(body("abc"), 5)).toBe("abc");
  expect(await readStart(body("abcdef"), 5)).toBe("");
});

import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeReply, toEncoding } from "../../src/http/compression.ts";
import type { EdgeReply } from "../../src/http/surface.ts";
import { bearer, startEdge, type TestEdge } from "../support/edge.ts";

const long = `[${'"web",'.repeat(500)}"web"]`;
const toReply = (body: EdgeReply["body"], headers: Readonly<Record<string, string>> = {}): EdgeReply => ({
  status: 200,
  headers,
  body,
});

describe("a reply", () => {
  it.each([
    ["br", brotliDecompressSync],
    ["gzip", gunzipSync],
  ] as const)("is compressed with %s for who accepts it", async (encoding, decompress) => {
    const reply = await encodeReply(toReply(long, { "content-type": "application/json; charset=utf-8" }), encoding);
    expect(reply.headers).toEqual({
      "content-type": "application/json; charset=utf-8",
      vary: "Accept-Encoding",
      "content-encoding": encoding,
    });
    expect(reply.body.length).toBeLessThan(long.length / 10);
    expect(decompress(reply.body as Buffer).toString()).toBe(long);
  });

  it("that is remembered is compressed once", async () => {
    const body = Buffer.from(long);
    const first = await encodeReply(toReply(body), "br");
    const again = encodeReply(toReply(body), "br");
    expect(again).not.toBeInstanceOf(Promise);
    expect((again as EdgeReply).body).toBe(first.body);
  });

  it("varies by what the client accepts, also uncompressed", () => {
    expect(encodeReply(toReply(long), undefined)).toEqual(toReply(long, { vary: "Accept-Encoding" }));
  });

  it.each<[string, EdgeReply]>([
    ["it is short", toReply("x".repeat(999))],
    ["it chose its own form", toReply(long, { vary: "Accept" })],
    ["it is neither JSON nor text", toReply(long, { "content-type": "image/png" })],
    ["it is an error", { ...toReply(long), status: 422 }],
  ])("is sent as it is where %s", (_why, reply) => {
    expect(encodeReply(reply, "br, gzip")).toBe(reply);
  });
});

describe("the edge", () => {
  let edge: TestEdge;
  beforeAll(async () => {
    const handle = async () => toReply(long);
    edge = await startEdge({ surfaces: [{ prefix: "/rows", subtree: false, handle }] });
  });
  afterAll(() => edge[Symbol.asyncDispose]());

  it("compresses answers to POST too, and logs the bytes that it sent", async () => {
    const headers = { ...bearer, "content-type": "application/json", "accept-encoding": "gzip" };
    const before = edge.lines.length;
    const answer = await edge.send("POST", "/rows", headers, "{}");
    const sent = Number(answer.headers["content-length"]);
    expect([answer.headers["content-encoding"], sent < long.length / 10]).toEqual(["gzip", true]);
    await expect.poll(() => edge.lines.length).toBe(before + 1);
    expect(JSON.parse(edge.lines[before] as string)).toMatchObject({ bytes: sent });
  });
});

describe("Accept-Encoding", () => {
  it.each([
    [undefined, null],
    ["", null],
    ["gzip", "gzip"],
    ["br", "br"],
    ["gzip, deflate, br", "br"],
    ["gzip, deflate, br, zstd", "br"],
    ["br;q=0.5, gzip", "gzip"],
    ["br;q=0, gzip;q=0", null],
    ["*", "br"],
    ["*;q=0.1, br;q=0", "gzip"],
    ["gzip;q=0.5, identity", null],
    ["identity;q=0.5, gzip;q=0.5", "gzip"],
    ["deflate", null],
    ["GZIP", "gzip"],
    ["x-gzip", "gzip"],
    ["gzip;q=x", null],
    ["gzip ; q=0.3 , br ; q=0.2", "gzip"],
  ])("%j means %s", (header, encoding) => {
    expect(toEncoding(header)).toBe(encoding);
  });
});

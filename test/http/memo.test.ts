import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createReplyMemo, type RememberedReply, toEncoding } from "../../src/http/memo.ts";
import type { EdgeReply } from "../../src/http/surface.ts";

const inputs = (view = "all", version = "1") => ({ view, version });
const toReply = (body: string): EdgeReply => ({ status: 200, headers: { "content-type": "application/json" }, body });

/** A remembered reply. */
function remember(body: string): RememberedReply {
  const kept = createReplyMemo().keep("key", inputs(), inputs(), toReply(body));
  if (!kept) throw new Error("It was not kept");
  return kept;
}

describe("the memo", () => {
  it("has a reply for its key, view and version", () => {
    const memo = createReplyMemo();
    const kept = memo.keep("key", inputs(), inputs(), toReply("[]"));
    expect(memo.find("key", inputs())).toBe(kept);
    for (const [key, other] of [
      ["other", inputs()],
      ["key", inputs("staging")],
      ["key", inputs("all", "2")],
      ["key", null],
    ] as const)
      expect(memo.find(key, other)).toBeNull();
  });

  it("stores nothing whose inputs have changed meanwhile, or are unknown", async () => {
    const memo = createReplyMemo();
    const pairs = [
      [inputs(), inputs("all", "2")],
      [inputs(), inputs("staging")],
      [null, inputs()],
      [inputs(), null],
    ] as const;
    for (const [before, after] of pairs) {
      const reply = await memo.keep("key", before, after, toReply("[]")).toReply({});
      expect(reply).toMatchObject({ status: 200, headers: { etag: expect.stringMatching(/^"[\w-]{27}"$/) } });
    }
    expect(memo.find("key", inputs())).toBeNull();
  });

  it("keeps the last 256 replies, and 16 MB", () => {
    const memo = createReplyMemo();
    const found = (count: number) =>
      Array.from({ length: count }, (_, n) => memo.find(`${n}`, inputs())).filter(Boolean).length;
    for (let n = 0; n < 300; n++) memo.keep(`${n}`, inputs(), inputs(), toReply("[]"));
    expect([found(300), memo.find("44", inputs()) !== null, memo.find("43", inputs())]).toEqual([256, true, null]);
    for (let n = 0; n < 3; n++) memo.keep(`${n}`, inputs(), inputs(), toReply("x".repeat(3_000_000)));
    expect([0, 1, 2].map((n) => memo.find(`${n}`, inputs()) !== null)).toEqual([false, true, true]);
  });
});

it("a remembered body takes the memory of its own bytes alone", async () => {
  const remembered = remember("x".repeat(2000));
  for (const encoding of ["identity", "gzip", "br"]) {
    const first = await remembered.toReply({ "accept-encoding": encoding });
    const { body } = await remembered.toReply({ "accept-encoding": encoding });
    expect(body).toBe(first.body);
    expect((body as Buffer).buffer.byteLength).toBe((body as Buffer).length);
  }
});

describe("a remembered reply", () => {
  const long = JSON.stringify(Array.from({ length: 200 }, (_, n) => ({ name: `web-${n}`, status: "running" })));

  it("has a strong tag of its body, and must be asked for again", async () => {
    const [one, same, other] = [remember(long), remember(long), remember(`${long} `)];
    const tags = (await Promise.all([one, same, other].map(async (reply) => reply.toReply({})))).map(
      ({ headers }) => headers?.["etag"],
    );
    expect(tags[0]).toMatch(/^"[\w-]{27}"$/);
    expect([tags[1], tags[2] === tags[0]]).toEqual([tags[0], false]);
    const { policy = [], headers } = await one.toReply({});
    expect(policy[policy.indexOf("Cache-Control") + 1]).toBe("private, no-cache");
    expect(policy).toContain("nosniff");
    expect(headers).toMatchObject({ "content-type": "application/json", vary: "Accept-Encoding" });
  });

  it.each<[string, (tag: string) => string, number]>([
    ["its tag", (tag) => tag, 304],
    ["its tag among others", (tag) => `"x", ${tag} ,"y"`, 304],
    ["its weak tag", (tag) => `W/${tag}`, 304],
    ["the tag of its compressed form", (tag) => tag.replace(/"$/, '-gzip"'), 304],
    ["any tag", () => "*", 304],
    ["another tag", () => '"another"', 200],
    ["a part of its tag", (tag) => tag.slice(0, -2), 200],
    ["nothing", () => "", 200],
  ])("is sent to a client that has %s with its status", async (_, toHeader, status) => {
    const reply = remember(long);
    const tag = String((await reply.toReply({})).headers?.["etag"]);
    const answer = await reply.toReply({ "if-none-match": toHeader(tag) }, { "x-more": "1" });
    expect(answer).toMatchObject({ status, headers: { etag: tag, "x-more": "1", vary: "Accept-Encoding" } });
    expect(String(answer.body)).toBe(status === 304 ? "" : long);
  });

  it("is compressed once for all who want it so", async () => {
    const reply = remember(long);
    const plain = await reply.toReply({});
    const [gzip, br] = await Promise.all(
      ["gzip", "br"].map(async (encoding) => reply.toReply({ "accept-encoding": encoding })),
    );
    expect([gunzipSync(gzip?.body ?? "").toString(), brotliDecompressSync(br?.body ?? "").toString()]).toEqual([
      long,
      long,
    ]);
    expect(gzip?.headers).toMatchObject({
      "content-encoding": "gzip",
      etag: String(plain.headers?.["etag"]).replace(/"$/, '-gzip"'),
    });
    expect(br?.headers).toMatchObject({ "content-encoding": "br" });
    const again = reply.toReply({ "accept-encoding": "gzip" });
    expect(again).not.toBeInstanceOf(Promise);
    expect((again as EdgeReply).body).toBe(gzip?.body);
  });

  it("is one Buffer for all readers, and not compressed below 1,000 bytes", async () => {
    const [small, large] = [remember("x".repeat(999)), remember("x".repeat(1000))];
    const encodingOf = async (reply: RememberedReply) =>
      (await reply.toReply({ "accept-encoding": "gzip" })).headers?.["content-encoding"];
    expect([await encodingOf(small), await encodingOf(large)]).toEqual([undefined, "gzip"]);
    const [one, two] = [small.toReply({}) as EdgeReply, small.toReply({}) as EdgeReply];
    expect(one.body).toBeInstanceOf(Buffer);
    expect([two.body, small.plain.body]).toEqual([one.body, one.body]);
    expect(two.body).toBe(one.body);
  });

  it("has neither tag nor new policy for a POST", () => {
    expect(remember(long).plain).toEqual({ ...toReply(long), body: Buffer.from(long) });
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

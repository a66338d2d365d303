import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createReplyMemo, LastingReply, type RememberedReply, type ReplyMemo } from "../../src/http/memo.ts";
import type { EdgeReply } from "../../src/http/surface.ts";

const inputs = (view = "all", version = "1") => ({ view, version });
const toReply = (body: string): EdgeReply => ({ status: 200, headers: { "content-type": "application/json" }, body });

type Inputs = ReturnType<typeof inputs> | null;
const isNew = "It was made";

/** Makes and stores a reply whose inputs are these, before and after it is made. */
async function keep(memo: ReplyMemo, key: string, before: Inputs, after: Inputs, body = "[]") {
  let now = before;
  const make = async () => {
    now = after;
    return new LastingReply(toReply(body));
  };
  return memo.answer<never>({ key, inputs: () => now, make });
}

/** Whether a reply is remembered. */
async function knows(memo: ReplyMemo, key: string, now: Inputs): Promise<boolean> {
  return (await memo.answer({ key, inputs: () => now, make: async () => isNew })) !== isNew;
}

async function remember(body: string): Promise<RememberedReply> {
  return keep(createReplyMemo(), "key", inputs(), inputs(), body);
}

describe("the memo", () => {
  it("has a reply for its key, view and version", async () => {
    const memo = createReplyMemo();
    const kept = await keep(memo, "key", inputs(), inputs());
    expect(memo.answer({ key: "key", inputs, make: async () => isNew })).toBe(kept);
    expect(await memo.answer({ key: "key", inputs: async () => inputs(), make: async () => isNew })).toBe(kept);
    for (const [key, other] of [
      ["other", inputs()],
      ["key", inputs("staging")],
      ["key", inputs("all", "2")],
      ["key", null],
    ] as const)
      expect(await knows(memo, key, other)).toBe(false);
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
      const reply = await (await keep(memo, "key", before, after)).toReply({});
      expect(reply).toMatchObject({ status: 200, headers: { etag: expect.stringMatching(/^"[\w-]{27}"$/) } });
    }
    expect(await knows(memo, "key", inputs())).toBe(false);
  });

  it("stores no answer that does not last, and no failure", async () => {
    const memo = createReplyMemo();
    expect(await memo.answer({ key: "key", inputs, make: async () => null })).toBeNull();
    const make = async () => Promise.reject(new Error("odd"));
    await expect(memo.answer({ key: "key", inputs, make })).rejects.toThrow("odd");
    expect(await knows(memo, "key", inputs())).toBe(false);
  });

  it("keeps the last 256 replies, and 16 MB", async () => {
    const memo = createReplyMemo();
    const isKnown = async (n: number) => knows(memo, `${n}`, inputs());
    for (let n = 0; n < 300; n++) await keep(memo, `${n}`, inputs(), inputs());
    const known = await Promise.all(Array.from({ length: 300 }, async (_, n) => isKnown(n)));
    expect([known.filter(Boolean).length, known[44], known[43]]).toEqual([256, true, false]);
    for (let n = 0; n < 3; n++) await keep(memo, `${n}`, inputs(), inputs(), "x".repeat(3_000_000));
    expect(await Promise.all([0, 1, 2].map(isKnown))).toEqual([false, true, true]);
  });
});

it("a remembered body takes the memory of its own bytes alone", async () => {
  const remembered = await remember("x".repeat(2000));
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
    const [one, same, other] = [await remember(long), await remember(long), await remember(`${long} `)];
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
    const reply = await remember(long);
    const tag = String((await reply.toReply({})).headers?.["etag"]);
    const answer = await reply.toReply({ "if-none-match": toHeader(tag) }, { "x-more": "1" });
    expect(answer).toMatchObject({ status, headers: { etag: tag, "x-more": "1", vary: "Accept-Encoding" } });
    expect(String(answer.body)).toBe(status === 304 ? "" : long);
  });

  it("is compressed once for all who want it so", async () => {
    const reply = await remember(long);
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
    const [small, large] = [await remember("x".repeat(999)), await remember("x".repeat(1000))];
    const encodingOf = async (reply: RememberedReply) =>
      (await reply.toReply({ "accept-encoding": "gzip" })).headers?.["content-encoding"];
    expect([await encodingOf(small), await encodingOf(large)]).toEqual([undefined, "gzip"]);
    const [one, two] = [small.toReply({}) as EdgeReply, small.toReply({}) as EdgeReply];
    expect(one.body).toBeInstanceOf(Buffer);
    expect([two.body, small.plain.body]).toEqual([one.body, one.body]);
    expect(two.body).toBe(one.body);
  });

  it("has neither tag nor new policy for a POST", async () => {
    expect((await remember(long)).plain).toEqual({ ...toReply(long), body: Buffer.from(long) });
  });
});

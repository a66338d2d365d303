import { expect, it } from "vitest";
import { decodePercent, parseJson, readBody, toBasicCredentials } from "../../src/lib/http-client.ts";

async function* toChunks(...texts: readonly string[]) {
  for (const text of texts) yield Buffer.from(text);
}
const tooLarge = () => new Error("too large");

it("a body is read whole, up to its limit in bytes", async () => {
  expect(String(await readBody(toChunks("a", "é"), 3, tooLarge))).toBe("aé");
  expect(String(await readBody(toChunks(), 0, tooLarge))).toBe("");
  await expect(readBody(toChunks("a", "é"), 2, tooLarge)).rejects.toThrow("too large");
});

it("invalid JSON is undefined", () => {
  expect(["{", "", '{"a":1}', "null"].map(parseJson)).toEqual([undefined, undefined, { a: 1 }, null]);
});

it("credentials are decoded, also where their percent-encoding is broken", () => {
  const of = (url: string) => Buffer.from(toBasicCredentials(new URL(url)), "base64").toString();
  expect(of("http://ops:p%40ss@h")).toBe("ops:p@ss");
  expect(of("http://:50%25@h")).toBe(":50%");
  expect(of("http://h")).toBe("");
  expect(["50%", "a%20b", "%ff"].map(decodePercent)).toEqual(["50%", "a b", "%ff"]);
});

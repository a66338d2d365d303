import { ReadableStream } from "node:stream/web";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(createMemorySources({}).sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** A stream has no length: fetch sends it in chunks. */
async function post(...parts: string[]): Promise<[number, unknown]> {
  const body = ReadableStream.from(parts.map((part) => Buffer.from(part)));
  const headers = { "content-type": "application/json" };
  const response = await gateway.fetch("/graphql", { method: "POST", body, headers, duplex: "half" } as RequestInit);
  return [response.status, await response.json()];
}

it("answers a body in chunks every time", async () => {
  for (let count = 0; count < 3; count += 1) {
    expect(await post('{"query":', '"{ __typename }"}')).toEqual([200, { data: { __typename: "Query" } }]);
  }
});

it.each([
  ["empty", 400, [""]],
  ["no JSON", 400, ["{"]],
  ["too long", 413, Array(70).fill(" ".repeat(1000))],
])("refuses a body in chunks that is %s: %i", async (_what, status, parts) => {
  expect((await post(...parts))[0]).toBe(status);
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(createMemorySources().sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

/** The answer to a POST, and its size with its headers. */
async function ask(accept: string, query = "{ __typename }") {
  const headers = { accept, "content-type": "application/json" };
  const response = await gateway.fetch("/graphql", { method: "POST", headers, body: JSON.stringify({ query }) });
  const text = await response.text();
  return { response, text, bytes: [...response.headers].flat().join("").length + text.length };
}

const times = (count: number, one: string) => Array.from({ length: count }, () => one).join(",");

describe("the Accept header of /graphql", () => {
  it.each([
    "*/*",
    "application/json",
    "Application/JSON ; charset=UTF-8",
    "application/*",
    "text/html, application/json;q=0.9, */*;q=0.1",
    `${times(19, "text/html")},application/json`,
    "application/graphql-response+json; charset=utf-8",
  ])("gets an answer with %s", async (accept) => {
    const { response, text } = await ask(accept);
    expect([response.status, JSON.parse(text)]).toEqual([200, { data: { __typename: "Query" } }]);
  });

  it.each([
    ["a type that we do not have", "text/html"],
    ["another character set", "application/json; charset=latin1"],
    ["7,500 types", times(7500, "a")],
    ["3,700 types that look like ours", times(3700, "a/b")],
    ["ours behind 20 others", `${times(20, "text/html")},application/json`],
    ["commas alone", ",".repeat(10_000)],
  ])("is refused before anything runs, in a few words: %s", async (_, accept) => {
    const { response, text, bytes } = await ask(accept);
    expect([response.status, JSON.parse(text).error.code]).toEqual([406, "not_acceptable"]);
    expect(bytes).toBeLessThan(1500);
  });

  it("is refused as briefly if no stream is accepted", async () => {
    const query = "subscription { containerEvents { ended } }";
    const { response, bytes } = await ask(times(800, "application/json"), query);
    expect([response.status, response.headers.get("accept")]).toEqual([
      406,
      "application/graphql-response+json, application/json, text/event-stream, multipart/mixed",
    ]);
    expect(bytes).toBeLessThan(1500);
  });
});

import { afterAll, beforeAll, expect, it } from "vitest";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(createMemorySources().sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const body = Buffer.from('{"query":"{ __typename }"}');
const error = { code: "unsupported_media_type", message: "Send application/json, not compressed" };

it.each<[string, Record<string, string>, boolean]>([
  ["POST", {}, false],
  ["POST", { "content-type": "application/json" }, true],
  ["POST", { "content-type": "Application/JSON ; charset=utf-8" }, true],
  ["POST", { "content-type": "application/graphql-response+json" }, true],
  ["POST", { "content-type": "application/jsonx" }, false],
  ["POST", { "content-type": "text/plain; application/json" }, false],
  ["POST", { "content-type": "application/json", "content-encoding": "identity" }, false],
  ["GET", {}, true],
  ["GET", { "content-type": "application/json" }, true],
  ["GET", { "content-type": "text/plain" }, false],
  ["GET", { "content-encoding": "gzip" }, false],
])("a %s with %j is taken: %j", async (method, headers, isTaken) => {
  const init = { method, headers: { accept: "application/json", ...headers }, ...(method === "POST" && { body }) };
  const response = await gateway.fetch(method === "POST" ? "/graphql" : "/graphql?query=%7B__typename%7D", init);
  const answer = await response.json();
  expect(answer).toMatchObject(isTaken ? { data: { __typename: "Query" } } : { error });
  expect(response.status).toBe(isTaken ? 200 : 415);
});

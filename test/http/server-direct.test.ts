import { createSchema, createYoga } from "graphql-yoga";
import { afterAll, beforeAll, expect, test } from "vitest";
import { presetHeaders } from "../../src/http/reply.ts";
import type { Surface } from "../../src/http/surface.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { bearer, startEdge, type TestEdge } from "../support/edge.ts";

let edge: TestEdge;

beforeAll(async () => {
  const schema = createSchema({
    typeDefs: "type Query { hello: String }",
    resolvers: { Query: { hello: () => "world" } },
  });
  const yoga = createYoga({ schema, graphiql: false, landingPage: false, cors: false, logging: false });
  const graphql: Surface = {
    prefix: "/graphql",
    subtree: false,
    async handle(request) {
      const { req, res, headers } = request;
      if (headers["content-type"] === "text/plain")
        throw new OpsError("unsupported_media_type", "Send application/json");
      presetHeaders(request);
      await yoga.handle(req, res);
      return null;
    },
  };
  const dies: Surface = {
    prefix: "/dies",
    subtree: false,
    handle(request) {
      const { res } = request;
      presetHeaders(request);
      res.writeHead(200).write("half of");
      return Promise.reject(new Error("in the middle"));
    },
  };
  edge = await startEdge({ surfaces: [graphql, dies] });
});
afterAll(() => edge[Symbol.asyncDispose]());

const json = { ...bearer, "content-type": "application/json" };

test("Yoga's own answers have our headers and our log line", async () => {
  const before = edge.lines.length;
  const answer = await edge.send("POST", "/graphql", json, '{"query":"{hello}"}');
  expect([answer.status, answer.text]).toEqual([200, '{"data":{"hello":"world"}}']);
  expect(answer.headers).toMatchObject({
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
  });
  await expect.poll(() => edge.lines.length).toBe(before + 1);
  expect(JSON.parse(edge.lines[before] as string)).toMatchObject({
    method: "POST",
    path: "/graphql",
    status: 200,
    bytes: 26,
  });
});

test("a query by GET works, and so does its HEAD", async () => {
  const get = await edge.send("GET", "/graphql?query=%7Bhello%7D", bearer);
  expect([get.status, get.text]).toEqual([200, '{"data":{"hello":"world"}}']);
  const head = await edge.send("HEAD", "/graphql?query=%7Bhello%7D", bearer);
  expect([head.status, head.text]).toEqual([200, ""]);
});

test("a refusal before the answer is an error like any other", async () => {
  const answer = await edge.send("POST", "/graphql", { ...bearer, "content-type": "text/plain" }, "x");
  expect([answer.status, JSON.parse(answer.text).error.code]).toEqual([415, "unsupported_media_type"]);
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.headers["content-length"]).toBe(String(answer.text.length));
});

test("an answer that breaks off is visibly incomplete", async () => {
  await expect(edge.send("POST", "/dies", json, "{}")).rejects.toThrow(/aborted|hang up|ECONNRESET/);
  await expect.poll(() => edge.lines.some((line) => line.includes('"path":"/dies"'))).toBe(true);
});

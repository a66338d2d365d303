import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { buildSchema, parse, validate } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { examples } from "../../../src/http/console/examples.ts";
import { createConsolePages } from "../../../src/http/console/page.ts";
import { startEdge, type TestEdge } from "../edge-support.ts";

let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge({ publicPages: createConsolePages() });
});
afterAll(() => edge[Symbol.asyncDispose]());

const html = { accept: "text/html,application/xhtml+xml" };

test.each(examples)("example %#: valid against the committed schema", (query) => {
  const schema = buildSchema(readFileSync("schema/schema.graphql", "utf8"));
  expect(validate(schema, parse(query))).toEqual([]);
});

test("for a browser that goes there, and for nobody else", async () => {
  expect((await edge.send("GET", "/graphql", html)).status).toBe(200);
  expect((await edge.send("GET", "/graphql")).status).toBe(401);
  expect((await edge.send("GET", "/graphql?query=%7Bhosts%7Bname%7D%7D", html)).status).toBe(401);
  expect((await edge.send("POST", "/graphql", html)).status).toBe(401);
  expect((await edge.send("GET", "/graphql/console/", html)).status).toBe(401);
  expect((await edge.send("GET", "/graphql/console/other.js", html)).status).toBe(401);
});

test("a strict policy: no inline script, no other origin, no frame", async () => {
  const { headers, text } = await edge.send("GET", "/graphql", html);
  const policy = String(headers["content-security-policy"]);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self';");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/https?:|unsafe-eval|\*/);
  expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "cross-origin-opener-policy": "same-origin" });
  expect(text).toContain("<title>wallet-core-ops</title>");
  expect(text).not.toMatch(/<script(?![^>]*\ssrc="\/)|<style|\son\w+=|https?:/);
});

test("every file that the page names is there, kept for ever under its version, and compressed for who can take it", async () => {
  const { text } = await edge.send("GET", "/graphql", html);
  const links = [...text.matchAll(/"(\/graphql\/console\/[^"]+)"/g)].map((match) => match[1] as string);
  expect(links).toHaveLength(7);
  for (const link of links) {
    const answer = await edge.send("GET", link);
    expect([link, answer.status, answer.headers["content-encoding"]]).toEqual([link, 200, undefined]);
    expect(answer.headers["cache-control"]).toContain("immutable");
    expect(answer.headers["content-type"]).toMatch(link.includes(".css") ? /^text\/css/ : /^text\/javascript/);
  }
  const stale = await edge.send("GET", "/graphql/console/console.js?v=old");
  expect(stale.headers["cache-control"]).toBe("no-cache");
});

test("gzip carries the same bytes", async () => {
  const plain = await fetch(`http://127.0.0.1:${edge.port}/graphql/console/console.js`, {
    headers: { "accept-encoding": "identity" },
  });
  const pages = createConsolePages();
  const page = pages.find(({ path }) => path.endsWith("/console.js"));
  const zipped = await page?.reply({ path: "", query: "", headers: { "accept-encoding": "br, gzip" } });
  expect(zipped?.headers?.["Content-Encoding"]).toBe("gzip");
  expect(gunzipSync(zipped?.body as Buffer).toString()).toBe(await plain.text());
});

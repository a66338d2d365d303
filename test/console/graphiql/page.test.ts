import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { buildSchema, parse, validate } from "graphql";
import { afterAll, beforeAll, expect, test } from "vitest";
import { examples } from "../../../src/console/graphiql/examples.ts";
import { createGraphiqlPages } from "../../../src/console/graphiql/page.ts";
import { startEdge, type TestEdge } from "../../support/edge.ts";

let edge: TestEdge;

beforeAll(async () => {
  edge = await startEdge({ publicPages: createGraphiqlPages() });
});
afterAll(() => edge[Symbol.asyncDispose]());

const body = () => Promise.reject(new Error("not read"));
const html = { accept: "text/html,application/xhtml+xml" };

test.each(examples)("example %#: valid against the committed schema", (query) => {
  const schema = buildSchema(readFileSync("schema/schema.graphql", "utf8"));
  expect(validate(schema, parse(query))).toEqual([]);
});

test("the console opens for browsers that navigate to it, only", async () => {
  expect((await edge.send("GET", "/graphql", html)).status).toBe(200);
  expect((await edge.send("GET", "/graphql")).status).toBe(401);
  expect((await edge.send("GET", "/graphql?query=%7Bhosts%7Bname%7D%7D", html)).status).toBe(401);
  expect((await edge.send("POST", "/graphql", html)).status).toBe(401);
  expect((await edge.send("GET", "/graphql/console/", html)).status).toBe(401);
  expect((await edge.send("GET", "/graphql/console/other.js", html)).status).toBe(401);
});

test("the policy is strict: no inline script, no other origin, no frame", async () => {
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

test("files of the page are immutable by version, and compressed", async () => {
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
  const pages = createGraphiqlPages();
  const page = pages.find(({ path }) => path.endsWith("/console.js"));
  const zipped = await page?.reply({ path: "", query: "", headers: { "accept-encoding": "br, gzip" }, body });
  expect(zipped?.headers?.["Content-Encoding"]).toBe("gzip");
  expect(gunzipSync(zipped?.body as Buffer).toString()).toBe(await plain.text());
});

const common = {
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};
const filePolicy = "default-src 'none'; frame-ancestors 'none'";
const toPage = (path: string) => createGraphiqlPages("/door").find((page) => page.path === path);

test.each([
  [{ accept: "text/html" }, "", true],
  [{ accept: "application/json, text/html;q=0.1" }, "a=1", true],
  [{ accept: "text/html" }, "query=", false],
  [{ accept: "text/html" }, "a=1&query=x", false],
  [{ accept: "text/plain" }, "", false],
  [{ accept: "" }, "", false],
  [{}, "", false],
])("Accept %j with the query %j opens the page: %j", (headers, query, isMeant) => {
  expect(toPage("/door")?.accepts({ path: "/door", query, headers, body })).toBe(isMeant);
});

test("the page has its own policy and versioned file names", async () => {
  const reply = await toPage("/door")?.reply({ path: "/door", query: "", headers: {}, body });
  expect(reply).toEqual({
    status: 200,
    headers: { "Content-Type": "text/html; charset=utf-8" },
    body: expect.stringMatching(/^<!doctype html>\n/),
    route: "/door",
    policy: Object.entries({
      ...common,
      "Cache-Control": "no-cache",
      "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; " +
        "font-src 'self' data:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
        "require-trusted-types-for 'script'; trusted-types defaultWorkerFactory tokenizeToString standaloneColorizer " +
        "editorViewLayer domLineBreaksComputer diffReview diffEditorWidget editorGhostText stickyScrollViewLayer dompurify inert default",
    }).flat(),
  });
  const links = [...String(reply?.body).matchAll(/([\w-]+)="(\/door\/console\/[^?"]+)\?v=([\da-f]{16})"/g)];
  expect(links.map(([, attribute, link]) => `${attribute} ${link}`)).toEqual([
    "href /door/console/graphiql.css",
    "href /door/console/console.css",
    "src /door/console/graphiql.js",
    "src /door/console/console.js",
    "data-json-worker /door/console/json.worker.js",
    "data-graphql-worker /door/console/graphql.worker.js",
    "data-editor-worker /door/console/editor.worker.js",
  ]);
  for (const [, , path = "", version] of links) {
    const ask = (query: string, headers: object = {}) =>
      toPage(path)?.reply({ path, query, headers: headers as never, body });
    const type = path.endsWith(".css") ? "text/css; charset=utf-8" : "text/javascript; charset=utf-8";
    const file = await ask(`v=${version}`);
    expect(file, path).toEqual({
      status: 200,
      headers: { "Content-Type": type, Vary: "Accept-Encoding" },
      body: expect.any(Buffer),
      route: path,
      policy: Object.entries({
        ...common,
        "Content-Security-Policy": filePolicy,
        "Cache-Control": "public, max-age=31536000, immutable",
      }).flat(),
    });
    expect(hash("sha256", file?.body as Buffer, "hex").slice(0, 16)).toBe(version);
  }
});

test.each(["", "v=", "v=0000000000000000", "x"])(
  "a file requested with %j is revalidated the next time",
  async (query) => {
    const path = "/door/console/console.css";
    const reply = await toPage(path)?.reply({ path, query, headers: {}, body });
    const policy = { ...common, "Content-Security-Policy": filePolicy, "Cache-Control": "no-cache" };
    expect(reply?.policy).toEqual(Object.entries(policy).flat());
  },
);

test.each([
  [{ "accept-encoding": "gzip" }, true],
  [{ "accept-encoding": "br;q=1, gzip;q=0.5" }, true],
  [{ "accept-encoding": "br" }, false],
  [{ "accept-encoding": "gzipped" }, false],
  [{}, false],
])("a file for Accept-Encoding %j is compressed: %j, once for all", async (headers, isZipped) => {
  const path = "/door/console/console.css";
  const page = toPage(path);
  expect(page?.accepts({ path, query: "", headers: {}, body })).toBe(true);
  const ask = async () => page?.reply({ path, query: "", headers, body });
  const [first, second] = [await ask(), await ask()];
  expect(first?.headers).toEqual({
    "Content-Type": "text/css; charset=utf-8",
    Vary: "Accept-Encoding",
    ...(isZipped && { "Content-Encoding": "gzip" }),
  });
  expect(second?.body).toBe(first?.body);
  const plain = isZipped ? gunzipSync(first?.body as Buffer) : (first?.body as Buffer);
  expect(plain.toString()).toMatch(/^html, body \{/);
});

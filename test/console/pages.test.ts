import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { buildConsole } from "../../script/console.ts";
import { createPages } from "../../src/console/pages.ts";
import { screenPaths } from "../../src/console/screens.ts";
import { startEdge, type TestEdge } from "../support/edge.ts";

const folder = mkdtempSync(join(tmpdir(), "ops-console-"));
const html = { accept: "text/html,application/xhtml+xml" };
let edge: TestEdge;
let size = 0;

beforeAll(async () => {
  size = await buildConsole(folder);
  edge = await startEdge({ publicPages: createPages(null, `${folder}/`) });
});
afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

test("all of the console has at most 130 KB gzipped", () => {
  expect(size).toBeGreaterThan(20_000);
  expect(size).toBeLessThanOrEqual(130_000);
});

test.each(screenPaths)("a browser that navigates to %s gets the page; others need a token", async (path) => {
  const { status, text } = await edge.send("GET", `${path}?env=STAGING`, html);
  expect(status).toBe(200);
  expect(text).toContain('<div id="app"></div>');
  expect((await edge.send("GET", path)).status).toBe(401);
  expect((await edge.send("POST", path, html)).status).toBe(401);
});

test("the page allows nothing inline and no other origin", async () => {
  const { headers, text } = await edge.send("GET", "/", html);
  expect(headers["content-security-policy"]).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
      "require-trusted-types-for 'script'; trusted-types 'none'",
  );
  expect(headers).toMatchObject({
    "x-content-type-options": "nosniff",
    "cache-control": "no-cache",
    "referrer-policy": "no-referrer",
  });
  expect(text).not.toMatch(/<script(?![^>]*\ssrc="\/)|<style|\sstyle=|\son\w+=|https?:/);
});

test("files have their hash in the name, are immutable, and come compressed", async () => {
  const { text } = await edge.send("GET", "/", html);
  const links = [...text.matchAll(/"(\/console\/console-[A-Z0-9]+\.(?:js|css))"/g)].map(([, link]) => link as string);
  expect(links.map((link) => link.slice(link.lastIndexOf("."))).toSorted()).toEqual([".css", ".js"]);
  for (const link of links) {
    const page = createPages(null, `${folder}/`).find(({ path }) => path === link);
    const ask = async (encoding: string) =>
      page?.reply({
        path: link,
        query: "",
        headers: { "accept-encoding": encoding },
        body: () => Promise.reject(new Error("not read")),
      });
    const [plain, zipped, brotli] = [await ask(""), await ask("gzip"), await ask("gzip, br")];
    expect(zipped?.headers?.["Content-Encoding"]).toBe("gzip");
    expect(brotli?.headers?.["Content-Encoding"]).toBe("br");
    expect(gunzipSync(zipped?.body as Buffer).equals(plain?.body as Buffer)).toBe(true);
    expect(brotliDecompressSync(brotli?.body as Buffer).equals(plain?.body as Buffer)).toBe(true);
    const answer = await edge.send("GET", link);
    expect(answer.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(answer.headers["content-security-policy"]).toBe("default-src 'none'; frame-ancestors 'none'");
  }
});

test("a clone without a build says what to run", async () => {
  await using bare = await startEdge({ publicPages: createPages(null, `${folder}/none/`) });
  const { status, text } = await bare.send("GET", "/", html);
  expect([status, text]).toEqual([503, expect.stringContaining("npm run build")]);
});

import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findDroppedPromises } from "../support/dropped-promises.ts";

const find = (text: string) => findDroppedPromises({ "a.ts": text });

it("no source leaves a promise before anything observes it", () => {
  const files = globSync("src/**/*.{ts,tsx}").filter((file) => !file.startsWith("src/generated/"));
  expect(files.length).toBeGreaterThan(400);
  expect(findDroppedPromises(Object.fromEntries(files.map((file) => [file, readFileSync(file, "utf8")])))).toEqual([]);
});

describe("a promise without a handler is found", () => {
  it.each([
    [
      "received, at an early return",
      "function race(answer: Promise<1>) {\n if (gone) return null;\n return answer.then(use); }",
      2,
    ],
    ["begun, at an early return", "async function f() {\n const a = fetch();\n if (gone) return;\n await a; }", 3],
    ["begun, at a throw", "async function f() {\n const a = fetch();\n if (gone) throw gone;\n await a; }", 3],
    ["begun, at an await", "async function f() {\n const a = fetch();\n await other();\n await a; }", 3],
    [
      "at the await of the one before",
      "async function f() {\n const a = b();\n const c = d();\n return [await a,\n await c]; }",
      4,
    ],
    ["in an await of Promise.all", "async function f() {\n const a = b();\n await Promise.all([await d(), a]); }", 3],
    [
      "for an await of a loop",
      "async function f() {\n const a = b();\n for await (const c of d) use(c);\n await a; }",
      3,
    ],
    ["in a finally", "async function f() {\n const a = b();\n try { await c(); }\n finally { await a; } }", 3],
    ["assigned", "async function f() {\n let a;\n a = b();\n await c();\n await a; }", 4],
    ["in a list", "async function f() {\n const a = b.map(async (c) => c);\n await d();\n use(a); }", 3],
    [
      "of a function that is async",
      "async function b() {}\nasync function f() {\n const a = b();\n await c();\n use(a); }",
      4,
    ],
    [
      "after a check of its value",
      "async function f() {\n const a = b();\n if (a !== null) use();\n await c();\n await a; }",
      4,
    ],
  ])("%s", (_title, text, line) => {
    expect(find(text)).toEqual([expect.stringMatching(new RegExp(`^a.ts: \\w+, ${line}$`))]);
  });
});

describe("a promise that is observed is not found", () => {
  it.each([
    ["awaited at once", "async function f() { const a = await b(); await c(); use(a); }"],
    ["handled before the await", "async function f() { const a = b(); a.catch(use); await c(); await a; }"],
    ["caught where it begins", "async function f() { const a = b().catch(use); await c(); await a; }"],
    ["with two handlers where it begins", "async function f() { const a = b().then(use, use); await c(); await a; }"],
    ["awaited with others", "async function f() { const [a, b] = [c(), d()]; return Promise.all([a, b]); }"],
    ["absent at the return", "async function f() { const a = b(); if (!a) return 1; await a; }"],
    ["passed on at once", "async function f() { const a = b(); keep(a); await c(); await a; }"],
    ["a value", "async function f() { const a = value(); await c(); use(a); }"],
    ["of a name that elsewhere is async", "function b() {} async function f() { const a = b(); await c(); use(a); }"],
  ])("%s", (_title, text) => {
    expect(
      findDroppedPromises({ "a.ts": text, "b.ts": "async function b() {}" }).filter((one) => one.startsWith("a.ts")),
    ).toEqual([]);
  });
});

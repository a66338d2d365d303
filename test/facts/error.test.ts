import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { findRemedy } from "../../src/facts/error.ts";
import { statusByCode } from "../../src/lib/errors.ts";

it("every remedy is for a code that the gateway or the client has", () => {
  const table = /const remedies[^{]*\{([\s\S]*?)\n\};/.exec(readFileSync("src/facts/error.ts", "utf8"))?.[1] ?? "";
  const codes = [...table.matchAll(/^ {2}(\w+):/gm)].map(([, code]) => code as string);
  expect(codes).toContain("unreachable");
  const known = new Set([...Object.keys(statusByCode), "unreachable", "not_a_gateway", "timeout"]);
  expect(codes.filter((code) => !known.has(code))).toEqual([]);
  expect(codes.filter((code) => findRemedy(code) === null)).toEqual([]);
});

it("refusals that a person can change have a remedy", () => {
  const codes = ["unauthorized", "forbidden", "rate_limited", "restart_unknown", "docker_unavailable", "unreachable"];
  expect(
    codes.map((code) => findRemedy(code)).filter((remedy) => !remedy?.endsWith(".") && !remedy?.endsWith("?")),
  ).toEqual([]);
});

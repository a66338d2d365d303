import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { OpsError } from "../../src/client/error.ts";
import { statusByCode } from "../../src/lib/errors.ts";

it("an error without more has null in place of what is not known", () => {
  const error = new OpsError("invalid_request", "first: too large");
  const { name, message, code, remedy, status, retryAfterSeconds, path } = error;
  expect({ name, message, code, remedy, status, retryAfterSeconds, path }).toEqual({
    name: "OpsError",
    message: "first: too large",
    code: "invalid_request",
    remedy: null,
    status: null,
    retryAfterSeconds: null,
    path: null,
  });
  expect(error).toBeInstanceOf(Error);
});

it("every remedy is for a code that the gateway or the client has", () => {
  const table = /const remedies[^{]*\{([\s\S]*?)\n\};/.exec(readFileSync("src/client/error.ts", "utf8"))?.[1] ?? "";
  const codes = [...table.matchAll(/^ {2}(\w+):/gm)].map(([, code]) => code as string);
  expect(codes).toContain("unreachable");
  const known = new Set([...Object.keys(statusByCode), "unreachable", "not_a_gateway", "timeout"]);
  expect(codes.filter((code) => !known.has(code))).toEqual([]);
  expect(codes.filter((code) => new OpsError(code, "").remedy === null)).toEqual([]);
});

it("refusals that a person can change have a remedy", () => {
  const codes = ["unauthorized", "forbidden", "rate_limited", "restart_unknown", "docker_unavailable", "unreachable"];
  expect(
    codes
      .map((code) => new OpsError(code, "").remedy)
      .filter((remedy) => !remedy?.endsWith(".") && !remedy?.endsWith("?")),
  ).toEqual([]);
});

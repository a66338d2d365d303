import { describe, expect, it } from "vitest";
import { need, parseArgs, refuse, ToolFailure } from "../../src/mcp/tool.ts";
import { tools } from "../../src/mcp/tools.ts";

const find = (name: string) => tools.find((tool) => tool.name === name) as (typeof tools)[number];
const refusalOf = (name: string, args: unknown) => {
  try {
    return parseArgs(find(name), args);
  } catch (error) {
    return (error as ToolFailure).message;
  }
};

describe("arguments", () => {
  it("have their defaults", () => {
    expect(parseArgs(find("read_logs"), { role: "web" })).toEqual({ role: "web", tail: 100 });
    expect(parseArgs(find("hosts"), undefined)).toEqual({});
  });

  it.each([
    ["problems", { nonsense: 1, env: "staging" }, "problems has no argument nonsense: it has env"],
    ["problems", { "do this": 1 }, "problems has no argument of this name: it has env"],
    ["hosts", { url: "http://x" }, "hosts has no argument url: it has none"],
    ["problems", { env: "prod" }, "env must be one of staging, production"],
    ["read_logs", { role: "web", tail: 0 }, "tail: Too small: expected number to be >=1"],
    ["read_logs", { names: "web" }, "names: Invalid input: expected array, received string"],
    ["errors", [], "the arguments must be an object with env, queue"],
    ["explain_failure", { fingerprint: "x" }, "fingerprint: must be 12 hex digits"],
    [
      "restart",
      { name: "web", reason: "r", idempotency_key: "a b" },
      "idempotency_key: must be 8 to 255 printable characters without spaces",
    ],
    [
      "restart",
      { name: "web" },
      "reason: Invalid input: expected string, received undefined; idempotency_key: Invalid input: expected string, received undefined",
    ],
  ])("of %s: %j are refused", (name, args, message) => {
    expect(refusalOf(name, args)).toBe(message);
  });
});

it("what a tool needs is there, or the first fault is its failure", () => {
  expect(need(0, [])).toBe(0);
  expect(() => need(null, [{ code: "docker_error", message: "broken" }])).toThrow(
    new ToolFailure({ code: "docker_error", message: "broken" }),
  );
  expect(() => need(undefined, [])).toThrow("It does not exist, or this token may not see it");
});

it("a refusal in our own words is an invalid request unless it says more", () => {
  expect(refuse("no").fault).toMatchObject({ code: "invalid_request", message: { text: "no" } });
  expect(refuse("no", "not_found").fault.code).toBe("not_found");
});

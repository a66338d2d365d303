import { expect, it } from "vitest";
import { UsageError } from "../../src/cli/command.ts";
import { toEnv, toSeconds, toWhole } from "../../src/terminal/options.ts";

it.each([
  [undefined, null],
  ["prod", "PRODUCTION"],
  ["Production", "PRODUCTION"],
  ["staging", "STAGING"],
  ["stg", "STAGING"],
  ["Stage", "STAGING"],
  ["prd", "PRODUCTION"],
])("the environment %s is %s", (text, env) => {
  expect(toEnv(text)).toBe(env);
});

it.each([
  ["90", 90],
  ["90s", 90],
  ["10m", 600],
  ["1h30m", 5400],
  ["2d", 172_800],
])("the time %s is %i s", (text, seconds) => {
  expect(toSeconds("for", text)).toBe(seconds);
});

it.each(["", "m", "1.5h", "-5", "1w", "5 m", "1h30"])("the time '%s' is refused with its option", (text) => {
  expect(() => toSeconds("for", text)).toThrow(UsageError);
  expect(() => toSeconds("for", text)).toThrow(`--for must be a time such as 90s, 10m or 1h30m, not '${text}'`);
});

it("a whole number is within its bounds", () => {
  expect([toWhole("first", "1", 1, 50), toWhole("first", "50", 1, 50)]).toEqual([1, 50]);
  for (const text of ["0", "51", "1.0", "1e1", "", " 2", "0x2", "-1"])
    expect(() => toWhole("first", text, 1, 50)).toThrow(`--first must be a whole number from 1 to 50, not '${text}'`);
  expect(() => toEnv("moon")).toThrow("--env must be production or staging, not 'moon'");
});

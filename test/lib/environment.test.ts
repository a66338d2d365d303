import { describe, expect, it } from "vitest";
import { type Environment, findEnvironments, parseEnvironment, toEnvironment } from "../../src/lib/environment.ts";

const nothing = new Map<string, Environment>();
const configured = new Map<string, Environment>([
  ["beta", "staging"],
  ["prod", "staging"],
]);

describe("a destination", () => {
  it.each([
    ["staging", "staging"],
    ["stage", "staging"],
    ["stg", "staging"],
    ["production", "production"],
    ["prod", "production"],
    ["prd", "production"],
    ["PROD", "production"],
    ["Stage", "staging"],
    ["beta", null],
    ["prod-eu", null],
    ["", null],
    [null, null],
    [undefined, null],
  ] as const)("%j is one of %j by the common words", (destination, environment) => {
    expect(toEnvironment(destination, nothing)).toBe(environment);
  });

  it.each([
    ["beta", "staging"],
    ["BETA", "staging"],
    ["prod", "staging"],
    ["prd", "production"],
    ["gamma", null],
  ] as const)("%j is one of %j by the configuration, then by the words", (destination, environment) => {
    expect(toEnvironment(destination, configured)).toBe(environment);
  });
});

it.each([
  ["prod", "production"],
  ["Staging", "staging"],
  ["beta", null],
  ["", null],
])("the word %j of a person means the environment %j", (word, environment) => {
  expect(parseEnvironment(word)).toBe(environment);
});

describe("a name", () => {
  it.each([
    ["wallet-core-staging", ["staging"]],
    ["wallet_core_prd", ["production"]],
    ["core.stg.example", ["staging"]],
    ["Wallet-PROD", ["production"]],
    ["staging", ["staging"]],
    ["stage-stg-staging", ["staging"]],
    ["prod-of-staging", ["production", "staging"]],
    ["wallet-core", []],
    ["stagingcore", []],
    ["", []],
    [undefined, []],
  ] as const)("%j mentions %j", (name, mentioned) => {
    expect(findEnvironments(name, nothing)).toEqual(mentioned);
  });

  it("has the configuration's meaning of common words alone", () => {
    expect(findEnvironments("wallet-prod-beta", configured)).toEqual(["staging"]);
    expect(findEnvironments("wallet-beta", configured)).toEqual([]);
  });
});

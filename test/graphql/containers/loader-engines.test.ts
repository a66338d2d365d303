import { describe, expect, it } from "vitest";
import { selectEngines } from "../../../src/graphql/containers/loader.ts";
import type { Environment } from "../../../src/lib/environment.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleEngine } from "../../support/containers.ts";

const everyone = createCaller().principal;
const limited = createCaller(["ops:read"], ["staging"]).principal;
const error = { code: "docker_timeout", message: "late" };
const engine = (env: Environment | null, runs: readonly Environment[] | null, ok = true) =>
  sampleEngine({ name: "a", env, runs: runs && new Set(runs), ok, error: ok ? null : error });
const named = { name: "a", ...error };
const unnamed = {
  name: null,
  code: "docker_unavailable",
  message: "An engine without a configured environment does not answer",
};

it("of unknown containers is silent for a token until each was inspected", () => {
  const one = { ...engine(null, ["production"], false), isInspected: false };
  expect(selectEngines(limited, [one])).toEqual({ shown: [], silent: [unnamed] });
  expect(selectEngines(limited, [{ ...one, isInspected: true }])).toEqual({ shown: [], silent: [] });
  expect(selectEngines(limited, [{ ...one, env: "production" }])).toEqual({ shown: [], silent: [] });
});

describe("an engine", () => {
  it.each([
    ["staging", null, true],
    ["staging", ["production"], true],
    ["production", null, false],
    ["production", ["production"], false],
    ["production", ["production", "staging"], true],
    [null, null, false],
    [null, [], false],
    [null, ["production"], false],
    [null, ["staging"], true],
  ] as const)("of %s that runs %o is shown to a token of staging: %s", (env, runs, isShown) => {
    const one = engine(env, runs);
    expect(selectEngines(limited, [one])).toEqual({ shown: isShown ? [one] : [], silent: [] });
    expect(selectEngines(everyone, [one])).toEqual({ shown: [one], silent: [] });
  });

  it.each([
    ["staging", null, [named]],
    ["production", ["staging"], [named]],
    [null, ["staging"], [named]],
    [null, null, [unnamed]],
    [null, [], []],
    [null, ["production"], []],
    ["production", null, []],
    ["production", ["production"], []],
  ] as const)("of %s that ran %o and is silent is for a token of staging %j", (env, runs, silent) => {
    const one = engine(env, runs, false);
    expect(selectEngines(limited, [one]).silent).toEqual(silent);
    expect(selectEngines(everyone, [one]).silent).toEqual([named]);
  });
});

describe("silent engines", () => {
  it("are in their order, and those without a name are one at the end", () => {
    const engines = [
      engine(null, null, false),
      { ...engine("staging", null, false), name: "b", error: { code: "docker_forbidden", message: "no" } },
      { ...engine(null, null, false), name: "c" },
      engine("staging", null),
      engine("staging", null, false),
    ];
    expect(selectEngines(limited, engines)).toEqual({
      shown: [engines[1], engines[3], engines[4]],
      silent: [{ name: "b", code: "docker_forbidden", message: "no" }, named, unnamed],
    });
  });

  it("without an error are unavailable for no reason", () => {
    expect(selectEngines(everyone, [{ ...engine(null, null, false), error: null }]).silent).toEqual([
      { name: "a", code: "docker_unavailable", message: "no reason" },
    ]);
  });
});

import { expect, test } from "vitest";
import { isOfOthers, keepsRights, maySee, maySeeContainer, type Scope, scopes, toHolder } from "../../src/auth/principal.ts";
import { type Environment, environments } from "../../src/lib/environment.ts";
import { createCaller } from "../support/caller.ts";

const withRights = (granted: readonly Scope[], where: readonly Environment[]) => createCaller(granted, where).principal;
const limited = withRights(["ops:read"], ["staging"]);
const all = withRights(["ops:read"], environments);
const nowhere = withRights(["ops:read"], []);

test.each([
  ["staging", true, true, false],
  ["production", true, false, false],
  [null, true, false, false],
] as const)("what is of %s is seen by a token of all, of staging, of none: %s %s %s", (env, ...seen) => {
  expect([all, limited, nowhere].map((principal) => maySee(principal, env))).toEqual(seen);
  expect([all, limited, nowhere].map((principal) => maySeeContainer(principal, { env, kind: "core" }))).toEqual(seen);
  expect([all, limited, nowhere].map((principal) => maySeeContainer(principal, { env, kind: null }))).toEqual(seen);
});

test("a container that is not of the product is for tokens of every environment, whatever it says of itself", () => {
  const other = { env: "staging", kind: "other" } as const;
  expect([all, limited].map((principal) => maySeeContainer(principal, other))).toEqual([true, false]);
});

test("of others is only what is of a known environment that the token lacks", () => {
  expect((["staging", "production", null] as const).map((env) => isOfOthers(limited, env))).toEqual([false, true, false]);
});

test("a token keeps its rights until it loses one of them, whichever; more of them change nothing", () => {
  const keeps = keepsRights(withRights(scopes, environments));
  expect(keeps(withRights(scopes, environments))).toBe(true);
  for (const scope of scopes) {
    expect([
      scope,
      keeps(
        withRights(
          scopes.filter((one) => one !== scope),
          environments,
        ),
      ),
    ]).toEqual([scope, false]);
  }
  for (const environment of environments) {
    expect([
      environment,
      keeps(
        withRights(
          scopes,
          environments.filter((one) => one !== environment),
        ),
      ),
    ]).toEqual([environment, false]);
  }
  expect(keepsRights(limited)(withRights(scopes, environments))).toBe(true);
});

test("the tokens of one issuer share a kid: a holder is the kid with the subject", () => {
  expect(toHolder({ kid: "jwt:k1", subject: "alice" })).not.toBe(toHolder({ kid: "jwt:k1", subject: "bob" }));
  expect(toHolder({ kid: "k1", subject: "alice" })).not.toBe(toHolder({ kid: "k2", subject: "alice" }));
});

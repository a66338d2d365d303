import { expect, test } from "vitest";
import {
  isOfOthers,
  keepsRights,
  maySee,
  maySeeContainer,
  type Scope,
  scopes,
  toHolder,
} from "../../src/auth/principal.ts";
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
] as const)("a row of %s is visible to all, staging, no environment: %s %s %s", (env, ...seen) => {
  expect([all, limited, nowhere].map((principal) => maySee(principal, env))).toEqual(seen);
  expect([all, limited, nowhere].map((principal) => maySeeContainer(principal, { env, kind: "core" }))).toEqual(seen);
  expect([all, limited, nowhere].map((principal) => maySeeContainer(principal, { env, kind: null }))).toEqual(seen);
});

test("a container of another product needs every environment", () => {
  const other = { env: "staging", kind: "other" } as const;
  expect([all, limited].map((principal) => maySeeContainer(principal, other))).toEqual([true, false]);
});

test("hidden environments are the known ones that the token lacks", () => {
  expect((["staging", "production", null] as const).map((env) => isOfOthers(limited, env))).toEqual([
    false,
    true,
    false,
  ]);
});

test("a token passes until it loses a right; more rights change nothing", () => {
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

test("a holder is an issuer's subject, or a kid and its subject", () => {
  const jwt = { kid: "jwt:k1", subject: "alice", issuer: "https://one.example/" };
  expect(toHolder({ ...jwt, kid: "jwt:k2" })).toBe(toHolder(jwt));
  expect(toHolder({ ...jwt, subject: "bob" })).not.toBe(toHolder(jwt));
  expect(toHolder({ ...jwt, issuer: "https://two.example/" })).not.toBe(toHolder(jwt));
  expect(toHolder({ ...jwt, issuer: null })).toBe("jwt:k1 alice");
  expect(toHolder({ kid: "k1", subject: "alice" })).not.toBe(toHolder({ kid: "k2", subject: "alice" }));
});

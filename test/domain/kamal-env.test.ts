import { expect, test } from "vitest";
import { toEngineContext } from "../../src/domain/kamal.ts";
import { toContainerEnv } from "../../src/domain/kamal-env.ts";
import { app, context, facts } from "../support/docker-facts.ts";

const accessory = (name: string) => facts({ name, labels: { service: name } });

test.each([
  ["production", app("wallet-core-staging", "web", "1", { destination: "production" }), {}],
  ["staging", app("wallet-core", "web", "1", { variables: { kamalDestination: "stg" } }), {}],
  ["staging", app("wallet-core-staging", "web", "1"), {}],
  // The release tag in its name says nothing about where it runs.
  [null, app("wallet-core", "web", "deploy-20260110-130322-prod"), {}],
  ["staging", app("wallet-core-staging", "web", "deploy-20260110-130322-prod"), {}],
  ["production", app("wallet-core", "web", "1"), { env: "production" as const }],
  // A destination that the contract does not know is not taken for another one; the operator's word counts.
  [null, app("wallet-core-staging", "web", "1", { destination: "qa" }), {}],
  ["staging", accessory("wallet-core-staging-redis"), {}],
  ["staging", accessory("wallet-core-redis"), { onlyAppEnv: "staging" as const, env: "production" as const }],
  ["production", accessory("wallet-core-redis"), { env: "production" as const }],
  [null, accessory("wallet-core-redis"), {}],
  // Another app's environment says nothing about an app.
  [null, app("wallet-core", "web", "1"), { onlyAppEnv: "staging" as const }],
  ["production", facts({ labels: { "com.docker.compose.service": "web", "com.docker.compose.project": "shop_prod" } }), {}],
])("%s for %o in %o", (env, container, around) => {
  expect(toContainerEnv(container, context(around))).toBe(env);
});

const only = (...containers: ReturnType<typeof facts>[]) =>
  toEngineContext(containers, { env: null, service: "wallet-core", hostNames: [] }).onlyAppEnv;

test("the only environment of the apps on an engine", () => {
  const staging = app("wallet-core", "web", "1", { destination: "staging" });
  expect(only(staging, app("wallet-core-staging", "worker", "1"), accessory("db"))).toBe("staging");
  expect(only(staging, app("wallet-core", "web", "1", { destination: "production" }))).toBeNull();
  expect(only(staging, app("billing", "web", "1"))).toBeNull();
  expect(only(accessory("db"))).toBeNull();
});

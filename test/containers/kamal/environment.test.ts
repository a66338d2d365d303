import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RawContainer } from "../../../src/containers/container.ts";
import type { ContainerRules } from "../../../src/containers/kamal/rules.ts";
import { toContainerEnv, toInferredEnv, toLikelyEnv } from "../../../src/containers/kamal/environment.ts";
import { toContainer } from "../../../src/containers/kamal/mapping.ts";
import { toEngineContext } from "../../support/engine-context.ts";
import { app, context, facts, rulesOf } from "../../support/docker-facts.ts";

const [staging, production] = [{ env: "staging" }, { env: "production" }] as const;
const rules: ContainerRules = { ...rulesOf("wallet-core"), destinations: new Map([["beta", "staging"]]) };
const accessory = (name: string, change: Partial<RawContainer> = {}) =>
  facts({ name, labels: { service: name }, ...change });
const compose = (project: string, service: string) =>
  facts({
    name: `${project}-${service}-1`,
    labels: { "com.docker.compose.service": service, "com.docker.compose.project": project },
  });

test.each([
  ["production", "label destination", app("wallet-core", "web", "1", { destination: "production" }), {}],
  ["staging", "KAMAL_DESTINATION", app("wallet-core", "web", "1", { variables: { kamalDestination: "stg" } }), {}],
  ["staging", "a destination that is configured", app("wallet-core", "web", "1", { destination: "Beta" }), {}],
  ["staging", "label service", app("wallet-core-staging", "web", "1"), {}],
  ["staging", "an accessory's own service", accessory("wallet-core-staging-redis"), {}],
  ["production", "the compose project", compose("shop_prod", "web"), {}],
  // The release tag in an app's name says nothing about where it runs.
  [null, "nothing but a release tag", app("wallet-core", "web", "deploy-20260110-130322-prod"), {}],
  ["staging", "label service, a release tag", app("wallet-core-staging", "web", "deploy-20260110-130322-prod"), {}],
  ["staging", "the engine, a release tag", app("wallet-core", "web", "v1-prod_replaced_0123456789abcdef"), staging],
  // A contradiction is unknown.
  [null, "label service, destination", app("wallet-core-production", "web", "1", { destination: "staging" }), {}],
  [
    null,
    "label, variable",
    app("w", "web", "1", { destination: "staging", variables: { kamalDestination: "prod" } }),
    {},
  ],
  [null, "two words in label service", accessory("wallet-core-staging-prod-mirror"), {}],
  [null, "role, destination", app("wallet-core", "web-production", "1", { destination: "staging" }), {}],
  [null, "label, name", app("w", "web", "1", { destination: "staging", name: "w-production-web-1" }), {}],
  [null, "label, name of an accessory", facts({ name: "production-redis", labels: { service: "w-staging" } }), {}],
  [null, "the engine, name", facts({ name: "grafana-production" }), staging],
  // A destination that nobody has named must not be overruled by a guess, nor by the configuration.
  [null, "an unknown destination, label service", app("wallet-core-staging", "web", "1", { destination: "qa" }), {}],
  [null, "an unknown destination, the engine", app("wallet-core", "web", "1", { destination: "qa" }), staging],
  [
    null,
    "an unknown destination in a variable",
    accessory("redis", { variables: { kamalDestination: "qa" } }),
    staging,
  ],
  [
    null,
    "a known and an unknown destination",
    app("w", "web", "1", { destination: "beta", variables: { kamalDestination: "qa" } }),
    {},
  ],
  // The operator's word is for what says nothing itself.
  ["production", "the engine", accessory("wallet-core-redis"), production],
  ["staging", "label before the engine", app("wallet-core", "web", "1", { destination: "staging" }), production],
  [
    "production",
    "the engine, a word that is no environment in a name",
    accessory("wallet-core-beta-redis"),
    production,
  ],
  // Containers beside it never count, nor its own name.
  [null, "apps beside an accessory", accessory("wallet-core-redis"), { appsEnv: "staging" as const }],
  [null, "apps beside an app", app("wallet-core", "web", "1"), { appsEnv: "staging" as const }],
  [
    "production",
    "the engine before apps beside it",
    accessory("redis"),
    { appsEnv: "staging" as const, ...production },
  ],
  [null, "a name", facts({ name: "grafana-production" }), {}],
  [null, "nothing", accessory("wallet-core-redis"), {}],
  // Only an inspection shows the variables.
  [null, "an engine, before the inspection", accessory("wallet-core-redis", { variables: null }), staging],
  [null, "a label, before the inspection", app("w", "web", "1", { destination: "staging", variables: null }), {}],
] as const)("%s from %s", (env, _title, container, around) => {
  expect(toContainerEnv(container, context({ rules, ...around }))).toBe(env);
});

test("a configured destination overrides the common word", () => {
  const odd = context({ rules: { ...rules, destinations: new Map([["prod", "staging"]]) } });
  expect(toContainerEnv(app("wallet-core", "web", "1", { destination: "prod" }), odd)).toBe("staging");
  expect(toContainerEnv(app("wallet-core-prod", "web", "1"), odd)).toBe("staging");
});

test.each([
  ["staging", "apps beside an accessory", accessory("wallet-core-redis"), { appsEnv: "staging" }],
  ["production", "its own name before apps beside it", facts({ name: "grafana-prod" }), { appsEnv: "staging" }],
  [null, "apps beside an app", app("wallet-core", "web", "1"), { appsEnv: "staging" }],
  [null, "a name with both", facts({ name: "staging-of-production" }), { appsEnv: "staging" }],
  // These are no silence, but a contradiction, or known.
  [null, "an unknown destination", app("wallet-core", "web", "1", { destination: "qa" }), {}],
  [
    null,
    "a contradiction",
    facts({ name: "redis", labels: { service: "x-prod", destination: "staging" } }),
    { appsEnv: "staging" },
  ],
  [null, "a name against the engine", facts({ name: "grafana-prod" }), { appsEnv: "staging", env: "staging" }],
  [null, "what is known anyway", accessory("wallet-core-staging-redis"), { appsEnv: "production" }],
  [null, "an accessory without apps beside it", accessory("wallet-core-redis"), {}],
  // Before the inspection it is sorted by what is known already.
  ["staging", "a label, before the inspection", app("w", "web", "1", { destination: "staging", variables: null }), {}],
  [
    null,
    "a contradiction before the inspection",
    app("w-prod", "web", "1", { destination: "staging", variables: null }),
    { appsEnv: "staging" },
  ],
  [
    "production",
    "its name, before the inspection",
    facts({ name: "grafana-prod", variables: null }),
    { appsEnv: "staging" },
  ],
  [
    null,
    "what is configured of its engine, before the inspection",
    accessory("redis", { variables: null }),
    { env: "staging" },
  ],
] as const)("sorted under %s for %s", (env, _title, container, around) => {
  expect(toInferredEnv(container, context({ rules, ...around }))).toBe(env);
});

test.each([
  ["staging", app("w", "web", "1", { destination: "staging", variables: null }), {}],
  ["production", accessory("redis", { variables: null }), production],
  [null, app("w", "web", "1", { destination: "staging", variables: { kamalDestination: "prod" } }), {}],
  [null, accessory("redis", { variables: null }), {}],
] as const)("%s is likely of %o", (env, container, around) => {
  expect(toLikelyEnv(container, context({ rules, ...around }))).toBe(env);
});

const appsEnv = (...containers: RawContainer[]) =>
  toEngineContext(containers, { env: null, rules, hostNames: [] }).appsEnv;

test("the environment of all apps on an engine", () => {
  const one = app("wallet-core", "web", "1", { destination: "staging" });
  expect(appsEnv(one, app("wallet-core-staging", "worker", "1"), accessory("db"))).toBe("staging");
  expect(appsEnv(one, app("wallet-core", "web", "1", { destination: "production" }))).toBeNull();
  // Another product beside it decides nothing.
  expect(appsEnv(one, app("billing", "web", "1"))).toBe("staging");
  expect(appsEnv(accessory("db"))).toBeNull();
});

const word = fc.constantFrom(
  "staging",
  "production",
  "prod",
  "stg",
  "stage",
  "beta",
  "qa",
  "web",
  "redis",
  "wallet-core",
);
const text = fc.array(word, { maxLength: 3 }).map((words) => words.join("-"));
const maybe = fc.oneof(fc.constant(""), word);
const anyContainer = fc
  .record({
    service: text,
    role: maybe,
    destination: maybe,
    variable: maybe,
    project: text,
    name: text,
    version: text,
    kamal: fc.boolean(),
  })
  .map(({ service, role, destination, variable, project, name, version, kamal }) => {
    const labels = { service, role, destination, "com.docker.compose.project": project };
    const prefix = [service, role, destination].filter((part) => part !== "").join("-");
    const fullName = kamal ? `${prefix}-${version}` : `${name}-x`;
    const isKamalApp = service !== "" && role !== "" && fullName.startsWith(`${prefix}-`);
    return {
      own: facts({
        name: fullName,
        labels: Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== "")),
        variables: variable === "" ? {} : { kamalDestination: variable },
      }),
      destinations: [destination, variable],
      // All that a person would read an environment from: not the version at the end of an app's
      // name.
      texts: [service, destination, variable, project, isKamalApp ? prefix : fullName],
      evidence: [service, destination, variable, project],
    };
  });
type AnyContainer = typeof anyContainer extends fc.Arbitrary<infer T> ? T : never;

const wordsOf = { staging: ["staging", "stg", "stage"], production: ["production", "prod"] };
function mentions(texts: readonly string[], env: "staging" | "production", destinations: readonly string[]): boolean {
  const isNamed = texts.some((one) => one.split("-").some((part) => wordsOf[env].includes(part)));
  return isNamed || (env === "staging" && destinations.includes("beta"));
}

const findMentioned = ({ destinations, texts }: AnyContainer) =>
  (["staging", "production"] as const).filter((env) => mentions(texts, env, destinations));

/** What the rules say, word by word. */
function toExpected(container: AnyContainer, configured: "staging" | "production" | null) {
  const { destinations, evidence } = container;
  const isUnknown = (destination: string) => ["qa", "web", "redis", "wallet-core"].includes(destination);
  const [mentioned = null, ...others] = findMentioned(container);
  if (others.length > 0 || destinations.some(isUnknown)) return null;
  const isSilent = !mentions(evidence, "staging", destinations) && !mentions(evidence, "production", destinations);
  if (!isSilent) return mentioned;
  return mentioned === null || mentioned === configured ? configured : null;
}

test("what mentions production is never staging, and silence is unknown", () => {
  const configured = fc.constantFrom("staging", "production", null);
  fc.assert(
    fc.property(fc.array(anyContainer, { minLength: 1, maxLength: 5 }), configured, (containers, env) => {
      const around = toEngineContext(
        containers.map(({ own }) => own),
        { env, rules, hostNames: [] },
      );
      for (const container of containers) {
        const row = toContainer(container.own, around);
        expect(row.env).toBe(toExpected(container, env));
        // Not even a guess contradicts what is mentioned.
        expect(findMentioned(container).every((one) => row.inferredEnv === null || row.inferredEnv === one)).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});

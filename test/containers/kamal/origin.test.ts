import { expect, test } from "vitest";
import { isReplaced, toKind, toOrigin, toRole } from "../../../src/containers/kamal/origin.ts";
import { app, facts, rulesOf } from "../../support/docker-facts.ts";

const compose = (service: string, more = {}) => ({
  "com.docker.compose.project": "shop",
  "com.docker.compose.service": service,
  ...more,
});
// Everything that Kamal starts from the app's image inherits this label.
const inherited = { service: "wallet-core" };

test.each([
  ["app", app("wallet-core", "web", "1")],
  ["proxy", facts({ name: "kamal-proxy" })],
  ["proxy", facts({ labels: { "org.opencontainers.image.title": "kamal-proxy" } })],
  ["accessory", facts({ name: "wallet-core-redis", labels: { service: "wallet-core-redis" } })],
  // An accessory may be named like an exec run or an asset extraction.
  ["accessory", facts({ name: "x-exec-1-abcdef", labels: { service: "x-exec-1-abcdef" } })],
  ["ephemeral", facts({ name: "wallet-core-exec-latest-a1b2c3", labels: inherited })],
  ["ephemeral", facts({ name: "wallet-core-web-assets", labels: inherited, state: "created" })],
  ["plain", facts({ name: "wallet-core-web-assets", labels: inherited, state: "running" })],
  ["plain", facts({ name: "my-exec-tool-abcdef" })],
  ["plain", facts({ name: "wallet-core-exec-latest-a1b2c3d", labels: inherited })],
  ["plain", facts({ name: "wallet-core-exec-a1b2c3", labels: inherited })],
  ["plain", facts({ name: "wallet-core-web-assets", state: "created" })],
  ["plain", facts({ name: "curious_hopper", labels: inherited, state: "created" })],
  ["compose", facts({ name: "shop-web-1", labels: compose("web", { "com.docker.compose.oneoff": "False" }) })],
  ["plain", facts({ name: "" })],
  ["compose", facts({ name: "shop-web-1", labels: compose("web") })],
  ["ephemeral", facts({ name: "shop-web-run-1", labels: compose("web", { "com.docker.compose.oneoff": "True" }) })],
  // The label of a role that is empty, and that of a service inherited from the image, make no app.
  ["plain", facts({ name: "curious_hopper", labels: { ...inherited, role: "" } })],
])("the origin %s is that of %o", (origin, container) => {
  expect(toOrigin(container)).toBe(origin);
});

const accessory = (name: string) => facts({ name, labels: { service: name } });
const inProject = (project: string, service: string) =>
  facts({ labels: { "com.docker.compose.project": project, "com.docker.compose.service": service } });

test.each([
  ["core", app("wallet-core", "web", "1")],
  ["core", app("wallet-core", "cron", "1")],
  ["core", app("wallet-core-staging", "web", "1")],
  ["core", app("wallet-core-production", "web", "1")],
  ["core", app("payments", "web", "1")],
  ["other", app("wallet-core-api", "web", "1")],
  ["other", app("billing", "web", "1")],
  ["core", inProject("wallet-core", "worker")],
  ["core", inProject("payments-staging", "web")],
  ["accessory", inProject("wallet-core", "db")],
  ["other", inProject("shop", "web")],
  ["other", inProject("shop", "db")],
  ["accessory", accessory("wallet-core-redis")],
  ["accessory", accessory("wallet-core-staging-redis")],
  // An accessory with a name of its own is listed as a service.
  ["accessory", accessory("outpost")],
  ["other", accessory("billing-redis")],
  ["other", accessory("wallet-corex-redis")],
  ["accessory", facts({ name: "kamal-proxy" })],
  ["other", facts({ name: "postgres" })],
  // By hand from the image of the service, whose label it inherits.
  ["other", facts({ name: "curious_hopper", labels: inherited })],
  ["accessory", facts({ name: "wallet-core-exec-latest-a1b2c3", labels: inherited })],
  ["other", facts({ name: "billing-exec-latest-a1b2c3", labels: { service: "billing" } })],
  ["core", facts({ name: "by-hand", labels: { team: "wallet", tier: "core", more: "" } })],
  ["other", facts({ name: "by-hand", labels: { team: "wallet", tier: "edge" } })],
  ["other", facts({ name: "by-hand", labels: { team: "wallet" } })],
  ["core", inProject("shop", "core-db")],
])("the kind %s is that of %o", (kind, container) => {
  const core = [
    new Map([
      ["team", "wallet"],
      ["tier", "core"],
    ]),
    new Map([["com.docker.compose.service", "core-db"]]),
  ];
  expect(toKind(container, { services: ["wallet-core", "payments", "outpost"], core })).toBe(kind);
});

test("a selector without a value requires the label alone", () => {
  const core = [new Map([["core", null]])];
  const kindOf = (labels: Record<string, string>) => toKind(facts({ labels }), { services: [], core });
  expect([kindOf({ core: "" }), kindOf({ core: "yes" }), kindOf({ toString: "" })]).toEqual(["core", "core", "other"]);
});

test.each([
  ["redis", "wallet-core-redis", ["wallet-core"]],
  ["redis", "wallet-core-staging-redis", ["wallet-core-staging", "wallet-core"]],
  // No app on this engine: the environment in the name tells where the role begins.
  ["redis", "wallet-core-staging-redis", []],
  ["rabbit-mq", "wallet-core-prod-rabbit-mq", ["other"]],
  ["outpost", "outpost", ["wallet-core"]],
])("the role %s of the accessory %s beside %o", (role, name, appServices) => {
  expect(toRole(facts({ name, labels: { service: name } }), { appServices, rules: rulesOf("wallet-core") })).toBe(role);
});

test("the role of an own accessory does not depend on other apps", () => {
  const redis = facts({ name: "wallet-core-eu-redis", labels: { service: "wallet-core-eu-redis" } });
  const roles = [[], ["wallet-core"], ["wallet-core-eu", "wallet-core"]].map((appServices) =>
    toRole(redis, { appServices, rules: rulesOf("wallet-core") }),
  );
  expect(new Set(roles)).toEqual(new Set(["eu-redis"]));
});

const role = (container: ReturnType<typeof facts>) =>
  toRole(container, { appServices: [], rules: rulesOf("wallet-core") });

test.each(["", "-staging", "-stage", "-stg", "-production", "-prod", "-prd"])(
  "the role of an accessory of wallet-core%s begins behind that",
  (ending) => {
    const name = `wallet-core${ending}-redis`;
    expect(role(facts({ name, labels: { service: name } }))).toBe("redis");
  },
);

test.each([
  ["x-staging-db", "db"],
  ["shop-eu-staging-db", "db"],
  ["shop-production-", "shop-production-"],
  ["x-production-db", "db"],
  ["x-prod-db-staging-copy", "db-staging-copy"],
  ["x-stg-db", "db"],
  ["x-staging-", "x-staging-"],
  ["x-qa-db", "x-qa-db"],
])("the role of the accessory %s of an unknown service is %s", (name, expected) => {
  expect(role(facts({ name, labels: { service: name } }))).toBe(expected);
});

test("other roles are mapped", () => {
  expect(role(app("wallet-core", "runner", "1"))).toBe("runner");
  expect(role(facts({ labels: compose("db") }))).toBe("db");
  expect(role(facts({ name: "kamal-proxy" }))).toBe("proxy");
  expect(role(facts({ name: "postgres" }))).toBe("postgres");
});

test("a role is named after configured services, another's after its apps", () => {
  const roleOf = (name: string) =>
    toRole(facts({ name, labels: { service: name } }), {
      appServices: ["shop-eu", "shop"],
      rules: rulesOf("wallet-core"),
    });
  expect(["shop-eu-redis", "shop-redis", "wallet-core-staging-db"].map(roleOf)).toEqual(["redis", "redis", "db"]);
});

test("a container replaced by a deploy of the same version is known", () => {
  expect(isReplaced("wallet-core-web-latest_replaced_0123456789abcdef")).toBe(true);
  expect(isReplaced("wallet-core-web-latest_replaced_")).toBe(false);
  expect(isReplaced("wallet-core-web-latest")).toBe(false);
  expect(isReplaced("wallet-core-web-latest_replaced_0123456789abcdef0")).toBe(false);
  expect(isReplaced("wallet-core-web-latest_replaced_0123456789abcde")).toBe(false);
});

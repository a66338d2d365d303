import { expect, test } from "vitest";
import { isReplaced, toKind, toOrigin, toRole } from "../../src/domain/kamal-kind.ts";
import { app, facts } from "../support/docker-facts.ts";

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
  ["compose", facts({ name: "shop-web-1", labels: compose("web") })],
  ["ephemeral", facts({ name: "shop-web-run-1", labels: compose("web", { "com.docker.compose.oneoff": "True" }) })],
  // The label of a role that is empty, and that of a service inherited from the image, make no app.
  ["plain", facts({ name: "curious_hopper", labels: { ...inherited, role: "" } })],
])("%s: %o", (origin, container) => {
  expect(toOrigin(container)).toBe(origin);
});

test.each([
  ["core", app("wallet-core", "web", "1")],
  ["core", app("wallet-core", "cron", "1")],
  ["core", app("wallet-core-staging", "web", "1")],
  ["core", app("wallet-core-production", "web", "1")],
  ["accessory", app("wallet-core-api", "web", "1")],
  ["accessory", app("billing", "web", "1")],
  ["core", facts({ labels: compose("worker") })],
  ["accessory", facts({ labels: compose("db") })],
  ["accessory", facts({ name: "wallet-core-redis", labels: { service: "wallet-core-redis" } })],
  ["accessory", facts({ name: "kamal-proxy" })],
])("%s: %o", (kind, container) => {
  expect(toKind(container, "wallet-core")).toBe(kind);
});

test.each([
  ["redis", "wallet-core-redis", ["wallet-core"]],
  ["redis", "wallet-core-staging-redis", ["wallet-core-staging", "wallet-core"]],
  // No app on this engine: the environment in the name tells where the role begins.
  ["redis", "wallet-core-staging-redis", []],
  ["rabbit-mq", "wallet-core-prod-rabbit-mq", ["other"]],
  ["outpost", "outpost", ["wallet-core"]],
])("the role %s of the accessory %s beside %o", (role, name, appServices) => {
  expect(toRole(facts({ name, labels: { service: name } }), { appServices })).toBe(role);
});

const role = (container: ReturnType<typeof facts>) => toRole(container, { appServices: [] });

test("other roles", () => {
  expect(role(app("wallet-core", "runner", "1"))).toBe("runner");
  expect(role(facts({ labels: compose("db") }))).toBe("db");
  expect(role(facts({ name: "kamal-proxy" }))).toBe("proxy");
  expect(role(facts({ name: "postgres" }))).toBe("postgres");
});

test("replaced by a deploy of the same version", () => {
  expect(isReplaced("wallet-core-web-latest_replaced_0123456789abcdef")).toBe(true);
  expect(isReplaced("wallet-core-web-latest_replaced_")).toBe(false);
  expect(isReplaced("wallet-core-web-latest")).toBe(false);
});

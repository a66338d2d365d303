import * as fc from "fast-check";
import { expect, test } from "vitest";
import { selectLive, selectVisible } from "../../../src/containers/kamal/visibility.ts";
import { createVisibleIndex } from "../../../src/containers/kamal/visible-index.ts";
import { app, context, facts, rulesOf } from "../../support/docker-facts.ts";

const names = (containers: ReturnType<typeof facts>[]) => selectVisible(containers, context()).map(({ name }) => name);
const old = { state: "exited", createdAt: "2026-01-01T00:00:00Z" };
const older = { state: "exited", createdAt: "2025-12-31T00:00:00Z" };

test("old releases are hidden while one runs", () => {
  expect(names([app("w", "web", "2"), app("w", "web", "1", old)])).toEqual(["w-web-2"]);
});

test("the newest stopped one of a role that does not run is listed", () => {
  expect(names([app("w", "web", "1", older), app("w", "web", "2", old), app("w", "worker", "2")])).toEqual([
    "w-web-2",
    "w-worker-2",
  ]);
});

test("destinations, services and roles are distinguished", () => {
  const containers = [
    app("w", "web", "2", { destination: "staging" }),
    app("w", "web", "1", { ...old, destination: "production" }),
    app("v", "web", "1", old),
  ];
  expect(names(containers)).toEqual(["w-web-staging-2", "w-web-production-1", "v-web-1"]);
});

test("the newest stopped one of each destination, project and name shows", () => {
  const compose = (project: string, name: string, more: object) => {
    const labels = { "com.docker.compose.service": "db", "com.docker.compose.project": project };
    return facts({ name, labels, ...more });
  };
  const listing = [
    app("w", "web", "1", { destination: "qa", ...old }),
    app("w", "web", "0", { destination: "qa", ...older }),
    app("w", "web", "1", { destination: "beta", ...older }),
    compose("a", "a-db", old),
    compose("b", "b-db", older),
  ];
  expect(names(listing).toSorted()).toEqual(["a-db", "b-db", "w-web-beta-1", "w-web-qa-1"]);
  const selected = ["one", "two"].map((name) => facts({ name, labels: { team: "wallet" }, ...old }));
  const rules = { ...rulesOf(), core: [new Map([["team", "wallet"]])] };
  expect(selectVisible(selected, context({ rules })).map(({ name }) => name)).toEqual(["one", "two"]);
});

test("a replaced container is listed while it runs, and never stopped", () => {
  const replaced = "w-web-1_replaced_0123456789abcdef";
  expect(names([app("w", "web", "1", { name: replaced }), app("w", "web", "1", old)])).toEqual([replaced, "w-web-1"]);
  expect(names([app("w", "web", "1", { name: replaced, ...old })])).toEqual([]);
});

test("stopped accessories and compose services are listed, others not", () => {
  const redis = facts({ name: "w-redis", labels: { service: "w-redis" }, ...old });
  const db = facts({ name: "shop-db-1", labels: { "com.docker.compose.service": "db" }, ...old });
  const debris = facts({ name: "curious_hopper", ...old });
  expect(names([redis, db, debris, facts({ name: "by-hand" })])).toEqual(["w-redis", "shop-db-1", "by-hand"]);
});

test("a stopped container that the configuration selects is listed", () => {
  const [ours, debris] = [{ team: "wallet" }, {}].map((labels, index) =>
    facts({ name: `by-hand-${index}`, labels, ...old }),
  );
  const shown = selectVisible(
    [ours, debris] as ReturnType<typeof facts>[],
    context({ rules: { ...rulesOf(), core: [new Map([["team", "wallet"]])] } }),
  );
  expect(shown).toEqual([ours]);
});

test("runs of kamal app exec are never listed", () => {
  const exec = facts({ name: "w-exec-1-a1b2c3", labels: { service: "w" } });
  expect(names([exec, facts({ ...exec, state: "exited" })])).toEqual([]);
});

test("retired ones are the hidden ones of deployed roles alone", () => {
  const labels = { service: "w" };
  const listing = [
    app("w", "web", "3"),
    app("w", "web", "2", old),
    app("w", "web", "1", { ...older, state: "dead" }),
    app("w", "web", "3", { name: "w-web-3_replaced_0123456789abcdef", ...old }),
    app("w", "web", "4", { ...old, state: "created" }),
    app("w", "worker", "2", old),
    facts({ name: "w-exec-1-a1b2c3", labels, ...old }),
    facts({ name: "w-web-assets", labels, ...old, state: "created" }),
    facts({
      name: "shop-web-run-1",
      labels: { "com.docker.compose.service": "web", "com.docker.compose.oneoff": "True" },
      ...old,
    }),
    facts({ name: "shop-web-1", labels: { "com.docker.compose.service": "web" }, ...older }),
    facts({ name: "shop-web-2", labels: { "com.docker.compose.service": "web" }, ...old }),
    facts({ name: "curious_hopper", ...old }),
    facts({ name: "w-redis", labels: { service: "w-redis" }, ...old }),
  ];
  // The worker that does not run is visible.
  const index = createVisibleIndex(context());
  const known = listing.map((raw, n) => ({ ...raw, fullId: String(n) }));
  for (const raw of known) index.put(raw);
  expect(known.filter((raw) => index.isRetired(raw)).map(({ name }) => name)).toEqual([
    "w-web-2",
    "w-web-1",
    "w-web-3_replaced_0123456789abcdef",
    "w-web-4",
  ]);
});

test("running are all with processes, hidden ones too", () => {
  const states = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
  const listing = states.map((state) => facts({ name: "w-exec-1-a1b2c3", labels: { service: "w" }, state }));
  expect(selectLive(listing)).toEqual([listing[1], listing[2], listing[3]]);
});

test("any listing has all that run, and each role", () => {
  const state = fc.constantFrom("running", "restarting", "paused", "exited", "dead", "created");
  const container = fc.record({ role: fc.constantFrom("web", "worker"), state, day: fc.integer({ min: 10, max: 28 }) });
  fc.assert(
    fc.property(fc.array(container), (specs) => {
      const listing = specs.map((spec, index) =>
        app("w", spec.role, String(index), { state: spec.state, createdAt: `2026-01-${spec.day}T00:00:00Z` }),
      );
      const shown = selectVisible(listing, context());
      const isLive = (one: (typeof listing)[number]) => ["running", "restarting", "paused"].includes(one.state);
      expect(shown.filter(isLive)).toEqual(listing.filter(isLive));
      for (const role of new Set(specs.map((spec) => spec.role))) {
        const ofRole = shown.filter((one) => one.labels["role"] === role);
        expect(ofRole.length).toBeGreaterThan(0);
        expect(ofRole.every(isLive) || ofRole.length === 1).toBe(true);
      }
    }),
  );
});

test("a live container of another environment hides no crash", () => {
  const crashed = app("w", "web", "1", { destination: "staging", state: "exited" });
  const contradictory = app("w", "web", "2", { destination: "staging", variables: { kamalDestination: "production" } });
  expect(names([crashed, contradictory])).toEqual([crashed.name, contradictory.name]);
  const next = app("w", "web", "3", { destination: "staging", variables: null });
  expect(names([crashed, next])).toEqual([next.name]);
});

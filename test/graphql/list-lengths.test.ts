import { expect, it } from "vitest";
import { countQueues, noteHosts, noteQueues, toLength } from "../../src/graphql/list-lengths.ts";
import type { Environment } from "../../src/lib/environment.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const of = (...where: Environment[]) => createCaller(undefined, where).principal;
const all = createCaller().principal;

it("unread lists count ten rows", () => {
  const { sources } = createMemorySources({}, { env: "staging" });
  expect(["Host", "Queue", "Deploy"].map((type) => toLength(type, {}, { sources, principal: all }))).toEqual([
    10, 10, 10,
  ]);
  expect(countQueues(sources, ["jobs"])).toBe(10);
  const unread = { ...sources, containers: { ...sources.containers, listCached: () => null } };
  expect(toLength("Container", {}, { sources: unread, principal: all })).toBe(10);
});

it("hosts count as they were last read, by token", () => {
  const { sources } = createMemorySources({}, { env: "staging" });
  noteHosts(sources, 3);
  noteHosts(sources, 0);
  expect(toLength("Host", {}, { sources, principal: all })).toBe(0);
  noteHosts(sources, 4);
  expect(toLength("Host", {}, { sources, principal: of("staging") })).toBe(4);
  expect(toLength("Host", {}, { sources, principal: of("production") })).toBe(10);
  expect(toLength("Host", {}, { sources: createMemorySources().sources, principal: all })).toBe(10);
});

it("queues count by source, by token", () => {
  const { sources } = createMemorySources({}, { env: "staging" });
  noteQueues(sources, { name: "own", env: null }, 50);
  noteQueues(sources, { name: "own", env: null }, 3);
  noteQueues(sources, { name: "other", env: "production" }, 5);
  noteQueues(sources, { name: "empty", env: "production" }, 0);
  const lengths = [all, of("staging"), of("production"), of()].map((principal) =>
    toLength("Queue", {}, { sources, principal }),
  );
  expect(lengths).toEqual([8, 3, 5, 10]);
  expect(
    [["own", "other"], ["own"], ["empty"], ["unknown"], ["own", "unknown"], []].map((names) =>
      countQueues(sources, names),
    ),
  ).toEqual([8, 3, 0, 10, 3, 10]);
});

it("containers count without accessories if these are excluded", () => {
  const containers = [
    sampleContainer({ name: "a" }),
    sampleContainer({ name: "b", kind: "accessory" }),
    sampleContainer({ name: "c", env: "production" }),
    sampleContainer({ name: "d", kind: "other" }),
  ];
  const { sources } = createMemorySources({ containers });
  const count = (args: object, principal = all) =>
    toLength("Container", args as Record<string, unknown>, { sources, principal });
  expect([count({}), count({ includeAccessories: true }), count({ includeAccessories: false })]).toEqual([4, 4, 2]);
  expect([count({}, of("staging")), count({ includeAccessories: false }, of("staging"))]).toEqual([2, 1]);
});

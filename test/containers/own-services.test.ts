import { expect, it } from "vitest";
import type { Container } from "../../src/containers/container.ts";
import { createOwnServices } from "../../src/containers/own-services.ts";
import type { ContainerListing } from "../../src/containers/source.ts";
import { sampleContainer } from "../support/containers.ts";

const core = [new Map([["team", "wallet"]])];

function setUp(selectors: typeof core, containers: readonly Container[] | null) {
  let [listing, nowMs, looks] = [containers, 0, 0];
  const listCached = (): ContainerListing | null => {
    looks += 1;
    return listing && { containers: listing, engines: [] };
  };
  const isOwn = createOwnServices({ services: ["shop"], core: selectors }, { listCached }, () => nowMs);
  return {
    isOwn,
    countLooks: () => looks,
    /** The list a second later. */
    next: (later: readonly Container[] | null) => {
      [listing, nowMs] = [later, nowMs + 1000];
    },
  };
}

const of = (service: string | null, kind: Container["kind"]) => sampleContainer({ service, kind });

it("a service is one's own by its name, whatever runs", () => {
  const { isOwn, countLooks } = setUp([], [of("bother", "core"), of("shop", "other")]);
  expect(["shop", "shop-staging", "bother"].map(isOwn)).toEqual([true, true, false]);
  expect(countLooks()).toBe(0);
});

it("with selectors, one that has only other containers is not", () => {
  const both = [of("both", "other"), of("both", "core")];
  const { isOwn } = setUp(core, [of("bother", "other"), of("shop", "other"), of(null, "other"), ...both]);
  expect(["shop", "bother", "both", "unknown"].map(isOwn)).toEqual([true, false, true, true]);
});

it("one without a container in the list stays what it was last seen to be", () => {
  const { isOwn, next } = setUp(core, null);
  expect(isOwn("bother")).toBe(true);
  next([of("bother", "other")]);
  expect(isOwn("bother")).toBe(false);
  next(null);
  expect(isOwn("bother")).toBe(false);
  next([of("bother", "core")]);
  expect(isOwn("bother")).toBe(true);
});

it("the list is looked at once a second", () => {
  const { isOwn, countLooks, next } = setUp(core, [of("bother", "other")]);
  for (let index = 0; index < 1000; index += 1) isOwn("bother");
  expect(countLooks()).toBe(1);
  next([]);
  expect(isOwn("bother")).toBe(true);
  expect(countLooks()).toBe(2);
});

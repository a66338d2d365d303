import { expect, it } from "vitest";
import { createContainerOf, createGroupOf, createReleaseOf, listHosts } from "../../src/releases/worker.ts";
import { finish, longestPiece } from "../support/steps.ts";

const container = (service: string | null, host: string, id: string) => ({
  service,
  destination: null,
  env: null,
  version: "v1",
  host,
  id,
});
const containers = [
  container("shop", "shop.example.org", "aaaaaaaaaaaa"),
  container("billing", "billing", "bbbbbbbbbbbb"),
  container("crm", "billing.example.org", "cccccccccccc"),
  container("shop", "both", "dddddddddddd"),
  container("crm", "both", "eeeeeeeeeeee"),
  container(null, "tool", "ffffffffffff"),
];

it("hosts of a class are all names that only its containers have", () => {
  const toClass = ({ service }: { service: string | null }) => (service === "shop" ? "own" : service && "other");
  const hosts = finish(listHosts(containers, toClass));
  expect([...(hosts.get("own") ?? [])].toSorted()).toEqual(
    // In full, in River's form, and as Erlang cuts them.
    ["aaaaaaaaaaaa", "dddddddddddd", "shop", "shop.example.org", "shop_example_org"],
  );
  expect([...(hosts.get("other") ?? [])].toSorted()).toEqual(
    [
      "billing",
      "billing.example.org",
      "billing_example_org",
      "bbbbbbbbbbbb",
      "cccccccccccc",
      "eeeeeeeeeeee",
    ].toSorted(),
  );
  // As a single name is looked up.
  const groupOf = finish(createGroupOf(containers));
  for (const [name, names] of hosts)
    for (const host of names) expect(toClass(groupOf(host) ?? { service: null })).toBe(name);
});

it.each([
  ["releases", createReleaseOf],
  ["groups", createGroupOf],
  ["containers", createContainerOf],
])("%s of workers are indexed one container at a time", (_name, create) => {
  const longest = longestPiece((onPiece) => {
    const many = Array.from({ length: 50 }, (_, index) => {
      const one = container("shop", "", `${index}`);
      return Object.defineProperty(one, "id", {
        get() {
          onPiece();
          return `${index}`;
        },
      });
    });
    return create(many);
  });
  expect(longest).toBe(1);
});

it("hosts are listed one container at a time", () => {
  const many = Array.from({ length: 50 }, (_, index) => container("shop", `web-${index}`, `${index}`));
  const longest = longestPiece((onPiece) =>
    listHosts(many, () => {
      onPiece();
      return "own";
    }),
  );
  expect(longest).toBe(1);
});

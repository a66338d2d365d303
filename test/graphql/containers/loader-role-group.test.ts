import { expect, it } from "vitest";
import { requireOneGroup } from "../../../src/graphql/containers/loader.ts";
import { sampleContainer } from "../../support/containers.ts";
import { finish } from "../../support/steps.ts";

const at = (destination: string | null) => sampleContainer({ service: "core", destination, env: "staging" });

it("containers of one group have that group; no containers, no group", () => {
  expect(finish(requireOneGroup("web", []))).toBeUndefined();
  expect(finish(requireOneGroup("web", [at("a"), at("a")]))).toMatchObject({
    service: "core",
    destination: "a",
    env: "staging",
  });
});

const label = (letter: string) => `core -d ${letter} (staging)`;
const letters = ["k", "j", "i", "h", "g", "f", "e", "d", "c", "b", "a"];

it.each([
  [2, `: ${label("j")}, ${label("k")}`],
  [10, `: ${letters.slice(0, 10).toSorted().map(label).join(", ")}`],
  [11, `: ${letters.slice(1).toSorted().map(label).join(", ")} and 1 more`],
])("%i groups are refused, the first ten named in order", (count, end) => {
  const message = `${count} services or destinations run the role web; choose one by service, destination or env${end}`;
  const containers = letters.slice(0, count).map(at);
  expect(() => finish(requireOneGroup("web", containers))).toThrow(
    expect.objectContaining({ code: "role_ambiguous", message }),
  );
});

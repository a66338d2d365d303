import { expect, it } from "vitest";
import { createProblem, type CurrentProblem, distinguishTitles } from "../../src/problems/problem.ts";
import { sampleContainer } from "../support/containers.ts";
import { finish } from "../support/steps.ts";

const toTitles = (problems: readonly Partial<CurrentProblem>[]) =>
  finish(
    distinguishTitles(
      problems.map((about, index) => createProblem("queue_failing", `${index}`, { title: "Most jobs fail", ...about })),
    ),
  ).map(({ title }) => title);

it.each<[string, readonly Partial<CurrentProblem>[], readonly string[]]>([
  ["nothing where they differ", [{ title: "a", service: "shop" }, { title: "b" }], ["a", "b"]],
  [
    "the service",
    [
      { service: "shop", env: "staging", source: "x" },
      { service: "billing", env: "production", source: "y" },
    ],
    ["Most jobs fail (shop)", "Most jobs fail (billing)"],
  ],
  [
    "the destination, where one has none",
    [
      { service: "shop", destination: "beta" },
      { service: "shop", destination: null },
    ],
    ["Most jobs fail (beta)", "Most jobs fail"],
  ],
  [
    "the environment",
    [
      { env: "staging", source: "x" },
      { env: "production", source: "y" },
    ],
    ["Most jobs fail (staging)", "Most jobs fail (production)"],
  ],
  [
    "the source of unknown owners",
    [{ source: "shop:river" }, { source: "billing:river" }],
    ["Most jobs fail (shop:river)", "Most jobs fail (billing:river)"],
  ],
  [
    "the engine",
    [
      { container: { ...sampleContainer({ name: "worker" }), engine: "a" } },
      { container: { ...sampleContainer({ name: "worker" }), engine: "b" } },
    ],
    ["Most jobs fail (a)", "Most jobs fail (b)"],
  ],
  [
    "all that differs, where one fact is not enough",
    [
      { service: "shop", env: "staging" },
      { service: "shop", env: "production" },
      { service: "billing", env: "production" },
    ],
    ["Most jobs fail (shop, staging)", "Most jobs fail (shop, production)", "Most jobs fail (billing, production)"],
  ],
  ["nothing where nothing differs", [{}, {}], ["Most jobs fail", "Most jobs fail"]],
])("problems of one title get %s", (_, problems, titles) => {
  expect(toTitles(problems)).toEqual(titles);
});

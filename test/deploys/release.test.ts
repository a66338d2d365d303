import { expect, it } from "vitest";
import { needsDeploy, withDeploy } from "../../src/deploys/release.ts";
import { sampleContainer } from "../support/containers.ts";
import { createInfoFor } from "../support/deploy-steps.ts";
import { sampleDeployInfo } from "../support/deploys.ts";

const deploy = { ...sampleDeployInfo, currentTag: "v2", commitSha: "sha" };
const moving = sampleContainer({ version: "latest", floating: true, commitSha: "" });

it("a running container with a moving tag has its deploy's release", () => {
  expect(withDeploy(moving, deploy)).toEqual({ ...moving, version: "v2", floating: false, commitSha: "sha" });
  expect(withDeploy({ ...moving, commitSha: "own" }, deploy)).toMatchObject({ version: "v2", commitSha: "own" });
  const named = sampleContainer({ version: "v2", commitSha: "" });
  expect(withDeploy(named, deploy)).toEqual({ ...named, commitSha: "sha" });
});

it.each([
  ["no deploy", moving, null],
  ["a deploy without a tag", moving, { ...deploy, currentTag: "" }],
  ["a stopped one", { ...moving, status: "exited" }, deploy],
  ["a replaced one", { ...moving, replaced: true }, deploy],
  ["an accessory", { ...moving, kind: "accessory" as const }, deploy],
  ["another release", sampleContainer({ version: "v1", commitSha: "" }), deploy],
  ["a commit that is known", sampleContainer({ version: "v2", commitSha: "own" }), deploy],
  ["a deploy without a commit", sampleContainer({ version: "v2", commitSha: "" }), { ...deploy, commitSha: "" }],
])("nothing is added for %s", (_, container, given) => {
  expect(withDeploy(container, given)).toBe(container);
});

it("a deploy completes moving tags and own containers without a commit", () => {
  const own = sampleContainer({ commitSha: "" });
  expect([moving, own, { ...own, kind: "accessory" as const }, { ...own, commitSha: "own" }].map(needsDeploy)).toEqual([
    true,
    true,
    false,
    false,
  ]);
});

it("the deploy info is that of the core containers of its group", () => {
  const own = sampleContainer({ version: sampleDeployInfo.currentTag });
  const info = { ...sampleDeployInfo };
  const infoFor = createInfoFor(info, [own]);
  const others = [
    { service: "shop" },
    { destination: "beta" },
    { env: "production" },
    { kind: "accessory" },
    { kind: "other" },
  ] as const;
  expect(others.map((change) => infoFor({ ...own, ...change }))).toEqual(others.map(() => null));
  expect(createInfoFor(null, [own])(own)).toBeNull();
  expect(infoFor(own)).toBe(info);
});

it.each([
  [{ floating: false, kind: "core", commitSha: "x" }, false],
  [{ floating: false, kind: "core", commitSha: "" }, true],
  [{ floating: false, kind: "other", commitSha: "" }, false],
  [{ floating: true, kind: "other", commitSha: "x" }, true],
] as const)("a container of %j may need a deploy: %s", (change, needs) => {
  expect(needsDeploy(sampleContainer(change))).toBe(needs);
});

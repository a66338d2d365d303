import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  isFloatingTag,
  toCommitSha,
  toImageTag,
  toNamePrefix,
  toSha,
  toVersion,
} from "../../../src/containers/kamal/version.ts";
import { app, facts } from "../../support/docker-facts.ts";

const digest = `sha256:${"0123456789ab".padEnd(64, "c")}`;

test.each([
  ["redis:7-alpine", "7-alpine"],
  ["redis", "latest"],
  ["registry:5000/team/redis", "latest"],
  ["registry:5000/team/redis:7", "7"],
  [`redis:7@${digest}`, "7"],
  [`redis@${digest}`, "0123456789ab"],
  [digest, "0123456789ab"],
  [digest.slice("sha256:".length), "0123456789ab"],
  [`${digest}0`, `${digest}0`.slice("sha256:".length)],
  [`x/sha256:${"0".repeat(63)}`, "0".repeat(63)],
  [`x${digest}`, digest.slice("sha256:".length)],
  ["redis@md5:0123456789abcdef", "md5:01234567"],
  ["", "latest"],
])("the tag of %s is %s", (image, tag) => {
  expect(toImageTag(image)).toBe(tag);
});

test("moving tags are recognised", () => {
  for (const tag of ["latest", "latest-staging", "main", "master", "stable", "edge"])
    expect(isFloatingTag(tag)).toBe(true);
  for (const tag of ["latest2", "v1", "mainline", "7-alpine", ""]) expect(isFloatingTag(tag)).toBe(false);
});

const ociVersion = (version: string) => ({
  service: "wallet-core",
  role: "web",
  "org.opencontainers.image.version": version,
});

test.each([
  ["v7", false, app("wallet-core", "web", "v7")],
  ["v8", false, app("wallet-core", "web", "latest", { labels: ociVersion("v8") })],
  ["v7", false, app("wallet-core", "web", "v7", { labels: ociVersion("v8") })],
  ["v9", false, app("wallet-core", "web", "latest", { labels: ociVersion("main"), image: "x:v9" })],
  ["latest", true, app("wallet-core", "web", "latest")],
  ["latest-staging", true, app("wallet-core", "web", "latest-staging", { image: "x" })],
  // Without KAMAL_VERSION (the list alone) the name tells, in both schemes, also after a rename.
  ["v7", false, app("wallet-core", "web", "v7", { variables: {}, image: digest })],
  ["v7", false, app("wallet-core", "web", "v7", { variables: {}, destination: "staging", image: digest })],
  ["v7", false, app("w", "web", "v7", { name: "w-web-v7_replaced_0123456789abcdef", variables: {} })],
  ["7-alpine", false, facts({ name: "w-redis", labels: { service: "w-redis" }, image: "redis:7-alpine" })],
  ["latest", true, facts({ name: "grafana", image: "grafana/grafana" })],
  // A service of compose may carry the label, another container's is its base image's.
  ["v8", false, facts({ labels: { "com.docker.compose.service": "web", "org.opencontainers.image.version": "v8" } })],
  ["1", false, facts({ labels: { "org.opencontainers.image.version": "v8" } })],
  ["9", false, app("w", "web", "v7", { variables: { kamalVersion: "" }, image: "x:9" })],
  ["9", false, app("w", "web", "v7", { name: "renamed", variables: {}, image: "x:9" })],
  ["stable", true, app("w", "web", "stable", { labels: { ...ociVersion("main"), service: "w" }, image: "x:edge" })],
  ["v7", false, app("w", "web", "v7", { variables: null, image: digest })],
])("version %s (floating: %s)", (version, floating, container) => {
  expect(toVersion(container)).toEqual({ version, floating });
});

const sha = "0f4a1c2d3e0f4a1c2d3e0f4a1c2d3e0f4a1c2d3e";

test.each([
  [
    "feed",
    app("w", "web", sha, { labels: { service: "w", role: "web", "org.opencontainers.image.revision": "feed" } }),
  ],
  [sha, app("w", "web", sha)],
  [sha, app("w", "web", `${sha}_uncommitted_0123456789abcdef`)],
  ["0f4a1c2", app("w", "web", "0f4a1c2", { variables: {} })],
  ["abc", app("w", "web", "latest", { variables: { kamalVersion: "latest", commitSha: "abc" } })],
  ["", app("w", "web", "latest")],
  // A date is no commit.
  ["", app("w", "web", "20260110")],
  ["", app("w", "web", "latest", { hostname: "37.27.91.235-56703216100c" })],
  [
    "",
    facts({
      labels: { service: "some-name", "org.opencontainers.image.revision": "feed" },
      variables: { commitSha: "abc" },
    }),
  ],
])("commit %o", (commit, container) => {
  expect(toCommitSha(container)).toBe(commit);
});

test.each([
  ["0f4a1c2", "0f4a1c2"],
  ["0f4a1c", ""],
  [sha, sha],
  [`${sha}0`, ""],
  [`x${sha}`, ""],
  ["0f4a1c2_uncommitted_0123456789abcdef", "0f4a1c2"],
  ["0f4a1c2_uncommitted_0123456789abcde", ""],
  ["0f4a1c2_uncommitted_0123456789abcdef0", ""],
  ["1234567", ""],
  ["1".repeat(39), ""],
  ["1".repeat(40), "1".repeat(40)],
  ["a234567", "a234567"],
  ["123456a", "123456a"],
  ["v7", ""],
  ["", ""],
  [undefined, ""],
])("the version %j names the commit %j", (version, commit) => {
  expect(toSha(version)).toBe(commit);
});

test.each([
  [{ service: "w", role: "web", destination: "beta" }, "w-web-beta-"],
  [{ service: "w", role: "web", destination: "" }, "w-web-"],
  [{ service: "w", role: "web" }, "w-web-"],
  [{}, "-"],
])("the name of one with the labels %o begins with %s", (labels, prefix) => {
  expect(toNamePrefix({ labels })).toBe(prefix);
});

test.each([
  ["feed", { "com.docker.compose.service": "web", "org.opencontainers.image.revision": "feed" }, { commitSha: "abc" }],
  ["abc", { "com.docker.compose.service": "web", "org.opencontainers.image.revision": "" }, { commitSha: "abc" }],
  ["", { "com.docker.compose.service": "web" }, null],
])("the commit of a compose service is %o", (commit, labels, variables) => {
  expect(toCommitSha(facts({ labels, variables }))).toBe(commit);
});

test("any version that Kamal accepts is read back from the name", () => {
  const part = fc.stringMatching(/^[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5}){0,2}$/);
  const version = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,40}$/).filter((text) => !isFloatingTag(text));
  fc.assert(
    fc.property(
      part,
      part,
      fc.constantFrom("", "staging", "production"),
      version,
      (service, role, destination, text) => {
        expect(toVersion(app(service, role, text, { destination, variables: {} }))).toEqual({
          version: text,
          floating: false,
        });
      },
    ),
  );
});

import { expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { toVersion, version } from "../../src/lib/build.ts";

// semver.org has this expression.
const semver = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[\w.-]+)?(?:\+([\dA-Za-z-]+(?:\.[\dA-Za-z-]+)*))?$/;

it("a build is named by its commit and time, as SemVer has it", () => {
  const built = toVersion({ commit: "5158384e3c7e-changed", builtAt: "2026-12-01T03:45:00Z" });
  expect(built).toBe(`${manifest.version}+5158384e3c7e-changed.20261201T034500Z`);
  expect(semver.exec(built)?.[4]).toBe("5158384e3c7e-changed.20261201T034500Z");
});

it("sources that run without a build say so", () => {
  expect(version).toBe(`${manifest.version}+sources`);
  expect(version).toMatch(semver);
});

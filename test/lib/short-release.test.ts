import { describe, expect, it } from "vitest";
import { toShortRelease } from "../../src/lib/short-release.ts";

describe("toShortRelease", () => {
  it.each([
    ["deploy-20261127-090637-staging", "1127-090637"],
    ["deploy-20261127-090637", "1127-090637"],
    ["deploy-20261127-0744", "1127-0744"],
    ["deploy-0112", "deploy-0112"],
    ["deploy-20261127-090637-rc.2", "deploy-20261127-090637-rc.2"],
    ["v1.20.3", "v1.20.3"],
    ["0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "0a1b2c3"],
    ["0a1b2c3", "0a1b2c3"],
  ])("shortens %s to %s", (version, short) => {
    expect(toShortRelease(version)).toBe(short);
  });
});

import { describe, expect, it } from "vitest";
import { aboutContainer, sanitiseReason, toIntentEntry } from "../../src/audit/audit.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/containers.ts";

it.each([
  [null, null],
  ["", null],
  [" \u200B ", null],
  ["  leak\nof memory  ", "leak of memory"],
])("the reason %j is recorded as %j", (reason, recorded) => {
  expect(sanitiseReason(reason)).toBe(recorded);
});

describe("an entry about a container", () => {
  const container = sampleContainer({ engine: "web-1", fullId: "a".repeat(64), name: "web", image: "wallet-core:v2" });
  const about = { engine: "web-1", containerId: "a".repeat(64), containerName: "web", image: "wallet-core:v2" };

  it.each([
    ["core", "staging", "staging"],
    ["accessory", "production", "production"],
    ["other", "staging", null],
    ["core", null, null],
  ] as const)("of kind %s in environment %s is recorded as %s", (kind, env, owner) => {
    expect(aboutContainer({ ...container, kind, env })).toEqual({ env: owner, ...about });
  });

  it("has the caller, the container, and null for the rest", () => {
    const { principal } = createCaller(["ops:operate", "ops:read"]);
    const origin = { ip: null, clientRequestId: "c-1", traceId: "t-1" };
    const asked = {
      principal: { ...principal, subject: "ops", kid: "k2", auth: "jwt" as const },
      origin,
      requestId: "r-1",
    };
    expect(
      toIntentEntry(
        { ...asked, reason: "password=hunter2hunter2" },
        { action: "restart", ...aboutContainer(container), args: { role: "web" } },
      ),
    ).toEqual({
      outcome: "intent",
      action: "restart",
      intent: null,
      requestId: "r-1",
      ...origin,
      subject: "ops",
      kid: "k2",
      auth: "jwt",
      scopes: ["ops:operate", "ops:read"],
      ...about,
      job: null,
      env: "staging",
      reason: "password=[redacted]",
      args: { role: "web" },
      keyHash: null,
      detail: null,
      code: null,
      dockerStatus: null,
      durationMs: null,
    });
  });
});

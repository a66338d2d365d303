import { expect, it } from "vitest";
import { toEntryTone } from "../../src/facts/timeline.ts";

const entry = { to: null, requested: false, exitCode: null, message: "" };

it.each([
  ["ok", { kind: "DEPLOY", message: "Deployed abc to staging (current)" }],
  ["bad", { kind: "DEPLOY", message: "Failed to deploy abc to staging" }],
  ["bad", { kind: "OOM_KILL" }],
  ["bad", { kind: "CONTAINER_DEATH", exitCode: 137 }],
  ["bad", { kind: "CONTAINER_DEATH" }],
  ["neutral", { kind: "CONTAINER_DEATH", exitCode: 0 }],
  ["neutral", { kind: "CONTAINER_DEATH", exitCode: 137, requested: true }],
  ["warn", { kind: "RESTART", to: "unknown" }],
  ["bad", { kind: "RESTART", to: "failed" }],
  ["ok", { kind: "RESTART", to: "ok" }],
  ["bad", { kind: "HEALTH", to: "unhealthy" }],
  ["ok", { kind: "HEALTH", to: "healthy" }],
  ["bad", { kind: "QUEUE_STATE", to: "stalled" }],
  ["bad", { kind: "HOST_ALERT", to: "down" }],
  ["warn", { kind: "HOST_ALERT", to: "alert" }],
  ["ok", { kind: "HOST_ALERT", to: "ok" }],
  ["neutral", { kind: "GAP" }],
  ["neutral", { kind: "NEW" }],
])("what happened is %s: %j", (tone, change) => {
  expect(toEntryTone({ ...entry, ...change })).toBe(tone);
});

import { describe, expect, it } from "vitest";
import { requireEnvironments } from "../../src/auth/principal.ts";
import { RestartRefused } from "../../src/containers/restart/limits.ts";
import { PastFailure } from "../../src/containers/restart/idempotency.ts";
import { checkRestartArgs, requireReason, toRestartError } from "../../src/graphql/errors.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { createCaller } from "../support/caller.ts";
import { refusalOf } from "../support/refusal.ts";

describe("toRestartError", () => {
  const from = "From the audit record, for this Idempotency-Key: ";
  it.each<[Error, object]>([
    [
      new RestartRefused("restart_cooldown", "too soon", 7),
      { code: "restart_cooldown", message: "too soon", headers: { "Retry-After": "7" } },
    ],
    [
      new RestartRefused("restart_busy", "busy", 0),
      { code: "restart_busy", message: "busy", headers: { "Retry-After": "0" } },
    ],
    [
      new RestartRefused("restart_protected", "ours"),
      { code: "restart_protected", message: "ours", headers: undefined },
    ],
    [
      new PastFailure({ outcome: "failed", code: "docker_timeout", detail: "docker_timeout: too long" }),
      { code: "docker_timeout", message: `${from}too long` },
    ],
    [
      new PastFailure({ outcome: "failed", code: "toString", detail: "gone" }),
      { code: "internal", message: `${from}gone` },
    ],
  ])("%s is a public error", (error, expected) => {
    expect(toRestartError(error)).toBeInstanceOf(OpsError);
    expect(toRestartError(error)).toMatchObject(expected);
  });

  it("anything else is unchanged", () => {
    const error = new Error("x");
    expect(toRestartError(error)).toBe(error);
  });
});

describe("checkRestartArgs", () => {
  const key = "Idempotency-Key must have 1 to 255 printable ASCII characters without spaces";
  it.each<[Parameters<typeof checkRestartArgs>[1], string | null]>([
    [{}, null],
    [{ reason: null, idempotencyKey: null }, null],
    [{ reason: "", idempotencyKey: "" }, null],
    [{ reason: "x".repeat(200) }, null],
    [{ reason: "x".repeat(201) }, "reason must have at most 200 characters"],
    [{ idempotencyKey: "!" }, null],
    [{ idempotencyKey: "~".repeat(255) }, null],
    [{ idempotencyKey: "x".repeat(256) }, key],
    [{ idempotencyKey: " x" }, key],
    [{ idempotencyKey: "x\u007f" }, key],
    [{ idempotencyKey: "é" }, key],
    [{ waitSeconds: 1 }, null],
    [{ waitSeconds: 0 }, "waitSeconds must be from 1 to 300"],
    [{ waitSeconds: 300 }, null],
    [{ waitSeconds: 301 }, "waitSeconds must be from 1 to 300"],
  ])("%j is refused with %j", (args, message) => {
    expect(refusalOf(() => checkRestartArgs(true, args))).toEqual(message && { code: "invalid_request", message });
  });

  it("all are refused if restarts are off", () => {
    const message = "Restarts are off; WALLET_CORE_OPS_RESTART=on enables them";
    expect(() => checkRestartArgs(false, { waitSeconds: 0 })).toThrow(
      expect.objectContaining({ code: "restart_disabled", message }),
    );
  });
});

it.each([
  ["", false],
  [" \u200b", false],
  ["x", true],
  ["x".repeat(200), true],
  ["x".repeat(201), false],
])("the reason %j counts as given: %j", (reason, isGiven) => {
  const message = "reason must have 1 to 200 characters";
  expect(refusalOf(() => requireReason(reason))).toEqual(isGiven ? null : { code: "invalid_request", message });
});

it.each([
  [null, null],
  [undefined, null],
  [[], null],
  ["staging", null],
  [["staging"], null],
  ["production", "production"],
  [["staging", "production"], "production"],
] as const)("the environments %j are covered by a token for staging but for %j", (wanted, other) => {
  const { principal } = createCaller(undefined, ["staging"]);
  const refusal = other && { code: "forbidden", message: `This token does not cover ${other}` };
  expect(refusalOf(() => requireEnvironments(principal, wanted))).toEqual(refusal);
});

import { expect, it } from "vitest";
import type { Refusal } from "../../../src/audit/ledger.ts";
import { toActionLimits, toRestartRefused } from "../../../src/containers/restart/limits.ts";

const options = { cooldownMs: 1500, budgetPerHour: 2 };

it("limits of restarts are one at a time, two in all, and a budget", () => {
  const limits = { cooldownMs: 1500, parallel: 2, budget: { perHour: 2, wanted: 1 } };
  expect(toActionLimits(options)).toEqual(limits);
  expect(toActionLimits({ ...options, parallel: 5 })).toEqual({ ...limits, parallel: 5 });
  expect(toActionLimits(options, true)).toEqual({ ...limits, budget: null });
});

it.each<[Refusal["reason"], number | null, string, string]>([
  ["running", null, "restart_in_progress", "This container is being restarted already"],
  ["cooldown", 2, "restart_cooldown", "This container was just restarted; try again in 2 s"],
  ["budget", 3599, "restart_budget", "This token has used its budget of 2 restarts an hour"],
  ["busy", 5, "restart_busy", "2 containers are being restarted already"],
  ["key_reused", null, "idempotency_key_reused", "This Idempotency-Key was used for another restart"],
])("the refusal %s says what it is, and until when", (reason, retryAfterSeconds, code, message) => {
  const refused = toRestartRefused({ reason, retryAfterSeconds }, options);
  expect(refused).toMatchObject({ name: "RestartRefused", code, message, retryAfterSeconds });
});

it("one place is a container, and not containers", () => {
  const busy = { reason: "busy", retryAfterSeconds: 5 } as const;
  expect(toRestartRefused(busy, { ...options, parallel: 1 }).message).toBe("1 container is being restarted already");
});

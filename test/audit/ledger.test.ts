import { expect, it } from "vitest";
import type { AuditRecord } from "../../src/audit/audit.ts";
import { toOpenIntent } from "../../src/audit/ledger.ts";
import { sampleEntry } from "../support/audit.ts";

it.each([
  ["without an outcome", null, false, false],
  ["whose gateway gave it up", { durationMs: 7 }, true, true],
  ["whose gateway died, as another one recorded", { durationMs: null }, true, false],
])("an open action %s: %j", (_what, outcome, hasOutcome, wasGivenUp) => {
  const intent: AuditRecord = { ...sampleEntry(), seq: 1, at: "2026-01-13T09:40:00Z", hash: "" };
  expect(toOpenIntent(intent, outcome)).toEqual({ intent, hasOutcome, wasGivenUp });
});

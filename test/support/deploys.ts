import type { DeployRecord } from "../../src/domain/deploy-record.ts";

/** A deploy of staging, as our hook tells of it. */
export function sampleRecord(overrides: Partial<DeployRecord> = {}): DeployRecord {
  const tag = overrides.tag ?? "v2";
  return {
    origin: "history",
    tag,
    version: tag,
    previousTag: null,
    commitSha: "",
    deployedBy: "ops-user",
    deployedAt: "2026-01-10T13:15:00Z",
    durationSeconds: null,
    env: "staging",
    command: "deploy",
    ...overrides,
  };
}

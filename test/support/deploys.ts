import type { DeployInfo, DeployLog, DeployRecord } from "../../src/deploys/deploy.ts";
import type { ToEnv } from "../../src/deploys/files/parse.ts";
import type { Deploy } from "../../src/deploys/state.ts";
import type { ContainerEvidence } from "../../src/deploys/verdict/types.ts";

/** Environments of destinations as they are without configuration. */
export const toEnv: ToEnv = ({ destination }) =>
  destination === "staging" || destination === "production" ? destination : null;

/** The content of a deploy_info.json. */
export const sampleDeployInfo: DeployInfo = {
  currentTag: "deploy-20260110-130322-prod",
  previousTag: "deploy-20260109-101500-prod",
  commitSha: "abc123",
  deployedBy: "ops-user",
  deployedAt: "2026-01-10T13:15:00Z",
  service: null,
  destination: null,
  env: null,
  extra: [],
  stale: false,
  error: null,
};

/** The text of a deploy_info.json with this tag. */
export function deployInfoText(tag: string): string {
  return JSON.stringify({ current_tag: tag, commit_sha: "", deployed_by: "", deployed_at: "2026-01-10T13:15:00Z" });
}

/** A deploy of the group of `sampleContainer`, as our hook writes it. */
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
    service: "wallet-core-staging",
    destination: null,
    env: "staging",
    ambiguous: false,
    booted: null,
    command: "deploy",
    ...overrides,
  };
}

/** The same as a current deploy without containers. */
export function sampleDeploy(overrides: Partial<Deploy> = {}): Deploy {
  return { ...sampleRecord(overrides), state: "current", containers: [], ...overrides };
}

/** Our hook's history of deploys, read to its beginning. */
export function sampleDeployLog(records: readonly DeployRecord[], overrides: Partial<DeployLog> = {}): DeployLog {
  return { origin: "history", records, skipped: 0, complete: true, error: null, ...overrides };
}

/** Evidence of healthy containers without restarts. */
export const quietContainers: ContainerEvidence = {
  untilNow: true,
  restartsFrom: null,
  restartsBefore: null,
  restartsAfter: null,
  unhealthySecondsBefore: null,
  unhealthySecondsAfter: null,
  unhealthyNow: [],
};

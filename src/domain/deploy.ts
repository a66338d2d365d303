import type { DeployLog } from "./deploy-record.ts";
import type { ServiceGroup } from "./service-group.ts";

/** What the deploy pipeline wrote into deploy_info.json, and the group that it says: `service` and `destination` of the file, and what follows for `env`. */
export interface DeployInfo extends ServiceGroup {
  readonly currentTag: string;
  /** "" at the first deploy. */
  readonly previousTag: string;
  readonly commitSha: string;
  readonly deployedBy: string;
  /** RFC 3339 UTC with seconds. */
  readonly deployedAt: string;
  /** Other string fields of the file, in its order. */
  readonly extra: readonly { readonly key: string; readonly value: string }[];
  /** True when the file is unreadable or invalid now and this is the last good one. */
  readonly stale: boolean;
  /** Why it is stale, null otherwise. */
  readonly error: string | null;
}

/**
 * The port to the deploy facts. Rejects with deploy_info_missing (404), or with deploy_info_invalid / deploy_info_unreadable
 * (503) when there is no last good one.
 */
export interface DeploySource {
  read(signal: AbortSignal): Promise<DeployInfo>;
  /** What the history file, and Kamal's audit log where one is configured, tell of earlier deploys. Never rejects for a file: its trouble is in its log. */
  history(signal: AbortSignal): Promise<readonly DeployLog[]>;
}

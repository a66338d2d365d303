import { toUnixSeconds } from "../lib/time.ts";
import { isSameGroup, type ServiceGroup, toGroupKey } from "../releases/service-group.ts";

/**
 * The content of deploy_info.json and its group: `service` and `destination` from the file, `env`
 * derived from them.
 */
export interface DeployInfo extends ServiceGroup {
  readonly currentTag: string;
  /** "" at the first deploy. */
  readonly previousTag: string;
  readonly commitSha: string;
  readonly deployedBy: string;
  /** RFC 3339 UTC with seconds. */
  readonly deployedAt: string;
  /** Other string fields, in file order. */
  readonly extra: readonly { readonly key: string; readonly value: string }[];
  /** True when the file is unreadable or invalid now and this is the last good one. */
  readonly stale: boolean;
  /** Why it is stale, null otherwise. */
  readonly error: string | null;
}

/**
 * `read` rejects with deploy_info_missing (404), or with deploy_info_invalid /
 * deploy_info_unreadable (503) when there is no last good version.
 */
export interface DeploySource {
  read(signal: AbortSignal): Promise<DeployInfo>;
  /**
   * Earlier deploys, from the history file and Kamal's audit log (if configured). Never rejects for
   * a file error: the file's log carries it.
   */
  history(signal: AbortSignal): Promise<readonly DeployLog[]>;
}

/**
 * Where a deploy is known from, best source first: our history file, deploy_info.json, Kamal's
 * audit log, containers, images.
 */
export const deployOrigins = ["history", "info", "kamal_audit", "containers", "images"] as const;
export type DeployOrigin = (typeof deployOrigins)[number];

/**
 * One deploy, as far as its origin says, and its group. `env` follows from its destination, null
 * where that has no defined meaning. Without a destination it follows from the service, or the
 * configuration.
 */
export interface DeployRecord extends ServiceGroup {
  readonly origin: DeployOrigin;
  readonly tag: string;
  /**
   * Kamal's version, which containers carry, where it differs from the tag and names a release;
   * else the tag.
   */
  readonly version: string;
  /** Tag of the previous release, as the origin says; null when unknown, or when there was none. */
  readonly previousTag: string | null;
  /** "" when unknown. */
  readonly commitSha: string;
  /** Null when unknown. */
  readonly deployedBy: string | null;
  /**
   * End of the deploy. From containers only: when the last of them was created. From an image only:
   * when it was last tagged, or else built. RFC 3339 UTC with seconds.
   */
  readonly deployedAt: string;
  /** Null when unknown. */
  readonly durationSeconds: number | null;
  /** Whether it may belong to several groups: then it is compared with none. */
  readonly ambiguous: boolean;
  /**
   * Whether the deploy succeeded. True where a run time was recorded, which Kamal does only on
   * success, or where the audit log has the "latest image" tag, which follows once all hosts
   * booted. False where that log continues with another boot instead. Null when unknown.
   */
  readonly booted: boolean | null;
  /** Kamal's word: deploy, redeploy, rollback ...; null when unknown. */
  readonly command: string | null;
}

/** The deploys in one file. */
export interface DeployLog {
  readonly origin: DeployOrigin;
  /** In file order. */
  readonly records: readonly DeployRecord[];
  /** Invalid lines among those that were read. */
  readonly skipped: number;
  /** False when the file has older lines than were read, or than memory retains. */
  readonly complete: boolean;
  /**
   * Why the file is unreadable now; `records` are then the last ones. Null also for a missing file.
   */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Whether one deploy can follow the other: same group. */
export function isOfSameGroup(a: DeployRecord, b: DeployRecord): boolean {
  return a.ambiguous === b.ambiguous && isSameGroup(a, b);
}

/** The same text for deploys that can follow each other. */
export function toDeployGroup(deploy: ServiceGroup & Pick<DeployRecord, "ambiguous">): string {
  return JSON.stringify([toGroupKey(deploy), deploy.ambiguous]);
}

/** Start, unix seconds; the end where the duration is unknown. */
export function toStart({ deployedAt, durationSeconds }: Pick<DeployRecord, "deployedAt" | "durationSeconds">): number {
  return toUnixSeconds(deployedAt) - (durationSeconds ?? 0);
}

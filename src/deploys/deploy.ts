import { isSameGroup, type ServiceGroup } from "../releases/service-group.ts";

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

/** Where a deploy is known from, the most telling first: our history file, deploy_info.json, Kamal's audit log, the containers themselves, and images. */
export const deployOrigins = ["history", "info", "kamal_audit", "containers", "images"] as const;
export type DeployOrigin = (typeof deployOrigins)[number];

/**
 * One deploy, as far as its origin says, and the group that it is of: what its destination means is its environment, unknown where nobody has said that; without
 * one that of its service's name, or the configuration.
 */
export interface DeployRecord extends ServiceGroup {
  readonly origin: DeployOrigin;
  readonly tag: string;
  /** Kamal's version, which containers carry, where it is another name than the tag and names a release; else the tag. */
  readonly version: string;
  /** Tag of the release before, as the origin tells it; null when it does not, or there was none. */
  readonly previousTag: string | null;
  /** "" when unknown. */
  readonly commitSha: string;
  /** Null when unknown. */
  readonly deployedBy: string | null;
  /**
   * When it had ended; where only its containers are known, when the last of them was made; where only its image is, when that
   * was last tagged, or else built. RFC 3339 UTC with seconds.
   */
  readonly deployedAt: string;
  /** How long it took; null when unknown. */
  readonly durationSeconds: number | null;
  /** Whether it may be of several groups: it is compared with nothing then. */
  readonly ambiguous: boolean;
  /**
   * Whether it ended well: true where a run time was recorded, which Kamal has only then, or its audit log says that the image was tagged as the latest one, which
   * it does once all has booted; false where that log goes on with another boot instead. Null where nothing says.
   */
  readonly booted: boolean | null;
  /** Kamal's word: deploy, redeploy, rollback ...; null when unknown. */
  readonly command: string | null;
}

/** What one file tells of deploys. */
export interface DeployLog {
  readonly origin: DeployOrigin;
  /** In the order of the file. */
  readonly records: readonly DeployRecord[];
  /** Lines that make no sense, of those that were read. */
  readonly skipped: number;
  /** False when the file has older lines than those that were read, or than are kept in memory. */
  readonly complete: boolean;
  /** Why it cannot be read now; the records are then the last ones. Null also for a file that does not exist. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Whether two deploys follow each other: they are of one group. */
export function isOfSameGroup(a: DeployRecord, b: DeployRecord): boolean {
  return a.ambiguous === b.ambiguous && isSameGroup(a, b);
}

/** When it began, unix seconds; its end where its duration is not known. */
export function toStart({ deployedAt, durationSeconds }: Pick<DeployRecord, "deployedAt" | "durationSeconds">): number {
  return toUnix(deployedAt) - (durationSeconds ?? 0);
}

export function toUnix(time: string): number {
  return Date.parse(time) / 1000;
}

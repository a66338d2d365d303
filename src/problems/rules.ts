import { settlingMs } from "../deploys/drift.ts";
import { mostClockSkew } from "../lib/clock-skew.ts";
import { formatDuration, formatShare } from "../facts/format.ts";
import { driftWords } from "../facts/deploy.ts";
import { diskFullRatio } from "../facts/host.ts";
import type { severities } from "../facts/problem.ts";
import { queueStateRules } from "../queues/state.ts";

export type Severity = Lowercase<keyof typeof severities>;

interface AlertRule {
  readonly severity: Severity;
  /** How long it must hold before the alert fires, seconds. */
  readonly for: number;
}

/**
 * The alerts (script/alerts) whose condition the gateway can check in its own readings. The others
 * concern the gateway itself.
 */
export const alertRules = {
  OpsUpstreamDown: { severity: "critical", for: 300 },
  OpsEngineDown: { severity: "critical", for: 120 },
  OpsQueueSourceDown: { severity: "warning", for: 300 },
  OpsDeployInfoUnreadable: { severity: "warning", for: 300 },
  OpsHostDown: { severity: "critical", for: 120 },
  OpsHostHot: { severity: "warning", for: 600 },
  OpsHostDiskFull: { severity: "warning", for: 900 },
  OpsRoleDown: { severity: "critical", for: 120 },
  OpsContainerUnhealthy: { severity: "critical", for: 180 },
  OpsContainerRestartLoop: { severity: "critical", for: 0 },
  OpsReleaseDrift: { severity: "warning", for: 1800 },
  OpsQueueStalled: { severity: "critical", for: 300 },
  OpsQueueFailing: { severity: "critical", for: 600 },
  OpsQueueBehind: { severity: "warning", for: 1800 },
  OpsOrphans: { severity: "warning", for: 600 },
  OpsFailuresUpSinceDeploy: { severity: "critical", for: 300 },
} as const satisfies Record<string, AlertRule>;
export type AlertName = keyof typeof alertRules;

/**
 * Numbers of the rules. Those of queues are in queues/state.ts, those of verdicts in
 * deploys/verdict/rules.ts.
 */
export const problemThresholds = {
  /** A restart loop: at least this many restarts by the policy in this many seconds. */
  loopRestarts: 3,
  loopSeconds: 900,
  /**
   * An engine that was lost this recently may be back at once: its last known containers still
   * count.
   */
  lostSeconds: 10,
  /** A container that was created this recently may still start. */
  startSeconds: 60,
  /**
   * A role that nobody configured should run if it ran this long without a break, within the longer
   * time, seconds.
   */
  lastingSeconds: 600,
  lastingWithinSeconds: 86_400,
  diskRatio: diskFullRatio,
  /** How long a kill for lack of memory is reported, seconds. */
  oomSeconds: 900,
  /** Memory is near its limit at or above this share, for this many seconds without a break. */
  memoryRatio: 0.9,
  memorySeconds: 60,
  /** How long after a deploy its verdict counts, seconds. */
  verdictSeconds: 3600,
  /** How long a failed deploy is reported if none follows, seconds. */
  failedSeconds: 86_400,
} as const;

const {
  loopRestarts,
  loopSeconds,
  lostSeconds,
  diskRatio,
  oomSeconds,
  memoryRatio,
  memorySeconds,
  verdictSeconds,
  failedSeconds,
} = problemThresholds;

interface KindRule {
  readonly severity: Severity;
  /** The matching alert. */
  readonly alert: AlertName | null;
  /** In words, with its numbers. */
  readonly rule: string;
}

const byAlert = (alert: AlertName, rule: string) => ({ severity: alertRules[alert].severity, alert, rule });
const unalerted = (rule: string) => ({ severity: "warning" as const, alert: null, rule });

const settling = formatDuration(settlingMs / 1000);
const drift = (rule: string) =>
  byAlert("OpsReleaseDrift", `${rule} Nothing of the role was created or started in the last ${settling}.`);

/** Every kind of problem, worst first. */
export const problemRules = {
  host_down: byAlert(
    "OpsHostDown",
    "The host's node-exporter does not answer Prometheus: its last two scrapes failed.",
  ),
  engine_unreachable: byAlert(
    "OpsEngineDown",
    `The container engine has not answered for ${formatDuration(lostSeconds)}, or never did: what it runs is unknown.`,
  ),
  upstream_down: byAlert(
    "OpsUpstreamDown",
    "Nothing can be read from a database, a broker or Prometheus: its state is unknown.",
  ),
  role_down: byAlert(
    "OpsRoleDown",
    "A role that should run has containers, but none of them runs or restarts, " +
      "and no engine that does not answer is known to run it.",
  ),
  container_restart_loop: byAlert(
    "OpsContainerRestartLoop",
    `At least ${loopRestarts} restarts by the restart policy in ${formatDuration(loopSeconds)}; ` +
      "it lasts until there is none in this time.",
  ),
  container_unhealthy: byAlert("OpsContainerUnhealthy", "The container's health check fails."),
  queue_no_workers: byAlert("OpsQueueStalled", queueStateRules.no_workers),
  queue_stalled: byAlert("OpsQueueStalled", queueStateRules.stalled),
  queue_failing: byAlert("OpsQueueFailing", queueStateRules.failing),
  deploy_regressed: byAlert(
    "OpsFailuresUpSinceDeploy",
    `The verdict on the newest deploy is REGRESSED, at most ${formatDuration(verdictSeconds)} after it.`,
  ),
  container_oom_killed: unalerted(
    `The kernel killed one of its processes for lack of memory in the last ${formatDuration(oomSeconds)}.`,
  ),
  container_memory_high: unalerted(
    `Memory at or above ${formatShare(memoryRatio)} of the container's limit ` +
      `(of its host's memory without one) for ${formatDuration(memorySeconds)}. ` +
      "Detected only while clients request its statistics.",
  ),
  container_stopped: unalerted(
    "A core container of the release that its role runs elsewhere has " +
      "stopped, and no newer release of the role runs on its engine.",
  ),
  queue_orphans: byAlert(
    "OpsOrphans",
    "Jobs count as running, but their worker is in no live container, or restarted since.",
  ),
  queue_backlog: byAlert("OpsQueueBehind", queueStateRules.backlog),
  queue_source_down: byAlert(
    "OpsQueueSourceDown",
    "The numbers of the source cannot be read, while others in the same database or broker can.",
  ),
  clock_skewed: unalerted(
    "The clock of a container engine or of a database differs from the gateway's by " +
      `more than ${mostClockSkew} s: their times cannot be compared.`,
  ),
  host_disk_full: byAlert(
    "OpsHostDiskFull",
    `A real file system of the host is more than ${formatShare(diskRatio)} full.`,
  ),
  host_hot: byAlert(
    "OpsHostHot",
    "CPU or memory of the host at or above its threshold " +
      "(WALLET_CORE_OPS_CPU_THRESHOLD, WALLET_CORE_OPS_MEM_THRESHOLD).",
  ),
  deploy_failed: unalerted(
    "The newest deploy of the service at its destination never went " +
      `live, at most ${formatDuration(failedSeconds)} ago.`,
  ),
  deploy_incomplete: unalerted(
    `Some or all live containers do not run the newest deploy, ${settling} ` +
      "after it ended, and no drift or missing role explains it.",
  ),
  mixed_releases: drift(driftWords.MIXED_RELEASES.about),
  unexpected_release: drift(driftWords.UNEXPECTED_RELEASE.about),
  missing_on_engine: drift(driftWords.MISSING_ON_ENGINE.about),
  leftover: drift(driftWords.LEFTOVER.about),
  deploy_info_unreadable: byAlert("OpsDeployInfoUnreadable", "deploy_info.json exists, but cannot be read."),
} as const satisfies Record<string, KindRule>;

export type ProblemKind = keyof typeof problemRules;
export const problemKinds = Object.keys(problemRules) as readonly ProblemKind[];

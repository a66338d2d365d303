import type { EngineStatus, SilentEngine } from "../containers/source.ts";
import type { Host, Thresholds } from "../hosts/host.ts";
import type { Environment } from "../lib/environment.ts";
import { type DatabaseClock, describeSkew, isSkewed } from "../lib/clock-skew.ts";
import { formatDuration, formatShare } from "../facts/format.ts";
import { describeFullest, diskFullRatio, formatFullest, isDiskFull, isHot } from "../facts/host.ts";
import { formatRfc3339 } from "../lib/time.ts";
import type { TimelineEntry } from "../timeline/timeline.ts";
import { createProblem, type CurrentProblem } from "./problem.ts";

export interface HostReadings {
  readonly hosts: readonly Host[];
  readonly thresholds: Thresholds;
  /** The environment of all hosts. */
  readonly env: Environment | null;
  /** Alert changes of hosts. */
  readonly events: readonly TimelineEntry[];
  /** Since when its fullest file system is full, RFC 3339; null where unknown. */
  readonly fullSince: (host: Host) => string | null;
}

/** Problems of machines. An unknown number is not a problem. */
export function findHostProblems({
  hosts,
  thresholds,
  env,
  events,
  fullSince,
}: HostReadings): readonly CurrentProblem[] {
  const last = new Map<string, TimelineEntry>();
  for (const entry of events) {
    const known = entry.host === null ? null : last.get(entry.host);
    if (entry.host !== null && (!known || Date.parse(entry.time) >= Date.parse(known.time)))
      last.set(entry.host, entry);
  }
  const sinceOf = ({ name }: Host, state: string) => {
    const change = last.get(name);
    return change?.to === state ? change.time : null;
  };
  return hosts.flatMap((host) => {
    const { name, instance, status, alert, cpuUtil, memUtil, diskUtil } = host;
    const about = { host, env };
    if (status === "down") {
      const title = `The host ${name} is down`;
      const evidence = [`the node-exporter at ${instance} does not answer Prometheus`];
      return [createProblem("host_down", instance, { ...about, title, since: sinceOf(host, "down"), evidence })];
    }
    const hot = [...toFact("CPU", cpuUtil, thresholds.cpu), ...toFact("memory", memUtil, thresholds.mem)];
    return [
      ...(alert
        ? [
            createProblem("host_hot", instance, {
              ...about,
              title: `The host ${name} is hot`,
              measure: isHot(cpuUtil, thresholds.cpu) ? "cpuUtil" : "memUtil",
              since: sinceOf(host, "alert"),
              evidence: hot,
              rule:
                `CPU of the host at or above ${formatShare(thresholds.cpu)} (WALLET_CORE_OPS_CPU_THRESHOLD), or ` +
                `memory at or above ${formatShare(thresholds.mem)} (WALLET_CORE_OPS_MEM_THRESHOLD).`,
            }),
          ]
        : []),
      ...(isDiskFull(diskUtil)
        ? [
            createProblem("host_disk_full", instance, {
              ...about,
              title: `${describeFullest(host)} is ${formatShare(diskUtil)} full`,
              since: fullSince(host),
              evidence: [
                `${formatFullest(host) ?? "fullest file system"} ${formatShare(diskUtil)}, threshold ${formatShare(diskFullRatio)}`,
              ],
            }),
          ]
        : []),
    ];
  });
}

function toFact(what: string, used: number | null, threshold: number): string[] {
  return isHot(used, threshold) ? [`${what} ${formatShare(used)}, threshold ${formatShare(threshold)}`] : [];
}

export interface EngineReadings {
  readonly nowMs: number;
  /** Engines that the caller may see. */
  readonly engines: readonly EngineStatus[];
  /** Those that do not answer, including an unnamed one that may run the caller's containers. */
  readonly silent: readonly SilentEngine[];
  /** Databases that the caller may know of. */
  readonly databases: readonly DatabaseClock[];
}

/**
 * Container engines and databases whose clock differs from the gateway's. Ignores silent ones:
 * their last known value is not current.
 */
export function findClockProblems({
  engines,
  databases,
}: Pick<EngineReadings, "engines" | "databases">): readonly CurrentProblem[] {
  const evidence = ["it is unknown which clock is wrong: synchronise both (NTP)"];
  return [
    ...engines.flatMap((engine) => {
      const { name, env, ok, clockSkew } = engine;
      if (!ok || !isSkewed(clockSkew)) return [];
      const title = `The clock of the container engine ${name} is ${describeSkew(clockSkew)}`;
      return [createProblem("clock_skewed", `engine:${name}`, { engine, env, title, evidence })];
    }),
    ...databases.flatMap(({ name, clockSkew }) => {
      if (!isSkewed(clockSkew)) return [];
      const title = `The clock of the database ${name} is ${describeSkew(clockSkew)}`;
      return [createProblem("clock_skewed", `database:${name}`, { upstream: "postgres", title, evidence })];
    }),
  ];
}

/** Container engines that do not answer. */
export function findEngineProblems({
  nowMs,
  engines,
  silent,
}: Omit<EngineReadings, "databases">): readonly CurrentProblem[] {
  const named = engines
    .filter(({ ok }) => !ok)
    .map((engine) => {
      const { name, env, error, contactAt } = engine;
      const heard =
        contactAt === null ? "it never answered" : `it last answered ${formatDuration((nowMs - contactAt) / 1000)} ago`;
      return createProblem("engine_unreachable", name, {
        engine,
        env,
        title: `Engine ${name} does not answer`,
        since: contactAt === null ? null : formatRfc3339(contactAt),
        evidence: [heard, ...(error ? [`${error.message} (${error.code})`] : [])],
      });
    });
  const isUnnamed = silent.some(({ name }) => name === null);
  const unnamed = createProblem("engine_unreachable", "", {
    title: "An engine does not answer",
    evidence: ["it has no configured environment: it may run containers that this token may see"],
  });
  return isUnnamed ? [...named, unnamed] : named;
}

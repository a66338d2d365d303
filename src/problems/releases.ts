import { toContainerKey } from "../containers/container.ts";
import { isFloatingTag } from "../containers/kamal/version.ts";
import { type DeployInfo, toDeployGroup } from "../deploys/deploy.ts";
import { type Drift, settlingMs } from "../deploys/drift.ts";
import { type Deploy, findLatest, isLive } from "../deploys/state.ts";
import type { DeployVerdict } from "../deploys/verdict/types.ts";
import { formatCount, formatDuration } from "../facts/format.ts";
import { type ServiceGroup, toGroup, toGroupKey } from "../releases/service-group.ts";
import { compareTexts, createProblem, type CurrentProblem } from "./problem.ts";
import { problemThresholds } from "./rules.ts";

export interface ReleaseReadings {
  readonly nowMs: number;
  /** All known deploys. */
  readonly deploys: readonly Deploy[];
  /** Verdicts of judged deploys; null where judging was not possible. */
  readonly verdicts: ReadonlyMap<Deploy, DeployVerdict | null>;
  readonly drift: readonly Drift[];
  /**
   * Why deploy_info.json could not be read now; null when it could, or does not exist. `info` is
   * the last good version, if any.
   */
  readonly infoError: string | null;
  readonly info: DeployInfo | null;
}

/**
 * Problems of deploys, and of containers that differ from them. `others`: problems already
 * detected, which may explain an incomplete deploy.
 */
export function findReleaseProblems(
  readings: ReleaseReadings,
  others: readonly CurrentProblem[],
): readonly CurrentProblem[] {
  const { drift, infoError, info } = readings;
  const deploys = toNewestFirst(readings.deploys);
  const expected = new Map(deploys.toReversed().map((deploy) => [toExpectedKey(deploy, deploy.tag), deploy]));
  const drifted = drift.flatMap((one) => (isReported(one) ? [toDriftProblem(one, expected)] : []));
  const missing = others.filter(({ kind }) => kind === "role_down");
  const explained = new Set([...drift.filter(({ kind }) => kind !== "engine_unknown"), ...missing].map(toGroupKey));
  const unreadable =
    infoError === null
      ? []
      : [
          createProblem("deploy_info_unreadable", "", {
            ...(info && toGroup(info)),
            title: "deploy_info.json cannot be read",
            evidence: [infoError, ...(info ? [`its last good version has ${info.currentTag}`] : [])],
          }),
        ];
  return [...findDeployProblems(readings, deploys, explained), ...drifted, ...unreadable];
}

/**
 * The deploys whose verdict counts now: the newest of each group, while it is recent. Newest first.
 */
export function selectJudged(deploys: readonly Deploy[], nowMs: number): readonly Deploy[] {
  return findLatest(toNewestFirst(deploys)).filter((deploy) =>
    isYounger(deploy, problemThresholds.verdictSeconds, nowMs),
  );
}

/** A total order, whatever the order of the input. */
function toNewestFirst(deploys: readonly Deploy[]): readonly Deploy[] {
  const bySubject = deploys.map((deploy) => ({
    deploy,
    subject: toSubject(deploy),
    at: Date.parse(deploy.deployedAt),
  }));
  return bySubject.toSorted((a, b) => b.at - a.at || compareTexts(a.subject, b.subject)).map(({ deploy }) => deploy);
}

function isYounger({ deployedAt }: Deploy, seconds: number, nowMs: number): boolean {
  return nowMs - Date.parse(deployedAt) <= seconds * 1000;
}

function toSubject(deploy: Deploy): string {
  return JSON.stringify([deploy.service, deploy.destination, deploy.env, deploy.ambiguous, deploy.tag]);
}

/**
 * `deploys`: newest first. `explained`: groups in which something else explains an incomplete
 * deploy.
 */
function findDeployProblems(
  { nowMs, verdicts }: ReleaseReadings,
  deploys: readonly Deploy[],
  explained: ReadonlySet<string>,
): CurrentProblem[] {
  const regressed = selectJudged(deploys, nowMs).flatMap((deploy) => {
    const verdict = verdicts.get(deploy);
    if (verdict?.outcome !== "regressed") return [];
    const { reasons } = verdict;
    return [toProblem("deploy_regressed", deploy, `${nameDeploy(deploy)} made things worse`, reasons)];
  });
  const newest = [...Map.groupBy(deploys, toDeployGroup).values()].flatMap(([first]) => first ?? []);
  const failed = newest
    .filter((deploy) => deploy.state === "failed" && isYounger(deploy, problemThresholds.failedSeconds, nowMs))
    .map((deploy) =>
      toProblem("deploy_failed", deploy, `The deploy of ${nameDeploy(deploy)} failed`, ["nothing of it went live"]),
    );
  const incomplete = findLatest(deploys)
    .filter((deploy) => deploy.state === "incomplete" && !isYounger(deploy, settlingMs / 1000, nowMs))
    .filter((deploy) => !explained.has(toGroupKey(deploy)) && !isByHand(deploy))
    .map((deploy) => {
      const evidence = [formatCount(deploy.containers.filter(isLive).length, "container runs it", "containers run it")];
      return toProblem("deploy_incomplete", deploy, `The deploy of ${nameDeploy(deploy)} is incomplete`, evidence);
    });
  return [...regressed, ...failed, ...incomplete];

  function toProblem(kind: CurrentProblem["kind"], deploy: Deploy, title: string, facts: readonly string[]) {
    const { deployedAt, deployedBy } = deploy;
    const age = formatDuration((nowMs - Date.parse(deployedAt)) / 1000);
    const by = deployedBy === null ? "" : ` by ${deployedBy}`;
    return createProblem(kind, toSubject(deploy), {
      ...toGroup(deploy),
      title,
      since: deployedAt,
      evidence: [...facts, `deployed ${age} ago${by}`],
      deploy,
    });
  }
}

/** A moving tag without a recorded deploy: somebody may have started the container by hand. */
function isByHand({ origin, version }: Deploy): boolean {
  return origin === "containers" && isFloatingTag(version);
}

/** A deploy as titles name it. */
export function nameDeploy({ tag, service, destination }: Deploy): string {
  return `${tag}${service === null ? "" : ` of ${service}`}${destination === null ? "" : ` -d ${destination}`}`;
}

function toExpectedKey(group: ServiceGroup, tag: string): string {
  return JSON.stringify([toGroupKey(group), tag]);
}

type ReportedDrift = Drift & { readonly kind: Exclude<Drift["kind"], "engine_unknown"> };

/**
 * Leaves out what a silent engine hides, which is a separate problem, and what a deploy in progress
 * may still change.
 */
function isReported(drift: Drift): drift is ReportedDrift {
  return drift.kind !== "engine_unknown" && !drift.settling;
}

const driftTitles: Record<ReportedDrift["kind"], (what: string, engine: string) => string> = {
  mixed_releases: (what) => `${what} runs several releases`,
  unexpected_release: (what) => `${what} does not run what was deployed`,
  missing_on_engine: (what, engine) => `${engine} missed the last deploy of ${what}`,
  leftover: (what, engine) => `An old release of ${what} still runs on ${engine}`,
};

/** `newest`: the newest deploy of each tag of a group, by `toExpectedKey`. */
function toDriftProblem(drift: ReportedDrift, newest: ReadonlyMap<string, Deploy>): CurrentProblem {
  const { kind, role, engine, expected, found, message } = drift;
  const containers = drift.containers.toSorted((a, b) => compareTexts(toContainerKey(a), toContainerKey(b)));
  const deploy = (expected !== null && newest.get(toExpectedKey(drift, expected))) || null;
  const what = [role, drift.service].filter((name) => name !== null).join(" of ") || "a service";
  const { service, destination, env } = drift;
  const isOfEngine = kind === "leftover" || kind === "missing_on_engine";
  const place = [kind === "missing_on_engine" ? null : role, isOfEngine ? engine : null];
  return createProblem(kind, JSON.stringify([service, destination, env, ...place]), {
    ...toGroup(drift),
    role,
    title: driftTitles[kind](what, engine ?? "an engine"),
    since: findSince(drift, deploy),
    evidence: [message, ...(expected === null ? [] : [`${expected} was deployed`]), `found ${found.join(", ")}`],
    container: containers[0] ?? null,
    containers,
    deploy,
  });
}

/**
 * When the missed deploy was made, or when the first of the containers was created after it. Of a
 * leftover: when it was replaced. Null if nothing says what should run.
 */
function findSince({ containers, replacedAt }: Drift, deploy: Deploy | null): string | null {
  if (!deploy) return replacedAt;
  const times = [
    deploy.deployedAt,
    ...containers
      .map(({ createdAt }) => createdAt)
      .toSorted()
      .slice(0, 1),
  ];
  return times.toSorted((a, b) => Date.parse(a) - Date.parse(b)).at(-1) ?? null;
}

import type { Container } from "../containers/container.ts";
import type { SilentEngine } from "../containers/known-engines.ts";
import { describeGroup, isSameGroup, type ServiceGroup, toGroupKey, toRoleKey } from "../releases/service-group.ts";
import type { DeployOrigin } from "./deploy.ts";
import { type Deploy, isLive, isOfDeploy, withoutFailed } from "./state.ts";

export type DriftKind = "mixed_releases" | "unlike_deploy" | "leftover" | "engine_missed" | "engine_unknown";

/** Something that is not as the last deploy should have left it. Its group is all null where it is about an engine alone. */
export interface Drift extends ServiceGroup {
  readonly kind: DriftKind;
  readonly message: string;
  /** Null where it is about more than one role. */
  readonly role: string | null;
  /** Null where it is about more than one engine. */
  readonly engine: string | null;
  /** Release that should run; null when that is not known. */
  readonly expected: string | null;
  /** Releases that run, each once, sorted. */
  readonly found: readonly string[];
  /** Those that are not as they should be. */
  readonly containers: readonly Container[];
  /** Whether one of its role's containers was made, or started, in the last five minutes: a deploy or a rollback may be under way. */
  readonly settling: boolean;
}

/** What somebody wrote down: containers and images tell only of what was, not of what should be. */
const recordedOrigins = new Set<DeployOrigin>(["history", "info", "kamal_audit"]);
/** So long after a container was made or started a deploy may be under way, milliseconds. */
const settlingMs = 300_000;

/**
 * What is not as it should be, over live core containers, by the deploys that have not failed; those whose release is not known (a moving tag) can only be leftovers. Rules, for containers of one role of one group:
 *
 * - leftover: on an engine, one is live that Kamal has replaced (`_replaced_`), or that is beside one of the newest deploy of its group and is not of it
 *   itself; where none there is of that, one that was started before one of another release.
 * - mixed_releases: those that are no leftovers are of several releases.
 * - unlike_deploy: one that is no leftover is of another release than the newest deploy of its group.
 * - engine_missed: an engine runs a group, but none of the release of its newest deploy, though another does.
 * - engine_unknown: an engine does not answer; what it runs is in none of the above.
 */
export function findDrift(
  containers: readonly Container[],
  silent: readonly SilentEngine[],
  known: readonly Deploy[],
  now: number,
): Drift[] {
  const deploys = withoutFailed(known);
  const live = containers.filter((container) => container.kind === "core" && isLive(container));
  const newest = findNewest(deploys.filter(({ origin }) => recordedOrigins.has(origin)));
  const roles = [...Map.groupBy(live, toRoleKey).values()];
  const left = new Set(roles.flatMap((role) => findLeftovers(role, newest(role[0]))));
  const found = roles.flatMap((role) => {
    const rest = role.filter((container) => !left.has(container) && !container.floating);
    const settling = role.some((container) => isYoung(container, now));
    const own = [...toLeftovers(role.filter((container) => left.has(container))), ...toMixed(rest), ...toUnlike(rest, newest)];
    return own.map((drift) => ({ ...drift, settling }));
  });
  return [...found, ...findMissed(live, left, findNewest(deploys), now), ...silent.map(toUnknown)];
}

type Newest = (container: Container | undefined) => Deploy | undefined;

/** The newest deploy of a container's group. Deploys are newest first. */
function findNewest(deploys: readonly Deploy[]): Newest {
  return (container) => deploys.find((deploy) => container && !deploy.ambiguous && isSameGroup(deploy, container));
}

/** A start by the restart policy is no deploy. */
function isYoung({ createdAt, startedAt, restarts }: Container, now: number): boolean {
  const times = restarts || startedAt === null ? [createdAt] : [createdAt, startedAt];
  return times.some((time) => now - Date.parse(time) < settlingMs);
}

function findLeftovers(role: readonly Container[], deploy: Deploy | undefined): Container[] {
  return [...Map.groupBy(role, ({ engine }) => engine).values()].flatMap((own) => {
    const known = own.filter(({ replaced, floating }) => !replaced && !floating);
    const deployed = known.filter((container) => deploy && isOfDeploy(container, deploy));
    // A rollback starts the container of before, which is the older one.
    const newest = deployed.length > 0 ? deployed : known.toSorted((a, b) => toStarted(b) - toStarted(a)).slice(0, 1);
    const versions = new Set(newest.map(({ version }) => version));
    return own.filter((container) => container.replaced || (!container.floating && !versions.has(container.version)));
  });
}

function toStarted({ startedAt, createdAt }: Container): number {
  return Date.parse(startedAt ?? createdAt);
}

function toLeftovers(left: readonly Container[]): Omit<Drift, "settling">[] {
  return [...Map.groupBy(left, ({ engine }) => engine).values()].map((own) => {
    const message = `${toNames(own)} on ${own[0]?.engine}: still live beside what replaced ${own.length > 1 ? "them" : "it"}`;
    return toDrift("leftover", message, own);
  });
}

function toMixed(role: readonly Container[]): Omit<Drift, "settling">[] {
  const versions = toVersions(role);
  if (versions.length < 2) return [];
  const [first] = role;
  const message = `Replicas of ${first?.role} of ${first && describeGroup(first)} run ${versions.length} releases: ${versions.join(", ")}`;
  return [{ ...toDrift("mixed_releases", message, role), engine: null }];
}

function toUnlike(role: readonly Container[], newest: Newest): Omit<Drift, "settling">[] {
  const deploy = newest(role[0]);
  const others = deploy ? role.filter((container) => !isOfDeploy(container, deploy)) : [];
  if (!deploy || others.length === 0) return [];
  const message = `${toNames(others)}: ${toVersions(others).join(", ")}, but ${deploy.tag} was deployed ${deploy.deployedAt}`;
  return [
    { ...toDrift("unlike_deploy", message, others), engine: toOne(others.map(({ engine }) => engine)), expected: deploy.tag },
  ];
}

function findMissed(live: readonly Container[], left: ReadonlySet<Container>, newest: Newest, now: number): Drift[] {
  const groups = Map.groupBy(
    live.filter((container) => !left.has(container) && !container.floating),
    toGroupKey,
  );
  return [...groups.values()].flatMap((own) => {
    const deploy = newest(own[0]);
    const hit = new Set(own.filter((container) => deploy && isOfDeploy(container, deploy)).map(({ engine }) => engine));
    if (!deploy || hit.size === 0) return [];
    const missed = Map.groupBy(
      own.filter(({ engine }) => !hit.has(engine)),
      ({ engine }) => engine,
    );
    return [...missed].map(([engine, there]) => ({
      ...toDrift(
        "engine_missed",
        `${engine} runs none of ${deploy.tag} of ${describeGroup(deploy)}, which ${[...hit].toSorted().join(", ")} runs`,
        there,
      ),
      role: toOne(there.map(({ role }) => role)),
      expected: deploy.tag,
      settling: own.some((container) => isYoung(container, now)),
    }));
  });
}

function toUnknown({ name, message: reason }: SilentEngine): Drift {
  const message = `${name ?? "An engine"} does not answer: what it runs is not known (${reason})`;
  return { ...toDrift("engine_unknown", message, []), engine: name, settling: false };
}

function toDrift(kind: DriftKind, message: string, containers: readonly Container[]): Omit<Drift, "settling"> {
  const [first] = containers;
  const { service = null, destination = null, env = null, role = null, engine = null } = first ?? {};
  return { kind, message, service, destination, env, role, engine, expected: null, found: toVersions(containers), containers };
}

function toVersions(containers: readonly Container[]): string[] {
  return [...new Set(containers.map(({ version }) => version))].toSorted();
}

function toNames(containers: readonly Container[]): string {
  return containers.map(({ name }) => name).join(", ");
}

/** The only one; null when there are several, or none. */
function toOne(names: readonly string[]): string | null {
  const distinct = new Set(names);
  return distinct.size === 1 ? (names[0] ?? null) : null;
}

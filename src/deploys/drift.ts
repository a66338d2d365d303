import { capitalize } from "../facts/format.ts";
import { explainSilentEngine } from "../facts/engine.ts";
import type { Container } from "../containers/container.ts";
import type { SilentEngine } from "../containers/source.ts";
import { groupSteps, mapSteps, type Steps } from "../lib/budget/steps.ts";
import { formatList } from "../lib/text.ts";
import { describeGroup, type ServiceGroup, toGroupKey, toRoleKey } from "../releases/service-group.ts";
import type { DeployOrigin } from "./deploy.ts";
import { type Deploy, isLive, isOfDeploy, withoutFailed } from "./state.ts";

export type DriftKind = "mixed_releases" | "unexpected_release" | "leftover" | "missing_on_engine" | "engine_unknown";

/**
 * A deviation from what the last deploy should have left. Its group is all null where it concerns
 * an engine alone.
 */
export interface Drift extends ServiceGroup {
  readonly kind: DriftKind;
  readonly message: string;
  /** Null where it concerns several roles. */
  readonly role: string | null;
  /** Null where it concerns several engines. */
  readonly engine: string | null;
  /** Release that should run; null when unknown. */
  readonly expected: string | null;
  /** Releases that run, each once, sorted. */
  readonly found: readonly string[];
  /** The containers that deviate. */
  readonly containers: readonly Container[];
  /**
   * Of leftovers: when the first container after them was created, RFC 3339. Null where none is
   * live, and of other kinds.
   */
  readonly replacedAt: string | null;
  /**
   * Whether a container of its role was created or started in the last five minutes: a deploy or
   * rollback may be in progress.
   */
  readonly settling: boolean;
}

/** Origins that someone wrote. Containers and images show only what was, not what should be. */
const recordedOrigins = new Set<DeployOrigin>(["history", "info", "kamal_audit"]);
/** How long after a container's creation or start a deploy may be in progress, milliseconds. */
export const settlingMs = 300_000;

/**
 * Finds drift among live core containers, judged by the deploys that have not failed. A container
 * with an unknown release (a moving tag) can only be a leftover. Rules, for the containers of one
 * role of one group:
 *
 * - leftover: a live container that Kamal has replaced (`_replaced_`), or that one of another
 *   release on the same engine has replaced. That one is the replacement if it is of the group's
 *   newest recorded deploy and this container was there before. Where nothing of that deploy is
 *   live: if it serves, has not restarted lately, and was created and started later. People remove
 *   leftovers, so a container that may not be one is not reported: beside the recorded deploy a
 *   newer release may be of a deploy that was aborted, or of one that left no record.
 * - mixed_releases: the containers that are no leftovers run several releases.
 * - unexpected_release: a container that is no leftover runs another release than the newest
 *   recorded deploy of its group.
 * - missing_on_engine: an engine runs a group, but not its newest deploy of any origin, though
 *   another engine does.
 * - engine_unknown: an engine does not answer; none of the above covers what it runs.
 */
export function* findDrift(
  containers: readonly Container[],
  silent: readonly SilentEngine[],
  known: readonly Deploy[],
  now: number,
): Steps<Drift[]> {
  const deploys = withoutFailed(known);
  const live = containers.filter((container) => container.kind === "core" && isLive(container));
  const newest = yield* findNewest(deploys.filter(({ origin }) => recordedOrigins.has(origin)));
  const roles = [...(yield* groupSteps(live, toRoleKey)).values()];
  const leftovers = yield* mapSteps(roles, (role) => findLeftovers(role, newest(role[0]), now));
  const left = new Set(leftovers.flat());
  const found = yield* mapSteps(roles, (role) => {
    const rest = role.filter((container) => !left.has(container) && !container.floating);
    const settling = role.some((container) => isYoung(container, now));
    const own = [...toLeftovers(role, left), ...toMixed(rest), ...toUnlike(rest, newest)];
    return own.map((drift) => ({ ...drift, settling }));
  });
  const missed = yield* findMissed(live, left, yield* findNewest(deploys), now);
  return [...found.flat(), ...missed, ...silent.map(toUnknown)];
}

type Newest = (container: Container | undefined) => Deploy | undefined;

/** The newest deploy of a container's group. Input is newest first. */
function* findNewest(deploys: readonly Deploy[]): Steps<Newest> {
  const groups = yield* groupSteps(
    deploys.filter(({ ambiguous }) => !ambiguous),
    toGroupKey,
  );
  return (container) => container && groups.get(toGroupKey(container))?.[0];
}

function isYoung(container: Container, now: number): boolean {
  return [toCreated(container), toStarted(container)].some((time) => now - time < settlingMs);
}

/**
 * The most by which the clock of an engine may differ from the clock of the recorded deploys, ms.
 */
const clockMs = 60_000;

/** A container is started for the first time at most so long after its creation, ms. */
const firstStartMs = 60_000;

/** A host starts all of its containers within this time, ms. */
const hostStartMs = 60_000;

/**
 * A container that the restart policy started serves once it has run so long, ms: as long as a
 * restart loop is looked for.
 */
const provenMs = 900_000;

function findLeftovers(role: readonly Container[], deploy: Deploy | undefined, now: number): Container[] {
  return [...Map.groupBy(role, ({ engine }) => engine).values()].flatMap((own) => {
    const known = own.filter(({ replaced, floating }) => !replaced && !floating);
    const isLeft = findReplacement(known, deploy, now);
    return own.filter((container) => container.replaced || (!container.floating && isLeft(container)));
  });
}

/**
 * Finds what replaced the others of a role on one engine: the containers of the deploy or, where
 * none of them is live, the newest that serves.
 */
function findReplacement(
  known: readonly Container[],
  deploy: Deploy | undefined,
  now: number,
): (container: Container) => boolean {
  const isDeployed = (container: Container) => deploy !== undefined && isOfDeploy(container, deploy);
  const deployed = known.filter(isDeployed);
  if (deploy && deployed.length > 0) {
    const deployedAt = Date.parse(deploy.deployedAt);
    const starts = deployed.map(toStarted);
    // Within the difference of the clocks, the engine's own times decide. A later start is not part
    // of the deploy.
    const begun = deployed.reduce((latest, container) => {
      const start = toStarted(container);
      return Math.max(latest, start <= deployedAt + clockMs ? start : toCreated(container));
    }, 0);
    const wasBefore = (created: number) =>
      created <= deployedAt - clockMs || (created < begun && created <= deployedAt + clockMs);
    const started = Math.max(deployedAt, ...starts) + clockMs;
    return (container) => !isDeployed(container) && wasBefore(toCreated(container)) && toStarted(container) <= started;
  }
  const last = known.filter((container) => isServing(container, now)).reduce<Container | null>(toLater, null);
  if (!last) return () => false;
  // A container that was created before and started later may be left, and restarted, or a
  // rollback. Only where the newer one was started again too may their host have started both, in
  // any order.
  const wasStartedAgain = toStarted(last) - toCreated(last) > firstStartMs;
  const started = toStarted(last) + (wasStartedAgain ? hostStartMs : 0);
  return (container) =>
    container.version !== last.version && toCreated(container) < toCreated(last) && toStarted(container) <= started;
}

/**
 * A boot that failed has replaced nothing, and one that fails again and again looks well for a
 * moment each time.
 */
function isServing({ status, health, restarts, startedAt }: Container, now: number): boolean {
  const isProven = restarts === 0 || (startedAt !== null && now - Date.parse(startedAt) >= provenMs);
  return status === "running" && (health === "healthy" || health === "none") && isProven;
}

function toLater(last: Container | null, container: Container): Container {
  return last && toCreated(last) >= toCreated(container) ? last : container;
}

function toCreated({ createdAt }: Container): number {
  return Date.parse(createdAt);
}

/** The restart policy's starts do not count. */
function toStarted({ startedAt, createdAt, restarts }: Container): number {
  return Date.parse(restarts || startedAt === null ? createdAt : startedAt);
}

function toLeftovers(role: readonly Container[], all: ReadonlySet<Container>): Omit<Drift, "settling">[] {
  const left = role.filter((container) => all.has(container));
  return [...Map.groupBy(left, ({ engine }) => engine)].map(([engine, own]) => {
    const last = Math.max(...own.map(toCreated));
    const later = role.filter((one) => one.engine === engine && !all.has(one) && toCreated(one) > last);
    const replacement = own.length > 1 ? "their replacements" : "its replacement";
    const message = `${toNames(own).join(", ")} on ${own[0]?.engine}: still live beside ${replacement}`;
    const replacedAt = later.map(({ createdAt }) => createdAt).toSorted()[0] ?? null;
    return { ...toDrift("leftover", message, own), replacedAt };
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
  const message = `${formatList(toNames(others), "runs", "run")} ${toVersions(others).join(", ")}, but ${deploy.tag} was deployed at ${deploy.deployedAt}`;
  return [
    {
      ...toDrift("unexpected_release", message, others),
      engine: toOne(others.map(({ engine }) => engine)),
      expected: deploy.tag,
    },
  ];
}

function* findMissed(
  live: readonly Container[],
  left: ReadonlySet<Container>,
  newest: Newest,
  now: number,
): Steps<Drift[]> {
  const groups = yield* groupSteps(
    live.filter((container) => !left.has(container) && !container.floating),
    toGroupKey,
  );
  const missing = yield* mapSteps([...groups.values()], (own) => {
    const deploy = newest(own[0]);
    const hit = new Set(own.filter((container) => deploy && isOfDeploy(container, deploy)).map(({ engine }) => engine));
    if (!deploy || hit.size === 0) return [];
    const missed = Map.groupBy(
      own.filter(({ engine }) => !hit.has(engine)),
      ({ engine }) => engine,
    );
    return [...missed].map(([engine, there]) => ({
      ...toDrift(
        "missing_on_engine",
        `${engine} does not run ${deploy.tag} of ${describeGroup(deploy)}, which ${formatList([...hit].toSorted(), "runs", "run")}`,
        there,
      ),
      role: toOne(there.map(({ role }) => role)),
      expected: deploy.tag,
      settling: own.some((container) => isYoung(container, now)),
    }));
  });
  return missing.flat();
}

function toUnknown({ name, message: reason }: SilentEngine): Drift {
  const message = capitalize(explainSilentEngine(name, reason, "so what it runs is unknown"));
  return { ...toDrift("engine_unknown", message, []), engine: name, settling: false };
}

function toDrift(kind: DriftKind, message: string, containers: readonly Container[]): Omit<Drift, "settling"> {
  const [first] = containers;
  const { service = null, destination = null, env = null, role = null, engine = null } = first ?? {};
  return {
    kind,
    message,
    service,
    destination,
    env,
    role,
    engine,
    expected: null,
    found: toVersions(containers),
    containers,
    replacedAt: null,
  };
}

function toVersions(containers: readonly Container[]): string[] {
  return [...new Set(containers.map(({ version }) => version))].toSorted();
}

function toNames(containers: readonly Container[]): string[] {
  return containers.map(({ name }) => name);
}

/** The only distinct name; null for several, or none. */
function toOne(names: readonly string[]): string | null {
  const distinct = new Set(names);
  return distinct.size === 1 ? (names[0] ?? null) : null;
}

import {
  Deploys,
  type DeploysQuery,
  type Environment,
  LatestDeploys,
  type UnjudgeableReason,
  Verdict,
  type VerdictOutcome,
  type VerdictQuery,
} from "../generated/client.ts";
import { pause } from "../lib/abort.ts";
import { mayAnswer, OpsError } from "./error.ts";
import type { OpsClient } from "./types.ts";

type Asker = Pick<OpsClient, "queryPartial">;
type ListedDeploy = NonNullable<NonNullable<DeploysQuery["deploys"]>["nodes"]>[number];

/** A deploy with its verdict, which is null if it could not be read. */
export type JudgedDeploy = Exclude<NonNullable<VerdictQuery["node"]>, Record<PropertyKey, never>>;

export interface VerdictOptions {
  /**
   * Tag of the release. Without one: the newest deploy of each service, destination and
   * environment.
   */
  readonly tag?: string | null | undefined;
  readonly env?: Environment | null | undefined;
  readonly service?: string | null | undefined;
  /** Kamal's destination; "" for deploys without one. */
  readonly destination?: string | null | undefined;
  /** Length of the compared windows, seconds. @default 1800 */
  readonly windowSeconds?: number | undefined;
  /** How long to ask again while more time may change the answer, ms. @default 0 */
  readonly waitMs?: number | undefined;
  /** Time between two questions, ms. @default 30_000 */
  readonly everyMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called before each wait, with what is known so far, or why nothing is. */
  readonly onWait?: ((soFar: ReleaseVerdict | OpsError) => void) | undefined;
}

/** The verdict on a release, over all services that the gateway looks after. */
export interface ReleaseVerdict {
  /**
   * The worst of `deploys`. Null where it is not known: a verdict could not be read, and no other
   * is REGRESSED.
   */
  readonly outcome: VerdictOutcome | null;
  /**
   * Why the release never becomes CLEAN here, however long you wait, though nothing is REGRESSED.
   * FAILED: one of `deploys` failed. OTHER_SERVICE: the gateway looks after none of them.
   */
  readonly unjudgeable: UnjudgeableReason | null;
  /** The newest deploy of each service, destination and environment, newest first. */
  readonly deploys: readonly JudgedDeploy[];
  /**
   * Those of services that the gateway does not look after. They are in `deploys` instead when
   * there are no others.
   */
  readonly otherServices: readonly JudgedDeploy[];
  /** What could not be read. */
  readonly errors: readonly OpsError[];
}

/**
 * The verdict on a release, as soon as more time would not change it: when something is REGRESSED,
 * everything is CLEAN, or the gateway never judges it. Else what is known when the time is up.
 *
 * @throws OpsError when nothing could be read, such as `not_found` for an unknown tag; before the
 * time is up only if that does not pass by itself
 */
export async function waitForVerdict(client: Asker, options: VerdictOptions = {}): Promise<ReleaseVerdict> {
  const { waitMs = 0, everyMs = 30_000, signal, onWait } = options;
  const endMs = Date.now() + waitMs;
  for (;;) {
    let soFar: ReleaseVerdict | OpsError;
    try {
      soFar = await readVerdict(client, options);
      // Not >=: a time that is no number has no end.
      if (isFinal(soFar) || !(Date.now() < endMs)) return soFar;
    } catch (error) {
      if (!mayPass(error) || !(Date.now() < endMs)) throw error;
      soFar = error;
    }
    onWait?.(soFar);
    await pause(Math.min(everyMs, Math.max(0, endMs - Date.now())), signal);
    signal?.throwIfAborted();
  }
}

/** The deploy may not be recorded yet, or the gateway may be starting. */
function mayPass(error: unknown): error is OpsError {
  return error instanceof OpsError && (error.code === "not_found" || mayAnswer(error));
}

function isFinal({ outcome, unjudgeable }: ReleaseVerdict): boolean {
  return outcome === "REGRESSED" || outcome === "CLEAN" || unjudgeable !== null;
}

async function readVerdict(client: Asker, options: VerdictOptions): Promise<ReleaseVerdict> {
  const { windowSeconds: window = 1800, signal } = options;
  const listed = await listNewest(client, options);
  const answers = await Promise.all(
    listed.map(async ({ id, tag }) => {
      const { data, errors } = await client.queryPartial(Verdict, { id, window }, { signal });
      // Its id changes when better evidence shows another time or place of it.
      const isGone = !isDeploy(data.node) && errors.length === 0;
      return {
        deploy: isDeploy(data.node) ? data.node : null,
        errors: isGone ? [new OpsError("not_found", `The deploy of ${tag} is no longer known`)] : errors,
      };
    }),
  );
  const judged = answers.flatMap(({ deploy }) => deploy ?? []);
  const errors = answers.flatMap((answer) => answer.errors);
  if (judged.length === 0) throw errors[0] ?? new OpsError("not_found", "The deploy is no longer known");
  return conclude(judged, errors, judged.length === listed.length);
}

function isDeploy(node: VerdictQuery["node"]): node is JudgedDeploy {
  return node !== null && "tag" in node;
}

/** @param isWhole whether no deploy is missing */
function conclude(judged: readonly JudgedDeploy[], errors: readonly OpsError[], isWhole: boolean): ReleaseVerdict {
  const isOfOther = ({ verdict }: JudgedDeploy) => verdict?.unjudgeable === "OTHER_SERVICE";
  const own = judged.filter((deploy) => !isOfOther(deploy));
  const isOnlyOthers = own.length === 0;
  const deploys = isOnlyOthers ? judged : own;
  const verdicts = deploys.map(({ verdict }) => verdict);
  const outcomes = verdicts.map((verdict) => verdict?.outcome);
  const toRelease = (outcome: VerdictOutcome | null, unjudgeable: UnjudgeableReason | null = null) => ({
    outcome,
    unjudgeable,
    deploys,
    otherServices: isOnlyOthers ? [] : judged.filter(isOfOther),
    errors,
  });
  if (outcomes.includes("REGRESSED")) return toRelease("REGRESSED");
  if (verdicts.some((verdict) => verdict?.unjudgeable === "FAILED")) return toRelease("NOT_ENOUGH_DATA", "FAILED");
  if (!isWhole || outcomes.includes(undefined)) return toRelease(null);
  if (isOnlyOthers) return toRelease("NOT_ENOUGH_DATA", "OTHER_SERVICE");
  return toRelease(outcomes.every((outcome) => outcome === "CLEAN") ? "CLEAN" : "NOT_ENOUGH_DATA");
}

/**
 * The newest deploy of each service, destination and environment that is meant. @throws OpsError
 */
async function listNewest(
  client: Asker,
  { tag = null, env = null, service = null, destination = null, signal }: VerdictOptions,
): Promise<readonly ListedDeploy[]> {
  const deploys = await (tag === null ? listLatest(client, signal) : listOfTag(client, { tag, env }, signal));
  const newest = new Map<string, ListedDeploy>();
  for (const deploy of deploys) {
    if (env !== null && deploy.env !== env) continue;
    if (service !== null && deploy.service !== service) continue;
    if (destination !== null && (deploy.destination ?? "") !== destination) continue;
    const group = JSON.stringify([deploy.service, deploy.destination, deploy.env]);
    if (!newest.has(group)) newest.set(group, deploy);
  }
  if (newest.size === 0)
    throw new OpsError("not_found", tag === null ? "No such deploy is known" : `No deploy of ${tag} is known`);
  return [...newest.values()];
}

/** The newest deploys of all, newest first. `latestDeploys` leaves out those that failed. */
async function listLatest(client: Asker, signal: AbortSignal | undefined): Promise<readonly ListedDeploy[]> {
  const [latest, recent] = await Promise.all([
    client.queryPartial(LatestDeploys, {}, { signal }),
    client.queryPartial(Deploys, { first: 100 }, { signal }),
  ]);
  if (!latest.data.latestDeploys) throw latest.errors[0] ?? toNoDeploys();
  if (!recent.data.deploys) throw recent.errors[0] ?? toNoDeploys();
  const failed = recent.data.deploys.nodes.filter(({ state }) => state === "FAILED");
  return [...failed, ...latest.data.latestDeploys].toSorted(
    (one, other) => Date.parse(other.deployedAt) - Date.parse(one.deployedAt),
  );
}

/**
 * All deploys of a tag, newest first. One page is not enough: with a moving tag such as `latest`,
 * the newest deploy of a service may be far down the list.
 */
async function listOfTag(
  client: Asker,
  where: { readonly tag: string; readonly env: Environment | null },
  signal: AbortSignal | undefined,
  after: string | null = null,
): Promise<readonly ListedDeploy[]> {
  const { data, errors } = await client.queryPartial(Deploys, { ...where, first: 100, after }, { signal });
  if (!data.deploys) throw errors[0] ?? toNoDeploys();
  const { nodes, pageInfo } = data.deploys;
  if (!pageInfo.hasNextPage || pageInfo.endCursor === null) return nodes;
  return [...nodes, ...(await listOfTag(client, where, signal, pageInfo.endCursor))];
}

function toNoDeploys(): OpsError {
  return new OpsError("not_a_gateway", "The gateway named no deploys");
}

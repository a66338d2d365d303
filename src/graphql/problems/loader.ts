import { type Principal, requireEnvironments, toView } from "../../auth/principal.ts";
import type { Deploy } from "../../deploys/state.ts";
import { usualWindowSeconds } from "../../deploys/verdict/windows.ts";
import { createSharedBudget } from "../../lib/budget/budget.ts";
import { takeSteps } from "../../lib/budget/steps.ts";
import { createKeyedCache, type KeyedCache } from "../../lib/cache.ts";
import type { Environment } from "../../lib/environment.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import { findProblems, type FoundProblems } from "../../problems/find.ts";
import type { Caller, Sources } from "../sources.ts";
import { type ProblemSiblings, readAll } from "./readings.ts";

/** Problems at one time. Times are RFC 3339. */
export interface CurrentProblems extends FoundProblems {
  readonly checkedAt: string;
  /** Null while something is wrong or could not be checked. */
  readonly quietSince: string | null;
}

type View = Environment | "all";

/** What a caller may see of each environment, and of all. */
type SharedProblems = Omit<CurrentProblems, "quietSince"> & {
  readonly quietSince: Readonly<Record<View, string | null>>;
};

/**
 * What the caller may see, optionally limited to one environment plus what has no known one.
 * Rejects with forbidden for an environment that the token does not list.
 */
export type ProblemLoader = (env: Environment | null) => Promise<CurrentProblems>;

/** New loaders for a caller. */
type OpenLoaders = (caller: Caller) => ProblemSiblings;

interface Question {
  readonly sources: Sources;
  readonly caller: Caller;
  readonly openLoaders: OpenLoaders;
}

/** How long all callers with the same view share an answer, milliseconds. */
const ttlMs = 1000;
/**
 * The same for a verdict: it queries every queue source twice, and its windows are half an hour
 * long.
 */
const verdictTtlMs = 30_000;

/**
 * If two checks are further apart than this, a problem may have occurred in between, milliseconds.
 */
const longestGapMs = 60_000;

interface Caches {
  readonly quiet: QuietMemory;
  readonly problems: KeyedCache<Question, SharedProblems>;
}

const cachesOf = new WeakMap<Sources, Caches>();

function getCaches(sources: Sources): Caches {
  const caches = cachesOf.get(sources) ?? {
    quiet: new Map(),
    problems: createKeyedCache(
      ({ caller }) => toView(caller.principal),
      find,
      () => ttlMs,
    ),
  };
  cachesOf.set(sources, caches);
  return caches;
}

/**
 * Reads through the loaders of all other fields, so it matches what they show. Callers with the
 * same view share an answer, at most a second old, because many consoles poll it.
 */
export function createProblemLoader(sources: Sources, caller: Caller, openLoaders: OpenLoaders): ProblemLoader {
  return async (env) => {
    requireEnvironments(caller.principal, env);
    const found = await getCaches(sources).problems({ sources, caller, openLoaders }, caller.signal);
    const quietSince = found.quietSince[env ?? "all"];
    return { ...found, problems: ofEnvironment(found, env), quietSince };
  };
}

/**
 * What the query problems returns now without checking again, for all callers with the same view;
 * null where it would check.
 */
export function findSharedProblems(sources: Sources, principal: Principal): object | null {
  return getCaches(sources).problems.cached(toView(principal));
}

/** Anything without a known environment may belong to any. */
function ofEnvironment({ problems }: Pick<FoundProblems, "problems">, env: Environment | null) {
  return env === null ? problems : problems.filter((problem) => problem.env === null || problem.env === env);
}

/** By view: since when each check found nothing, and the last check, unix milliseconds. */
type QuietMemory = Map<string, { readonly since: number; readonly seenAt: number }>;

/**
 * Remembers this check. Only checks show that all is well, so the time before the first one is
 * unknown, and so is a long gap.
 */
function noteQuiet(memory: QuietMemory, key: string, isQuiet: boolean, nowMs: number): string | null {
  const before = memory.get(key);
  if (!isQuiet) memory.delete(key);
  else
    memory.set(key, { since: before && nowMs - before.seenAt <= longestGapMs ? before.since : nowMs, seenAt: nowMs });
  const quiet = memory.get(key);
  return quiet ? formatRfc3339(quiet.since) : null;
}

/** A caller on behalf of those who share an answer: the first request may end before the others. */
function toShared({ caller }: Question, signal: AbortSignal): Caller {
  const { principal, requestId, budget } = caller;
  return { principal, requestId, budget, signal, origin: () => caller.origin() };
}

async function find(question: Question, signal: AbortSignal): Promise<SharedProblems> {
  const { sources, openLoaders } = question;
  const caller = toShared(question, signal);
  const siblings = openLoaders(caller);
  const judge = (deploy: Deploy) => siblings.deploys.verdict(deploy, usualWindowSeconds, verdictTtlMs);
  const { readings, gaps } = await readAll(sources, caller, siblings, judge);
  const found = await takeSteps(findProblems(readings), createSharedBudget(signal));
  const allGaps = [...found.gaps, ...gaps].toSorted();
  const { quiet } = getCaches(sources);
  const toQuiet = (view: View) => {
    const isQuiet = allGaps.length === 0 && ofEnvironment(found, view === "all" ? null : view).length === 0;
    return noteQuiet(quiet, `${toView(caller.principal)} ${view}`, isQuiet, siblings.nowMs);
  };
  const quietSince = { all: toQuiet("all"), staging: toQuiet("staging"), production: toQuiet("production") };
  return { problems: found.problems, gaps: allGaps, checkedAt: formatRfc3339(siblings.nowMs), quietSince };
}

import { requireEnvironments } from "../../auth/principal.ts";
import type { Deploy } from "../../deploys/state.ts";
import type { DeployVerdict } from "../../deploys/verdict/types.ts";
import { usualWindowSeconds } from "../../deploys/verdict/windows.ts";
import { createKeyedCache } from "../../lib/cache.ts";
import { type Environment, environments } from "../../lib/environment.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import { findProblems, type FoundProblems } from "../../problems/find.ts";
import type { Caller, Sources } from "../sources.ts";
import { type ProblemSiblings, readAll } from "./readings.ts";

/** Problems at one time, RFC 3339. */
export interface CurrentProblems extends FoundProblems {
  readonly checkedAt: string;
}

/** What the caller may see, optionally of one environment and of none that is known. Rejects with forbidden for one that the token does not list. */
export type ProblemLoader = (env: Environment | null) => Promise<CurrentProblems>;

/** New loaders for a caller. */
type OpenLoaders = (caller: Caller) => ProblemSiblings;

interface Question {
  readonly sources: Sources;
  readonly caller: Caller;
  readonly openLoaders: OpenLoaders;
}

interface VerdictQuestion extends Question {
  readonly deploy: Deploy;
}

/** How long an answer serves all callers who may see the same, milliseconds. */
const ttlMs = 1000;
/** The same for a verdict: it queries every queue source twice, and its windows are half an hour. */
const verdictTtlMs = 30_000;

interface Caches {
  readonly problems: (question: Question, signal: AbortSignal) => Promise<CurrentProblems>;
  readonly verdicts: (question: VerdictQuestion, signal: AbortSignal) => Promise<DeployVerdict>;
}

const cachesOf = new WeakMap<Sources, Caches>();

function getCaches(sources: Sources): Caches {
  const caches = cachesOf.get(sources) ?? {
    problems: createKeyedCache(toView, find, () => ttlMs),
    verdicts: createKeyedCache(toVerdictKey, judge, () => verdictTtlMs),
  };
  cachesOf.set(sources, caches);
  return caches;
}

/**
 * Reads through the loaders of all other fields, so it shows what they show. Callers who may see the same share an answer, at most a second old, as many consoles
 * poll it.
 */
export function createProblemLoader(sources: Sources, caller: Caller, openLoaders: OpenLoaders): ProblemLoader {
  return async (env) => {
    requireEnvironments(caller.principal, env);
    const found = await getCaches(sources).problems({ sources, caller, openLoaders }, caller.signal);
    if (env === null) return found;
    // What has no known environment may be of this one.
    return { ...found, problems: found.problems.filter((problem) => problem.env === null || problem.env === env) };
  };
}

/** What a caller may see is decided by its environments alone. */
function toView({ caller }: Question): string {
  return environments.filter((environment) => caller.principal.environments.has(environment)).join();
}

function toVerdictKey(question: VerdictQuestion): string {
  const { service, destination, env, ambiguous, tag, deployedAt } = question.deploy;
  return JSON.stringify([toView(question), service, destination, env, ambiguous, tag, deployedAt]);
}

/** A caller for those who share an answer: the request that asked first may end before the others. */
function toShared({ caller }: Question, signal: AbortSignal): Caller {
  const { principal, requestId, budget } = caller;
  return { principal, requestId, budget, signal, origin: () => caller.origin() };
}

async function find(question: Question, signal: AbortSignal): Promise<CurrentProblems> {
  const { sources, openLoaders } = question;
  const caller = toShared(question, signal);
  const siblings = openLoaders(caller);
  const { verdicts } = getCaches(sources);
  const { readings, gaps } = await readAll(sources, caller, siblings, (deploy) => verdicts({ ...question, deploy }, signal));
  const found = findProblems(readings);
  return { problems: found.problems, gaps: [...found.gaps, ...gaps].toSorted(), checkedAt: formatRfc3339(siblings.nowMs) };
}

async function judge(question: VerdictQuestion, signal: AbortSignal): Promise<DeployVerdict> {
  const { deploys } = question.openLoaders(toShared(question, signal));
  const verdict = await deploys.verdict(question.deploy, usualWindowSeconds);
  // What was given up is a gap in it.
  signal.throwIfAborted();
  return verdict;
}

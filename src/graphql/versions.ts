import { maySee, toView } from "../auth/principal.ts";
import type { Container } from "../containers/container.ts";
import { needDeploy, needsDeploy } from "../deploys/release.ts";
import { versionOf } from "../lib/version.ts";
import type { CachedAnswers } from "../queues/queue.ts";
import { type ContainerFilter, createContainerFilter, findNamed, selectEngines } from "./containers/loader.ts";
import { isMeasured } from "./containers/stats.ts";
import { createDeployLoader } from "./deploys/info-loader.ts";
import { findSharedProblems } from "./problems/loader.ts";
import type { Caller, Sources } from "./sources.ts";

/**
 * The version of what an answer is made from; null when unknown. Sources never change an object
 * that they have returned, so a version stands for each.
 */
export type Version = string | null | Promise<string | null>;

/** `readArgs`: the arguments of the root field, coerced. */
export type FindVersion = (sources: Sources, caller: Caller, readArgs: () => object) => Version;

/** What the answer of a root field is made from, for a caller who may read it. */
interface Versioned {
  readonly rows: FindVersion;
  /** Fields of its rows that depend on more than the row. */
  readonly fields?: Readonly<Record<string, FindVersion>>;
}

export const versionsOf: Readonly<Record<string, Versioned>> = {
  containers: {
    rows: findContainersVersion,
    fields: { cpuPct: findStatsVersion, memPct: findStatsVersion, problems: findProblemsVersion },
  },
  container: {
    rows: findContainerVersion,
    fields: { cpuPct: findSampleVersion, memPct: findSampleVersion, problems: findProblemsVersion },
  },
  engines: { rows: findEnginesVersion },
  deployInfo: { rows: findDeployVersion },
  hosts: { rows: findHostsVersion, fields: { problems: findProblemsVersion } },
  hostsUpdatedAt: { rows: findHostsVersion },
  thresholds: { rows: () => "" },
  queues: { rows: findQueueNumbersVersion, fields: { owners: findRowsVersion, problems: findProblemsVersion } },
  queueSources: { rows: findQueueSourcesVersion },
  jobErrors: { rows: findErrorsVersion },
  problems: { rows: findProblemsVersion },
};

/** Joins versions into one. Returns a promise only if one of them is a promise. */
export function joinVersions(versions: readonly Version[]): Version {
  if (versions.every((version): version is string | null => !(version instanceof Promise)))
    return versions.includes(null) ? null : versions.join(" ");
  return Promise.all(versions.map((version) => Promise.resolve(version))).then(joinVersions);
}

/** Where no engine answers, an empty list is an error. */
function findContainersVersion(sources: Sources, caller: Caller): Version {
  const { engines = [] } = sources.containers.listCached() ?? {};
  return selectEngines(caller.principal, engines).shown.some(({ ok }) => ok) ? findRowsVersion(sources, caller) : null;
}

/** The engines' list, plus the deploy if a row takes its version from it. */
function findRowsVersion(sources: Sources, caller: Caller): Version {
  const containers = sources.containers.listCached()?.containers;
  if (!containers) return null;
  if (!needDeploy(containers)) return `${versionOf(containers)}`;
  return createDeployLoader(sources, caller)
    .known()
    .then((deploy) => `${versionOf(containers)} ${versionOf(deploy)}`);
}

/** By list, filter and view: the containers whose statistics an answer includes. */
const measuredOf = new WeakMap<readonly Container[], Map<string, readonly Container[]>>();

function findStatsVersion(sources: Sources, { principal }: Caller, readArgs: () => object): string | null {
  const filter = readArgs() as ContainerFilter;
  const { env, includeAccessories, engine, destination } = filter;
  // Otherwise every list would remember words that callers choose.
  if (engine || typeof destination === "string" || (env && !principal.environments.has(env))) return null;
  const { containers = [] } = sources.containers.listCached() ?? {};
  const filters = measuredOf.get(containers) ?? new Map<string, readonly Container[]>();
  measuredOf.set(containers, filters);
  const key = `${env} ${includeAccessories} ${toView(principal)}`;
  const accepts = createContainerFilter(filter, principal);
  const measured = filters.get(key) ?? containers.filter((one) => accepts(one) && isMeasured(one));
  filters.set(key, measured);
  return toText(sources.containers.statsVersion(measured));
}

/** Null if there is no such container, or several: only running the query gives the error. */
function findOne(sources: Sources, { principal }: Caller, readArgs: () => object): Container | null {
  const { name, engine, includeAccessories } = readArgs() as ContainerFilter & { readonly name: string };
  const accepts = createContainerFilter({ includeAccessories, engine }, principal);
  const [container, ...others] = findNamed(sources.containers.listCached()?.containers ?? [], name).filter(accepts);
  return container && others.length === 0 ? container : null;
}

function findContainerVersion(sources: Sources, caller: Caller, readArgs: () => object): Version {
  const container = findOne(sources, caller, readArgs);
  if (!container) return null;
  const own = `${versionOf(container)}`;
  if (!needsDeploy(container)) return own;
  // Whether the deploy is this container's depends on the others.
  return joinVersions([own, findRowsVersion(sources, caller)]);
}

/** Each container as a list of its own. */
const alone = new WeakMap<Container, readonly Container[]>();

function findSampleVersion(sources: Sources, caller: Caller, readArgs: () => object): string | null {
  const container = findOne(sources, caller, readArgs);
  if (!container) return null;
  const list = alone.get(container) ?? [container];
  alone.set(container, list);
  return isMeasured(container) ? toText(sources.containers.statsVersion(list)) : "";
}

const toText = (version: number | null) => (version === null ? null : `${version}`);

/** Excludes values that change with time. */
function findEnginesVersion(sources: Sources, { principal }: Caller): string | null {
  const listing = sources.containers.listCached();
  if (!listing) return null;
  const { shown } = selectEngines(principal, listing.engines);
  return JSON.stringify(shown.map(({ name, ok, error, env, runs }) => [name, ok, error, env, runs && [...runs]]));
}

async function findDeployVersion(sources: Sources, caller: Caller): Promise<string | null> {
  const info = await createDeployLoader(sources, caller).known();
  return info && `${versionOf(info)}`;
}

function findHostsVersion(sources: Sources, { principal }: Caller): string | null {
  const report = maySee(principal, sources.env) ? sources.hosts.reportCached() : null;
  return report && `${versionOf(report)}`;
}

function findProblemsVersion(sources: Sources, { principal }: Caller): string | null {
  const found = findSharedProblems(sources, principal);
  return found && `${versionOf(found)}`;
}

/** The answers of the sources that the caller may see. */
function findShownAnswers(sources: Sources, { principal }: Caller): readonly CachedAnswers[] {
  return sources.queues.allCached?.()?.filter(({ source }) => maySee(principal, source.env ?? sources.env)) ?? [];
}

function findQueueNumbersVersion(sources: Sources, caller: Caller): string | null {
  const shown = findShownAnswers(sources, caller);
  return shown.length === 0 ? null : shown.map(({ metrics }) => versionOf(metrics)).join();
}

/** All of them were read, so they have no errors to report. */
async function findQueueSourcesVersion(sources: Sources, caller: Caller): Promise<string | null> {
  const shown = findShownAnswers(sources, caller);
  const others = (await sources.queues.unsupported?.(caller.signal)) ?? [];
  return shown.length === 0 ? null : JSON.stringify([shown.map(({ source }) => source.name), others]);
}

/** Also depends on the containers, if a failure names its worker: they give its release. */
function findErrorsVersion(sources: Sources, caller: Caller): Version {
  const shown = findShownAnswers(sources, caller);
  if (shown.length === 0) return null;
  const versions = shown.map(({ failures }) => versionOf(failures)).join();
  if (!shown.some(({ failures }) => failures.some(({ worker }) => worker !== null))) return versions;
  return joinVersions([versions, findRowsVersion(sources, caller)]);
}

import {
  type DocumentNode,
  getNamedType,
  getOperationAST,
  type GraphQLSchema,
  isObjectType,
  Kind,
  type SelectionSetNode,
  visit,
} from "graphql";
import { maySee, type Principal, toView } from "../auth/principal.ts";
import type { Container } from "../containers/container.ts";
import type { EngineStatus } from "../containers/source.ts";
import { needDeploy, needsDeploy } from "../deploys/release.ts";
import {
  GrafanaContainersDocument,
  type GrafanaContainersQueryVariables,
  GrafanaHostsDocument,
  GrafanaQueueErrorsDocument,
  GrafanaQueuesDocument,
} from "../generated/grafana.ts";
import {
  ContainerDocument,
  type ContainerQueryVariables,
  ContainersDocument,
  type ContainersQuery,
  type ContainersQueryVariables,
  DeployInfoDocument,
  HostsDocument,
  QueuesDocument,
} from "../generated/rest.ts";
import type { ReplyInputs } from "../http/memo.ts";
import { toAgeSeconds } from "../lib/time.ts";
import { versionOf } from "../lib/version.ts";
import type { CachedAnswers } from "../queues/queue.ts";
import { createContainerFilter, findNamed, selectEngines } from "./containers/loader.ts";
import { isMeasured } from "./containers/stats.ts";
import { createDeployLoader } from "./deploys/info-loader.ts";
import { listFields, type SelectedField } from "./compiled/selection.ts";
import { findSharedProblems } from "./problems/loader.ts";
import type { Caller, Sources } from "./sources.ts";

/** What an answer depends on. Sources never change an object that they have returned, so a version stands for each. */
export interface Inputs extends ReplyInputs {
  /** The part of the data that headers are made of: new each time. */
  readonly status: object;
}

/** A promise only where it must wait; null where the inputs do not determine the answer. */
export type FoundInputs = Inputs | null | Promise<Inputs | null>;

type FindVersion = (sources: Sources, caller: Caller) => string | null | Promise<string | null>;

/** What the rows of these root fields are made from, for a caller who may read it. */
const versionsOf: Readonly<Record<string, FindVersion>> = {
  containers: findContainersVersion,
  container: findContainersVersion,
  hosts: findHostsVersion,
  hostsUpdatedAt: findHostsVersion,
  queues: findQueueNumbersVersion,
  queueSources: findQueueSourcesVersion,
  problems: findProblemsVersion,
  thresholds: () => "",
};

const findersOf = new Map<DocumentNode, (variables: never, sources: Sources, caller: Caller) => FoundInputs>([
  [ContainersDocument, findContainersInputs],
  [ContainerDocument, findContainerInputs],
  [DeployInfoDocument, (_, sources, caller) => toInputs(findDeployVersion(sources, caller), sources, caller)],
  [HostsDocument, (_, sources, caller) => toInputs(findHostsVersion(sources, caller), sources, caller)],
  [QueuesDocument, (_, sources, caller) => toInputs(findQueuesVersion(sources, caller), sources, caller)],
  [GrafanaContainersDocument, findTableInputs],
  [GrafanaHostsDocument, (_, sources, caller) => toInputs(findHostsVersion(sources, caller), sources, caller)],
  [GrafanaQueuesDocument, (_, sources, caller) => toInputs(findQueuesVersion(sources, caller), sources, caller)],
  [GrafanaQueueErrorsDocument, (_, sources, caller) => toInputs(findQueuesVersion(sources, caller), sources, caller)],
]);

/** The current inputs of a fixed document's answer; null when only running it shows the answer. */
export function findInputs(document: DocumentNode, variables: object, sources: Sources, caller: Caller): FoundInputs {
  return mayRead(caller) ? (findersOf.get(document)?.(variables as never, sources, caller) ?? null) : null;
}

/** Whether a fixed document reads only sources that have versions. */
export function isVersioned(document: DocumentNode): boolean {
  return findersOf.has(document);
}

/** Who may read nothing causes no read. */
function mayRead({ principal }: Caller): boolean {
  return principal.scopes.has("ops:read");
}

/** The list, and the samples of its containers. The ages of the engines are in the headers. */
function findContainersInputs(variables: ContainersQueryVariables, sources: Sources, caller: Caller): FoundInputs {
  const { env, includeStats } = variables;
  if (env && !caller.principal.environments.has(env)) return null;
  const version = findContainersVersion(sources, caller);
  if (!includeStats) return toInputs(version, sources, caller);
  const sampled = findStatsVersion(variables, sources, caller);
  const all = version instanceof Promise ? version.then((found) => join([found, sampled])) : join([version, sampled]);
  return toInputs(all, sources, caller);
}

/** The list with its samples, and why engines do not answer. */
function findTableInputs(
  { includeAccessories }: GrafanaContainersQueryVariables,
  sources: Sources,
  caller: Caller,
): FoundInputs {
  const { engines = [] } = sources.containers.listCached() ?? {};
  const { shown } = selectEngines(caller.principal, engines);
  const errors = JSON.stringify(shown.map(({ name, error }) => [name, error]));
  const found = findContainersInputs({ includeAccessories, includeStats: true }, sources, caller);
  const withErrors = (inputs: Inputs | null): Inputs | null =>
    inputs && { view: inputs.view, version: `${inputs.version} ${errors}`, status: {} };
  return found instanceof Promise ? found.then(withErrors) : withErrors(found);
}

/** By list, filter and view: the containers whose statistics an answer has. */
const measuredOf = new WeakMap<readonly Container[], Map<string, readonly Container[]>>();

function findStatsVersion(filter: ContainersQueryVariables, sources: Sources, { principal }: Caller): string | null {
  const { containers = [] } = sources.containers.listCached() ?? {};
  const filters = measuredOf.get(containers) ?? new Map<string, readonly Container[]>();
  measuredOf.set(containers, filters);
  const key = `${filter.env} ${filter.includeAccessories} ${toView(principal)}`;
  const accepts = createContainerFilter(filter, principal);
  const measured = filters.get(key) ?? containers.filter((one) => accepts(one) && isMeasured(one));
  filters.set(key, measured);
  return toText(sources.containers.statsVersion(measured));
}

/** Each container as a list of its own. */
const alone = new WeakMap<Container, readonly Container[]>();

/** The row and its sample. Where there is no such container, or several, only running it shows the error. */
function findContainerInputs(variables: ContainerQueryVariables, sources: Sources, caller: Caller): FoundInputs {
  const { name, engine, includeAccessories } = variables;
  const accepts = createContainerFilter({ includeAccessories, engine }, caller.principal);
  const [container, ...others] = findNamed(sources.containers.listCached()?.containers ?? [], name).filter(accepts);
  if (!container || others.length > 0) return null;
  const list = alone.get(container) ?? [container];
  alone.set(container, list);
  const sampled = isMeasured(container) ? toText(sources.containers.statsVersion(list)) : "";
  // Whether the deploy is its own depends on the others.
  const rows = needsDeploy(container) ? findRowsVersion(sources, caller) : "";
  const own = join([`${versionOf(container)}`, sampled]);
  return toInputs(
    rows instanceof Promise ? rows.then((found) => join([own, found])) : join([own, rows]),
    sources,
    caller,
  );
}

const toText = (version: number | null) => (version === null ? null : `${version}`);

/**
 * How to find the inputs of a valid query; null where its answer depends on more: it must read root fields that are versioned, and what depends on their rows alone.
 */
export function createFindInputs(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null,
): ((sources: Sources, caller: Caller) => FoundInputs) | null {
  const operation = getOperationAST(document, operationName);
  const fields = operation && listFields(document, operation.selectionSet, schema.getQueryType());
  if (!fields) return null;
  const finders = new Set<FindVersion>();
  for (const { name, type, selectionSet } of fields) {
    const find = Object.hasOwn(versionsOf, name) ? versionsOf[name] : undefined;
    if (!find || !dependsOnRows(document, selectionSet, type && getNamedType(type))) return null;
    finders.add(find);
  }
  const [only, ...more] = finders;
  if (only && more.length === 0)
    return (sources, caller) => (mayRead(caller) ? toInputs(only(sources, caller), sources, caller) : null);
  return (sources, caller) => {
    if (!mayRead(caller)) return null;
    const found = [...finders].map((find) => find(sources, caller));
    if (!found.some((version) => version instanceof Promise))
      return toInputs(join(found as (string | null)[]), sources, caller);
    const versions = Promise.all(found.map((version) => Promise.resolve(version)));
    return toInputs(versions.then(join), sources, caller);
  };
}

/** Whether each message of a valid subscription depends on its event alone, whatever the variables. */
export function hasOnlyRows(schema: GraphQLSchema, document: DocumentNode, operationName: string | null): boolean {
  const operation = getOperationAST(document, operationName);
  const [field, ...others] =
    (operation && listFields(document, operation.selectionSet, schema.getSubscriptionType())) ?? [];
  if (!field || others.length > 0) return false;
  const { selectionSet, type } = field;
  const variables: unknown[] = [];
  const find = (node: unknown) => void variables.push(node);
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) visit(definition, { Variable: find });
  }
  if (selectionSet) visit(selectionSet, { Variable: find });
  return variables.length === 0 && dependsOnRows(document, selectionSet, type && getNamedType(type));
}

const join = (versions: readonly (string | null)[]) => (versions.includes(null) ? null : versions.join(" "));

/** An id is made from properties of the row. */
function isOfRow(field: SelectedField): boolean {
  return field.isOfRow || field.name === "id" || field.name === "__typename";
}

function dependsOnRows(document: DocumentNode, selectionSet: SelectionSetNode | undefined, type: unknown): boolean {
  if (!selectionSet) return true;
  const fields = isObjectType(type) ? listFields(document, selectionSet, type) : null;
  return (
    fields?.every(
      (field) => isOfRow(field) && dependsOnRows(document, field.selectionSet, field.type && getNamedType(field.type)),
    ) ?? false
  );
}

/** Where no engine answers, an empty list is an error. */
function findContainersVersion(sources: Sources, caller: Caller): string | null | Promise<string | null> {
  const { engines = [] } = sources.containers.listCached() ?? {};
  return selectEngines(caller.principal, engines).shown.some(({ ok }) => ok) ? findRowsVersion(sources, caller) : null;
}

/** The engines' list, and the deploy where a row takes its version from it. */
function findRowsVersion(sources: Sources, caller: Caller): string | null | Promise<string | null> {
  const containers = sources.containers.listCached()?.containers;
  if (!containers) return null;
  if (!needDeploy(containers)) return `${versionOf(containers)}`;
  return createDeployLoader(sources, caller)
    .known()
    .then((deploy) => `${versionOf(containers)} ${versionOf(deploy)}`);
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

function findShownAnswers(sources: Sources, { principal }: Caller): readonly CachedAnswers[] {
  return sources.queues.allCached?.()?.filter(({ source }) => maySee(principal, source.env ?? sources.env)) ?? [];
}

function findQueueNumbersVersion(sources: Sources, caller: Caller): string | null {
  const shown = findShownAnswers(sources, caller);
  return shown.length === 0 ? null : shown.map(({ metrics }) => versionOf(metrics)).join();
}

/** All of them were read, so nothing else is said of them. */
async function findQueueSourcesVersion(sources: Sources, caller: Caller): Promise<string | null> {
  const shown = findShownAnswers(sources, caller);
  const others = (await sources.queues.unsupported?.(caller.signal)) ?? [];
  return shown.length === 0 ? null : JSON.stringify([shown.map(({ source }) => source.name), others]);
}

/** The answers of the sources that the caller may see; where a failure names its worker also the containers, which say its release. */
function findQueuesVersion(sources: Sources, caller: Caller): string | null | Promise<string | null> {
  const shown = findShownAnswers(sources, caller);
  if (shown.length === 0) return null;
  const versions = shown.flatMap(({ metrics, failures }) => [versionOf(metrics), versionOf(failures)]).join();
  if (!shown.some(({ failures }) => failures.some(({ worker }) => worker !== null))) return versions;
  const rows = findRowsVersion(sources, caller);
  return rows instanceof Promise ? rows.then((found) => join([versions, found])) : join([versions, rows]);
}

function toInputs(version: string | null | Promise<string | null>, sources: Sources, caller: Caller): FoundInputs {
  if (version instanceof Promise) return version.then((found) => toInputs(found, sources, caller));
  return version === null ? null : new KnownInputs(toView(caller.principal), version, sources, caller.principal);
}

class KnownInputs implements Inputs {
  readonly view: string;
  readonly version: string;
  readonly #sources: Sources;
  readonly #principal: Principal;

  constructor(view: string, version: string, sources: Sources, principal: Principal) {
    this.view = view;
    this.version = version;
    this.#sources = sources;
    this.#principal = principal;
  }

  get status(): Pick<ContainersQuery, "engines"> {
    const { engines = [] } = this.#sources.containers.listCached() ?? {};
    return { engines: selectEngines(this.#principal, engines).shown.map(toStatus) };
  }
}

function toStatus({ name, contactAt, error }: EngineStatus): NonNullable<ContainersQuery["engines"]>[number] {
  return { name, age_seconds: toAgeSeconds(contactAt), error };
}

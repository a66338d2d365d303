import { maySee, maySeeContainer, type Principal, requireEnvironments } from "../../auth/principal.ts";
import { type Container, type ContainerStats, toContainerKey } from "../../containers/container.ts";
import type { ContainerListing, EngineStatus, KnownEngines, SilentEngine } from "../../containers/source.ts";
import type { DeployInfo } from "../../deploys/deploy.ts";
import { createInfoFor, type InfoFor, needDeploy, withDeploy } from "../../deploys/release.ts";
import { type Known, KnownLoader, onceKnown } from "../../lib/known.ts";
import { readingBytes } from "../../lib/budget/budget.ts";
import { type Steps, takeSteps } from "../../lib/budget/steps.ts";
import { once } from "../../lib/cache.ts";
import type { Environment } from "../../lib/environment.ts";
import { OpsError, toOpsError } from "../../lib/errors.ts";
import { formatFirst } from "../../lib/text.ts";
import { describeGroup, listGroups, type ServiceGroup } from "../../releases/service-group.ts";
import type { DeployLoader } from "../deploys/info-loader.ts";
import type { Caller, Sources } from "../sources.ts";

/** How many engines or groups a message names at most. */
const mostNamed = 10;

export interface ContainerQuery {
  readonly name: string;
  readonly engine?: string | null | undefined;
  readonly includeAccessories: boolean;
  /**
   * For actions: inspects again, past the cache, and refuses while an engine that may also run a
   * container of this name does not answer.
   */
  readonly everyEngine?: boolean;
}

/** Containers of a list, and the engines that were listed. */
export interface KnownContainers {
  readonly containers: readonly Container[];
  readonly engines: KnownEngines;
}

/** What the gateway remembers of the silent engines. */
interface LastListed {
  readonly lost: readonly Container[];
  readonly unlisted: readonly (Environment | null)[];
}

export interface ContainerLoaders {
  /**
   * All known containers that the caller may see, in the order of `all`, and the state of the
   * engines. Never rejects because of an engine.
   */
  known(includeAccessories: boolean): Promise<KnownContainers>;
  /**
   * Whether each engine that the caller may see answers, and which silent ones may run the caller's
   * containers.
   */
  engines(): Known<KnownEngines>;
  /**
   * The silent engines that may run a matching container of the caller: those that had one, and
   * those whose containers are not all known.
   */
  unsure(filter: ContainerFilter): Promise<readonly SilentEngine[]>;
  /**
   * The last list of the silent engines, limited to what the caller may see; and the configured
   * environment of each engine that was never listed, null without one.
   */
  lastListed(): Promise<LastListed>;
  /**
   * All that the caller may see: core ones first, then by name and engine. Rejects when no engine
   * answers and nothing is known.
   */
  all(includeAccessories: boolean): Promise<readonly Container[]>;
  /**
   * Stopped containers of retired releases that the caller may see and that no list shows, for log
   * history. All of them have run.
   */
  listRetired(includeAccessories: boolean): Promise<readonly Container[]>;
  /**
   * All containers and retired ones, including those that the caller may not see. Use them only to
   * find the service of a worker, and never show their names.
   */
  everyWorker(): Promise<readonly Container[]>;
  /**
   * As `listRetired`, but only core containers, and including those that never started: for deploy
   * history.
   */
  listRetiredOfDeploys(): Promise<readonly Container[]>;
  /**
   * Those of `all` that a filter accepts. First inspects the uninspected containers that it may
   * match: their environment is unknown. Rejects when one cannot be inspected and nothing else
   * matches.
   */
  find(filter: ContainerFilter, isNamed: (container: Container) => boolean): Promise<readonly Container[]>;
  /**
   * For actions: the running containers of a filter that the caller may see, each inspected.
   * Rejects when one that may match cannot be inspected, because its environment stays unknown.
   */
  running(filter: ContainerFilter): Promise<readonly Container[]>;
  /**
   * The one container of this exact name. Rejects with container_not_found (absent, hidden or not
   * visible) or container_ambiguous.
   */
  one(query: ContainerQuery): Promise<Container>;
  /**
   * Those of this exact name that have stopped beside others of their role, so that no list shows
   * them. Includes one between its stop and its start.
   */
  stopped(query: Omit<ContainerQuery, "everyEngine">): Promise<readonly Container[]>;
  /** Finds the deploy info for containers of its group. Never rejects because of the file. */
  infoFor(): Known<InfoFor>;
  readonly stats: KnownLoader<Container, ContainerStats | null>;
}

/**
 * Lists the engines once per request, and samples each container once. Every access to a container
 * goes through here, so a token limited to an environment cannot reach a container of another by
 * any name.
 */
export function createContainerLoaders(
  sources: Sources,
  { principal, signal, budget }: Caller,
  siblings: { readonly deploy: DeployLoader; settle(listing: ContainerListing): ContainerListing },
): ContainerLoaders {
  const list = () => {
    const read = once(() => sources.containers.list(signal));
    return { read, settled: once(async () => siblings.settle(await read())) };
  };
  let current = list();
  const listing = () => current.settled();
  const retired = once(async () => {
    const [containers, { engines: asked }] = await Promise.all([
      sources.containers.listRetired(signal),
      current.read(),
    ]);
    return siblings.settle({ containers, engines: asked }).containers;
  });
  const find = async (filter: ContainerFilter) =>
    (await listing()).containers.filter(createContainerFilter(filter, principal));
  const infoFor = onceKnown(async (): Promise<InfoFor> => {
    const info = await siblings.deploy.known();
    const containers = info ? await find({ includeAccessories: false }) : [];
    return takeSteps(createInfoFor(info, containers), { turn: () => budget.pause() });
  });
  /** With the releases that only the deploy info names. */
  const withReleases = async (containers: readonly Container[]): Promise<readonly Container[]> => {
    if (!needDeploy((await listing()).containers)) return containers;
    const toInfo = await infoFor();
    return containers.map((container) => named(container, toInfo(container)));
  };
  const engines = onceKnown(async () => selectEngines(principal, (await listing()).engines));
  const known = async (includeAccessories: boolean) => {
    const found = await find({ includeAccessories });
    // Each step takes milliseconds for thousands of containers. Others may share the answer, so
    // this never rejects.
    await budget.pause();
    const containers = await withReleases(found);
    await budget.pause();
    return { containers, engines: await engines() };
  };
  const all = async (includeAccessories: boolean) => {
    const { containers, engines: asked } = await known(includeAccessories);
    if (containers.length === 0 && asked.silent.length > 0 && asked.shown.every(({ ok }) => !ok))
      throw toEngineError(asked.silent);
    return containers;
  };
  const core = once(() => all(false));
  const withAccessories = once(() => all(true));
  /**
   * Inspects the containers that never were, if `isNeeded`. Leaves out removed ones, and keeps
   * those of a silent engine unchanged. `failure` says why one could not be inspected.
   */
  const settle = async (rows: readonly Container[], isNeeded: (row: Container) => boolean) => {
    let failure: OpsError | null = null;
    const inspect = async (row: Container): Promise<Container | []> => {
      if (row.isInspected || row.stale || !isNeeded(row)) return row;
      try {
        return (await sources.containers.inspectNow(row, budget)).container;
      } catch (error) {
        const { code } = toOpsError(error);
        if (code === "container_not_found") return [];
        // A caller who may not see it must not learn its name or its engine.
        const reason = maySee(principal, null) ? `${row.name}: ${toOpsError(error).message}` : unknownOwner;
        failure ??= new OpsError(code, reason);
        return row;
      }
    };
    const settled = await Promise.all(rows.map(inspect));
    return { rows: settled.flat(), failure: failure as OpsError | null };
  };
  /**
   * Inspects those of `heard` that may match, so that the list includes them. Null without one;
   * `failure` says why one could not be inspected.
   */
  const learn = async (isMeant: (row: Container) => boolean) => {
    const heard = sources.containers.heard().filter(isMeant);
    if (heard.length === 0) return null;
    const { failure } = await settle(heard, () => true);
    current = list();
    return { failure };
  };
  /**
   * For actions: asks the answering engines for the container of a name, which may be newer than
   * their last event. `failure` says why an engine that may have it could not answer.
   */
  const findNow = async (name: string, engine: string | null | undefined) => {
    const asked = (await listing()).engines.filter((one) => one.ok && (!engine || one.name === engine));
    let failure: OpsError | null = null;
    const ask = async (one: EngineStatus): Promise<readonly Container[]> => {
      try {
        return await sources.containers.findByName(name, one.name, budget);
      } catch (error) {
        const mayHave = sources.containers.everSeen(one.name)?.some((seen) => seen.name === name) ?? true;
        const { code, message } = toOpsError(error);
        if (mayHave) failure ??= new OpsError(code, maySeeEngine(principal, one) ? message : unseen.message);
        return [];
      }
    };
    const rows = (await Promise.all(asked.map(ask))).flat();
    current = list();
    return { rows, failure: failure as OpsError | null };
  };
  /** Inspects again: it must still have this name, and the caller must be allowed to see it. */
  const loadFresh = async (last: Container, { name, includeAccessories }: ContainerQuery): Promise<Container> => {
    const { container } = await sources.containers.inspectNow(last, budget).catch((error: unknown) => {
      throw toOpsError(error).code === "container_not_found" ? notFound() : error;
    });
    if (container.name !== name || !createContainerFilter({ includeAccessories }, principal)(container))
      throw notFound();
    return named(container, (await infoFor())(container));
  };
  const unsure = async (filter: ContainerFilter): Promise<readonly SilentEngine[]> => {
    const accepts = createContainerFilter(filter, principal);
    const isCandidate = toCandidate({ ...filter, includeAccessories: true }, principal);
    const mayHave = (name: string, isUnknown: boolean) =>
      sources.containers
        .everSeen(name)
        ?.some((container) => (container.isInspected ? accepts : isCandidate)(container)) ?? isUnknown;
    const { shown, silent } = ofEngine(await engines(), filter.engine);
    const found = silent.filter(({ name }) => name === null || mayHave(name, true));
    if (filter.engine || found.some(({ name }) => name === null)) return found;
    // One that the caller may not see now may have had a matching container before.
    const hidden = (await listing()).engines.filter((engine) => !engine.ok && !shown.includes(engine));
    return hidden.some(({ name, env }) => mayHave(name, env === null)) ? [...found, unseen] : found;
  };
  const lastListed = async () => {
    const accepts = createContainerFilter({ includeAccessories: true }, principal);
    const { shown, silent } = await engines();
    const found = silent.map(({ name }) => ({
      last: name === null ? null : sources.containers.lastListed(name),
      env: shown.find((engine) => engine.name === name)?.env ?? null,
    }));
    return {
      lost: found.flatMap(({ last }) => last?.filter(accepts) ?? []),
      unlisted: found.flatMap(({ last, env }) => (last === null ? [env] : [])),
    };
  };
  const findRetired = async (includeAccessories: boolean) =>
    (await retired()).filter(createContainerFilter({ includeAccessories }, principal));

  return {
    known,
    engines,
    unsure,
    lastListed,
    infoFor,
    all: (includeAccessories) => (includeAccessories ? withAccessories() : core()),
    async find(filter, isNamed) {
      const accepts = createContainerFilter(filter, principal);
      const isCandidate = toCandidate(filter, principal);
      const listed = (await all(filter.includeAccessories)).filter((row) => accepts(row) && isNamed(row));
      // Once one is visible, a reader need not wait for another.
      const learned = listed.length > 0 ? null : await learn((row) => isNamed(row) && isCandidate(row));
      const seen = learned ? await withReleases((await find(filter)).filter(isNamed)) : listed;
      if (learned?.failure && seen.length === 0) throw learned.failure;
      const { containers, engines: asked } = await listing();
      if (asked.every(({ isInspected }) => isInspected)) return seen;
      const isUnknown = (row: Container) => !row.isInspected && !row.stale && !accepts(row) && isCandidate(row);
      const unknown = containers.filter((row) => isNamed(row) && isUnknown(row));
      const { rows, failure } = await settle(unknown, () => true);
      const found = rows.filter((row) => accepts(row) && isNamed(row));
      if (failure && seen.length === 0 && found.length === 0) throw failure;
      return [...seen, ...(await withReleases(found))];
    },
    async running(filter) {
      const isCandidate = toCandidate(filter, principal);
      const learned = await learn(isCandidate);
      const candidates = (await listing()).containers.filter((row) => isRunning(row) && isCandidate(row));
      const { rows, failure: hung } = await settle(candidates, () => true);
      const failure = learned?.failure ?? hung;
      if (failure)
        throw new OpsError(
          failure.code,
          `${failure.message}; restart the others one by one, by their names and engines`,
        );
      return withReleases(rows.filter(isRunning).filter(createContainerFilter(filter, principal)));
    },
    listRetired: async (includeAccessories) =>
      (await findRetired(includeAccessories)).filter(({ status }) => status !== "created"),
    everyWorker: async () => [...(await listing()).containers, ...(await retired())],
    listRetiredOfDeploys: () => findRetired(false),
    async one(query) {
      const { name, engine, includeAccessories, everyEngine = false } = query;
      const filter = { name, includeAccessories, engine };
      const accepts = createContainerFilter(filter, principal);
      const isCandidate = toCandidate(filter, principal);
      const select = async () => findNamed((await listing()).containers, name).filter(isCandidate);
      const now = everyEngine ? await findNow(name, engine) : null;
      const listed = await select();
      // Once one is visible, a reader need not wait for another.
      const isShown = !everyEngine && listed.some(accepts);
      const learned = isShown ? null : await learn((row) => row.name === name && isCandidate(row));
      const candidates = learned ? await select() : listed;
      const { rows, failure: hung } = await settle(candidates, (row) => !isShown && !accepts(row));
      const failure = now?.failure ?? learned?.failure ?? hung;
      const found = await withReleases(rows.filter(accepts));
      if (failure && (everyEngine || found.length === 0))
        throw new OpsError(failure.code, failure.message + toChoice("; ", found, []));
      const visible = await engines();
      const { silent } = ofEngine(visible, engine);
      // A silent engine may run it, so this is not "not found".
      if (silent.length > 0 && found.length === 0) throw toEngineError(silent);
      // Nor may an action rely on it, unless the engine's last list has no matching container.
      const others = everyEngine ? await unsure({ name, includeAccessories, engine }) : [];
      if (others.length > 0)
        throw toEngineError(others, toChoice("; it may run a container of this name too: ", found, others));
      // No list shows it: it never started, or stopped beside others of its role.
      const unlisted = now?.rows.filter((row) => accepts(row) && !candidates.some(isSameAs(row))) ?? [];
      if (found.length > 1 || (found.length > 0 && unlisted.length > 0)) {
        const names = [...found, ...unlisted].map((container) => container.engine).join(", ");
        throw new OpsError(
          "container_ambiguous",
          `Several engines ${unlisted.length > 0 ? "have" : "run"} a container ` +
            `of this name; choose one by its engine: ${names}`,
        );
      }
      if (unlisted[0]) throw notFound(explainUnlisted(unlisted[0]));
      if (!found[0]) {
        const wider = createContainerFilter({ includeAccessories: true, engine }, principal);
        throw notFound(explainMissing(visible, engine, findNamed((await listing()).containers, name).find(wider)));
      }
      return everyEngine ? loadFresh(found[0], query) : found[0];
    },
    stopped: async ({ name, engine, includeAccessories }) =>
      (await sources.containers.listRetired(signal)).filter(
        createContainerFilter({ name, engine, includeAccessories }, principal),
      ),
    stats: new KnownLoader<Container, ContainerStats | null>(async (containers) => {
      const bytes = containers.length * readingBytes;
      budget.hold(bytes);
      try {
        return await sources.containers.stats(containers, budget);
      } finally {
        budget.free(bytes);
      }
    }, toContainerKey),
  };
}

const isSameAs =
  ({ engine, fullId }: Container) =>
  (other: Container) =>
    other.fullId === fullId && other.engine === engine;

/** Why a container that no list shows allows no action. */
function explainUnlisted({ status }: Container): string {
  const why = status === "created" ? "it was created and never started" : `it is ${status}`;
  return `: ${why}, and others of its role are there`;
}

/** The containers of each list by their name. */
const namesOf = new WeakMap<readonly Container[], ReadonlyMap<string, readonly Container[]>>();

/** Those of a list with this name, in its order. Takes constant time while the list is the same. */
export function findNamed(containers: readonly Container[], wanted: string): readonly Container[] {
  const names = namesOf.get(containers) ?? Map.groupBy(containers, ({ name }) => name);
  namesOf.set(containers, names);
  return names.get(wanted) ?? [];
}

const notFound = (hint = "") => new OpsError("container_not_found", `No such container${hint}`);

/**
 * Why a lookup matched no container, to append to its error; "" when nothing is known. Names only
 * containers that the caller may see.
 *
 * @param hidden what the same lookup matches with `includeAccessories`
 */
export function explainMissing(
  engines: KnownEngines,
  engine: string | null | undefined,
  hidden: Pick<Container, "kind"> | undefined,
): string {
  if (isUnknownEngine(engines, engine)) return `: there is no engine of this name${listEngines(engines, ", only ")}`;
  if (!hidden) return "";
  const what = hidden.kind === "accessory" ? "it is an accessory" : "it is not part of the product";
  return `: ${what}; include_accessories=true (in GraphQL includeAccessories: true) finds it`;
}

/**
 * Throws invalid_request when the caller may see no engine of this name, and names those that it
 * may see. For lists, which would otherwise just be empty.
 */
export function requireEngine(engines: KnownEngines, engine: string | null | undefined): void {
  if (!isUnknownEngine(engines, engine)) return;
  throw new OpsError("invalid_request", `engine must be a configured engine${listEngines(engines, ": ")}`);
}

/**
 * False while a hidden engine that may run the caller's containers does not answer: it may have
 * this name.
 */
function isUnknownEngine({ shown, silent }: KnownEngines, engine: string | null | undefined): boolean {
  return Boolean(engine) && !shown.some(({ name }) => name === engine) && silent.every(({ name }) => name !== null);
}

/** "" without any. */
function listEngines({ shown }: KnownEngines, before: string): string {
  if (shown.length === 0) return "";
  const names = shown.map(({ name }) => name);
  return `${before}${formatFirst(names, mostNamed)}`;
}

/**
 * The last result of `withDeploy` for each container: same input, same object, so answers can be
 * reused.
 */
const namedBy = new WeakMap<Container, { readonly deploy: DeployInfo | null; readonly named: Container }>();

function named(container: Container, deploy: DeployInfo | null): Container {
  const last = namedBy.get(container);
  if (last && last.deploy === deploy) return last.named;
  const made = { deploy, named: withDeploy(container, deploy) };
  namedBy.set(container, made);
  return made.named;
}

/** Selects containers; an absent field matches any. */
export interface ContainerFilter {
  readonly env?: Environment | null | undefined;
  readonly includeAccessories: boolean;
  readonly engine?: string | null | undefined;
  readonly name?: string | null | undefined;
  readonly role?: string | null | undefined;
  readonly service?: string | null | undefined;
  /** "" for containers without one. */
  readonly destination?: string | null | undefined;
}

/**
 * Whether a container matches and the caller may see it. Throws forbidden for an environment that
 * the token does not list.
 */
export function createContainerFilter(
  filter: ContainerFilter,
  principal: Principal,
): (container: Container) => boolean {
  const { env, includeAccessories } = filter;
  requireEnvironments(principal, env);
  const isMeant = toMeant(filter);
  return (container) =>
    maySeeContainer(principal, container) &&
    (includeAccessories || container.kind === "core") &&
    (!env || toListedEnv(container) === env) &&
    isMeant(container);
}

const isRunning = ({ status }: Container) => status === "running";

/**
 * Whether a filter may match a container of the caller. For one that was never inspected, only its
 * labels say its environment and destination; where they do not, any value may match.
 */
function toCandidate(filter: ContainerFilter, { environments }: Principal): (container: Container) => boolean {
  const { env, includeAccessories, destination, ...others } = filter;
  const isMeant = toMeant({ ...others, includeAccessories });
  const isTheirs = ({ labelledEnv }: Container) =>
    labelledEnv === null || ((!env || labelledEnv === env) && environments.has(labelledEnv));
  return (container) =>
    (includeAccessories || container.kind === "core") &&
    isMeant(container) &&
    (container.isInspected || isTheirs(container)) &&
    ((!container.isInspected && container.destination === null) || isAtDestination(container, destination));
}

/** Whether a filter names this container, regardless of its kind and environment. */
function toMeant({ engine, name, role, service, destination }: ContainerFilter): (container: Container) => boolean {
  return (container) =>
    (!engine || container.engine === engine) &&
    (!name || container.name === name) &&
    (!role || container.role === role) &&
    (!service || container.service === service) &&
    isAtDestination(container, destination);
}

/**
 * Whether something is at a Kamal destination: absent matches any, "" matches those without one.
 */
export function isAtDestination(
  { destination }: Pick<Container, "destination">,
  wanted: string | null | undefined,
): boolean {
  return wanted === null || wanted === undefined || (destination ?? "") === wanted;
}

/**
 * The environment under which the filter `env` lists a container. It grants no access: a container
 * with only an inferred environment counts as unknown, and only tokens for every environment see
 * it.
 */
export function toListedEnv({ env, inferredEnv }: Pick<Container, "env" | "inferredEnv">): Environment | null {
  return env ?? inferredEnv;
}

const unknownOwner = "A container that may be meant cannot be inspected, so its environment is unknown";

const unnamed: SilentEngine = {
  name: null,
  code: "docker_unavailable",
  message: "An engine without a configured environment does not answer",
};

/** One that the caller may not see, though it may run the caller's containers. */
const unseen: SilentEngine = { ...unnamed, message: "An engine that may run such a container does not answer" };

/**
 * The one rule for engines. A token sees an engine that is configured for one of its environments,
 * or that runs a container of one. All other engines are hidden, with one exception: an engine
 * without a configured environment whose containers were never listed or not all inspected. It may
 * run the token's containers, so while it does not answer they cannot be reported missing.
 */
export function selectEngines(principal: Principal, engines: readonly EngineStatus[]): KnownEngines {
  const shown = engines.filter((engine) => maySeeEngine(principal, engine));
  const silent = shown.flatMap(({ name, ok, error }): SilentEngine | [] => (ok ? [] : toSilent(name, error)));
  const isUnnamed = engines.some(
    (engine) => !engine.ok && engine.env === null && !isKnownWhole(engine) && !shown.includes(engine),
  );
  return { shown, silent: isUnnamed ? [...silent, unnamed] : silent };
}

/** Whether the environment of every container that an engine listed is known. */
function isKnownWhole({ runs, isInspected }: EngineStatus): boolean {
  return runs !== null && isInspected;
}

function maySeeEngine(principal: Principal, { env, runs }: EngineStatus): boolean {
  return maySee(principal, env) || [...(runs ?? [])].some((environment) => principal.environments.has(environment));
}

/**
 * Whether an engine runs containers of an environment, or may: it is configured for it, lists one,
 * or was never listed and has no configured environment.
 */
export function mayRun({ env, runs }: Pick<EngineStatus, "env" | "runs">, wanted: Environment): boolean {
  return env === wanted || (runs?.has(wanted) ?? env === null);
}

function toSilent(name: string, error: EngineStatus["error"]): SilentEngine {
  return { name, code: error?.code ?? "docker_unavailable", message: error?.message ?? "no reason" };
}

/**
 * The engines relevant to a query for `engine`. Does not reveal whether an engine that the caller
 * may not see has this name.
 */
export function ofEngine({ shown, silent }: KnownEngines, engine: string | null | undefined): KnownEngines {
  if (!engine) return { shown, silent };
  const own = shown.filter(({ name }) => name === engine);
  return { shown: own, silent: silent.filter(({ name }) => name === (own.length > 0 ? engine : null)) };
}

/** The error when silent engines leave nothing to return. Appends `hint`. */
export function toEngineError(silent: readonly SilentEngine[], hint = ""): OpsError {
  const code = silent[0]?.code as OpsError["code"] | undefined;
  return new OpsError(code ?? "docker_unavailable", silent.map(({ message }) => message).join("; ") + hint);
}

/**
 * How to act despite silent engines, or a container that cannot be inspected and may also match. ""
 * where nothing is left.
 */
function toChoice(before: string, found: readonly Container[], silent: readonly SilentEngine[]): string {
  const others = found.filter(({ engine }) => silent.every(({ name }) => name !== engine));
  if (others.length === 0) return "";
  return `${before}choose one by its engine: ${others.map(({ engine }) => `engine=${engine}`).join(", ")}`;
}

/**
 * The one group of these containers of a role; undefined without a container. Throws role_ambiguous
 * for several groups, and names them: a role must be one group to be read or restarted as a whole.
 *
 * @param containers that the caller may see
 */
export function* requireOneGroup(role: string, containers: readonly Container[]): Steps<ServiceGroup | undefined> {
  const groups = yield* listGroups(containers);
  if (groups.length < 2) return groups[0];
  const names = groups.map(describeGroup).toSorted();
  throw new OpsError(
    "role_ambiguous",
    `${groups.length} services or destinations run the role ${role}; choose one ` +
      `by service, destination or env: ${formatFirst(names, mostNamed)}`,
  );
}

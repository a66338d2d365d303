import { type Container, toContainerKey } from "../../containers/container.ts";
import {
  type FollowOptions,
  type LogOptions,
  type LogPage,
  type StoredOptions,
  toLogPage,
} from "../../containers/logs/log.ts";
import { createRoleAround, type RoleAroundPage } from "../../containers/logs/role/around.ts";
import { toCutPoint } from "../../containers/logs/role/cut.ts";
import { followRole } from "../../containers/logs/role/follow.ts";
import { type RoleBatch, toBeginning } from "../../containers/logs/role/lines.ts";
import { createRolePage, toSecondBefore } from "../../containers/logs/role/page.ts";
import { readStoredRole, type StoredPart, type StoredRoleBatch } from "../../containers/logs/role/stored.ts";
import type { EngineStatus } from "../../containers/source.ts";
import { readingBytes } from "../../lib/budget/budget.ts";
import { takeSteps } from "../../lib/budget/steps.ts";
import { OpsError } from "../../lib/errors.ts";
import { isSameGroup, type ServiceGroup } from "../../releases/service-group.ts";
import { followEvents } from "../containers/live.ts";
import {
  type ContainerFilter,
  createContainerFilter,
  explainMissing,
  ofEngine,
  requireOneGroup,
  toEngineError,
} from "../containers/loader.ts";
import type { OpsContext } from "../context.ts";
import { logsAtOnce } from "./loader.ts";
import { type PageTurn, toPageSides, toRoleCut } from "./paging.ts";
import { createRemovedFinder } from "./removed.ts";

/**
 * Selects the logs of a role, which must be one group, or of containers by name: exactly one of
 * `role`, `name` and `names`.
 */
export interface RoleFilter extends Omit<ContainerFilter, "name"> {
  readonly name?: string | null | undefined;
  readonly names?: readonly string[] | null | undefined;
}

/** Lines of a role, and their sources. */
export interface RoleLogs extends RoleAroundPage {
  /** Whether they are around a time. */
  readonly isAt: boolean;
  /** Every selected container, the visible ones first. */
  readonly parts: readonly StoredPart[];
  /** Why lines of the history may be missing; null when none are. */
  readonly historyError: unknown;
  /** The requested engines. */
  readonly engines: readonly EngineStatus[];
}

/**
 * Reads all selected containers: the visible ones, then the retired ones, then those that only the
 * history has and that wrote in the time of the page, as they may have run beside the visible ones.
 * An unreadable container does not affect the others. Rejects when all are unreadable, and with
 * role_ambiguous for several groups. Visible containers, if any, decide which group is meant.
 */
export async function readRoleLogs(
  context: OpsContext,
  filter: RoleFilter,
  options: LogOptions,
  turn: PageTurn | null = null,
): Promise<RoleLogs> {
  const { budget, loaders, sources } = context;
  const before = turn?.kind === "before" ? { until: toRoleCut(turn).timestamp } : {};
  const { containers, retired, engines, findRemoved } = await findReadable(context, filter, { ...options, ...before });
  let historyError: unknown = null;
  const readOne = async (container: Container, wanted: LogOptions): Promise<LogPage> => {
    const found = await loaders.logs.read(container, wanted);
    historyError ??= found.historyError ?? null;
    return found;
  };
  const create = { budget, read: readOne, options };
  const reading = turn ? createAroundReading(create, turn) : createNewestReading(create);
  const readPart = async (container: Container): Promise<StoredPart> => {
    try {
      return { container, truncated: await reading.read(container), error: null };
    } catch (error) {
      // An unreadable container still marks where its release begins.
      reading.skip(container);
      return { container, truncated: false, error };
    }
  };
  // What earlier reads returned limits how far back later ones go.
  const readAll = async (some: readonly Container[]): Promise<readonly StoredPart[]> => {
    budget.hold(some.length * readingBytes);
    const found: StoredPart[] = [];
    const left = some.entries();
    const readOn = async () => {
      for (const [index, container] of left) {
        budget.signal.throwIfAborted();
        found[index] = await readPart(container);
      }
    };
    await Promise.all(Array.from({ length: logsAtOnce }, readOn));
    return found;
  };
  const parts = [...(await readAll(containers)), ...(await readAll(retired))];
  let mayHaveOlder = false;
  if (sources.logHistory) {
    const removed = await findRemoved(reading.from).catch((error: unknown) => {
      budget.signal.throwIfAborted();
      historyError ??= error;
      return { containers: [], hasMore: true };
    });
    parts.push(...(await readAll(removed.containers)));
    mayHaveOlder = removed.hasMore;
  }
  if (parts.every(({ error }) => error !== null)) throw parts[0]?.error;
  const page = reading.take();
  budget.text(page.lines.reduce((sum, { message }) => sum + message.length, 0));
  const truncated = page.truncated || mayHaveOlder;
  return { ...page, truncated, isAt: turn?.kind === "at", parts, engines: engines.shown, historyError };
}

/**
 * The visible containers, then the retired ones, newest first, and a finder for those that only the
 * history has.
 */
async function findReadable(context: OpsContext, filter: RoleFilter, times: Pick<LogOptions, "since" | "until">) {
  const { containers, engines, group, accepts, names } = await findRole(context, filter);
  // One that stops meanwhile is on both lists.
  const listed = new Set(containers.map(toContainerKey));
  const isRetired = (container: Container) => accepts(container) && !listed.has(toContainerKey(container));
  const known = await context.loaders.containers.listRetired(filter.includeAccessories);
  const retired = known.filter(isRetired).toSorted(byNewest);
  if (!group && filter.role) await takeSteps(requireOneGroup(filter.role, retired), context.budget);
  const found = [...containers, ...retired];
  const { name: _, names: _names, ...others } = filter;
  const findRemoved = createRemovedFinder(context, others, {
    names,
    group: filter.role ? (group ?? retired[0]) : undefined,
    times,
  });
  const isComplete = found.length > 0 && names.every((name) => found.some((container) => container.name === name));
  const removed = isComplete
    ? []
    : await findRemoved()
        .then(({ containers: all }) => all)
        .catch((error: unknown) => {
          // While the history does not answer, it is unknown whether any are missing.
          if (found.length === 0) throw error;
          return null;
        });
  if (removed) await checkFound(context, filter, [...found, ...removed], names);
  if (found.length === 0 && removed && filter.role)
    await takeSteps(requireOneGroup(filter.role, removed), context.budget);
  return { containers, retired, engines, findRemoved };
}

/**
 * Lines of a role that are read once; the last batch carries its containers and engines, as
 * RoleLogs.
 */
export interface StoredLogs extends StoredRoleBatch {
  readonly engines: readonly EngineStatus[];
  readonly historyError: unknown;
}

/**
 * Opens all containers that `readRoleLogs` would read, from beginning to end. Rejects as that does;
 * reading rejects when no container can be read.
 */
export async function readStoredLogs(
  context: OpsContext,
  filter: RoleFilter,
  options: StoredOptions,
  open: () => AbortSignal,
): Promise<AsyncGenerator<StoredLogs, void>> {
  const { containers, retired, engines, findRemoved } = await findReadable(context, filter, options);
  const { since = null, until = null } = options;
  const mayHaveLines = (container: Container) =>
    !(since !== null && hasEnded(container, since)) && !(until !== null && toBeginning(container) > until);
  let historyError: unknown = null;
  const removed = await findRemoved()
    .then((found) => found.containers)
    .catch((error: unknown) => {
      context.signal.throwIfAborted();
      historyError = error;
      return [];
    });
  requireFew(containers);
  const signal = open();
  const batches = readStoredRole({
    containers: [...containers, ...retired, ...removed].filter(mayHaveLines),
    read: (container) => context.loaders.logs.stored(container, options, signal),
    since,
    until,
    signal,
  });
  return (async function* () {
    for await (const batch of batches) {
      historyError = batch.parts.reduce((error, part) => error ?? part.historyError ?? null, historyError);
      const isLast = batch.ended === "complete";
      yield { ...batch, engines: isLast ? engines.shown : [], historyError: isLast ? historyError : null };
    }
  })();
}

/** How the containers are read for one page. */
interface Reading {
  /** Returns whether older matching lines of this container were left out or not searched for. */
  read(container: Container): Promise<boolean>;
  skip(container: Container): void;
  take(): RoleAroundPage;
  /** How far back the page reaches, a log timestamp; null while there is no limit. */
  readonly from: string | null;
}

interface ReadingOptions {
  readonly budget: OpsContext["budget"];
  readonly read: (container: Container, wanted: LogOptions) => Promise<LogPage>;
  readonly options: LogOptions;
}

/** The newest lines: reads each container no further back than the page then reaches. */
function createNewestReading({ budget, read: readOne, options }: ReadingOptions): Reading {
  const page = createRolePage(options.tail, options.until ?? null);
  let leavesOut = false;
  const read = async (container: Container, wanted: LogOptions): Promise<boolean> => {
    const found = await readOne(container, wanted);
    budget.free(page.add(container, found.lines, found));
    leavesOut ||= found.truncated || page.dropped;
    return found.truncated;
  };
  return {
    async read(container) {
      // Until lines are known to be left out, `truncated` depends on all its lines.
      const since = leavesOut ? page.since : null;
      if (since === null || since <= (options.since ?? "")) return read(container, options);
      const truncated = await read(container, { ...options, since });
      return truncated || toBeginning(container) < since;
    },
    skip: (container) => void page.add(container, []),
    take() {
      const lines = page.take();
      const { start, end } = page;
      return { lines, olderCount: lines.length, truncated: leavesOut, hasNewer: false, start, end };
    },
    get from() {
      return leavesOut ? page.since : null;
    },
  };
}

/** The lines next to a cut. */
function createAroundReading({ budget, read: readOne, options }: ReadingOptions, turn: PageTurn): Reading {
  const cut = toRoleCut(turn);
  const sides = toPageSides(turn, options.tail);
  const page = createRoleAround({ cut, ...sides });
  return {
    async read(container) {
      const point = toCutPoint(cut, container);
      const isLater = toBeginning(container) > point.timestamp;
      if ((sides.newer === 0 && isLater) || (sides.older === 0 && hasEnded(container, point.timestamp))) {
        page.add(container, toLogPage({ lines: [], truncated: !isLater }));
        return !isLater;
      }
      const since = page.since;
      const isLimited = since !== null && since > (options.since ?? "");
      const around = { ...sides, ...(isLater && { older: 0 }), point };
      const wanted = { ...options, ...(isLimited && { since }), around };
      const found = await readOne(container, wanted);
      budget.free(page.add(container, found));
      return found.truncated || (isLimited && toBeginning(container) < since);
    },
    skip: (container) => void page.add(container, toLogPage({ lines: [] })),
    take: () => page.take(),
    get from() {
      return sides.older > 0 ? page.since : toSecondBefore(cut.timestamp);
    },
  };
}

function byNewest(a: Container, b: Container): number {
  if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/**
 * Follows all containers of the role, current and future. Rejects with container_not_found when
 * none is visible, with an engine's error when a silent engine may run some, and with
 * role_ambiguous for several groups.
 */
export async function followRoleLogs(
  context: OpsContext,
  filter: RoleFilter,
  options: FollowOptions,
  openLease: () => AbortSignal,
): Promise<AsyncGenerator<RoleBatch>> {
  const { sources, loaders } = context;
  const { containers, accepts, names } = await findRole(context, filter);
  await checkFound(context, filter, containers, names);
  requireFew(containers);
  const changes = async function* (signal: AbortSignal) {
    for await (const _ of sources.containers.changes(signal)) {
      loaders.forget();
      yield (await loaders.containers.known(filter.includeAccessories)).containers.filter(accepts);
    }
  };
  const signal = openLease();
  const events = await followEvents(context, accepts, signal);
  const deaths = (async function* () {
    for await (const batch of events)
      for (const { action, container } of batch.events) if (action === "die") yield container;
  })();
  const follow = sources.containers.follow.bind(sources.containers);
  return followRole({ containers, changes, deaths, follow, options, signal });
}

/** How long after its end a container's last lines may still be dated, ms. */
const lateMs = 60_000;

/** Whether a container wrote its last line before this time. */
function hasEnded({ finishedAt }: Container, timestamp: string): boolean {
  return finishedAt !== null && Date.parse(finishedAt) + lateMs < Date.parse(timestamp);
}

const mostNames = 50;

/**
 * A stream holds a connection to the engine and a piece of the log for each running container:
 * 5,000 of them filled the whole heap.
 */
const mostAtOnce = 200;

function requireFew({ length }: readonly Container[]): void {
  if (length <= mostAtOnce) return;
  const advice = "choose an engine, or give names";
  const message = `A stream reads the logs of at most ${mostAtOnce} running containers; ${length} match: ${advice}`;
  throw new OpsError("answer_too_large", message);
}

/**
 * The selected containers as `containers` shows them, their group (undefined without containers,
 * and for names), and a filter for further containers.
 */
async function findRole({ budget, loaders, principal }: OpsContext, filter: RoleFilter) {
  const { role, name, names: list, ...others } = filter;
  const given = [role, name, list].filter((value) => value !== null && value !== undefined);
  if (given.length !== 1) throw new OpsError("invalid_request", "Exactly one of role, name and names must be given");
  if (role === "") throw new OpsError("invalid_request", "role must not be empty");
  const names = typeof name === "string" ? [name] : (list ?? []);
  if (!role && (names.length === 0 || names.length > mostNames || names.includes("")))
    throw new OpsError(
      "invalid_request",
      `${list ? `names must have 1 to ${mostNames} names, and none` : "name must not be"} empty`,
    );
  const isSelected = createContainerFilter({ ...others, role }, principal);
  const isNamed = (container: Container) => Boolean(role) || names.includes(container.name);
  const isWanted = (container: Container) => isNamed(container) && isSelected(container);
  const containers = await loaders.containers.find({ ...others, role }, isNamed);
  const group: ServiceGroup | undefined = role ? await takeSteps(requireOneGroup(role, containers), budget) : undefined;
  const accepts = (container: Container) => isWanted(container) && (!group || isSameGroup(container, group));
  const engines = ofEngine(await loaders.containers.engines(), filter.engine);
  return { containers, engines, group, accepts, names };
}

/**
 * Rejects when no container matches: an engine that may run some does not answer, or there are
 * none. Also rejects when one of the names is missing and all engines answer.
 */
async function checkFound(
  { loaders, principal }: OpsContext,
  filter: RoleFilter,
  found: readonly Container[],
  names: readonly string[],
): Promise<void> {
  const missing = names.findIndex((name) => !found.some((container) => container.name === name));
  if (found.length > 0 && missing < 0) return;
  const visible = await loaders.containers.engines();
  const { silent } = ofEngine(visible, filter.engine);
  if (found.length === 0 && silent.length > 0) throw toEngineError(silent);
  if (silent.length > 0) return;
  const { role, name: _, names: _list, ...others } = filter;
  const accepts = createContainerFilter({ ...others, role, name: names[missing], includeAccessories: true }, principal);
  const hint = explainMissing(visible, filter.engine, (await loaders.containers.all(true)).find(accepts));
  // Named by position: errors repeat no text of a request.
  const which = names.length === 0 ? "No container of this role" : "No such container";
  throw new OpsError("container_not_found", `${which}${names.length > 1 ? `: names[${missing}]` : ""}${hint}`);
}

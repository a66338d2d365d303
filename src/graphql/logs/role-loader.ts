import pLimit from "p-limit";
import { type Container, toContainerKey } from "../../containers/container.ts";
import type { KnownEngines } from "../../containers/known-engines.ts";
import type { LogOptions, LogPage } from "../../containers/logs/log.ts";
import { followRole } from "../../containers/logs/role/follow.ts";
import { type RoleBatch, type RoleLine, toBeginning } from "../../containers/logs/role/lines.ts";
import { createRolePage } from "../../containers/logs/role/page.ts";
import type { EngineStatus } from "../../containers/source.ts";
import { OpsError } from "../../lib/errors.ts";
import { toLogTimestamp } from "../../lib/time.ts";
import { isSameGroup, type ServiceGroup } from "../../releases/service-group.ts";
import { type ContainerFilter, createContainerFilter } from "../containers/filter.ts";
import { followEvents } from "../containers/live-loader.ts";
import { ofEngine, toEngineError } from "../containers/loader.ts";
import { requireOneGroup } from "../containers/role-group.ts";
import type { OpsContext } from "../context.ts";
import { logsAtOnce } from "./loader.ts";

/** Whose logs are meant; the role is always given, and must be of one group. */
export interface RoleFilter extends ContainerFilter {
  readonly role: string;
}

/** One container of the role: whether older matching lines of its own were left out or not looked for, or why it could not be read. */
interface RolePart {
  readonly container: Container;
  readonly truncated: boolean;
  readonly error: unknown;
}

/** The newest lines of a role, and what they were put together from. */
export interface RoleLogs {
  readonly lines: readonly RoleLine[];
  readonly truncated: boolean;
  /** Each container of the role, the visible ones first. */
  readonly parts: readonly RolePart[];
  /** Those that were asked for. */
  readonly engines: readonly EngineStatus[];
}

/**
 * Reads all of the role's containers: the visible ones, then the kept ones of old releases, each no further back than the page then goes. What
 * one of them cannot give hides nothing of the others; rejects when none of them can be read, and with role_ambiguous for a role of several groups. The visible
 * ones say which group is meant, where there are some.
 */
export async function readRoleLogs(context: OpsContext, filter: RoleFilter, options: LogOptions): Promise<RoleLogs> {
  const { loaders, budget } = context;
  const { containers, engines, group, accepts } = await findRole(context, filter);
  // One that stops meanwhile is on both lists.
  const listed = new Set(containers.map(toContainerKey));
  const isRetired = (container: Container) => accepts(container) && !listed.has(toContainerKey(container));
  const retired = (await loaders.containers.listRetired(filter.includeAccessories)).filter(isRetired).toSorted(byNewest);
  if (containers.length + retired.length === 0) throw toAbsence(engines);
  if (!group) requireOneGroup(filter.role, retired);
  const page = createRolePage(options.tail, options.until === undefined ? null : toLogTimestamp(options.until));
  let leavesOut = false;
  const read = async (container: Container, wanted: LogOptions): Promise<RolePart> => {
    try {
      const { lines, truncated }: LogPage = await loaders.logs.read(container, wanted);
      budget.free(page.add(container, lines));
      leavesOut ||= truncated || page.dropped;
      return { container, truncated, error: null };
    } catch (error) {
      // Its release begins where it begins, also when nobody can read it.
      page.add(container, []);
      return { container, truncated: false, error };
    }
  };
  const readPart = async (container: Container): Promise<RolePart> => {
    // Until it is known that lines are left out, `truncated` depends on all that it has.
    const since = leavesOut ? toLater(page.since, options.since) : null;
    if (since === null) return read(container, options);
    const part = await read(container, { ...options, since });
    return part.error === null && toBeginning(container) < toLogTimestamp(since) ? { ...part, truncated: true } : part;
  };
  // What some have given decides how far back the next ones are read.
  const limit = pLimit(logsAtOnce);
  const readAll = (some: readonly Container[]) => Promise.all(some.map((container) => limit(() => readPart(container))));
  const parts = [...(await readAll(containers)), ...(await readAll(retired))];
  if (parts.every(({ error }) => error !== null)) throw parts[0]?.error;
  const lines = page.take();
  budget.text(lines.reduce((sum, { message }) => sum + message.length, 0));
  return { lines, truncated: leavesOut, parts, engines: engines.shown };
}

/** The time of the page where that is later than what was asked for anyway; else null. */
function toLater(since: string | null, asked: string | undefined): string | null {
  if (since === null || asked === undefined) return since;
  return toLogTimestamp(since) > toLogTimestamp(asked) ? since : null;
}

function byNewest(a: Container, b: Container): number {
  if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/**
 * Follows all of the role's containers, those of now and of later. Rejects with container_not_found for a role of which none is visible, and with an
 * engine's error when one that may run some does not answer; with role_ambiguous for a role of several groups.
 */
export async function followRoleLogs(
  context: OpsContext,
  filter: RoleFilter,
  options: LogOptions,
  openLease: () => AbortSignal,
): Promise<AsyncGenerator<RoleBatch>> {
  const { sources, loaders } = context;
  const { containers, engines, accepts } = await findRole(context, filter);
  if (containers.length === 0) throw toAbsence(engines);
  const changes = async function* (signal: AbortSignal) {
    for await (const _ of sources.containers.changes(signal)) {
      loaders.forget();
      yield (await loaders.containers.known(filter.includeAccessories)).containers.filter(accepts);
    }
  };
  const signal = openLease();
  const events = await followEvents(context, accepts, signal);
  const deaths = (async function* () {
    for await (const batch of events) for (const { action, container } of batch.events) if (action === "die") yield container;
  })();
  const follow = sources.containers.follow.bind(sources.containers);
  return followRole({ containers, changes, deaths, follow, options, signal });
}

/** What `containers` shows of the role, of which group that is (undefined without any), and the question whether another container is of it. */
async function findRole({ loaders, principal }: OpsContext, filter: RoleFilter) {
  if (filter.role === "") throw new OpsError("invalid_request", "role must not be empty");
  const isWanted = createContainerFilter(filter, principal);
  const containers = (await loaders.containers.all(filter.includeAccessories)).filter(isWanted);
  const group: ServiceGroup | undefined = requireOneGroup(filter.role, containers);
  const accepts = (container: Container) => isWanted(container) && (!group || isSameGroup(container, group));
  const engines = ofEngine(await loaders.containers.engines(), filter.engine);
  return { containers, engines, group, accepts };
}

/** Why there is nothing of a role: an engine that may run some does not answer, or there is none. */
function toAbsence({ silent }: KnownEngines): OpsError {
  return silent.length > 0 ? toEngineError(silent) : new OpsError("container_not_found", "No container of this role");
}

import pLimit from "p-limit";
import { type Container, toContainerKey } from "../../containers/container.ts";
import type { LogOptions, LogPage } from "../../containers/logs/log.ts";
import { followRole } from "../../containers/logs/role/follow.ts";
import { type RoleBatch, type RoleLine, toBeginning } from "../../containers/logs/role/lines.ts";
import { createRolePage } from "../../containers/logs/role/page.ts";
import type { EngineStatus, KnownEngines } from "../../containers/source.ts";
import { OpsError } from "../../lib/errors.ts";
import { isSameGroup, type ServiceGroup } from "../../releases/service-group.ts";
import { followEvents } from "../containers/live.ts";
import { type ContainerFilter, createContainerFilter, ofEngine, requireOneGroup, toEngineError } from "../containers/loader.ts";
import type { OpsContext } from "../context.ts";
import { logsAtOnce } from "./loader.ts";

/** Selects the logs of a role, which must be one group. */
export interface RoleFilter extends ContainerFilter {
  readonly role: string;
}

/** One container. `truncated`: older matching lines of its own were left out or not looked for. `error`: why it was unreadable. */
interface RolePart {
  readonly container: Container;
  readonly truncated: boolean;
  readonly error: unknown;
}

/** The newest lines of a role, and their sources. */
export interface RoleLogs {
  readonly lines: readonly RoleLine[];
  readonly truncated: boolean;
  /** Each container of the role, the visible ones first. */
  readonly parts: readonly RolePart[];
  /** The requested engines. */
  readonly engines: readonly EngineStatus[];
}

/**
 * Reads all containers of the role: the visible ones, then the retired ones, each no further back than the page then reaches. An unreadable container does not
 * affect the others. Rejects when all are unreadable, and with role_ambiguous for several groups. Visible containers, if any, decide which group is meant.
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
  const page = createRolePage(options.tail, options.until ?? null);
  let leavesOut = false;
  const read = async (container: Container, wanted: LogOptions): Promise<RolePart> => {
    try {
      const { lines, truncated }: LogPage = await loaders.logs.read(container, wanted);
      budget.free(page.add(container, lines));
      leavesOut ||= truncated || page.dropped;
      return { container, truncated, error: null };
    } catch (error) {
      // An unreadable container still marks where its release begins.
      page.add(container, []);
      return { container, truncated: false, error };
    }
  };
  const readPart = async (container: Container): Promise<RolePart> => {
    // Until lines are known to be left out, `truncated` depends on all its lines.
    const since = leavesOut ? page.since : null;
    if (since === null || since <= (options.since ?? "")) return read(container, options);
    const part = await read(container, { ...options, since });
    return part.error === null && toBeginning(container) < since ? { ...part, truncated: true } : part;
  };
  // What earlier reads returned limits how far back later ones go.
  const limit = pLimit(logsAtOnce);
  const readAll = (some: readonly Container[]) => Promise.all(some.map((container) => limit(() => readPart(container))));
  const parts = [...(await readAll(containers)), ...(await readAll(retired))];
  if (parts.every(({ error }) => error !== null)) throw parts[0]?.error;
  const lines = page.take();
  budget.text(lines.reduce((sum, { message }) => sum + message.length, 0));
  return { lines, truncated: leavesOut, parts, engines: engines.shown };
}

function byNewest(a: Container, b: Container): number {
  if (a.createdAt !== b.createdAt) return a.createdAt > b.createdAt ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/**
 * Follows all containers of the role, current and future. Rejects with container_not_found when none is visible, with an engine's error when a silent engine
 * may run some, and with role_ambiguous for several groups.
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

/** The role's containers as `containers` shows them, their group (undefined without any), and a filter for further containers of the role. */
async function findRole({ loaders, principal }: OpsContext, filter: RoleFilter) {
  if (filter.role === "") throw new OpsError("invalid_request", "role must not be empty");
  const isWanted = createContainerFilter(filter, principal);
  const containers = (await loaders.containers.all(filter.includeAccessories)).filter(isWanted);
  const group: ServiceGroup | undefined = requireOneGroup(filter.role, containers);
  const accepts = (container: Container) => isWanted(container) && (!group || isSameGroup(container, group));
  const engines = ofEngine(await loaders.containers.engines(), filter.engine);
  return { containers, engines, group, accepts };
}

/** Why a role has no containers: an engine that may run some does not answer, or there are none. */
function toAbsence({ silent }: KnownEngines): OpsError {
  return silent.length > 0 ? toEngineError(silent) : new OpsError("container_not_found", "No container of this role");
}

import pLimit from "p-limit";
import type { Container, EngineStatus, LogOptions, LogPage } from "../../domain/container.ts";
import { toLogTimestamp } from "../../domain/log-time.ts";
import { followRole } from "../../domain/role-follow.ts";
import type { RoleBatch } from "../../domain/role-batch.ts";
import type { RoleLine } from "../../domain/role-line.ts";
import { createRolePage } from "../../domain/role-page.ts";
import { OpsError } from "../../errors.ts";
import type { OpsContext } from "../context.ts";
import { followEvents } from "./container-events.ts";
import { type ContainerFilter, createContainerFilter } from "./container-filter.ts";
import { toEngineError } from "./containers.ts";

/** Whose logs are meant; the role is always given. */
export interface RoleFilter extends ContainerFilter {
  readonly role: string;
}

/** The newest lines of a role, and what they were put together from. */
export interface RoleLogs {
  readonly lines: readonly RoleLine[];
  readonly truncated: boolean;
  /** Each container of the role: whether older matching lines of its own were left out, or why it could not be read. */
  readonly parts: readonly { readonly container: Container; readonly truncated: boolean; readonly error: unknown }[];
  /** Those that were asked for. */
  readonly engines: readonly EngineStatus[];
}

/** Logs being read at once: each may take 32 MB from its engine, and give 5 MB. */
const reading = 8;

/** Reads all of the role's containers. What one of them cannot give hides nothing of the others; rejects when none of them can be read. */
export async function readRoleLogs(context: OpsContext, filter: RoleFilter, options: LogOptions): Promise<RoleLogs> {
  const { sources, signal } = context;
  const { containers, engines } = await findRole(context, filter);
  const limit = pLimit(reading);
  const page = createRolePage(options.tail, options.until === undefined ? null : toLogTimestamp(options.until));
  const read = async (container: Container) => {
    try {
      const { lines, truncated }: LogPage = await sources.containers.logs(container, options, signal);
      page.add(container, lines);
      return { container, truncated, error: null };
    } catch (error) {
      return { container, truncated: false, error };
    }
  };
  const parts = await Promise.all(containers.map((container) => limit(() => read(container))));
  if (parts.every(({ error }) => error !== null)) throw parts[0]?.error;
  return { lines: page.take(), truncated: page.dropped || parts.some((part) => part.truncated), parts, engines };
}

/** Follows all of the role's containers, those of now and of later. */
export async function followRoleLogs(
  context: OpsContext,
  filter: RoleFilter,
  options: LogOptions,
  openLease: () => AbortSignal,
): Promise<AsyncGenerator<RoleBatch>> {
  const { sources, loaders } = context;
  const { containers } = await findRole(context, filter);
  const accepts = createContainerFilter(filter, context.principal);
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

/** Rejects with container_not_found for a role of which there is none, and with an engine's error when one that may run some does not answer. */
async function findRole(
  { loaders, principal }: OpsContext,
  filter: RoleFilter,
): Promise<Pick<RoleLogs, "engines"> & { containers: Container[] }> {
  if (filter.role === "") throw new OpsError("invalid_request", "role must not be empty");
  const accepts = createContainerFilter(filter, principal);
  const containers = (await loaders.containers.all(filter.includeAccessories)).filter(accepts);
  const engines = (await loaders.containers.engines()).filter(({ name }) => !filter.engine || name === filter.engine);
  const silent = engines.filter(({ ok }) => !ok);
  if (containers.length > 0) return { containers, engines };
  throw silent.length > 0 ? toEngineError(silent) : new OpsError("container_not_found", "No container of this role");
}

import type { Container } from "../../containers/container.ts";
import { toHistoryRange } from "../../containers/logs/history/collect.ts";
import type { HistorySelector } from "../../containers/logs/history/log-history.ts";
import type { LogOptions } from "../../containers/logs/log.ts";
import type { ServiceGroup } from "../../releases/service-group.ts";
import { type ContainerFilter, createContainerFilter } from "../containers/loader.ts";
import type { OpsContext } from "../context.ts";
import type { RemovedContainers } from "./loader.ts";

/** How many of them one request reads at most. */
const mostRead = 100;

const noContainers: RemovedContainers = { containers: [], hasMore: false };

interface Selection {
  readonly names: readonly string[];
  /** The group of the containers that engines have. */
  readonly group: ServiceGroup | undefined;
  /** Selects lines of these times. */
  readonly times: Pick<LogOptions, "since" | "until">;
}

/**
 * Finds removed containers of a role, or of names, in the history that the caller may see: those
 * that wrote from `from` on (a log timestamp), or all. Asks for all at most once, and for no others
 * then. A removed container of unknown environment, which only tokens for every environment see,
 * belongs to the group of its service and destination. Rejects when the history does not answer;
 * without a history there are none.
 */
export function createRemovedFinder(
  { loaders, principal }: OpsContext,
  { role, ...filter }: Omit<ContainerFilter, "name">,
  { names, group, times }: Selection,
): (from?: string | null) => Promise<RemovedContainers> {
  const isSelected = createContainerFilter({ ...filter, role, ...(group && { env: null }) }, principal);
  const isOfGroup = ({ service, destination, env }: Container) =>
    !group || (service === group.service && destination === group.destination && (env === group.env || env === null));
  const find = async (since: string | undefined): Promise<RemovedContainers> => {
    const range = toHistoryRange({ createdAt: "" }, null, { ...times, ...(since !== undefined && { since }) });
    const service = group?.service ?? filter.service ?? null;
    const selector: HistorySelector | null = range && { ...range, role: role ?? null, names, service };
    const found = selector && (await loaders.logs.listRemoved(selector));
    if (!found) return noContainers;
    const own = found.containers.filter((container) => isSelected(container) && isOfGroup(container));
    return { containers: own.slice(0, mostRead), hasMore: found.hasMore || own.length > mostRead };
  };
  let all: Promise<RemovedContainers> | null = null;
  return async (from = null) => {
    if (from === null || all !== null || from <= (times.since ?? "")) return (all ??= find(times.since));
    const { containers } = await find(from);
    return { containers, hasMore: true };
  };
}

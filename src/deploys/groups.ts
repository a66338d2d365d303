import { type Container, liveStates } from "../containers/container.ts";
import { listGroups, type ServiceGroup, toGroup } from "../releases/service-group.ts";
import type { DeployRecord } from "./deploy.ts";

type Said = Pick<DeployRecord, "service" | "destination" | "env" | "tag" | "version" | "commitSha">;

/**
 * Finds the group of a deploy among those of core containers. A group fits when it has the service and the environment of the deploy, as far as that names
 * them. The candidates are the first of these sets that is not empty:
 *
 * - Deploy with a destination: the fitting groups with that destination. Else, if it names no service: those without one, as the destination may mean `env`.
 * - Deploy without a destination: the running fitting groups without one. Else, as another pipeline than Kamal's hook wrote it: the running ones, then all.
 *
 * Of several candidates: the only one with containers of the deploy's release, else null: the deploy is compared with none. Without a candidate: the group that
 * the deploy names.
 */
export function createGroupFinder(containers: readonly Container[]): (said: Said) => ServiceGroup | null {
  const groups = listGroups(containers.filter(({ kind }) => kind === "core"));
  const live = groups.filter(({ members }) => members.some(({ status }) => liveStates.has(status)));

  return (said) => {
    const fits = ({ service, env }: ServiceGroup) => [service, null].includes(said.service) && [env, null].includes(said.env);
    const named = (group: ServiceGroup) => fits(group) && group.destination === said.destination;
    const meant = (group: ServiceGroup) =>
      fits(group) && group.destination === null && said.service === null && said.env !== null;
    const attempts =
      said.destination === null
        ? [live.filter(named), live.filter(fits), groups.filter(fits)]
        : [groups.filter(named), groups.filter(meant)];
    const fitting = attempts.find(({ length }) => length > 0);
    if (!fitting) return toGroup(said);
    const runs = ({ members }: (typeof groups)[number]) => members.some((container) => runsRelease(container, said));
    const [only, ...others] = fitting.length === 1 ? fitting : fitting.filter(runs);
    return only && others.length === 0 ? toGroup(only) : null;
  };
}

/** The same deploys, each with its group; `ambiguous` where several are possible. */
export function assignGroups(records: readonly DeployRecord[], containers: readonly Container[]): DeployRecord[] {
  const findGroup = createGroupFinder(containers);
  return records.map((record) => {
    const group = findGroup(record);
    return group ? { ...record, ...group } : { ...record, ambiguous: true };
  });
}

/**
 * Whether a core container runs a release: by its tag, Kamal's version of it, or its commit (7 or more hex digits, one may be abbreviated). Does not compare
 * groups (`ServiceGroup`).
 */
export function runsRelease(
  { kind, version: own, commitSha: ownSha }: Container,
  { tag, version, commitSha }: Pick<DeployRecord, "tag" | "version" | "commitSha">,
): boolean {
  return kind === "core" && (own === tag || own === version || sameCommit(ownSha, commitSha));
}

export function sameCommit(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= 7 && (a.startsWith(b) || b.startsWith(a));
}

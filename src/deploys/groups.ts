import { type Container, liveStates } from "../containers/container.ts";
import { listGroups, type ServiceGroup, toGroup } from "../releases/service-group.ts";
import type { DeployRecord } from "./deploy.ts";

type Said = Pick<DeployRecord, "service" | "destination" | "env" | "tag" | "version" | "commitSha">;

/**
 * Finds the group that a deploy is of, among those of core containers. A group fits when nothing that the deploy says speaks against it: a deploy with a
 * destination is of a group with that one, a deploy without of a group without. What fits none of these was written by a pipeline that is not Kamal's hook:
 * one without a destination is of any that fits otherwise, those that run first; one that names no service may mean an environment by its destination. Of
 * several groups it is the only one that has containers of its release. Null when several are left: the deploy is compared with none of them. What fits
 * none at all is of the group that it names.
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

/** The same deploys with the group that each is of; `ambiguous` where it may be of several. */
export function assignGroups(records: readonly DeployRecord[], containers: readonly Container[]): DeployRecord[] {
  const findGroup = createGroupFinder(containers);
  return records.map((record) => {
    const group = findGroup(record);
    return group ? { ...record, ...group } : { ...record, ambiguous: true };
  });
}

/**
 * Whether a core container runs a release: by its tag, Kamal's version of it, or its commit (7 or more hex digits, one may be abbreviated). That a container is
 * of the deploy's group (`ServiceGroup`) is another question.
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

import type { Container } from "../../containers/container.ts";
import { OpsError } from "../../lib/errors.ts";
import { describeGroup, listGroups, type ServiceGroup } from "../../releases/service-group.ts";

/** Most groups that a message names. */
const mostNamed = 10;

/**
 * The one group of these containers of a role; undefined without a container. Throws role_ambiguous for several groups, and names them: a role must be one
 * group to be read or restarted as a whole.
 *
 * @param containers that the caller may see
 */
export function requireOneGroup(role: string, containers: readonly Container[]): ServiceGroup | undefined {
  const groups = listGroups(containers);
  if (groups.length < 2) return groups[0];
  const names = groups.map(describeGroup).toSorted().slice(0, mostNamed);
  const more = groups.length > mostNamed ? ` and ${groups.length - mostNamed} more` : "";
  throw new OpsError(
    "role_ambiguous",
    `The role ${role} is run by ${groups.length} services or destinations; choose one by service, destination or env: ${names.join(", ")}${more}`,
  );
}

import { UsageError } from "../../cli/command.ts";
import { Containers, type ContainersQuery, Logs, type OpsClient, OpsError } from "../../client/client.ts";
import { toNear } from "../../lib/text.ts";
import { isOfPlace, type Place } from "../options.ts";
import { toOneLine } from "../output/style.ts";

/** Which containers may be selected. */
interface LogPlace extends Place {
  /** Null: any. */
  readonly engine: string | null;
}

/** Whose log: a role, or containers by their names. */
export interface LogTarget {
  /** As the documents take it. */
  readonly variables: LogPlace & {
    readonly role: string | null;
    readonly names: string[] | null;
    readonly includeAccessories: boolean;
  };
  /** The one container that can have lines; null where there may be several. */
  readonly single: { readonly name: string; readonly engine: string | null; readonly version: string } | null;
  /** The gateway knows several engines with containers. */
  readonly hasEngines: boolean;
  /**
   * The prefix and suffix that all names share, beside their role and release; null if they differ.
   */
  readonly group: { readonly service: string; readonly destination: string | null } | null;
}

interface FindOptions extends LogPlace {
  /** Accessories of a role too. */
  readonly all: boolean;
}

/**
 * Finds the target in the list of containers. A container's exact name comes before a role's.
 *
 * @throws OpsError not_found, with the names that are near; UsageError for a role among other names
 */
export async function findTarget(
  client: OpsClient,
  asked: readonly string[],
  { all, ...place }: FindOptions,
  signal: AbortSignal,
): Promise<LogTarget> {
  const { env, engine } = place;
  const { data, errors } = await client.queryPartial(Containers, { env, engine, includeAccessories: true }, { signal });
  const rows = (data.containers ?? []).filter((row) => isOfPlace(row, place) && row.name !== "");
  const hasEngines = new Set(rows.map((row) => row.engine)).size > 1;
  const named = rows.filter(({ name }) => asked.includes(name));
  const missing = asked.filter((text) => !named.some(({ name }) => name === text));
  const toNames = (single: LogTarget["single"]): LogTarget => ({
    variables: { ...place, role: null, names: [...asked], includeAccessories: true },
    single,
    hasEngines,
    group: toGroup(named),
  });
  const [only] = named;
  if (only && missing.length === 0) {
    return toNames(named.length === 1 ? { name: only.name, engine: only.engine, version: only.version } : null);
  }
  const ofRole = rows.filter(({ role }) => missing.includes(role));
  const [role = ""] = asked;
  if (ofRole.length > 0) {
    if (asked.length > 1)
      throw new UsageError(`${toOneLine(ofRole[0]?.role ?? "")} is a role: name a single role, or containers`);
    const includeAccessories = all || !ofRole.some(({ kind }) => kind === "CORE");
    return {
      variables: { ...place, role, names: null, includeAccessories },
      single: null,
      hasEngines,
      group: toGroup(ofRole),
    };
  }
  // The list leaves out the stopped containers of old releases, whose logs can be read.
  const retired = toNames(asked.length === 1 ? { name: role, engine, version: "" } : null);
  try {
    await client.query(Logs, { ...retired.variables, tail: 1 }, { signal });
    return retired;
  } catch (error) {
    if (!(error instanceof OpsError) || error.code !== "container_not_found") throw error;
    if (errors[0]) throw errors[0];
  }
  const near = toNear(missing[0] ?? "", [...new Set(rows.flatMap((row) => [row.role, row.name]))]).map(toOneLine);
  throw new OpsError(
    "not_found",
    `There is no container or role named ${missing.join(", ")}${near.length === 0 ? "" : `: did you mean ${near.join(", ")}?`}`,
  );
}

type Row = NonNullable<ContainersQuery["containers"]>[number];

function toGroup([first, ...others]: readonly Row[]): LogTarget["group"] {
  if (!first?.service) return null;
  const { service, destination } = first;
  return others.every((row) => row.service === service && row.destination === destination)
    ? { service, destination }
    : null;
}

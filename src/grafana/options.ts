import { OpsError } from "../errors.ts";
import type { Caller, Execute } from "../graphql/execute.ts";
import { toTest } from "./conditions.ts";
import { type Dimension, type Row, dimensions } from "./dimensions.ts";
import type { Target } from "./input.ts";

/** The documents of all dimensions, to be compiled. */
export const optionDocuments = [...new Set(dimensions.flatMap(({ document }) => document ?? []))];

/** The values that a dimension has now, sorted: of what the other conditions leave. Rejects as its upstream does. */
export async function readOptions(
  dimension: Dimension,
  { conditions, includeAccessories }: Pick<Target, "conditions" | "includeAccessories">,
  execute: Execute,
  caller: Caller,
): Promise<readonly string[]> {
  const { name, document, values } = dimension;
  if (!document) return values ?? [];
  const accepts = await toTest(conditions.filter(({ key }) => key !== name));
  const { data, errors } = await execute(document, { includeAccessories } as never, caller).run();
  const { rows, parts } = (data ?? {}) as { rows?: readonly Row[] | null; parts?: readonly Row[] | null };
  if (!rows) throw errors[0] ?? new OpsError("internal", "Internal error");
  const envs = new Map(parts?.map((part) => [part["name"], part["env"]]));
  const all = rows.map((row): Row => ("source" in row ? { ...row, env: envs.get(row["source"]) } : row));
  const found = all.filter(accepts).flatMap((row) => (typeof row[name] === "string" && row[name] !== "" ? row[name] : []));
  return [...new Set(found)].toSorted();
}

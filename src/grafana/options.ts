import { type Caller, type Execute, toFailure } from "../graphql/execute.ts";
import { filterRows } from "./conditions.ts";
import { type Dimension, dimensions } from "./dimensions.ts";
import type { Target } from "./input.ts";
import { toRows } from "./metric.ts";

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
  const others = conditions.filter(({ key }) => key !== name);
  const { data, errors } = await execute(document, { includeAccessories } as never, caller).run();
  const rows = toRows({ rows: null, ...(data as object | null) });
  if (!rows) throw toFailure(errors);
  const left = await filterRows(rows, others, caller.budget);
  const found = left.flatMap((row) => (typeof row[name] === "string" && row[name] !== "" ? row[name] : []));
  return [...new Set(found)].toSorted();
}

import {
  type DocumentNode,
  getNullableType,
  type GraphQLOutputType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  type SelectionSetNode,
} from "graphql";
import { listFields, type SelectedField } from "./selection.ts";

/** Leaf values as GraphQL writes them (enums by their names), or as our code does. */
export type Leaves = "named" | "own";

/**
 * Thrown for a value that GraphQL refuses or converts. Only executing the query gives the right
 * answer.
 */
export const unfit = new Error("This row needs to be executed");

/** Maps a row to its GraphQL answer. Throws `unfit`. */
export type MapRow = (row: unknown) => unknown;

/**
 * Compiles a selection that contains only properties of the row, without a resolver: building the
 * object takes a tenth of the time of executing its fields. Null for any other selection.
 */
export function compileRow(
  document: DocumentNode,
  type: GraphQLOutputType,
  selectionSet: SelectionSetNode | undefined,
  leaves: Leaves,
): MapRow | null {
  if (!isObjectType(type) || type.isTypeOf || !selectionSet) return null;
  const fields = listFields(document, selectionSet, type);
  if (!fields || new Set(fields.map(({ key }) => key)).size < fields.length) return null;
  const helpers: unknown[] = [unfit];
  const reads: string[] = [];
  const values: string[] = [];
  for (const [index, { name, property, ...field }] of fields.entries()) {
    const key = JSON.stringify(field.key);
    if (name === "__typename") {
      values.push(`${key}: ${JSON.stringify(type.name)}`);
      continue;
    }
    const convert = property === null ? null : toConversion(document, field, leaves);
    if (!convert) return null;
    const own = `v${index}`;
    reads.push(
      `let ${own} = row[${JSON.stringify(property)}]; ${convert(own, (helper) => `h[${helpers.push(helper) - 1}]`)}`,
    );
    values.push(`${key}: ${own}`);
  }
  const text =
    '"use strict"; return (row) => { ' +
    'if (typeof row !== "object" || row === null || row instanceof Error) throw h[0]; ' +
    `${reads.join("\n")} return { ${values.join(", ")} }; };`;
  // Names of properties come from the schema, keys are names of GraphQL.
  // oxlint-disable-next-line no-new-func, no-implied-eval
  return (new Function("h", text) as (helpers: readonly unknown[]) => MapRow)(helpers);
}

/**
 * Statements that check the value in a variable, and replace it where the answer differs. `use`
 * returns the name of a helper.
 */
type Convert = (own: string, use: (helper: unknown) => string) => string;

function toConversion(
  document: DocumentNode,
  { type, selectionSet }: Pick<SelectedField, "type" | "selectionSet">,
  leaves: Leaves,
): Convert | null {
  const inner = isNonNullType(type) ? type.ofType : type;
  const convert = inner && toValueConversion(document, inner, selectionSet, leaves);
  if (!convert) return null;
  // A missing value is null. Where null is no valid answer, it is unfit, as it has no type that
  // fits.
  return isNonNullType(type)
    ? convert
    : (own, use) => `if (${own} === undefined) ${own} = null; if (${own} !== null) { ${convert(own, use)} }`;
}

function toValueConversion(
  document: DocumentNode,
  type: GraphQLOutputType,
  selectionSet: SelectionSetNode | undefined,
  leaves: Leaves,
): Convert | null {
  if (isListType(type)) {
    // The rows of a list of objects count in the budget. There are no lists of lists.
    if (selectionSet || isListType(getNullableType(type.ofType))) return null;
    const item = toConversion(document, { type: type.ofType, selectionSet }, leaves);
    if (!item) return null;
    return (own, use) =>
      `if (!Array.isArray(${own})) throw h[0]; ${own} = ${own}.slice(); ` +
      `for (let index = 0; index < ${own}.length; index += 1) ` +
      `{ let item = ${own}[index]; ${item("item", use)} ${own}[index] = item; }`;
  }
  if (isObjectType(type)) {
    const mapRow = compileRow(document, type, selectionSet, leaves);
    return mapRow && ((own, use) => `${own} = ${use(mapRow)}(${own});`);
  }
  if (isEnumType(type)) {
    if (leaves === "own") return requireType("string");
    const names = new Map<unknown, string>(type.getValues().map(({ name, value }) => [value, name]));
    return (own, use) => `${own} = ${use(names)}.get(${own}); if (${own} === undefined) throw h[0];`;
  }
  return scalars[leaves][type.name] ?? null;
}

const requireType =
  (type: string): Convert =>
  (own) =>
    `if (typeof ${own} !== "${type}") throw h[0];`;

const text = requireType("string");
const number = requireType("number");

/** By the name of the type. */
const scalars: Readonly<Record<Leaves, Readonly<Record<string, Convert>>>> = {
  named: {
    String: text,
    ID: text,
    DateTime: text,
    Boolean: requireType("boolean"),
    Int: (own) => `if ((${own} | 0) !== ${own}) throw h[0];`,
    Float: (own) => `if (!Number.isFinite(${own})) throw h[0];`,
  },
  own: { String: text, ID: text, DateTime: text, Boolean: requireType("boolean"), Int: number, Float: number },
};

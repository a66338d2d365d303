import {
  defaultFieldResolver,
  type FieldNode,
  getNamedType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from "graphql";
import type { Budget } from "../lib/budget/budget.ts";
import type { OpsContext } from "./context.ts";

/** Fields that make one row: a wide row counts as several. */
const fieldsPerRow = 8;
/** Shorter lists are completed at once. */
const longList = 200;

/**
 * Makes every list of objects count its rows in the request's budget before they are completed, and yield to other requests when its slice of the event loop is
 * over. Mutations have deadlines of their own. Changes the schema itself.
 */
export function withBudget(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      if (type === schema.getMutationType()) field.resolve = withoutDeadline(field);
      else if (isListOfObjects(field.type)) field.resolve = countRows(field);
    }
  }
  return schema;
}

type Field = GraphQLField<unknown, OpsContext>;
type Resolve = GraphQLFieldResolver<unknown, OpsContext>;

function withoutDeadline({ resolve = defaultFieldResolver }: Field): Resolve {
  return (source, args, context, info) => {
    context.budget.liftDeadline();
    return resolve(source, args, context, info);
  };
}

function countRows({ resolve = defaultFieldResolver }: Field): Resolve {
  return (source, args, context, info) => {
    const found: unknown = resolve(source, args, context, info);
    return found instanceof Promise ? found.then((rows) => count(rows, context, info)) : count(found, context, info);
  };
}

function count(rows: unknown, { budget, inParts }: OpsContext, info: GraphQLResolveInfo): unknown {
  if (!Array.isArray(rows) || rows.length === 0) return rows;
  budget.rows(rows.length * toWidth(info));
  const wait = budget.turn();
  const list = inParts && rows.length > longList ? toParts(rows, budget) : rows;
  return wait ? wait.then(() => list) : list;
}

/** The same rows, one by one; other requests run in between. */
async function* toParts(rows: readonly unknown[], budget: Budget): AsyncGenerator {
  for (const row of rows) {
    const wait = budget.turn();
    if (wait) await wait;
    yield row;
  }
}

function isListOfObjects(type: GraphQLOutputType): boolean {
  const inner = isNonNullType(type) ? type.ofType : type;
  return isListType(inner) && isObjectType(getNamedType(inner));
}

/** How many rows one row of a field counts as. */
const widths = new WeakMap<FieldNode, number>();

function toWidth({ fieldNodes, fragments }: GraphQLResolveInfo): number {
  let width = 0;
  for (const node of fieldNodes) {
    let own = widths.get(node);
    if (own === undefined)
      widths.set(node, (own = Math.ceil(countFields(node.selectionSet, fragments) / fieldsPerRow)));
    width += own;
  }
  return width;
}

function countFields(selectionSet: SelectionSetNode | undefined, fragments: GraphQLResolveInfo["fragments"]): number {
  let fields = 0;
  for (const selection of selectionSet?.selections ?? []) {
    if (selection.kind === Kind.FIELD) fields += 1 + countFields(selection.selectionSet, fragments);
    else if (selection.kind === Kind.INLINE_FRAGMENT) fields += countFields(selection.selectionSet, fragments);
    else fields += countFields(fragments[selection.name.value]?.selectionSet, fragments);
  }
  return fields;
}

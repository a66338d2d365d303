import {
  defaultFieldResolver,
  type FieldNode,
  getNamedType,
  type GraphQLField,
  type GraphQLObjectType,
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
import { findAsync, isLoading, loadFor, type Loading, toLoading } from "./preload.ts";

/** How many fields count as one row: a wide row counts as several. */
const fieldsPerRow = 8;
/** Shorter lists are completed at once. */
const longList = 200;
/**
 * Memory that a field of a row takes while it is a promise, bytes: 2,000 as graphql-js executes it,
 * 1,250 compiled.
 */
const waitingBytes = 2000;

/**
 * Makes every list of objects count its rows in the request's budget before it completes them, and
 * yield to other requests when its slice of the event loop is over. Loads what the rows need once
 * for all of them. Mutations have their own deadlines. Changes the schema itself.
 */
export function withBudget(schema: GraphQLSchema): GraphQLSchema {
  const types = Object.values(schema.getTypeMap()).filter(isObjectType);
  const async = findAsync(types);
  for (const type of types) {
    if (type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      if (type === schema.getMutationType()) field.resolve = withoutDeadline(field);
      else if (isListOfObjects(field.type)) field.resolve = countRows(field, (one) => async.has(one));
      if (async.has(field)) field.resolve = settleInTurns(field);
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

/**
 * Thousands of rows may wait for one read. Their fields continue in turns, also if it fails: an
 * error of a field costs as much as a hundred plain fields. Root fields are few, and their errors
 * keep the order in which they occurred.
 */
function settleInTurns({ resolve = defaultFieldResolver }: Field): Resolve {
  return (source, args, context, info) => {
    const found: unknown = resolve(source, args, context, info);
    return found instanceof Promise && info.path.prev !== undefined ? settle(found, context.budget) : found;
  };
}

async function settle(found: Promise<unknown>, budget: Budget): Promise<unknown> {
  try {
    return await found;
  } finally {
    const wait = budget.pause();
    if (wait) await wait;
  }
}

type IsAsync = (field: Field) => boolean;

function countRows({ type, resolve = defaultFieldResolver }: Field, isAsync: IsAsync): Resolve {
  const select = createSelecting(getNamedType(type) as GraphQLObjectType, isAsync);
  return (source, args, context, info) => {
    const found: unknown = resolve(source, args, context, info);
    return found instanceof Promise
      ? found.then((rows) => count(rows, context, info, select))
      : count(found, context, info, select);
  };
}

function count(rows: unknown, context: OpsContext, info: GraphQLResolveInfo, select: Select): unknown {
  if (!Array.isArray(rows) || rows.length === 0) return rows;
  const { budget, inParts } = context;
  const { width, loading } = select(info);
  budget.rows(rows.length * width);
  const list = inParts && rows.length > longList ? toParts(rows, budget) : rows;
  const waiting = Math.max(0, rows.length - longList) * loading.waiting;
  const room = waiting > 0 ? budget.room(waiting * waitingBytes) : null;
  if (room || isLoading(loading)) return prepare(rows, room, loading, context, info).then(() => list);
  const wait = budget.turn();
  return wait ? wait.then(() => list) : list;
}

async function prepare(
  rows: readonly unknown[],
  room: Promise<void> | null,
  loading: Loading,
  context: OpsContext,
  info: GraphQLResolveInfo,
): Promise<void> {
  if (room) await room;
  await loadFor(loading, rows, context, info);
  await context.budget.turn();
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

/** What the query selects from the rows of a field. */
interface Selected {
  /** How many rows one row counts as. */
  readonly width: number;
  readonly loading: Loading;
}

type Select = (info: GraphQLResolveInfo) => Selected;

/**
 * For rows of this type. Caches by the list of the field's nodes. An executor makes that list once
 * for all rows of one execution, so it stands for one operation with its variables; a compiled
 * document keeps it for all its executions, and has no conditions. A single node would not do:
 * several operations of a document share the nodes of its fragments.
 */
function createSelecting(type: GraphQLObjectType, isAsync: IsAsync): Select {
  const known = new WeakMap<readonly FieldNode[], Selected>();
  return ({ fieldNodes, fragments, variableValues }) => {
    const last = known.get(fieldNodes);
    if (last) return last;
    const selections = fieldNodes.map(({ selectionSet }) => selectionSet);
    const widths = selections.map((one) => Math.ceil(countFields(one, fragments) / fieldsPerRow));
    const selected = {
      width: widths.reduce((sum, width) => sum + width, 0),
      loading: toLoading(type, selections, { fragments, variableValues, isAsync }),
    };
    known.set(fieldNodes, selected);
    return selected;
  };
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

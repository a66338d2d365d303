import {
  getDirectiveValues,
  getNullableType,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  isObjectType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import type { OpsContext } from "./context.ts";

/** Reads what a field needs, for all rows of a list at once. Leaves failures to the resolver. */
export type Preload<Row> = (rows: readonly Row[], context: OpsContext) => unknown;

/**
 * For a field that loads something, and has no arguments and no scope of its own: a list calls
 * `preload` once, before its rows are completed, and the resolver then returns the loaded values
 * without a promise.
 */
export function preloaded<Row>(preload: Preload<Row>) {
  return { extensions: { preload } } as const;
}

type Field = GraphQLField<unknown, OpsContext>;

/** Decides which fields a selection has, and which of them take a promise. */
interface Selecting extends Pick<GraphQLResolveInfo, "fragments" | "variableValues"> {
  readonly isAsync: (field: Field) => boolean;
}

/** What the selected fields of a list's rows load. */
export interface Loading {
  readonly preloads: ReadonlySet<Preload<unknown>>;
  /** For the objects in fields of the rows. */
  readonly inner: ReadonlyMap<Field, Loading>;
  /** How many selected fields take a promise in each row. */
  readonly waiting: number;
}

/** Fields whose resolvers are async functions: each of their values is a promise. */
export function findAsync(types: readonly GraphQLObjectType[]): ReadonlySet<Field> {
  const fields = types.flatMap((type) => Object.values(type.getFields()));
  return new Set(fields.filter(({ resolve }) => resolve?.constructor.name === "AsyncFunction"));
}

/** What a selection of rows of this type loads. Lists inside the rows count as separate lists. */
export function toLoading(
  type: GraphQLObjectType,
  selections: readonly (SelectionSetNode | undefined)[],
  selecting: Selecting,
): Loading {
  const { fragments, variableValues, isAsync } = selecting;
  const preloads = new Set<Preload<unknown>>();
  const inner = new Map<Field, Loading>();
  let waiting = 0;
  const visit = (selectionSet: SelectionSetNode | undefined) => {
    for (const selection of selectionSet?.selections ?? []) {
      if (!isIncluded(selection, variableValues)) continue;
      if (selection.kind === Kind.FRAGMENT_SPREAD) visit(fragments[selection.name.value]?.selectionSet);
      else if (selection.kind === Kind.INLINE_FRAGMENT) visit(selection.selectionSet);
      else {
        const field = type.getFields()[selection.name.value];
        if (!field) continue;
        const { preload } = field.extensions as { readonly preload?: Preload<unknown> };
        if (preload) preloads.add(preload);
        else if (isAsync(field)) waiting += 1;
        const object = getNullableType(field.type);
        if (!isObjectType(object)) continue;
        const own = toLoading(object, [selection.selectionSet], selecting);
        waiting += own.waiting;
        if (own.preloads.size + own.inner.size === 0) continue;
        if (!isAsync(field) && field.args.length === 0) inner.set(field, own);
        else waiting += own.preloads.size;
      }
    }
  };
  for (const selectionSet of selections) visit(selectionSet);
  return { preloads, inner, waiting };
}

/** Evaluates its conditions as the executor does. Throws for a variable that is null. */
function isIncluded(node: SelectionNode, variables: GraphQLResolveInfo["variableValues"]): boolean {
  return (
    getDirectiveValues(GraphQLSkipDirective, node, variables)?.["if"] !== true &&
    getDirectiveValues(GraphQLIncludeDirective, node, variables)?.["if"] !== false
  );
}

/** Whether there is anything to call `preload` for. */
export function isLoading({ preloads, inner }: Loading): boolean {
  return preloads.size + inner.size > 0;
}

/** Loads what the rows need. Never rejects. */
export async function loadFor(
  { preloads, inner }: Loading,
  rows: readonly unknown[],
  context: OpsContext,
  info: GraphQLResolveInfo,
): Promise<void> {
  await Promise.allSettled([...preloads].map(async (load) => load(rows, context)));
  for (const [field, own] of inner) {
    const objects = rows.flatMap((row) => toObject(field, row, context, info));
    if (objects.length > 0) await loadFor(own, objects, context, info);
  }
}

/** A list with the object that a field of a row has. Empty if the field has none, or failed. */
function toObject(field: Field, row: unknown, context: OpsContext, info: GraphQLResolveInfo): readonly unknown[] {
  try {
    const found: unknown = field.resolve?.(row, {}, context, info);
    return found === null || found === undefined || found instanceof Promise ? [] : [found];
  } catch {
    return [];
  }
}

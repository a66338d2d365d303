import {
  type DocumentNode,
  type FieldNode,
  getArgumentValues,
  getNamedType,
  getOperationAST,
  type GraphQLSchema,
  isObjectType,
  Kind,
  type SelectionSetNode,
  visit,
} from "graphql";
import { toView } from "../auth/principal.ts";
import type { FoundInputs } from "../http/memo.ts";
import { isIncluded } from "./compiled/compile.ts";
import { listFields, type SelectedField } from "./compiled/selection.ts";
import type { Caller, Sources } from "./sources.ts";
import { type FindVersion, joinVersions, type Version, versionsOf } from "./versions.ts";

type Variables = Readonly<Record<string, unknown>>;

/** The current inputs of a query's answer. `variables`: coerced. */
export type FindInputs = (variables: Variables, sources: Sources, caller: Caller) => FoundInputs;

/** One selected root field. */
interface Part {
  readonly find: FindVersion;
  readonly readArgs: (variables: Variables) => object;
  /** What selected fields of its rows depend on besides the rows, with the nodes that select it. */
  readonly more: readonly { readonly find: FindVersion; readonly nodes: readonly FieldNode[] }[];
}

/**
 * How to find the inputs of a valid query. Null where its answer depends on more: its root fields
 * must be versioned, and its rows' fields must depend only on the rows or on versions.
 */
export function createFindInputs(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null,
): FindInputs | null {
  const operation = getOperationAST(document, operationName);
  const fields = operation && listFields(document, operation.selectionSet, schema.getQueryType());
  const parts = fields?.map((field) => toPart(schema, document, field)) ?? [null];
  return parts.includes(null) ? null : (...asked) => findInputs(parts as readonly Part[], ...asked);
}

function findInputs(parts: readonly Part[], variables: Variables, sources: Sources, caller: Caller): FoundInputs {
  // A caller who may read nothing causes no read.
  if (!caller.principal.scopes.has("ops:read")) return null;
  const found: Version[] = [];
  for (const { find, readArgs, more } of parts) {
    const read = () => readArgs(variables);
    found.push(find(sources, caller, read));
    for (const { find: findMore, nodes } of more) {
      if (nodes.some((node) => isIncluded(node, variables))) found.push(findMore(sources, caller, read));
    }
  }
  const toInputs = (version: string | null) => (version === null ? null : { view: toView(caller.principal), version });
  const joined = joinVersions(found);
  return joined instanceof Promise ? joined.then(toInputs) : toInputs(joined);
}

function toPart(schema: GraphQLSchema, document: DocumentNode, field: SelectedField): Part | null {
  const { name, node, type, selectionSet } = field;
  const versioned = Object.hasOwn(versionsOf, name) ? versionsOf[name] : undefined;
  const definition = schema.getQueryType()?.getFields()[name];
  if (!versioned || !definition) return null;
  const { rows: find, fields: known = {} } = versioned;
  const more = new Map<FindVersion, FieldNode[]>();
  const isKnown = (one: SelectedField): boolean => {
    const findMore = Object.hasOwn(known, one.name) ? known[one.name] : undefined;
    if (findMore) more.set(findMore, [...(more.get(findMore) ?? []), one.node]);
    return findMore !== undefined;
  };
  if (!dependsOnRows(document, selectionSet, type && getNamedType(type), isKnown)) return null;
  // Callers reuse the variables object of a request that they have seen, and reading arguments
  // costs more than all the rest.
  const argsOf = new WeakMap<Variables, object>();
  const readArgs = (variables: Variables) => {
    const args = argsOf.get(variables) ?? getArgumentValues(definition, node, variables);
    argsOf.set(variables, args);
    return args;
  };
  return { find, more: [...more].map(([findMore, nodes]) => ({ find: findMore, nodes })), readArgs };
}

/**
 * Whether each message of a valid subscription depends only on its event, whatever the variables.
 */
export function hasOnlyRows(schema: GraphQLSchema, document: DocumentNode, operationName: string | null): boolean {
  const operation = getOperationAST(document, operationName);
  const [field, ...others] =
    (operation && listFields(document, operation.selectionSet, schema.getSubscriptionType())) ?? [];
  if (!field || others.length > 0) return false;
  const { selectionSet, type } = field;
  const variables: unknown[] = [];
  const find = (node: unknown) => void variables.push(node);
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) visit(definition, { Variable: find });
  }
  if (selectionSet) visit(selectionSet, { Variable: find });
  return variables.length === 0 && dependsOnRows(document, selectionSet, type && getNamedType(type));
}

/** An id depends only on properties of the row. */
function isOfRow(field: SelectedField): boolean {
  return field.isOfRow || field.name === "id" || field.name === "__typename";
}

/** `isKnown`: whether everything else that a field of these rows depends on has a version. */
function dependsOnRows(
  document: DocumentNode,
  selectionSet: SelectionSetNode | undefined,
  type: unknown,
  isKnown: (field: SelectedField) => boolean = () => false,
): boolean {
  if (!selectionSet) return true;
  const fields = isObjectType(type) ? listFields(document, selectionSet, type) : null;
  return (
    fields?.every(
      (field) =>
        (isKnown(field) || isOfRow(field)) &&
        dependsOnRows(document, field.selectionSet, field.type && getNamedType(field.type)),
    ) ?? false
  );
}

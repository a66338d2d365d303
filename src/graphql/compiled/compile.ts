import {
  type ASTNode,
  type DirectiveNode,
  type DocumentNode,
  execute,
  type ExecutionResult,
  type FieldNode,
  getNamedType,
  getOperationAST,
  type GraphQLFieldConfig,
  type GraphQLFieldResolver,
  GraphQLList,
  GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  GraphQLScalarType,
  GraphQLSchema,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  OperationTypeNode,
  separateOperations,
  visit,
} from "graphql";
import { type CompiledQuery, compileQuery, isCompiledQuery } from "graphql-jit";
import type { OpsContext } from "../context.ts";
import { compileRow, type Leaves, type MapRow, unfit } from "./row.ts";

type Variables = Readonly<Record<string, unknown>>;
type Query = CompiledQuery["query"];

/** Runs an operation. `variables` includes the defaults of those that were not sent. */
export type Run = (
  root: unknown,
  context: OpsContext,
  variables: Variables,
) => ExecutionResult | Promise<ExecutionResult>;

/** Each condition doubles the forms of an operation. */
export const mostConditions = 3;

interface Form {
  readonly query: Query;
  /** Executes all fields; undefined until first needed. */
  whole: Query | undefined;
}

/**
 * Compiles an operation, once for each combination of its directives' conditions. Root fields whose
 * rows have only properties are not executed field by field (row.ts). Throws for a document that
 * does not fit the schema or cannot be compiled, and for more conditions than `most`.
 */
export function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null,
  leaves: Leaves,
  most: number = mostConditions,
): Run {
  const own = toOwnDocument(document, operationName);
  const conditions = listConditions(own);
  if (conditions.length > most) throw new Error(`More than ${most} variables in directives`);
  const toQuery = (given: DocumentNode, within: GraphQLSchema) => {
    const query = compileQuery(within, given, operationName ?? undefined, {
      disableLeafSerialization: leaves === "own",
    });
    if (!isCompiledQuery(query)) throw new Error("Document cannot be compiled", { cause: query.errors });
    return query.query;
  };
  const forms = new Map<string, Form>();
  const find = (variables: Variables): Form => {
    const key = conditions.map((name) => variables[name]).join();
    const known = forms.get(key);
    if (known) return known;
    const form = useRowFields(schema, toForm(own, variables), operationName, leaves);
    const made: Form = { query: toQuery(form, addRowFields(schema)), whole: undefined };
    forms.set(key, made);
    return made;
  };
  find(Object.fromEntries(conditions.map((name) => [name, false])));
  return (root, context, variables) => {
    if (conditions.some((name) => typeof variables[name] !== "boolean")) {
      // A nullable variable may be null, which is an error, but graphql-jit does not detect it.
      return execute({
        schema,
        document: own,
        operationName,
        rootValue: root,
        contextValue: context,
        variableValues: variables,
      });
    }
    const form = find(variables);
    const check = (result: ExecutionResult) => {
      if (!result.errors?.some(({ originalError }) => originalError === unfit)) return result;
      form.whole ??= toQuery(toForm(own, variables), schema);
      return form.whole(root, context, variables);
    };
    const result = form.query(root, context, variables);
    return result instanceof Promise ? result.then(check) : check(result);
  };
}

/** The operation with the fragments that it uses. */
function toOwnDocument(document: DocumentNode, operationName: string | null): DocumentNode {
  const operation = getOperationAST(document, operationName);
  if (!operation) throw new Error("There is no such operation");
  return separateOperations(document)[operation.name?.value ?? ""] ?? document;
}

/** The variables that decide which fields are included. */
export function listConditions(document: DocumentNode): string[] {
  const names = new Set<string>();
  visit(document, {
    [Kind.DIRECTIVE](node) {
      const value = isCondition(node) ? node.arguments?.[0]?.value : undefined;
      if (value?.kind === Kind.VARIABLE) names.add(value.name.value);
    },
  });
  return [...names];
}

function isCondition({ name }: DirectiveNode): boolean {
  return name.value === "skip" || name.value === "include";
}

/** Whether the conditions of its directives include a node. */
export function isIncluded(
  { directives = [] }: { readonly directives?: readonly DirectiveNode[] },
  variables: Variables,
) {
  return directives.every((directive) => {
    if (!isCondition(directive)) return true;
    const value = directive.arguments?.[0]?.value;
    const given =
      value?.kind === Kind.VARIABLE ? variables[value.name.value] : value?.kind === Kind.BOOLEAN && value.value;
    return given === (directive.name.value === "include");
  });
}

/**
 * A copy of the document for graphql-jit, with the included nodes and without their conditions.
 * graphql-jit writes notes on conditions into the nodes, where they would also apply to other uses
 * of a fragment.
 */
export function toForm(document: DocumentNode, variables: Variables): DocumentNode {
  const included: DocumentNode = visit(document, {
    enter(node) {
      if (!("directives" in node) || !node.directives?.some(isCondition)) return undefined;
      if (!isIncluded(node, variables)) return null;
      return { ...node, directives: node.directives.filter((directive) => !isCondition(directive)) };
    },
  });
  return visit(included, { leave: withoutNotes });
}

function withoutNotes(node: ASTNode): ASTNode {
  const { __internalShouldInclude: _, ...copy } = node as ASTNode & { readonly __internalShouldInclude?: unknown };
  return copy;
}

/** By the node of a root field: how one of its rows becomes its GraphQL answer. */
const rowMappers = new WeakMap<FieldNode, MapRow>();

const rowSuffix = "_rows";

/** The document with the fields of `addRowFields`, where rows have only properties. */
function useRowFields(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null,
  leaves: Leaves,
): DocumentNode {
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== OperationTypeNode.QUERY) return document;
  const { selections } = operation.selectionSet;
  const keys = selections.map((node) => (node.kind === Kind.FIELD ? (node.alias ?? node.name).value : null));
  // With fragments or repeated keys, several selections may belong to one field.
  if (keys.includes(null) || new Set(keys).size < keys.length) return document;
  const toNode = (node: FieldNode): FieldNode => {
    const type = schema.getQueryType()?.getFields()[node.name.value]?.type;
    const mapRow = type && isOfRows(type) ? compileRow(document, getNamedType(type), node.selectionSet, leaves) : null;
    if (!mapRow) return node;
    const made = {
      ...node,
      alias: node.alias ?? node.name,
      name: { ...node.name, value: node.name.value + rowSuffix },
    };
    rowMappers.set(made, mapRow);
    return made;
  };
  const changed = { ...operation.selectionSet, selections: selections.map((node) => toNode(node as FieldNode)) };
  const definitions = document.definitions.map((each) =>
    each === operation ? { ...each, selectionSet: changed } : each,
  );
  return { ...document, definitions };
}

/** An object or a list of objects, or null. */
function isOfRows(type: GraphQLOutputType): boolean {
  return isObjectType(type) || (isListType(type) && isNonNullType(type.ofType) && isObjectType(type.ofType.ofType));
}

const schemas = new WeakMap<GraphQLSchema, GraphQLSchema>();

/**
 * The schema with a second field for each root field of rows, which returns the whole GraphQL
 * answer for them as one value.
 */
function addRowFields(schema: GraphQLSchema): GraphQLSchema {
  const known = schemas.get(schema);
  if (known) return known;
  const own = schema.getQueryType() as GraphQLObjectType;
  const { fields, ...config } = own.toConfig();
  const more = Object.entries(fields).filter(([, { type }]) => isOfRows(type));
  const added = Object.fromEntries(more.map(([name, field]) => [name + rowSuffix, toRowField(field)]));
  const query = new GraphQLObjectType({ ...config, fields: { ...fields, ...added } });
  const { types, ...others } = schema.toConfig();
  const made = new GraphQLSchema({ ...others, query, types: types.filter((type) => type !== own) });
  schemas.set(schema, made);
  return made;
}

const rowScalar = new GraphQLScalarType({ name: "Rows", serialize: (value) => value });

type Resolve = GraphQLFieldResolver<unknown, OpsContext>;

function toRowField({ resolve = () => null, ...field }: GraphQLFieldConfig<unknown, OpsContext>) {
  const finish = (value: unknown, { fieldNodes: [node] }: GraphQLResolveInfo): unknown => {
    const mapRow = node && rowMappers.get(node);
    if (value === null || value === undefined) return null;
    if (!mapRow) throw unfit;
    if (!isListOf(field.type)) return mapRow(value);
    if (!Array.isArray(value)) throw unfit;
    return value.map(mapRow);
  };
  const resolveRows: Resolve = (source, args, context, info) => {
    const found: unknown = resolve(source, args, context, info);
    return found instanceof Promise ? found.then((value) => finish(value, info)) : finish(found, info);
  };
  return { ...field, type: rowScalar, resolve: resolveRows };
}

const isListOf = (type: GraphQLOutputType) => type instanceof GraphQLList;

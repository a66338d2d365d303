import {
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
  visit,
} from "graphql";
import { type CompiledQuery, compileQuery, isCompiledQuery } from "graphql-jit";
import type { OpsContext } from "../context.ts";
import { compileRow, type Leaves, type MapRow, unfit } from "./row.ts";

type Variables = Readonly<Record<string, unknown>>;
type Query = CompiledQuery["query"];

/** Runs an operation. `variables`: with the defaults of those that were not sent. */
export type Run = (root: unknown, context: OpsContext, variables: Variables) => ExecutionResult | Promise<ExecutionResult>;

/**
 * Compiles an operation. Root fields whose rows have only properties are not executed field by field (row.ts). A document with one condition in its directives is
 * compiled for each of its two values. Throws for a document that does not fit the schema, or cannot be compiled.
 */
export function compile(schema: GraphQLSchema, document: DocumentNode, operationName: string | null, leaves: Leaves): Run {
  const toQuery = (given: DocumentNode, within: GraphQLSchema) => {
    const query = compileQuery(within, given, operationName ?? undefined, { disableLeafSerialization: leaves === "own" });
    if (!isCompiledQuery(query)) throw new Error("Document cannot be compiled", { cause: query.errors });
    return query.query;
  };
  const toForm = (included: Variables) =>
    toQuery(useRowFields(schema, resolveConditions(document, included), operationName, leaves), addRowFields(schema));
  const conditions = listConditions(document);
  let whole: Query | undefined;
  const findWhole = () => (whole ??= toQuery(copy(document), schema));
  const forms = new Map<string, Query>();
  const find = (included: Variables): Query => {
    if (conditions.length > 1) return findWhole();
    const key = conditions.map((name) => included[name]).join();
    const form = forms.get(key) ?? toForm(included);
    forms.set(key, form);
    return form;
  };
  find(Object.fromEntries(conditions.map((name) => [name, false])));
  return (root, context, variables) => {
    if (conditions.some((name) => typeof variables[name] !== "boolean")) {
      // A nullable variable may be null, which is an error that graphql-jit does not know.
      return execute({ schema, document, operationName, rootValue: root, contextValue: context, variableValues: variables });
    }
    const check = (result: ExecutionResult) =>
      result.errors?.some(({ originalError }) => originalError === unfit) ? findWhole()(root, context, variables) : result;
    const result = find(variables)(root, context, variables);
    return result instanceof Promise ? result.then(check) : check(result);
  };
}

/** graphql-jit writes its own notes into the nodes. */
function copy(document: DocumentNode): DocumentNode {
  return visit(document, { leave: (node) => ({ ...node }) });
}

/** The variables on which it depends which fields are included. */
function listConditions(document: DocumentNode): string[] {
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

/** A copy of the document, without conditions, with what they include. */
function resolveConditions(document: DocumentNode, variables: Variables): DocumentNode {
  const isMet = ({ name, arguments: [argument] = [] }: DirectiveNode) => {
    const value = argument?.value;
    const given = value?.kind === Kind.VARIABLE ? variables[value.name.value] : value?.kind === Kind.BOOLEAN && value.value;
    return given === (name.value === "include");
  };
  return visit(copy(document), {
    enter(node) {
      if (!("directives" in node) || !node.directives?.some(isCondition)) return undefined;
      if (!node.directives.filter(isCondition).every(isMet)) return null;
      return { ...node, directives: node.directives.filter((directive) => !isCondition(directive)) };
    },
  });
}

/** By node of a root field, how one of its rows becomes what GraphQL answers. */
const rowMappers = new WeakMap<FieldNode, MapRow>();

const rowSuffix = "_rows";

/** The document with the fields of `addRowFields` where rows have only properties. */
function useRowFields(schema: GraphQLSchema, document: DocumentNode, operationName: string | null, leaves: Leaves): DocumentNode {
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== OperationTypeNode.QUERY) return document;
  const { selections } = operation.selectionSet;
  const keys = selections.map((node) => (node.kind === Kind.FIELD ? (node.alias ?? node.name).value : null));
  // With fragments or repeated keys several selections may belong to one field.
  if (keys.includes(null) || new Set(keys).size < keys.length) return document;
  const toNode = (node: FieldNode): FieldNode => {
    const type = schema.getQueryType()?.getFields()[node.name.value]?.type;
    const mapRow = type && isOfRows(type) ? compileRow(document, getNamedType(type), node.selectionSet, leaves) : null;
    if (!mapRow) return node;
    const made = { ...node, alias: node.alias ?? node.name, name: { ...node.name, value: node.name.value + rowSuffix } };
    rowMappers.set(made, mapRow);
    return made;
  };
  const changed = { ...operation.selectionSet, selections: selections.map((node) => toNode(node as FieldNode)) };
  const definitions = document.definitions.map((each) => (each === operation ? { ...each, selectionSet: changed } : each));
  return { ...document, definitions };
}

/** An object or a list of objects, or null. */
function isOfRows(type: GraphQLOutputType): boolean {
  return isObjectType(type) || (isListType(type) && isNonNullType(type.ofType) && isObjectType(type.ofType.ofType));
}

const schemas = new WeakMap<GraphQLSchema, GraphQLSchema>();

/** The schema with a second field for each root field of rows, which returns what GraphQL answers for them, as one value. */
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
    if (!mapRow || value === null || value === undefined) return null;
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

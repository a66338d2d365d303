import {
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  getArgumentValues,
  getDirectiveValues,
  getOperationAST,
  GraphQLError,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLSchema,
  GraphQLSkipDirective,
  Kind,
  type OperationDefinitionNode,
  type OperationTypeNode,
  parse,
  print,
  separateOperations,
  stripIgnoredCharacters,
  type SelectionSetNode,
  visit,
} from "graphql";
import { coerceVariables } from "../graphql/yoga/limits.ts";
import { type OpsError, toOpsError } from "../lib/errors.ts";
import { chooseRegions, parseFleetId, type Region } from "./region.ts";

type Variables = Readonly<Record<string, unknown>>;

/** What one region is asked: one request. */
export interface Question {
  readonly region: Region;
  /** The fields of the operation that it answers, as the fleet's schema has them. */
  readonly document: DocumentNode;
  /** The same in the schema of a gateway. */
  readonly text: string;
  /** Those that `text` uses, as sent. */
  readonly variables: Variables;
}

/** A root field of an operation. */
export interface RootField {
  /** In the answer; fields of the same key are one field. */
  readonly key: string;
  readonly node: FieldNode;
  /** Undefined for introspection. */
  readonly definition: GraphQLField<unknown, unknown> | undefined;
  /** The regions that are asked; empty for what the fleet answers itself. */
  readonly regions: readonly Region[];
  /** Why no region is asked; null without a mistake. */
  readonly refusal: OpsError | null;
}

export interface Plan {
  readonly operation: OperationTypeNode;
  readonly roots: readonly RootField[];
  readonly questions: readonly Question[];
  /** The fields that the fleet answers itself: `regions` and introspection. Null without any. */
  readonly own: DocumentNode | null;
  /**
   * Where answers have what is added to questions: `server`, for `Region.version`, and the type of
   * a `node`. An alias, which costs one, only where the client uses its name.
   */
  readonly added: Readonly<Record<"server" | "type", string>>;
}

const toVersion = (key: string) =>
  (parse(`{ ${key === "server" ? "" : `${key}:`} server { version } }`).definitions[0] as OperationDefinitionNode)
    .selectionSet.selections[0] as FieldNode;
const typename = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" } } as const;

/**
 * Divides a valid operation into one question for each region: the selected fields as the client
 * wrote them, without what only fleets have. Throws GraphQLError for variables or arguments that do
 * not fit.
 */
export function planOperation(args: ExecutionArgs, regions: readonly Region[]): Plan {
  const { schema, document, operationName, variableValues = {} } = args;
  const operation = getOperationAST(document, operationName);
  if (!operation) throw new GraphQLError("The document has no such operation");
  const { coerced, errors } = coerceVariables(schema, operation, variableValues ?? {});
  if (errors?.[0]) throw errors[0];
  const variables = coerced ?? {};
  const fragments = document.definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION);
  const roots = [...collectFields(operation.selectionSet, fragments, variables)].map((node) =>
    toRootField(node, schema, operation, variables, regions),
  );
  const keys = new Set(roots.map(({ key }) => key));
  visit(document, { Field: ({ alias }) => void (alias && keys.add(alias.value)) });
  const toFree = (key: string): string => (keys.has(key) ? toFree(`${key}_`) : key);
  const added = {
    server: keys.has("server") ? toFree("fleetVersion") : "server",
    type: keys.has("__typename") ? toFree("fleetType") : "__typename",
  };
  const toDocument = (selections: readonly FieldNode[]): DocumentNode => {
    return {
      kind: Kind.DOCUMENT,
      definitions: [{ ...operation, selectionSet: { kind: Kind.SELECTION_SET, selections } }, ...fragments],
    };
  };
  const own = roots.filter(isOwn).map(({ node }) => node);
  const wantsRegions = own.some(({ name }) => name.value === "regions");

  /** By the root fields that are asked: most often all regions are asked the same. */
  const texts = new Map<string, Pick<Question, "text" | "variables">>();
  const questions = regions.flatMap((region): Question[] => {
    const asked = roots.filter((root) => root.regions.includes(region));
    if (asked.length === 0 && !wantsRegions) return [];
    const key = asked.map((root) => roots.indexOf(root)).join();
    const nodes = asked.map(({ node }) => node);
    const toSend = asked.map((root) => withLocalId(root, variables, regions, added.type));
    const sent =
      texts.get(key) ??
      toSent(toDocument(wantsRegions ? [...toSend, toVersion(added.server)] : toSend), variableValues ?? {});
    texts.set(key, sent);
    return [{ region, document: toDocument(nodes), ...sent }];
  });
  return { operation: operation.operation, roots, questions, own: own.length > 0 ? toDocument(own) : null, added };
}

function* collectFields(
  { selections }: SelectionSetNode,
  fragments: readonly FragmentDefinitionNode[],
  variables: Variables,
  seen = new Set<string>(),
): Generator<FieldNode> {
  for (const node of selections) {
    if (getDirectiveValues(GraphQLSkipDirective, node, variables)?.["if"] === true) continue;
    if (getDirectiveValues(GraphQLIncludeDirective, node, variables)?.["if"] === false) continue;
    if (node.kind === Kind.FIELD) yield node;
    else if (node.kind === Kind.INLINE_FRAGMENT) yield* collectFields(node.selectionSet, fragments, variables, seen);
    else if (!seen.has(node.name.value)) {
      seen.add(node.name.value);
      const fragment = fragments.find(({ name }) => name.value === node.name.value);
      if (fragment) yield* collectFields(fragment.selectionSet, fragments, variables, seen);
    }
  }
}

function toRootField(
  node: FieldNode,
  schema: GraphQLSchema,
  { operation }: OperationDefinitionNode,
  variables: Variables,
  regions: readonly Region[],
): RootField {
  const definition = schema.getRootType(operation)?.getFields()[node.name.value];
  const root = { key: (node.alias ?? node.name).value, node, definition, refusal: null };
  if (!definition || definition.name === "regions") return { ...root, regions: [] };
  const { region, regions: names, id } = getArgumentValues(definition, node, variables);
  try {
    if (definition.name === "node") return { ...root, regions: [parseFleetId(String(id), regions).region] };
    const wanted = typeof region === "string" ? [region] : (names as readonly string[] | null | undefined);
    return { ...root, regions: wanted ? chooseRegions(wanted, regions) : regions };
  } catch (error) {
    return { ...root, regions: [], refusal: toOpsError(error) };
  }
}

/** Whether the fleet answers it itself: `regions` and introspection. */
export function isOwn({ definition }: RootField): boolean {
  return !definition || definition.name === "regions";
}

/** `node(id:)` with the id that the object has in its region, and with the type of its answer. */
function withLocalId(
  { node, definition }: RootField,
  variables: Variables,
  regions: readonly Region[],
  typeKey: string,
): FieldNode {
  if (definition?.name !== "node" || !node.selectionSet || !node.arguments) return node;
  const { id } = parseFleetId(String(getArgumentValues(definition, node, variables)["id"]), regions);
  const type =
    typeKey === "__typename" ? typename : { ...typename, alias: { kind: Kind.NAME, value: typeKey } as const };
  return {
    ...node,
    arguments: node.arguments.map((given) => ({ ...given, value: { kind: Kind.STRING, value: id } })),
    selectionSet: { ...node.selectionSet, selections: [...node.selectionSet.selections, type] },
  };
}

const isOfFleets = (name: string) => name === "region" || name === "regions";

/** No gateway's schema has these names (schema.ts). */
function toSent(document: DocumentNode, variables: Variables): Pick<Question, "text" | "variables"> {
  const plain = visit(document, {
    Field: ({ name }) => (isOfFleets(name.value) ? null : undefined),
    Argument: ({ name }) => (isOfFleets(name.value) ? null : undefined),
    SelectionSet: {
      leave: (node) => (node.selections.length === 0 ? { ...node, selections: [typename] } : undefined),
    },
  });
  const [sent = plain] = Object.values(separateOperations(plain));
  const used = new Set<string>();
  visit(sent, { VariableDefinition: () => false, Variable: ({ name }) => void used.add(name.value) });
  const withUsed = visit(sent, {
    VariableDefinition: ({ variable }) => (used.has(variable.name.value) ? undefined : null),
  });
  return {
    text: stripIgnoredCharacters(print(withUsed)),
    variables: Object.fromEntries(Object.entries(variables).filter(([name]) => used.has(name))),
  };
}

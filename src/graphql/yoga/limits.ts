import { maxAliasesRule } from "@escape.tech/graphql-armor-max-aliases";
import { maxDepthRule } from "@escape.tech/graphql-armor-max-depth";
import { maxDirectivesRule } from "@escape.tech/graphql-armor-max-directives";
import { complexityFromQuery } from "@pothos/plugin-complexity";
import {
  type DocumentNode,
  type ExecutionArgs,
  getVariableValues,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
  validate,
  type ValidationContext,
  type ValidationRule,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { findExcess } from "../../lib/budget/json-size.ts";
import { OpsError } from "../../lib/errors.ts";
import type { Caller } from "../sources.ts";
import { hasLongIntrospection } from "./introspection.ts";
import { toRequestError } from "./use-budget.ts";

/**
 * Limits of /graphql. The complexity estimates the number of values in the answer; fields that load
 * from an upstream count more (their `complexity`).
 */
const limits = {
  tokens: 1000,
  depth: 8,
  aliases: 15,
  directives: 20,
  fields: 120,
  complexity: 100_000,
  rootFields: 20,
} as const;

/**
 * Characters and lines of a document: locating each error takes as long as the document has lines.
 */
const [maxCharacters, maxLines] = [20_000, 2000];
/**
 * How many errors of validation, or of variables, an answer has: each costs as much as a hundred
 * correct values.
 */
const maxErrors = 10;
/** Limits of the variables and the extensions, counted before they are coerced. */
const jsonLimits = { values: 2000, depth: 32 } as const;

/** How many values of the schema one operation may request: the usual query of tools has 13,000. */
const maxIntrospection = 20_000;

/**
 * graphql-js' suggestions compare each wrong name with the whole schema, and no client gets them
 * (`cleanRequestError`).
 */
const errorOptions = { maxErrors, hideSuggestions: true } as const;

/**
 * Refuses documents that would cost too much, before anything is queried, and introspection without
 * its scope. The rules depend on the principal, so their verdict must not be cached by document.
 */
export function useLimits(): Plugin<{ caller: Caller }> {
  return {
    onParams({ params, setResult }) {
      const excess = findTooMuch(params);
      if (excess) setResult({ errors: [excess] });
    },
    onParse({ parseFn, setParseFn }) {
      setParseFn((source: string, options: object) => parseFn(source, { ...options, maxTokens: limits.tokens }));
    },
    onValidate({ addValidationRule, setValidationFn, context }) {
      setValidationFn(validateWithin as never);
      const maySeeSchema = context.caller.principal.scopes.has("ops:introspect");
      for (const rule of listRules(maySeeSchema)) addValidationRule(rule);
    },
    onExecute({ args, setResultAndStopExecution }) {
      const cost = weigh(args);
      if (typeof cost !== "number") setResultAndStopExecution({ errors: [cost] });
    },
    onSubscribe({ args, setResultAndStopExecution }) {
      const cost = weigh(args);
      if (typeof cost !== "number") setResultAndStopExecution({ errors: [cost] });
    },
  };
}

/**
 * Which limit a request exceeds before its document is parsed and its variables are coerced; null
 * for none.
 */
export function findTooMuch({ query, variables, extensions }: Requested): GraphQLError | null {
  if (typeof query === "string") {
    if (query.length > maxCharacters) return tooMuch(`${query.length} characters, at most ${maxCharacters}`);
    const lines = query.split(/\r\n|[\n\r]/, maxLines + 1).length;
    if (lines > maxLines) return tooMuch(`more than ${maxLines} lines`);
  }
  for (const [name, value] of Object.entries({ variables, extensions })) {
    const excess = findExcess(value, jsonLimits);
    if (excess !== null) return tooMuch(`${name} with ${excess}`);
  }
  return null;
}

/** A request's body, which may be invalid. */
interface Requested {
  readonly query?: unknown;
  readonly variables?: unknown;
  readonly extensions?: unknown;
}

/** graphql-js' `validate`, which stops after a number of errors. */
export function validateWithin(schema: GraphQLSchema, document: DocumentNode, rules: readonly ValidationRule[]) {
  return validate(schema, document, rules, errorOptions);
}

/** The variables of an operation as its fields receive them, or the first errors. */
export function coerceVariables(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  sent: Readonly<Record<string, unknown>>,
) {
  return getVariableValues(schema, operation.variableDefinitions ?? [], sent, errorOptions);
}

/** The validation rules beyond those of GraphQL. Some throw instead of reporting their error. */
export function listRules(maySeeSchema: boolean): ValidationRule[] {
  // Introspection is deeper than our own queries; it has its own scope, and graphql-js limits its
  // depth.
  const refuse = { onReject: [tooComplex], exposeLimits: true };
  return [
    maxDepthRule({ n: limits.depth, ignoreIntrospection: true, flattenFragments: true, ...refuse }),
    maxAliasesRule({ n: limits.aliases, ...refuse }),
    maxDirectivesRule({ n: limits.directives, ...refuse }),
    rootFieldsRule,
    ...(maySeeSchema ? [] : [noIntrospectionRule]),
  ];
}

/**
 * Weighs the fields of a valid document with its arguments: returns its complexity, or the error
 * when the complexity or the number of fields is too high.
 */
export function weigh({
  schema,
  document,
  operationName,
  variableValues,
  contextValue,
}: ExecutionArgs): number | GraphQLError {
  const chosen = document.definitions.filter(
    (definition) =>
      definition.kind !== Kind.OPERATION_DEFINITION || !operationName || definition.name?.value === operationName,
  );
  const query = { ...document, definitions: chosen };
  const operation = getOperationAST(document, operationName);
  const { coerced, errors } = operation ? coerceVariables(schema, operation, variableValues ?? {}) : {};
  if (errors?.[0]) return withStatus(errors[0]);
  if (operation && hasLongIntrospection(schema, document, operation, coerced ?? {}, maxIntrospection)) {
    return tooMuch(`more than ${maxIntrospection} values of the schema: ask for fewer types, or for one by its name`);
  }
  try {
    const { complexity, breadth } = complexityFromQuery(query, {
      schema,
      variables: variableValues ?? {},
      ctx: contextValue as object,
    });
    if (complexity > limits.complexity) {
      return tooMuch(
        `complexity ${complexity}, at most ${limits.complexity}: ask for fewer ` +
          "fields, less `tail` and `first`, or one by its name",
      );
    }
    return breadth > limits.fields ? tooMuch(`${breadth} fields, at most ${limits.fields}`) : complexity;
  } catch (error) {
    // Variables that do not fit, or an invalid id: a request error, as the cost is unknown.
    if (error instanceof OpsError) return toRequestError(error);
    return error instanceof GraphQLError ? withStatus(error) : new GraphQLError("The operation cannot be run");
  }
}

/**
 * Whether an operation has more fields than allowed, counting those of each use of a fragment. Its
 * time depends only on the length of the document.
 */
export function hasTooManyFields({ definitions }: DocumentNode, operation: OperationDefinitionNode): boolean {
  const counts = new Map<string, number>();
  const count = ({ selections }: SelectionSetNode): number =>
    selections.reduce((sum, selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return sum + countOf(selection.name.value);
      const inner = selection.selectionSet ? count(selection.selectionSet) : 0;
      return sum + inner + (selection.kind === Kind.FIELD ? 1 : 0);
    }, 0);
  const countOf = (name: string): number => {
    const known = counts.get(name);
    if (known !== undefined) return known;
    const fragment = definitions.find((one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === name);
    const found = fragment && "selectionSet" in fragment ? count(fragment.selectionSet) : 0;
    counts.set(name, found);
    return found;
  };
  return count(operation.selectionSet) > limits.fields;
}

function withStatus({ message, nodes }: GraphQLError): GraphQLError {
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    extensions: { code: "GRAPHQL_VALIDATION_FAILED", http: { spec: true, status: 400 } },
  });
}

function tooMuch(what: string): GraphQLError {
  return new GraphQLError(`Query is too complex: ${what}`, {
    extensions: { code: "query_too_complex", http: { spec: true, status: 400 } },
  });
}

function tooComplex(_context: unknown, error: GraphQLError): never {
  throw tooMuch(error.message.replace(/^Syntax Error: /, ""));
}

/**
 * Allows at most 20 root fields in a query, and one in a mutation: five aliased restarts would be
 * five restarts.
 */
export function rootFieldsRule(context: ValidationContext) {
  return {
    OperationDefinition(operation: OperationDefinitionNode) {
      const count = countFields(context, operation.selectionSet.selections, new Map());
      const limit = operation.operation === OperationTypeNode.MUTATION ? 1 : limits.rootFields;
      if (count > limit)
        context.reportError(tooMuch(`${count} root fields, at most ${limit} in a ${operation.operation}`));
    },
  };
}

/**
 * `counts`: of the fragments. Each is counted once, however often it is used, as the number of uses
 * may double at each level.
 */
function countFields(
  context: ValidationContext,
  selections: OperationDefinitionNode["selectionSet"]["selections"],
  counts: Map<string, number>,
): number {
  let count = 0;
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) count += 1;
    else if (selection.kind === Kind.INLINE_FRAGMENT)
      count += countFields(context, selection.selectionSet.selections, counts);
    else count += countFragment(context, selection.name.value, counts);
  }
  return count;
}

function countFragment(context: ValidationContext, name: string, counts: Map<string, number>): number {
  const known = counts.get(name);
  if (known !== undefined) return known;
  // For a fragment that uses itself, which another rule refuses.
  counts.set(name, 0);
  const fragment = context.getFragment(name);
  const count = fragment ? countFields(context, fragment.selectionSet.selections, counts) : 0;
  counts.set(name, count);
  return count;
}

function noIntrospectionRule(context: ValidationContext) {
  return {
    Field(node: { name: { value: string } }) {
      if (node.name.value === "__schema" || node.name.value === "__type") {
        const extensions = { code: "forbidden", status: 403 };
        context.reportError(new GraphQLError("This token lacks the scope ops:introspect", { extensions }));
      }
    },
  };
}

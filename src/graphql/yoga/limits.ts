import { maxAliasesRule } from "@escape.tech/graphql-armor-max-aliases";
import { maxDepthRule } from "@escape.tech/graphql-armor-max-depth";
import { maxDirectivesRule } from "@escape.tech/graphql-armor-max-directives";
import { complexityFromQuery } from "@pothos/plugin-complexity";
import {
  type ExecutionArgs,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type ValidationContext,
  type ValidationRule,
} from "graphql";
import type { Plugin } from "graphql-yoga";
import { OpsError } from "../../lib/errors.ts";
import type { Caller } from "../sources.ts";
import { toRequestError } from "./use-budget.ts";

/** Limits of /graphql. The complexity is about the number of values in the answer; fields that load an upstream count more (their `complexity`). */
const limits = { tokens: 1000, depth: 8, aliases: 15, directives: 20, fields: 120, complexity: 100_000, rootFields: 20 } as const;

/**
 * Refuses documents that would cost too much, before anything is queried, and introspection without its scope. The rules depend on the principal, so their
 * verdict must not be cached by document.
 */
export function useLimits(): Plugin<{ caller: Caller }> {
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source: string, options: object) => parseFn(source, { ...options, maxTokens: limits.tokens }));
    },
    onValidate({ addValidationRule, context }) {
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

/** The rules of validation beside those of GraphQL. Some throw instead of reporting their error. */
export function listRules(maySeeSchema: boolean): ValidationRule[] {
  // Introspection is deeper than our own queries; it has its own scope, and graphql-js limits its depth.
  const refuse = { onReject: [tooComplex], exposeLimits: true };
  return [
    maxDepthRule({ n: limits.depth, ignoreIntrospection: true, flattenFragments: true, ...refuse }),
    maxAliasesRule({ n: limits.aliases, ...refuse }),
    maxDirectivesRule({ n: limits.directives, ...refuse }),
    rootFieldsRule,
    ...(maySeeSchema ? [] : [noIntrospectionRule]),
  ];
}

/** Weighs the fields of a valid document with its arguments: its complexity, or the error when that or the number of fields is too high. */
export function weigh({ schema, document, operationName, variableValues, contextValue }: ExecutionArgs): number | GraphQLError {
  const chosen = document.definitions.filter(
    (definition) => definition.kind !== Kind.OPERATION_DEFINITION || !operationName || definition.name?.value === operationName,
  );
  const query = { ...document, definitions: chosen };
  try {
    const { complexity, breadth } = complexityFromQuery(query, {
      schema,
      variables: variableValues ?? {},
      ctx: contextValue as object,
    });
    if (complexity > limits.complexity) {
      return tooMuch(
        `complexity ${complexity}, at most ${limits.complexity}: ask for fewer fields, less \`tail\` and \`first\`, or one by its name`,
      );
    }
    return breadth > limits.fields ? tooMuch(`${breadth} fields, at most ${limits.fields}`) : complexity;
  } catch (error) {
    // Variables that do not fit, or an invalid id: a request error, as the cost is not known.
    if (error instanceof OpsError) return toRequestError(error);
    return error instanceof GraphQLError ? withStatus(error) : new GraphQLError("The operation cannot be run");
  }
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

/** At most 20 root fields in a query, and one in a mutation: five aliased restarts would be five restarts. */
function rootFieldsRule(context: ValidationContext) {
  return {
    OperationDefinition(operation: OperationDefinitionNode) {
      const count = countFields(context, operation.selectionSet.selections, new Set());
      const limit = operation.operation === OperationTypeNode.MUTATION ? 1 : limits.rootFields;
      if (count > limit) context.reportError(tooMuch(`${count} root fields, at most ${limit} in a ${operation.operation}`));
    },
  };
}

function countFields(
  context: ValidationContext,
  selections: OperationDefinitionNode["selectionSet"]["selections"],
  seen: Set<string>,
): number {
  let count = 0;
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) count += 1;
    else if (selection.kind === Kind.INLINE_FRAGMENT) count += countFields(context, selection.selectionSet.selections, seen);
    else if (!seen.has(selection.name.value)) {
      const fragment = context.getFragment(selection.name.value);
      count += fragment ? countFields(context, fragment.selectionSet.selections, new Set([...seen, selection.name.value])) : 0;
    }
  }
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

import { maxAliasesRule } from "@escape.tech/graphql-armor-max-aliases";
import { maxDepthRule } from "@escape.tech/graphql-armor-max-depth";
import { maxDirectivesRule } from "@escape.tech/graphql-armor-max-directives";
import { createComplexityRule } from "@pothos/plugin-complexity";
import { GraphQLError, Kind, type OperationDefinitionNode, type ValidationContext, type ValidationRule } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { OpsContext } from "./context.ts";

/** Limits of the public door. Lists count ten times, samples and logs more (`complexity` of their fields). */
const limits = { tokens: 1000, depth: 8, aliases: 15, directives: 20, fields: 120, complexity: 5000, rootFields: 20 } as const;

/**
 * Refuses documents that would cost too much, before anything is asked, and introspection without its scope. The rules see the
 * principal and the variables, so their verdict must not be cached by document.
 */
export function useLimits(): Plugin<OpsContext> {
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source: string, options: object) => parseFn(source, { ...options, maxTokens: limits.tokens }));
    },
    onValidate({ addValidationRule, context }) {
      const { params, principal } = context;
      const maySeeSchema = principal.scopes.has("ops:introspect");
      // Introspection is deeper than any query of ours; its own depth is limited by graphql-js.
      const refuse = { onReject: [tooComplex], exposeLimits: true };
      addValidationRule(
        maxDepthRule({ n: limits.depth, ignoreIntrospection: maySeeSchema, flattenFragments: true, ...refuse }) as ValidationRule,
      );
      addValidationRule(maxAliasesRule({ n: limits.aliases, ...refuse }) as ValidationRule);
      addValidationRule(maxDirectivesRule({ n: limits.directives, ...refuse }) as ValidationRule);
      addValidationRule(
        createComplexityRule({
          context,
          variableValues: params.variables ?? {},
          operationName: params.operationName ?? null,
          validate({ complexity, breadth }, report) {
            if (complexity > limits.complexity) report(tooMuch(`complexity ${complexity}, at most ${limits.complexity}`));
            if (breadth > limits.fields) report(tooMuch(`${breadth} fields, at most ${limits.fields}`));
          },
        }),
      );
      addValidationRule(rootFieldsRule);
      if (!maySeeSchema) addValidationRule(noIntrospectionRule);
    },
  };
}

function tooMuch(what: string): GraphQLError {
  return new GraphQLError(`Query is too complex: ${what}`, { extensions: { code: "query_too_complex" } });
}

function tooComplex(_context: unknown, error: GraphQLError): never {
  throw tooMuch(error.message.replace(/^Syntax Error: /, ""));
}

/** At most 20 root fields in a query, and one in a mutation: five aliased restarts would be five restarts. */
function rootFieldsRule(context: ValidationContext) {
  return {
    OperationDefinition(operation: OperationDefinitionNode) {
      const count = countFields(context, operation.selectionSet.selections, new Set());
      const limit = operation.operation === "mutation" ? 1 : limits.rootFields;
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
        const extensions = { code: "forbidden" };
        context.reportError(new GraphQLError("This token lacks the scope ops:introspect", { extensions }));
      }
    },
  };
}

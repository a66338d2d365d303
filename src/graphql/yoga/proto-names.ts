import {
  type DocumentNode,
  GraphQLError,
  Kind,
  type ValidationContext,
  type VariableDefinitionNode,
  visit,
} from "graphql";
import type { Plugin } from "graphql-yoga";

/**
 * The one name that cannot be a key of an ordinary object: it sets the prototype. GraphQL allows it
 * for aliases and variables.
 */
const proto = "__proto__";

/** Whether some field of the document is returned under the key `__proto__`. */
export function hasProtoKey(document: DocumentNode): boolean {
  let found = false;
  visit(document, { [Kind.FIELD]: ({ name, alias }) => void (found ||= (alias ?? name).value === proto) });
  return found;
}

/**
 * Refuses a variable `$__proto__`: graphql-js stores variables in an ordinary object, which would
 * lose its value.
 */
export function useNoProtoVariable(): Plugin {
  return {
    onValidate: ({ addValidationRule }) => addValidationRule(noProtoVariableRule),
  };
}

export function noProtoVariableRule(context: ValidationContext) {
  return {
    VariableDefinition(node: VariableDefinitionNode) {
      if (node.variable.name.value === proto) {
        context.reportError(new GraphQLError(`A variable cannot have the name "$${proto}".`, { nodes: node }));
      }
    },
  };
}

import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getArgumentValues,
  getNamedType,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  SchemaMetaFieldDef,
  type SelectionSetNode,
  TypeMetaFieldDef,
} from "graphql";

type Variables = Readonly<Record<string, unknown>>;

/**
 * Whether an operation requests more than `most` values of the schema itself. Introspection runs in
 * one piece, and its lists are as long as the schema, which our estimates do not cover: so this
 * counts them with the resolvers of graphql-js until it reaches the limit. For a valid operation
 * with coerced variables.
 */
export function hasLongIntrospection(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  most: number,
): boolean {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const one of document.definitions) if (one.kind === Kind.FRAGMENT_DEFINITION) fragments.set(one.name.value, one);
  const root = schema.getRootType(operation.operation);
  const info = { schema } as GraphQLResolveInfo;
  let left = most;

  const findField = (type: GraphQLObjectType, name: string): GraphQLField<unknown, unknown> | undefined => {
    if (type !== root) return type.getFields()[name];
    return [SchemaMetaFieldDef, TypeMetaFieldDef].find((field) => field.name === name);
  };
  /** A spread counts too: there may be many more of them than fields. */
  const exceeds = ({ selections }: SelectionSetNode, type: GraphQLObjectType, source: unknown): boolean =>
    selections.some((node) => {
      left -= 1;
      if (left < 0) return true;
      if (node.kind === Kind.INLINE_FRAGMENT) return exceeds(node.selectionSet, type, source);
      if (node.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments.get(node.name.value);
        return fragment !== undefined && exceeds(fragment.selectionSet, type, source);
      }
      const { selectionSet } = node;
      const field = selectionSet && findField(type, node.name.value);
      if (!selectionSet || !field?.resolve) return false;
      const value = field.resolve(source, getArgumentValues(field, node, variables), undefined, info);
      const listed: readonly unknown[] = Array.isArray(value) ? value : [value];
      const inner = getNamedType(field.type) as GraphQLObjectType;
      return listed.some((one) => one !== null && one !== undefined && exceeds(selectionSet, inner, one));
    });
  return root ? exceeds(operation.selectionSet, root, undefined) : false;
}

import {
  type DocumentNode,
  type FieldNode,
  type GraphQLEnumType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  type SelectionSetNode,
  Kind,
  getNamedType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
} from "graphql";

export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly format?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: JsonSchema | boolean;
  /** Ours, removed by `shareNamed`: a field that a directive may omit. */
  readonly optional?: true;
  /** Ours, removed by `shareNamed`: what it is as a schema of its own, a GraphQL type. */
  readonly named?: { readonly name: string; readonly description: string };
}

/** JSON Schema (2020-12) of the `data` from a document with one operation. */
export function toDataSchema(schema: GraphQLSchema, document: DocumentNode): JsonSchema {
  const operation = document.definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const root = operation && schema.getRootType(operation.operation);
  if (!root) throw new Error("Document without an operation");
  return toObject(root, operation.selectionSet);
}

function toObject(type: GraphQLOutputType, { selections }: SelectionSetNode): JsonSchema {
  if (!isObjectType(type)) throw new Error(`${String(type)} is not an object type`);
  const fields = selections.filter((selection): selection is FieldNode => selection.kind === Kind.FIELD);
  const properties: Record<string, JsonSchema> = {};
  for (const node of fields) {
    const definition = type.getFields()[node.name.value];
    if (!definition) throw new Error(`${type.name} has no field ${node.name.value}`);
    const described = {
      ...toValue(definition.type, node.selectionSet),
      ...(definition.description && { description: definition.description }),
    };
    properties[node.alias?.value ?? node.name.value] = node.directives?.length
      ? { ...described, optional: true }
      : described;
  }
  const required = Object.entries(properties).flatMap(([name, { optional }]) => (optional ? [] : [name]));
  return { type: "object", properties, required, named: toNamed(type) };
}

function toNamed({ name, description }: GraphQLObjectType | GraphQLEnumType) {
  return { name, description: description ?? name };
}

function toValue(type: GraphQLOutputType, selections: SelectionSetNode | undefined): JsonSchema {
  if (isNonNullType(type)) return toPresent(type.ofType, selections);
  const present = toPresent(type, selections);
  return { ...present, type: [present.type as string, "null"], ...(present.enum && { enum: [...present.enum, null] }) };
}

const scalars: Readonly<Record<string, JsonSchema>> = {
  ID: { type: "string" },
  String: { type: "string" },
  DateTime: { type: "string", format: "date-time" },
  Int: { type: "integer" },
  Float: { type: "number" },
  Boolean: { type: "boolean" },
};

function toPresent(type: GraphQLOutputType, selections: SelectionSetNode | undefined): JsonSchema {
  if (isListType(type)) return { type: "array", items: toValue(type.ofType, selections) };
  if (selections) return toObject(type, selections);
  if (isEnumType(type)) {
    return { type: "string", enum: type.getValues().map(({ value }): unknown => value), named: toNamed(type) };
  }
  const schema = scalars[getNamedType(type).name];
  if (!schema) throw new Error(`No JSON Schema for ${String(type)}`);
  return schema;
}

/**
 * The same schema with a `$ref` in place of each named one, which goes into `components`. Throws
 * when two different schemas have one name: then one of them needs another.
 */
export function shareNamed(schema: JsonSchema, components: Map<string, JsonSchema>): JsonSchema {
  const { named, optional: _, items, properties, ...rest } = schema;
  const own: JsonSchema = {
    ...rest,
    ...(items && { items: shareNamed(items, components) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, property]) => [name, shareNamed(property, components)]),
      ),
    }),
  };
  if (!named) return own;
  const { description, type, enum: values, ...shape } = own;
  const component: JsonSchema = {
    type: [type].flat()[0] as string,
    description: named.description,
    ...(values && { enum: values.filter((value) => value !== null) }),
    ...shape,
  };
  const known = components.get(named.name);
  if (known && JSON.stringify(known) !== JSON.stringify(component))
    throw new Error(`Two schemas are named ${named.name}`);
  components.set(named.name, component);
  const reference: JsonSchema = { $ref: `#/components/schemas/${named.name}` };
  return {
    ...(Array.isArray(type) ? { anyOf: [reference, { type: "null" }] } : reference),
    ...(description !== undefined && { description }),
  };
}

import {
  findBreakingChanges,
  findDangerousChanges,
  type GraphQLInputType,
  type GraphQLSchema,
  isInputObjectType,
} from "graphql";

interface Change {
  readonly type: string;
  readonly description: string;
}

/** Changes that break no client that follows the rules of GraphQL. */
const harmless: ReadonlySet<string> = new Set([
  "OPTIONAL_ARG_ADDED",
  "OPTIONAL_INPUT_FIELD_ADDED",
  "IMPLEMENTED_INTERFACE_ADDED",
]);

/**
 * The schema coordinates of all that a client may notice and that a text does not name in
 * backquotes: `Type`, `Type.field`, `Type.field(arg:)`, `Enum.VALUE`.
 */
export function findUnnamedChanges(before: GraphQLSchema, after: GraphQLSchema, text: string): readonly string[] {
  const changes: readonly Change[] = [...findBreakingChanges(before, after), ...findDangerousChanges(before, after)];
  const changed = changes.filter(({ type }) => !harmless.has(type)).map(toCoordinate);
  const names = new Set([...changed, ...findChangedDefaults(before, after)]);
  return [...names].filter((name) => !text.includes(`\`${name}\``)).toSorted();
}

/** How graphql words each change, and the coordinate of it. */
const forms: readonly (readonly [RegExp, (...parts: string[]) => string])[] = [
  [/^(\w+) was (?:removed from|added to) enum type (\w+)\.$/, (value, type) => `${type}.${value}`],
  [/^\w+ was (?:removed from|added to) union type (\w+)\.$/, (type) => type],
  [/^A required arg (\w+) on (\w+\.\w+) was added\.$/, (arg, field) => `${field}(${arg}:)`],
  [/^A required field (\w+) on input type (\w+) was added\.$/, (field, type) => `${type}.${field}`],
  [/^(\w+\.\w+) arg (\w+) /, (field, arg) => `${field}(${arg}:)`],
  [/^([A-Z]\w*(?:\.\w+)?) (?:was removed|changed|no longer implements) ?/, (name) => name],
  [/^(\w+) was removed\.$/, (directive) => `@${directive}`],
];

/** Of the change that graphql describes in words. */
function toCoordinate({ type, description }: Change): string {
  for (const [form, toName] of forms) {
    const found = form.exec(description);
    if (found) return toName(...found.slice(1));
  }
  throw new TypeError(`A change of an unknown kind, ${type}: ${description}`);
}

/** Fields of input types, which graphql does not compare. */
function findChangedDefaults(before: GraphQLSchema, after: GraphQLSchema): string[] {
  return Object.values(before.getTypeMap()).flatMap((type) => {
    const now = after.getType(type.name);
    if (!isInputObjectType(type) || !isInputObjectType(now)) return [];
    const fields = now.getFields();
    return Object.values(type.getFields()).flatMap((field) => {
      const other = fields[field.name];
      return other && toDefault(other) !== toDefault(field) ? `${type.name}.${field.name}` : [];
    });
  });
}

function toDefault(field: { readonly type: GraphQLInputType; readonly defaultValue?: unknown }): string {
  return JSON.stringify(field.defaultValue) ?? "";
}

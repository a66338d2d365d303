import {
  type DocumentNode,
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLOutputType,
  Kind,
  type SelectionSetNode,
  TypeNameMetaFieldDef,
} from "graphql";
import { findScope } from "../scopes.ts";

/** Pothos' notes on a field. */
interface FieldExtensions {
  /** The property of the row that it exposes. */
  readonly pothosExposedField?: string;
  readonly pothosResolveWrapped?: boolean;
  /** See `ofRow` in builder.ts. */
  readonly isOfRow?: boolean;
}

/** A selected field of an object. */
export interface SelectedField {
  /** Its name in the answer. */
  readonly key: string;
  readonly name: string;
  readonly node: FieldNode;
  /** Undefined for a field that the object does not have. */
  readonly type: GraphQLOutputType | undefined;
  /** The property of the row that it exposes; null for any other field. */
  readonly property: string | null;
  /** Whether it depends only on the row. */
  readonly isOfRow: boolean;
  readonly selectionSet: SelectionSetNode | undefined;
}

/**
 * The fields of a selection, with fragments resolved. Null for a fragment on another type, or one
 * that is used twice: the number of uses may double at each level. Ignores directives.
 */
export function listFields(
  document: DocumentNode,
  { selections }: SelectionSetNode,
  parent: GraphQLObjectType | null | undefined,
  used = new Set<string>(),
): SelectedField[] | null {
  const fields: SelectedField[] = [];
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      const { name, alias, selectionSet } = selection;
      const field = name.value === "__typename" ? TypeNameMetaFieldDef : parent?.getFields()[name.value];
      const {
        pothosExposedField,
        pothosResolveWrapped,
        isOfRow = false,
      } = (field?.extensions ?? {}) as FieldExtensions;
      const needsScope = (parent && findScope(parent) !== null) || (field && findScope(field) !== null);
      const isPlain = field !== undefined && pothosResolveWrapped === false && !needsScope;
      const property = isPlain ? (pothosExposedField ?? null) : null;
      fields.push({
        key: (alias ?? name).value,
        name: name.value,
        node: selection,
        type: field?.type,
        property,
        isOfRow: property !== null || (isPlain && isOfRow),
        selectionSet,
      });
      continue;
    }
    const fragment = selection.kind === Kind.INLINE_FRAGMENT ? selection : findFragment(document, selection.name.value);
    if (!fragment || (selection.kind === Kind.FRAGMENT_SPREAD && used.has(selection.name.value))) return null;
    if (selection.kind === Kind.FRAGMENT_SPREAD) used.add(selection.name.value);
    if (fragment.typeCondition && fragment.typeCondition.name.value !== parent?.name) return null;
    const inner = listFields(document, fragment.selectionSet, parent, used);
    if (!inner) return null;
    fields.push(...inner);
  }
  return fields;
}

function findFragment({ definitions }: DocumentNode, name: string) {
  for (const definition of definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION && definition.name.value === name) return definition;
  }
  return null;
}

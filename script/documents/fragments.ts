import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from "graphql";
import { toSnakeCase } from "../../src/lib/text.ts";

/** A file with documents, as codegen passes it on. */
interface File {
  readonly document?: DocumentNode;
}

interface Fragments {
  readonly byName: ReadonlyMap<string, FragmentDefinitionNode>;
  /** What an answer calls a field that a fragment brings. */
  readonly nameField: (name: string) => string;
}

/**
 * Writes the fields of each fragment in the place of its name: what a document asks for is then
 * read from its operation alone. A field that the document itself asks for stays as it says.
 *
 * @param isSnakeCase whether a field that a fragment brings has its name as REST writes it
 */
export function inlineFragments(isSnakeCase: boolean) {
  return {
    transform<Own extends File>({ documents }: { readonly documents: readonly Own[] }): Own[] {
      const definitions = documents.flatMap(({ document }) => document?.definitions ?? []);
      const fragments = definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION);
      const known: Fragments = {
        byName: new Map(fragments.map((one) => [one.name.value, one])),
        nameField: isSnakeCase ? toSnakeCase : (name) => name,
      };
      return documents.flatMap((file) => {
        const document = file.document && inline(file.document, known);
        return document && document.definitions.length > 0 ? [{ ...file, document }] : [];
      });
    },
  };
}

/** The operations of a document, without fragments. */
function inline(document: DocumentNode, fragments: Fragments): DocumentNode {
  const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  return visit(
    { ...document, definitions: operations },
    { SelectionSet: (set: SelectionSetNode) => ({ ...set, selections: toFields(set.selections, fragments) }) },
  );
}

function toFields(selections: readonly SelectionNode[], fragments: Fragments): readonly SelectionNode[] {
  const own = new Set(selections.flatMap((one) => (one.kind === Kind.FIELD ? [one.name.value] : [])));
  return selections.flatMap((one): readonly SelectionNode[] => {
    if (one.kind !== Kind.FRAGMENT_SPREAD) return [one];
    const fragment = fragments.byName.get(one.name.value);
    if (!fragment) throw new Error(`No fragment ${one.name.value}`);
    return toFields(fragment.selectionSet.selections, fragments).flatMap((field): readonly SelectionNode[] => {
      if (field.kind !== Kind.FIELD) return [field];
      return own.has(field.name.value) ? [] : [toNamed(field, fragments)];
    });
  });
}

function toNamed(field: FieldNode, { nameField }: Fragments): FieldNode {
  const { name, alias } = field;
  const shown = nameField(name.value);
  return alias || shown === name.value ? field : { ...field, alias: { kind: Kind.NAME, value: shown } };
}

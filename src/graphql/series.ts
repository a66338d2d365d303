import type { Builder } from "./builder.ts";

/** The numbers that a series field has, by their name in a point: the field that each had to itself, and what it is. */
export type SeriesKinds<Name extends string> = {
  readonly [Kind in Name]?: { readonly own: string; readonly about: string };
};

type Kinds = Readonly<Record<string, { readonly own: string; readonly about: string }>>;

/** Pairs of a kind and what is known of it. */
export function listKinds<All extends Kinds>(kinds: All) {
  return Object.entries(kinds) as unknown as readonly [keyof All & string, All[keyof All]][];
}

/** `cpuPct` as GraphQL writes it in an enum: `CPU_PCT`. */
function toEnumName(kind: string): string {
  return kind.replaceAll(/[A-Z]/g, "_$&").toUpperCase();
}

/** The enum of the argument `kind`; its values are the names in a point. */
export function toSeriesKind<All extends Kinds>(builder: Builder, name: string, kinds: All) {
  const values = listKinds(kinds).map(([value, { about }]) => [toEnumName(value), { value, description: about }]);
  return builder.enumType(name, {
    description: "Which number a series has.",
    values: Object.fromEntries(values) as Record<string, { value: keyof All & string; description: string }>,
  });
}

/** Why the field of a single number is deprecated. */
export function toSuccessor(field: string, kind: string): string {
  return `Use \`${field}(kind: ${toEnumName(kind)})\`.`;
}

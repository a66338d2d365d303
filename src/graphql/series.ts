import type { Builder } from "./builder.ts";
import { toEnumValues } from "./scalars.ts";

/** A number with a series. */
export interface SeriesKind<Name extends string> {
  /** Its field in a point. */
  readonly value: Name;
  /** The separate field for this number. */
  readonly own: string;
  readonly about: string;
}

/** The enum of the argument `kind`. */
export function toSeriesKind<Kind extends string>(
  builder: Builder,
  name: string,
  kinds: Readonly<Record<Kind, SeriesKind<string>>>,
) {
  const about = Object.entries<SeriesKind<string>>(kinds).map(([kind, one]) => [kind, one.about]);
  const values = toEnumValues<Kind>(Object.fromEntries(about) as Record<Kind, string>);
  return builder.enumType(name, { description: "Which number a series has.", values });
}

/** Why the field of a single number is deprecated. */
export function toSuccessor(field: string, kind: string): string {
  return `Use \`${field}(kind: ${kind.toUpperCase()})\`.`;
}

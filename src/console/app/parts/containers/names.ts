import type { ContainerRowFragment } from "../../../../generated/console.ts";

/** Texts to search, once for each row: a change of a container makes a new row. */
const texts = new WeakMap<ContainerRowFragment, string>();

function toText(row: ContainerRowFragment): string {
  let text = texts.get(row);
  if (text === undefined) {
    const { name, role, service, version, status, health, engine, host, env, destination } = row;
    const words = [name, role, service, version, status, engine, host, env, destination];
    // Nobody searches for "none" to find containers without a health check.
    text = [...words, health === "NONE" ? null : health].filter(Boolean).join(" ").toLowerCase();
    texts.set(row, text);
  }
  return text;
}

export interface ContainerFilter {
  /** Words that all must occur in the name, role, release, host, engine, status or health. */
  readonly query: string;
  readonly role: string | null;
  readonly isCoreOnly: boolean;
}

/** The rows that match, in their order. */
export function filterContainers(
  rows: readonly ContainerRowFragment[],
  { query, role, isCoreOnly }: ContainerFilter,
): readonly ContainerRowFragment[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (isCoreOnly && row.kind !== "CORE") return false;
    if (role !== null && row.role !== role) return false;
    return words.every((word) => toText(row).includes(word));
  });
}

const kinds = ["CORE", "ACCESSORY", "OTHER"];

/** The product's containers first, then what runs beside it; by service and role, else as given. */
export function orderByRole(rows: readonly ContainerRowFragment[]): readonly ContainerRowFragment[] {
  return rows.toSorted(
    (one, other) =>
      kinds.indexOf(one.kind) - kinds.indexOf(other.kind) ||
      compare(one.service ?? "", other.service ?? "") ||
      compare(one.role, other.role),
  );
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

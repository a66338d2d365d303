/** The environments that the contract knows. */
export const environments = ["staging", "production"] as const;
export type Environment = (typeof environments)[number];

/** Environments of Kamal destinations (WALLET_CORE_OPS_DESTINATIONS), by the destination in lower case. */
export type Destinations = ReadonlyMap<string, Environment>;

/** Words that mean an environment unless the configuration says otherwise. */
const words: ReadonlyMap<string, Environment> = new Map([
  ["staging", "staging"],
  ["stage", "staging"],
  ["stg", "staging"],
  ["production", "production"],
  ["prod", "production"],
  ["prd", "production"],
]);

/** The environment of a Kamal destination, in any case; null for one that is not known. */
export function toEnvironment(destination: string | null | undefined, destinations: Destinations): Environment | null {
  const word = destination?.toLowerCase() ?? "";
  return destinations.get(word) ?? words.get(word) ?? null;
}

/**
 * The environments that the segments of a name mention, each once: `wallet-core-staging` says staging. Only the common words count, for a destination
 * that a team made up (`beta`) may be a part of any name.
 */
export function findEnvironments(name: string | undefined, destinations: Destinations): Environment[] {
  const segments = (name ?? "").toLowerCase().split(/[-_.]/);
  return [...new Set(segments.flatMap((word) => (words.has(word) ? (toEnvironment(word, destinations) ?? []) : [])))];
}

/** The environments of the contract. */
export const environments = ["staging", "production"] as const;
export type Environment = (typeof environments)[number];

/**
 * Environments of Kamal destinations (WALLET_CORE_OPS_DESTINATIONS), by the destination in lower
 * case.
 */
export type Destinations = ReadonlyMap<string, Environment>;

/** Words for an environment, unless the configuration says otherwise. */
const words: ReadonlyMap<string, Environment> = new Map([
  ["staging", "staging"],
  ["stage", "staging"],
  ["stg", "staging"],
  ["production", "production"],
  ["prod", "production"],
  ["prd", "production"],
]);

/**
 * The environment that a person means: `prod`, `Production`, `stg` ...; null for another word.
 * Ignores case. For configuration and commands: REST and GraphQL have two values.
 */
export function parseEnvironment(text: string): Environment | null {
  return words.get(text.toLowerCase()) ?? null;
}

/** Ignores case; null for an unknown destination. */
export function toEnvironment(destination: string | null | undefined, destinations: Destinations): Environment | null {
  const word = destination?.toLowerCase() ?? "";
  return destinations.get(word) ?? parseEnvironment(word);
}

/**
 * The environments in the segments of a name, each once: `wallet-core-staging` gives staging. Only
 * the common words count, because a team's own destination (`beta`) may be part of any name.
 */
export function findEnvironments(name: string | undefined, destinations: Destinations): Environment[] {
  const segments = (name ?? "").toLowerCase().split(/[-_.]/);
  return [...new Set(segments.flatMap((word) => (words.has(word) ? (toEnvironment(word, destinations) ?? []) : [])))];
}

/** The environments that the contract knows. */
export const environments = ["staging", "production"] as const;
export type Environment = (typeof environments)[number];

/** Whether two things may be of one environment: what is of no known one may be of any. */
export function mayBeSame(a: Environment | null, b: Environment | null): boolean {
  return a === null || b === null || a === b;
}

const aliases: Record<string, Environment> = {
  staging: "staging",
  stg: "staging",
  production: "production",
  prod: "production",
  prd: "production",
};

/** `staging|stg` and `production|prod|prd`, in any case, as an environment; anything else is null. */
export function toEnvironment(text: string | null | undefined): Environment | null {
  return text && Object.hasOwn(aliases, text.toLowerCase()) ? (aliases[text.toLowerCase()] ?? null) : null;
}

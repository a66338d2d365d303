import type { Environment } from "../domain/environment.ts";
import type { Principal } from "../domain/principal.ts";
import { OpsError } from "../errors.ts";

/** Throws forbidden for an environment that the token does not list. */
export function requireEnvironments(
  { environments }: Principal,
  wanted: Environment | readonly Environment[] | null | undefined,
): void {
  const other = [wanted ?? []].flat().find((environment) => !environments.has(environment));
  if (other) throw new OpsError("forbidden", `This token does not cover ${other}`);
}

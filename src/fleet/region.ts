import { OpsError } from "../lib/errors.ts";

/** A gateway that the fleet asks. */
export interface Region {
  readonly name: string;
  /** Its address; what it is behind may add a path. */
  readonly url: string;
}

/** The global id of an object of a region: names of regions have no dot. */
export function toFleetId(region: string, id: string): string {
  return `${region}.${id}`;
}

/** The region of a global id, and the id there. Throws invalid_request. */
export function parseFleetId(id: string, regions: readonly Region[]): { readonly region: Region; readonly id: string } {
  const dot = id.indexOf(".");
  const region = regions.find(({ name }) => name === id.slice(0, Math.max(0, dot)));
  if (!region) throw new OpsError("invalid_request", "id is not an id of this fleet");
  return { region, id: id.slice(dot + 1) };
}

/**
 * The regions of these names, in the configured order. Throws invalid_request for a name without a
 * region.
 */
export function chooseRegions(names: readonly string[], regions: readonly Region[]): readonly Region[] {
  const unknown = names.find((name) => !regions.some((region) => region.name === name));
  if (unknown === undefined) return regions.filter(({ name }) => names.includes(name));
  const known = regions.map(({ name }) => name).join(", ");
  throw new OpsError(
    "invalid_request",
    `No region is called ${JSON.stringify(unknown.slice(0, 64))}: the regions are ${known}`,
  );
}

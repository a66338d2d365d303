import * as z from "zod";
import { environments } from "../../lib/environment.ts";

/** Arguments that several tools have. A name is a text of one line. */
export const name = z.string().min(1).max(255);
export const env = z.enum(environments).optional();
export const engine = name.optional();
export const accessories = z.boolean().optional();
/** RFC 3339 or an age: what is said of one holds for all. */
export const time = z.string().min(1).max(40).optional();
export const since = time.describe("RFC 3339 or an age: 2h");
export const fingerprint = z.string().regex(/^[0-9a-f]{12}$/, "must be 12 hex digits");

/** How many rows at most. */
export function limit(usual: number, most: number) {
  return z.int().min(1).max(most).default(usual);
}

import * as z from "zod";
import { common, identifier, sqlText } from "../config-parts.ts";

/** River (riverqueue.com), schema of its migration 4 (2024) or newer. */
export const riverConfig = z.strictObject({
  ...common,
  kind: z.literal("river"),
  schema: identifier,
  /** What a queue of ours is: River's queue, or the kind of the job. */
  by: z.enum(["queue", "kind"]),
  names: z.array(sqlText).max(1000).optional(),
});

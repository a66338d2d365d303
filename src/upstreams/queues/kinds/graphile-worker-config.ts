import * as z from "zod";
import { common, identifier, sqlText } from "../config-parts.ts";

/** graphile-worker 0.16 or newer. */
export const graphileWorkerConfig = z.strictObject({
  ...common,
  kind: z.literal("graphile-worker"),
  /** Where it is installed; `graphile_worker` unless it was told otherwise. */
  schema: identifier,
  names: z.array(sqlText).max(1000).optional(),
});

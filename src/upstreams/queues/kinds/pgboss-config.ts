import * as z from "zod";
import { common, identifier, sqlText } from "../config-parts.ts";

/** pg-boss (timgit/pg-boss) 10 or newer. */
export const pgbossConfig = z.strictObject({
  ...common,
  kind: z.literal("pgboss"),
  /** Where it is installed; `pgboss` unless it was told otherwise. */
  schema: identifier,
  names: z.array(sqlText).max(1000).optional(),
});

import * as z from "zod";
import { environments } from "../../domain/environment.ts";

/** Text that PostgreSQL can hold: well-formed and without the zero character. */
export const sqlText = z
  .string()
  .min(1, "must not be empty")
  .refine((text) => text.isWellFormed() && !text.includes("\0"), "must be well-formed text without U+0000");

/** Name of a column or schema, exactly as in the database. */
export const identifier = sqlText.refine(fits, "must be at most 63 bytes long");

/** What every kind has. */
export const common = {
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][\w.:-]{0,63}$/,
      "must be 1 to 64 letters, digits, '.', ':', '_' or '-', and start with a letter or digit",
    ),
  env: z.enum(environments).optional(),
};

/** PostgreSQL cuts longer names, which would then mean something else. */
export function fits(name: string): boolean {
  return Buffer.byteLength(name) <= 63;
}

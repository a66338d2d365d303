import * as z from "zod";
import { environments } from "../../domain/environment.ts";
import { parseTableName } from "./sql.ts";

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

const statuses = z.array(z.union([sqlText, z.int()], "must be a text or an integer")).min(1, "must not be empty");
const lists = ["waiting", "active", "done", "failed"] as const;

/** A table with one row for each job, which stays there for at least an hour after it ended. */
export const tableConfig = z
  .strictObject({
    ...common,
    kind: z.literal("table"),
    table: sqlText.refine(isTableName, "must be table or schema.table (in double quotes where a part holds a dot)"),
    queue: z.union(
      [z.strictObject({ name: sqlText }), z.strictObject({ column: identifier, names: z.array(sqlText).max(1000).optional() })],
      'must be {"name": ...}, or {"column": ...} with an optional list of known "names"',
    ),
    id: identifier,
    status: identifier,
    waiting: statuses,
    active: statuses.optional(),
    done: statuses,
    failed: statuses,
    run_at: identifier.optional(),
    finished_at: identifier,
    error: identifier.optional(),
    worker: z
      .strictObject({
        column: identifier,
        form: sqlText
          .refine((form) => form.split("{host}").length === 2, "must have {host} once")
          .refine((form) => !/\}\{/.test(form), "must have a character between {host} and {n}")
          .refine((form) => !/\{(?!host\}|n\})/.test(form), "knows no other places than {host} and {n}")
          .optional(),
      })
      .optional(),
    started_at: identifier.optional(),
  })
  .check(
    z.refine(({ worker, active }) => !worker || active, {
      path: ["worker"],
      message: 'needs "active": the statuses of running jobs',
    }),
  )
  .check(z.superRefine(refuseSharedStatuses, { when: () => true }));

export type TableSourceConfig = Readonly<z.infer<typeof tableConfig>>;

/** PostgreSQL cuts longer names, which would then mean something else. */
function fits(name: string): boolean {
  return Buffer.byteLength(name) <= 63;
}

function isTableName(text: string): boolean {
  const name = parseTableName(text);
  return name !== null && fits(name.table) && fits(name.schema ?? "");
}

/** A status in two lists would count one job twice. Runs beside other mistakes, hence on values of any shape. */
function refuseSharedStatuses(source: unknown, context: z.RefinementCtx): void {
  const seen = new Map<unknown, string>();
  for (const list of lists) {
    const values: unknown = (source as Record<string, unknown> | null)?.[list];
    for (const value of Array.isArray(values) ? new Set(values as unknown[]) : []) {
      const other = seen.get(value);
      if (other !== undefined)
        context.addIssue({ code: "custom", path: [list], message: `has ${JSON.stringify(value)}, which ${other} has too` });
      seen.set(value, list);
    }
  }
}

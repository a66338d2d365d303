import * as z from "zod";
import { parseTableName } from "../../postgres/names.ts";
import { common, fits, identifier, sqlText } from "../../system.ts";
import { explainCondition } from "./condition.ts";

export const epochUnits = ["seconds", "milliseconds", "microseconds"] as const;

const oneStatus = z.union([sqlText, z.int()], "must be a text or an integer");
const statuses = z.array(oneStatus).min(1, "must not be empty");
/**
 * As an IANA name with its area: PostgreSQL reads a short name such as CET as a fixed offset, and
 * the sign of `+02` the other way round.
 */
const zoneName = /^(?:UTC|[A-Za-z][\w+-]*(?:\/[A-Za-z][\w+-]*)+)$/;
/** Keys and positions: `0.message`, `-1.error.text`. */
const errorPath = /^[^.]+(?:\.[^.]+)*$/;
const lists = ["waiting", "retrying", "active", "done", "failed"] as const;

/** A table with one row for each job, which stays for at least an hour after the job ended. */
const mapping = z.strictObject({
  ...common,
  kind: z.literal("table"),
  table: sqlText.refine(isTableName, "must be table or schema.table (in double quotes where a part holds a dot)"),
  queue: z.union(
    [
      z.strictObject({ name: sqlText }),
      z.strictObject({ column: identifier, names: z.array(sqlText).max(1000).optional() }),
    ],
    'must be {"name": ...}, or {"column": ...} with an optional list of known "names"',
  ),
  /** An SQL condition for the rows that are jobs of this source. @default all */
  where: sqlText.max(2000).superRefine(refuseCondition).optional(),
  /**
   * The zone in which columns of type `timestamp` are written. @default UTC, and then the numbers
   * are not exact
   */
  time_zone: sqlText.refine(isTimeZone, "must be UTC, or an IANA name such as Europe/Berlin").optional(),
  /** The unit of times that are numbers: since 1970. */
  epoch: z.enum(epochUnits).optional(),
  id: identifier,
  status: identifier,
  waiting: statuses,
  /** Failed and to run again: they count as waiting too. */
  retrying: statuses.optional(),
  active: statuses.optional(),
  done: statuses,
  failed: statuses,
  /** Those of `failed` that will not be retried. */
  dead: statuses.optional(),
  run_at: identifier.optional(),
  finished_at: identifier,
  error: z
    .union(
      [
        identifier,
        z.strictObject({
          column: identifier,
          /**
           * Where the text is in a json, jsonb or array column; of an array on the way the last
           * element, unless the path has a position.
           */
          path: sqlText.max(500).regex(errorPath, 'must be keys and positions with dots between, such as "0.message"'),
        }),
      ],
      'must be a column, or {"column": ..., "path": ...}',
    )
    .optional(),
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
  attempts: identifier.optional(),
  /** What else a job has, where it is read by itself. */
  type: identifier.optional(),
  priority: identifier.optional(),
  created_at: identifier.optional(),
  max_attempts: identifier.optional(),
  args: identifier.optional(),
  /** What operators may do, where JOBS=on; nothing if absent. */
  control: z
    .strictObject({
      /**
       * `status` is one of `waiting` or `retrying`; `reset` lists columns to set to null;
       * `attempts` is its new value.
       */
      retry: z
        .strictObject({
          status: oneStatus,
          reset: z.array(identifier).max(20).optional(),
          attempts: z.int().min(0).max(32_767).optional(),
        })
        .optional(),
      /** A status that no worker takes. */
      discard: z.strictObject({ status: oneStatus }).optional(),
    })
    .optional(),
});

export const tableConfig = mapping
  .check(
    z.refine(({ worker, active }) => !worker || active, {
      path: ["worker"],
      message: 'needs "active": the statuses of running jobs',
    }),
  )
  .check(
    z.refine(({ dead = [], failed }) => dead.every((status) => has(failed, status)), {
      path: ["dead"],
      message: 'must be some of "failed"',
    }),
  )
  .check(z.superRefine(refuseControl))
  .check(z.superRefine(refuseSharedStatuses, { when: () => true }));

export type TableSourceConfig = Readonly<z.infer<typeof tableConfig>>;
export type Status = z.infer<typeof oneStatus>;

/**
 * Whether a list has the status: 1 and "1" are the same one, for PostgreSQL compares both as the
 * type of the column.
 */
export function has(list: readonly Status[], status: Status): boolean {
  return list.some((one) => String(one) === String(status));
}

function refuseCondition(text: string, context: z.RefinementCtx): void {
  const message = explainCondition(text);
  if (message !== null) context.addIssue({ code: "custom", message });
}

function isTimeZone(name: string): boolean {
  try {
    return zoneName.test(name) && Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}

function isTableName(text: string): boolean {
  const name = parseTableName(text);
  return name !== null && fits(name.table) && fits(name.schema ?? "");
}

/**
 * Refuses a status in two lists: it would count one job twice. Runs even after other mistakes,
 * hence on values of any shape.
 */
function refuseSharedStatuses(source: unknown, context: z.RefinementCtx): void {
  const seen = new Map<string, string>();
  for (const list of lists) {
    const values: unknown = (source as Record<string, unknown> | null)?.[list];
    for (const value of Array.isArray(values) ? new Set(values as unknown[]) : []) {
      const other = seen.get(String(value));
      if (other !== undefined && other !== list)
        context.addIssue({
          code: "custom",
          path: [list],
          message: `has ${JSON.stringify(value)}, which ${other} has too`,
        });
      seen.set(String(value), list);
    }
  }
}

function refuseControl(source: z.infer<typeof mapping>, context: z.RefinementCtx): void {
  const { retry, discard } = source.control ?? {};
  const refuse = (path: string[], message: string) =>
    context.addIssue({ code: "custom", path: ["control", ...path], message });
  const { waiting, retrying = [], active = [], done } = source;
  if (retry && !has([...waiting, ...retrying], retry.status))
    refuse(["retry", "status"], 'must be one of "waiting" or "retrying"');
  if (retry?.attempts !== undefined && source.attempts === undefined)
    refuse(["retry", "attempts"], 'needs "attempts": their column');
  const used = new Set([
    source.id,
    source.status,
    source.run_at,
    ...(retry?.attempts === undefined ? [] : [source.attempts]),
  ]);
  if (retry?.reset?.some((name) => used.has(name))) refuse(["retry", "reset"], "has a column that is set otherwise");
  if (discard && has([...waiting, ...retrying, ...active, ...done], discard.status)) {
    refuse(["discard", "status"], 'must be none of "waiting", "retrying", "active" and "done"');
  }
}

import type { TableSourceConfig } from "../../src/queues/systems/table/config.ts";
import type { JobTable } from "./job-backend.ts";
import type { TestDatabase } from "./postgres-database.ts";

/** How a team's table holds times. */
export interface TableForm {
  /** Type of its columns of times. */
  readonly type: string;
  /** What the mapping says of them. */
  readonly options: Pick<TableSourceConfig, "time_zone" | "epoch">;
  /** SQL for a `timestamptz` as such a value. */
  readonly toStored: (time: string) => string;
  /** SQL for such a value as a `timestamptz`. */
  readonly toTime: (stored: string) => string;
}

const inZone = (zone: string): TableForm => ({
  type: "timestamp",
  options: { time_zone: zone },
  toStored: (time) => `timezone('${zone}', ${time})`,
  toTime: (stored) => `timezone('${zone}', ${stored})`,
});
const sinceEpoch = (type: string, epoch: TableSourceConfig["epoch"], factor: number): TableForm => ({
  type,
  options: { epoch },
  toStored: (time) => `trunc(extract(epoch from ${time}) * ${factor})::${type}`,
  toTime: (stored) => `to_timestamp(${stored}::float8 / ${factor})`,
});

export const tableForms = {
  "timestamp east of UTC": inZone("Asia/Kolkata"),
  "timestamp west of UTC": inZone("America/New_York"),
  "bigint, milliseconds": sinceEpoch("bigint", "milliseconds", 1_000),
  "bigint, microseconds": sinceEpoch("bigint", "microseconds", 1_000_000),
  "integer, seconds": sinceEpoch("integer", "seconds", 1),
  "numeric, seconds": sinceEpoch("numeric(20,3)", "seconds", 1),
  "float, seconds": sinceEpoch("double precision", "seconds", 1),
} as const;

/**
 * A table whose rows are jobs of two tenants, with states that are numbers, errors in a list of
 * attempts, and times of the given form. Of each job that is inserted, the other tenant has a twin:
 * what reads or changes it does not follow `where`.
 */
export async function createFormJobs(
  database: TestDatabase,
  { type, options, toStored }: TableForm,
): Promise<JobTable> {
  await database.query(`
    create domain moment as ${type};
    create table formed (id bigserial primary key, tenant int not null default 1, type text, state smallint not null,
                         run_at ${type}, finished_at moment, errors jsonb not null default '[]', args jsonb);
    create index formed_pending on formed (type, run_at) where state = 0;
    create index formed_ended on formed (finished_at) where state in (2, -1);
    create function add_twin() returns trigger language plpgsql as $$ begin
      insert into formed select -floor(random() * 1e15), 2, new.type, new.state, new.run_at, new.finished_at, new.errors, new.args;
      return null;
    end $$;
    create trigger add_twin after insert on formed for each row when (new.tenant = 1) execute function add_twin()`);
  const states = { waiting: 0, running: 1, done: 2, failed: -1 };
  const ago = (seconds: string) => toStored(`now() - ${seconds} * interval '1 second'`);
  return {
    table: "formed",
    config: {
      name: "formed",
      kind: "table",
      table: "public.formed",
      where: "tenant = 1 or tenant is null",
      ...options,
      queue: { column: "type", names: ["configured"] },
      id: "id",
      status: "state",
      waiting: [0],
      active: ["1"],
      done: ["2"],
      failed: [-1],
      run_at: "run_at",
      finished_at: "finished_at",
      error: { column: "errors", path: "message" },
      args: "args",
      control: { retry: { status: "0", reset: ["finished_at"] }, discard: { status: 3 } },
    },
    insert: async (jobs) => {
      for (const { id, queue, state, dueAgo = 1, endedAgo = 1, error = null, args = {} } of jobs) {
        const errors = error === null ? [] : [{ message: "an earlier attempt" }, { message: error }];
        await database.query(
          `insert into formed (id, type, state, run_at, finished_at, errors, args)
           values (coalesce($1, nextval('formed_id_seq')), $2, $3, ${ago("$4::float8")}, ${ago("$5::float8")}, $6, $7)`,
          [
            id ?? null,
            queue,
            states[state],
            dueAgo,
            state === "done" || state === "failed" ? endedAgo : null,
            JSON.stringify(errors),
            args,
          ],
        );
      }
    },
  };
}

import { rowsOf, type StateDatabase, transact } from "../../state/database.ts";
import { schema } from "../../state/schema.ts";
import type { DeployRecord } from "../deploy.ts";
import { type DeployStore, mostDeploys } from "../shared.ts";

/** ($1 keys, $2 times, $3 records, $4 days) Numbers them in this order. */
const write = `
  with pruned as (delete from ${schema}.deploy where at < clock_timestamp() - $4::float8 * interval '1 day')
  insert into ${schema}.deploy (key, at, record)
  select key, at, record from unnest($1::text[], $2::timestamptz[], $3::text[]) with ordinality as own (key, at, record, nth) order by nth
  on conflict (key) do nothing`;

/** ($1 days) What differs after each change: rows are added, or become too old. */
const readState = `
  select count(*) || ' ' || coalesce(max(seq), 0) as state from ${schema}.deploy where at >= clock_timestamp() - $1::float8 * interval '1 day'`;

/**
 * ($1 how many, $2 days) Those that were written last: within one gateway's file its order counts,
 * more than times.
 */
const readNewest = `
  select key, record from ${schema}.deploy where at >= clock_timestamp() - $2::float8 * interval '1 day' order by seq desc limit $1`;

/** The deploys that gateways share, in PostgreSQL. `migrate` makes its table. */
export function createDeployStore(database: StateDatabase): DeployStore {
  let last = "";
  return {
    exchange: (own, days) =>
      database.ask(async (client) => {
        if (own.length > 0) {
          const times = own.map(({ record }) => record.deployedAt);
          const records = own.map(({ record }) => JSON.stringify(record));
          await transact(client, "written", () =>
            client.query(write, [own.map(({ key }) => key), times, records, days]),
          );
        }
        // Before the rows: what is written meanwhile is read at the next call.
        return transact(client, "read", async () => {
          const [found] = await rowsOf<{ state: string }>(client, readState, [days]);
          if (!found || found.state === last) return null;
          const rows = await rowsOf<{ key: string; record: string }>(client, readNewest, [mostDeploys, days]);
          last = found.state;
          return rows.toReversed().map(({ key, record }) => ({ key, record: JSON.parse(record) as DeployRecord }));
        });
      }),
  };
}

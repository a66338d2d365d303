import type { Client } from "pg";

/**
 * The table of the queue bench: 2 % waiting, 3 % failed, some running, the others done, over 30
 * days; 20 types, of which the first has a fifth of the rows.
 */
export async function buildTable(client: Client, rows: number): Promise<void> {
  await client.query(`
    create unlogged table jobs (
      id bigint not null, type text not null, status text not null, run_at timestamptz not null, started_at timestamptz,
      finished_at timestamptz, attempts int not null default 1, last_error text, payload text) with (autovacuum_enabled = off)`);
  await client.query(`
    insert into jobs
    select n, 'type_' || lpad(floor(20 * power(random(), 2))::text, 2, '0'), status, due,
           case when status <> 'pending' then due + interval '2 seconds' end,
           case when status in ('done', 'failed') then due + interval '5 seconds' end, 1,
           case when status = 'failed' then 'error ' || n % 7 end, repeat('x', 100)
    from (
      select n, now() - (${rows} - n) * interval '30 days' / ${rows} - interval '5 seconds' as due,
             case when n % 50 = 0 then 'pending' when n % 100 in (1, 34, 67) then 'failed' when n % 100000 = 7 then 'running' else 'done' end as status
      from generate_series(1, ${rows}) as n) as job`);
  await client.query("alter table jobs add primary key (id)");
  await client.query("vacuum analyze jobs");
}

/** The naive query, which ignores the size of the table. */
export const naive = `
  select type, count(*) filter (where status = 'pending' and run_at <= now()) as depth,
         count(*) filter (where status = 'done' and finished_at >= now() - interval '5 minutes') as processed,
         count(*) filter (where status = 'failed' and finished_at >= now() - interval '1 hour') as failures
  from jobs group by type order by type`;

const take = (rows: number) => [
  `create table picked as
     select id, k, k * interval '36 milliseconds' as ago
     from (select id, row_number() over (order by id) as k from jobs where status = 'pending' order by id limit ${rows / 100}) as oldest`,
  "update jobs set status = 'running', started_at = now() - ago - interval '3 seconds' from picked where picked.id = jobs.id",
  `update jobs set status = case when k % 33 = 0 then 'failed' else 'done' end, finished_at = now() - ago,
     last_error = case when k % 33 = 0 then 'error ' || k % 7 end from picked where picked.id = jobs.id`,
  "drop table picked",
];

const add = (rows: number, ago: string) =>
  `insert into jobs select (select max(id) from jobs) + n, 'type_' || lpad(floor(20 * power(random(), 2))::text, 2, '0'), 'pending',
     now() - ${ago}, null, null, 0, null, repeat('x', 100) from generate_series(1, ${rows / 100}) as n`;

/**
 * 200,000 updates (of 10,000,000 rows) without a vacuum after them. The limit is for what workers
 * and enqueuers do. The others make PostgreSQL read the page of most waiting rows, here one row in
 * each page, which an exact count cannot avoid: they are reported without a limit.
 */
export const hostilities = [
  {
    name: "rows anywhere",
    limited: false,
    statements: (rows: number) => [
      `update jobs set attempts = attempts + 1 where id in (select (random() * ${rows})::bigint from generate_series(1, ${rows / 50}))`,
    ],
  },
  {
    name: "as many jobs as half of the waiting ones taken and ended, two updates each",
    limited: true,
    statements: take,
  },
  {
    name: "the same, and as many new ones, due as they come",
    limited: true,
    statements: (rows: number) => [...take(rows), add(rows, `(${rows / 100} - n) * interval '36 milliseconds'`)],
  },
  {
    name: "the same, and as many new ones, due in no order",
    limited: false,
    statements: (rows: number) => [...take(rows), add(rows, "random() * interval '1 hour'")],
  },
  {
    name: "every waiting job put off by a second",
    limited: false,
    statements: () => ["update jobs set run_at = run_at + interval '1 second' where status = 'pending'"],
  },
] as const;

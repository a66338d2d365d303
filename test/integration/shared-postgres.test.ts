import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { DeployLog } from "../../src/deploys/deploy.ts";
import { createDeployStore } from "../../src/deploys/postgres/store.ts";
import { createSharedDeploySource } from "../../src/deploys/shared.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createStateDatabase } from "../../src/state/database.ts";
import { migrate } from "../../src/state/schema.ts";
import { createTimelineStore } from "../../src/timeline/postgres/store.ts";
import { createSharedTimeline } from "../../src/timeline/shared.ts";
import { timelineKinds, toEntry } from "../../src/timeline/timeline.ts";
import { startCutProxy } from "../support/cut-proxy.ts";
import { sampleRecord } from "../support/deploys.ts";
import { startPgBouncer } from "../support/pgbouncer.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";

const unreachable =
  /^The shared state cannot be read: PostgreSQL cannot be reached: (?:.+: )?check WALLET_CORE_OPS_STATE_URL$/;

let database: TestDatabase;
let bouncer: Awaited<ReturnType<typeof startPgBouncer>>;
beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"), "shared");
  bouncer = await startPgBouncer(database.url);
  const client = await database.connect();
  await migrate(client);
  await client.end();
});
afterAll(async () => {
  await bouncer.stop();
  await database.drop();
});

const logger = silentLogger;
const days = 30;
const shared = "what came before is from other gateways";
const now = Date.now();
const at = (second: number) => new Date(now - 3_600_000 + second * 1000).toISOString();
const oom = (second: number, env: "staging" | null = null) =>
  toEntry({
    kind: "oom_kill",
    time: at(second),
    message: `a\0 \u{d800} ${second}`.toWellFormed(),
    env,
    host: `h${second}`,
  });

/** A gateway's part of the database, over a way that can be cut, behind PgBouncer. */
async function open() {
  const url = new URL(database.url);
  url.port = new URL(bouncer.url).port;
  const proxy = await startCutProxy(url.href);
  const state = createStateDatabase({ url: proxy.url, logger, connections: 1 });
  const timeline = createSharedTimeline({ store: createTimelineStore(state), logger, days });
  return {
    proxy,
    timeline,
    state,
    entries: () => timelineKinds.flatMap((kind) => timeline.entries(kind)),
    async [Symbol.asyncDispose]() {
      await state.close();
      await proxy.close();
    },
  };
}
const count = async () =>
  (await database.query("select count(*)::int as count from wallet_core_ops.event")).rows[0]?.["count"];
const clear = () => database.query("truncate wallet_core_ops.event");

test("gateways on one database have one history, in one order", async () => {
  await clear();
  await using one = await open();
  await using two = await open();
  for (let second = 0; second < 50; second++) {
    one.timeline.add(oom(second));
    if (second % 2 === 0) two.timeline.add(oom(second));
  }
  two.timeline.add(oom(99, "staging"));
  await Promise.all([one.timeline.sync(), two.timeline.sync()]);
  await Promise.all([one.timeline.sync(), two.timeline.sync()]);
  expect(await count()).toBe(51);
  expect(one.entries()).toHaveLength(51);
  expect(two.entries()).toEqual(one.entries());
  await using later = await open();
  await later.timeline.sync();
  expect(later.entries()).toEqual(one.entries());
  expect(one.timeline.note()).toBe(shared);
});

test("an exchange whose commit is lost is made once", async () => {
  await clear();
  await using one = await open();
  for (const when of ["after", "before"] as const) {
    one.timeline.add(oom(when === "after" ? 100 : 900));
    one.proxy.cutAtCommit(when);
    await one.timeline.sync();
    expect(one.timeline.note()).toMatch(unreachable);
    expect(one.entries()).toHaveLength(when === "after" ? 1 : 2);
    await one.timeline.sync();
    expect(one.timeline.note()).toBe(shared);
  }
  expect(await count()).toBe(2);
  expect(one.entries()).toEqual([oom(100), oom(900)]);
});

test("a bad row is left out and named once; the others are shared", async () => {
  await clear();
  const warned: unknown[] = [];
  const state = createStateDatabase({ url: database.url, logger, connections: 1 });
  const warn = (fields: object) => void warned.push(fields);
  const far = ["4503599627370495", "4503599627370496", "9007199254740991", "9007199254740993"];
  const store = createTimelineStore(state, { ...logger, warn });
  const timeline = createSharedTimeline({ store, logger, days });
  await using two = await open();
  try {
    two.timeline.add(oom(1));
    await two.timeline.sync();
    await timeline.sync();
    const [head] = (await database.query("select seq::int from wallet_core_ops.event_head")).rows;
    const first = Number(head?.["seq"]) + 1;
    const insert = (seq: number | string, entry: string, time = "now()") =>
      database.query(
        `insert into wallet_core_ops.event (seq, key, kind, place, at, entry) values (${seq}, 'bad-${seq}', 'x', 'x', ${time}, $1)`,
        [entry],
      );
    // Beyond the head too: also where the next entry would be, and where numbers are not exact.
    await insert(first, "no JSON");
    await insert(first + 1, JSON.stringify({ ...oom(2), kind: "flood" }), "'infinity'");
    await insert(first + 5, JSON.stringify({ ...oom(3), time: null }), "'-infinity'");
    for (const seq of far) await insert(seq, JSON.stringify(oom(9)));
    for (const second of [4, 5, 6]) {
      two.timeline.add(oom(second));
      await two.timeline.sync();
      await timeline.sync();
    }
    expect([two.timeline.note(), timeline.note()]).toEqual([shared, shared]);
    const expected = [1, 4, 5, 6].map((second) => oom(second));
    expect(timeline.entries("oom_kill")).toEqual(expected);
    expect(two.timeline.entries("oom_kill")).toEqual(expected);
    const near = [first, first + 1, first + 5].map((event) => ({ upstream: "timeline", event }));
    expect(warned).toEqual([{ upstream: "timeline", events: far }, ...near]);
    // They move no number.
    const { rows } = await database.query("select seq::float8 from wallet_core_ops.event_head");
    expect(rows).toEqual([{ seq: first + 8 }]);
    // A gateway that starts now reads all of it.
    await using late = await open();
    await late.timeline.sync();
    expect(late.timeline.entries("oom_kill")).toEqual(expected);
  } finally {
    await state.close();
    await clear();
  }
});

test("what is too old, and all but the last thousand of a place, are deleted", async () => {
  await clear();
  await using one = await open();
  for (let second = 0; second < 1100; second++) {
    one.timeline.add(oom(second));
    if (second === 500) await one.timeline.sync();
  }
  one.timeline.add(oom(2000, "staging"));
  one.timeline.add({ ...oom(3000), time: new Date(now - (days + 1) * 86_400_000).toISOString() });
  await database.query("update wallet_core_ops.event_head set pruned_at = clock_timestamp() - interval '11 minutes'");
  await one.timeline.sync();
  const expected = [...Array.from({ length: 1000 }, (_, index) => oom(index + 100)), oom(2000, "staging")];
  expect(await count()).toBe(expected.length);
  expect(one.entries()).toEqual(expected);
  await using later = await open();
  await later.timeline.sync();
  expect(later.entries()).toEqual(expected);
  // Not again for ten minutes.
  await database.query("update wallet_core_ops.event set at = at - interval '100 days'");
  await one.timeline.sync();
  expect(await count()).toBe(expected.length);
});

test("deploys that one gateway reads are known to all", async () => {
  const log = (...records: readonly ReturnType<typeof sampleRecord>[]): DeployLog => ({
    origin: records[0]?.origin ?? "history",
    records,
    skipped: 0,
    complete: true,
    error: null,
  });
  const signal = new AbortController().signal;
  const missing = new OpsError("deploy_info_missing", "missing");
  const read = (url: string, ...own: DeployLog[]) => {
    const state = createStateDatabase({ url, logger, connections: 1 });
    const source = { history: async () => own, read: () => Promise.reject(missing) };
    return { state, source: createSharedDeploySource({ source, store: createDeployStore(state), logger, days }) };
  };
  const [first, second] = [
    sampleRecord({ tag: "v1", deployedAt: at(0) }),
    sampleRecord({ tag: "v2", deployedAt: at(60) }),
  ];
  const old = sampleRecord({ tag: "v0", deployedAt: new Date(now - (days + 1) * 86_400_000).toISOString() });
  const line = sampleRecord({ origin: "kamal_audit", tag: "v2", deployedAt: at(60) });
  const proxy = await startCutProxy(database.url);
  const [one, two] = [
    read(database.url, log(old, first, second), log(line)),
    read(proxy.url, log(second), log({ ...line, deployedAt: at(67) })),
  ];
  try {
    for (const { source } of [one, two, one]) await source.sync();
    const records = async ({ source }: typeof one) => (await source.history(signal)).flatMap((each) => each.records);
    expect(await records(one)).toEqual([old, first, second, line]);
    // Of two hosts' lines of one deploy the own one counts.
    expect(await records(two)).toEqual([first, second, { ...line, deployedAt: at(67) }]);
    const fresh = read(database.url);
    await fresh.source.sync();
    expect(await records(fresh)).toEqual([first, second, line]);
    await fresh.state.close();
    proxy.cut();
    await two.source.sync();
    const [trouble] = await two.source.history(signal);
    expect(trouble?.error).toEqual({
      code: "postgres_unavailable",
      message: expect.stringMatching(unreachable),
    });
    expect(await records(two)).toEqual([first, second, { ...line, deployedAt: at(67) }]);
    proxy.mend();
    await two.source.sync();
    expect((await two.source.history(signal)).flatMap(({ error }) => error ?? [])).toEqual([]);
  } finally {
    await one.state.close();
    await two.state.close();
    await proxy.close();
  }
});

test("a new version of the schema changes nothing of the one before", async () => {
  const own = await createTestDatabase(inject("postgresUrl"), "versions");
  const client = await own.connect();
  const columns = async () =>
    (
      await own.query(
        "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns where table_schema = 'wallet_core_ops' order by 1, ordinal_position",
      )
    ).rows;
  const indexes = async () =>
    (await own.query("select indexdef from pg_indexes where schemaname = 'wallet_core_ops' order by 1")).rows;
  expect(await migrate(client, 1)).toEqual({ before: 0, after: 1 });
  const before = [await columns(), await indexes()];
  expect(await migrate(client)).toEqual({ before: 1, after: 2 });
  const after = [await columns(), await indexes()];
  for (const [index, rows] of before.entries()) expect(after[index]).toEqual(expect.arrayContaining(rows));
  await client.end();
  await own.drop();
});

test("with the tables of the version before, a gateway has its own memory", async () => {
  const own = await createTestDatabase(inject("postgresUrl"), "older");
  const client = await own.connect();
  await migrate(client, 1);
  const state = createStateDatabase({ url: own.url, logger, connections: 1 });
  const timeline = createSharedTimeline({ store: createTimelineStore(state), logger, days });
  timeline.add(oom(1));
  await timeline.sync();
  expect(timeline.note()).toBe(
    "The shared state cannot be read: its tables are missing: run `wallet-core-ops migrate`",
  );
  expect(timeline.entries("oom_kill")).toEqual([oom(1)]);
  await migrate(client);
  await timeline.sync();
  expect([timeline.note(), timeline.entries("oom_kill")]).toEqual([shared, [oom(1)]]);
  await state.close();
  await client.end();
  await own.drop();
});

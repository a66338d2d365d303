import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { toHolder } from "../../src/auth/principal.ts";
import type { AuditEntry } from "../../src/audit/audit.ts";
import { type Ledger, toFamily } from "../../src/audit/ledger.ts";
import { type ChainHead, parseAuditLine, toAuditLine } from "../../src/audit/line.ts";
import { createPostgresLedger } from "../../src/audit/postgres/ledger.ts";
import { verifyTable } from "../../src/audit/postgres/probe.ts";
import { auditCommand } from "../../src/cli/audit.ts";
import { migrate, newestVersion, readVersion } from "../../src/state/schema.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { sampleEntry, toOldLine } from "../support/audit.ts";
import { sampleMark } from "../support/containers.ts";
import { describeLedger, type LedgerKit } from "../support/ledger-battery.ts";
import { runCommand } from "../support/command.ts";
import { startCutProxy } from "../support/cut-proxy.ts";
import { startPgBouncer } from "../support/pgbouncer.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres-database.ts";
import { shiftRecord } from "../support/shift-record.ts";
import { until } from "../support/until.ts";

async function openDatabase(version = newestVersion): Promise<TestDatabase> {
  const database = await createTestDatabase(inject("postgresUrl"), "ledger");
  const client = await database.connect();
  await migrate(client, version);
  await client.end();
  return database;
}

async function openKit(version = newestVersion, serverUrl?: string): Promise<LedgerKit> {
  const database = await openDatabase(version);
  const url = new URL(database.url);
  if (serverUrl !== undefined) url.port = new URL(serverUrl).port;
  const proxy = await startCutProxy(url.href);
  const opened: ReturnType<typeof createPostgresLedger>[] = [];
  const open = () => {
    const ledger = createPostgresLedger({ url: proxy.url, logger: silentLogger });
    opened.push(ledger);
    return ledger;
  };
  return {
    ledger: open(),
    async advance(ms) {
      await shiftRecord((text, values) => database.query(text, values), -ms);
    },
    async reopen() {
      // The lease of a process that died ends.
      await database.query("update wallet_core_ops.open set lease_until = clock_timestamp() - interval '1 s'");
      return open();
    },
    async setWritable(isWritable) {
      if (isWritable) proxy.mend();
      else proxy.cut();
    },
    async close() {
      for (const ledger of opened) await ledger.close();
      await proxy.close();
      await database.drop();
    },
  };
}

describeLedger("the ledger in PostgreSQL", () => openKit());
describeLedger("the ledger on tables of the version before", () => openKit(newestVersion - 1));
describeLedger("the ledger behind PgBouncer", () => openKit(newestVersion, bouncer.url));

const limits = { cooldownMs: 0, parallel: null, budget: null };
const restart = (containerId: string) => ({ limits, toEntry: () => sampleEntry({ containerId, reason: "stuck" }) });
const died = { outcome: "unknown", detail: "the gateway died", code: "restart_unknown", durationMs: null } as const;
const done = { outcome: "ok", detail: "running", code: null, durationMs: 5 } as const;

let database: TestDatabase;
let bouncer: Awaited<ReturnType<typeof startPgBouncer>>;
beforeAll(async () => {
  database = await openDatabase();
  bouncer = await startPgBouncer(database.url);
});
afterAll(async () => {
  await bouncer.stop();
  await database.drop();
});

/** Two gateways on one database. */
function openTwo(leaseMs = 30_000, url = database.url) {
  const open = () => createPostgresLedger({ url, logger: silentLogger, leaseMs, restartLeaseMs: leaseMs });
  const [one, other] = [open(), open()];
  return {
    one,
    other,
    async [Symbol.asyncDispose]() {
      await Promise.all([one.close(), other.close()]);
    },
  };
}
const outcomes = async () =>
  (await database.query("select outcome from wallet_core_ops.entry order by seq")).rows.map(({ outcome }) => outcome);

test("of two gateways one restarts a container, and both have one chain", async () => {
  await using two = openTwo();
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 ? two.one : two.other).begin(restart(`shared-${index % 5}`))),
  );
  expect(all.filter(({ kind }) => kind === "begun")).toHaveLength(5);
  expect(all.filter((one) => one.kind === "refused" && one.refusal.reason === "running")).toHaveLength(15);
  expect(await two.one.verify()).toMatchObject({ ok: true, lastSeq: 5 });
  expect(await two.other.verify()).toMatchObject({ ok: true, lastSeq: 5 });
  for (const [index, one] of all.entries())
    if (one.kind === "begun") await (index % 2 ? two.one : two.other).end(one, done);
});

test("an action is its owner's while that lives; then another's", async () => {
  await using two = openTwo(1500);
  const begun = await two.one.begin(restart("leased"));
  if (begun.kind !== "begun") throw new Error("not begun");
  expect(await two.other.adopt("restart")).toEqual([]);
  // Its lease is extended.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect(await two.other.adopt("restart")).toEqual([]);
  await two.one.close();
  await expect
    .poll(async () => (await two.other.adopt("restart")).map(({ intent }) => intent.seq))
    .toEqual([begun.seq]);
  expect(await two.other.adopt("restart")).toEqual([]);
  await two.other.end(begun, died);
  await two.other.end(begun, { ...done, detail: "settled: the engine restarted it" });
  expect((await outcomes()).slice(-3)).toEqual(["intent", "unknown", "ok"]);
});

test("an action that is given up is free at once, and its place in time", async () => {
  const own = await openDatabase();
  onTestFinished(() => own.drop());
  await using two = openTwo(30_000, own.url);
  const stopSeconds = 60;
  const asked = {
    ...restart("left"),
    toEntry: () => ({ ...restart("left").toEntry(), mark: sampleMark({ stopSeconds }) }),
  };
  const begun = await two.one.begin(asked);
  if (begun.kind !== "begun") throw new Error("not begun");
  await two.one.end(begun, died);
  const places = (ledger: Ledger) =>
    ledger
      .check(sampleEntry({ containerId: "beside" }), { ...limits, cooldownMs: null, parallel: 1 })
      .then((refusal) => refusal?.reason);
  for (const [from, to] of [
    [two.one, two.other],
    [two.other, two.one],
  ] as const) {
    from.release(begun);
    const taken = async () => (await to.adopt("restart")).map(({ intent, ...told }) => ({ seq: intent.seq, ...told }));
    await expect.poll(taken).toEqual([{ seq: begun.seq, hasOutcome: true, wasGivenUp: false }]);
    expect(await places(to)).toBe("busy");
  }
  two.one.release(begun);
  // Its engine may be at it for 75 s after the intent, however often it was taken over.
  const age = (seconds: number) =>
    own.query(`update wallet_core_ops.entry set at = at - interval '${seconds} s' where seq = $1`, [begun.seq]);
  await age(60);
  expect(await places(two.other)).toBe("busy");
  await age(16);
  await expect.poll(() => places(two.other)).toBeUndefined();
});

test("a try meets what an action would meet, and leaves nothing", async () => {
  await using two = openTwo();
  const state = async () => {
    const tables = ["entry", "head", "open"].map((table) => `(select json_agg(t) from wallet_core_ops.${table} t)`);
    return (await database.query(`select json_build_array(${tables.join(", ")})::text as state`)).rows[0];
  };
  const before = await state();
  await Promise.all([two.one.tryWriting(), two.other.tryWriting(), two.one.tryWriting()]);
  expect(await state()).toEqual(before);
  // Actions and the tries of several gateways wait for each other.
  const act = async (ledger: Ledger, name: string) => {
    const begun = await ledger.begin(restart(name));
    if (begun.kind !== "begun") throw new Error("not begun");
    await ledger.end(begun, done);
  };
  const pairs = Array.from({ length: 10 }, (_, index) => [
    (index % 2 ? two.one : two.other).tryWriting(),
    act(index % 3 ? two.one : two.other, `tried-${index}`),
  ]);
  await Promise.all(pairs.flat());
  expect(await two.one.verify()).toMatchObject({ ok: true });
  const refusal = { code: "audit_unavailable" };
  const writes = [
    "entry insert",
    "head update",
    "open insert",
    "open update",
    "open delete",
    "rest insert",
    "rest delete",
  ];
  for (const [table, write] of writes.map((one) => one.split(" "))) {
    await database.query(`
      create function wallet_core_ops.no() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger no before ${write} on wallet_core_ops.${table} execute function wallet_core_ops.no()`);
    await expect(two.one.tryWriting(), `${write} ${table}`).rejects.toMatchObject(refusal);
    await database.query("drop function wallet_core_ops.no() cascade");
    await two.one.tryWriting();
  }
  const client = await database.connect();
  await client.query("begin; select from wallet_core_ops.head for update");
  await expect(two.one.tryWriting()).rejects.toMatchObject(refusal);
  await client.query("rollback");
  await client.end();
  await two.one.tryWriting();
});

test("a try goes on failing after an action that met an altered entry", async () => {
  await using two = openTwo();
  const begun = await two.one.begin(restart("altered"));
  if (begun.kind !== "begun") throw new Error("not begun");
  await two.one.end(begun, done);
  await two.one.tryWriting();
  const shift = (by: number) =>
    database.query("update wallet_core_ops.entry set granted = granted + $1 where seq = $2", [by, begun.seq]);
  await shift(1);
  const refusal = { code: "audit_unavailable", message: expect.stringContaining("its column granted") };
  await expect(two.one.begin(restart("next"))).rejects.toMatchObject(refusal);
  for (let index = 0; index < 2; index += 1) await expect(two.one.tryWriting()).rejects.toMatchObject(refusal);
  // Another gateway knows it from its start.
  await expect(two.other.tryWriting()).rejects.toMatchObject(refusal);
  await shift(-1);
  await Promise.all([two.one.tryWriting(), two.other.tryWriting()]);
});

test("an owner that wakes up too late neither acts nor writes", async () => {
  await using two = openTwo(4000);
  const begun = await two.one.begin(restart("paused"));
  if (begun.kind !== "begun") throw new Error("not begun");
  expect(begun.isHeld()).toBe(true);
  // As after a pause of the process: its lease is over, and another gateway has it.
  await database.query(
    "update wallet_core_ops.open set lease_until = clock_timestamp() - interval '1 s' where seq = $1",
    [begun.seq],
  );
  expect(await two.other.adopt("restart")).toHaveLength(1);
  await expect.poll(() => begun.isHeld(), { timeout: 10_000 }).toBe(false);
  const before = await outcomes();
  await two.one.end(begun, done);
  expect(await outcomes()).toEqual(before);
  await two.other.end(begun, { ...done, detail: "settled: now running" });
  expect(await outcomes()).toEqual([...before, "ok"]);
});

test("what is released during a heartbeat is not held again", async () => {
  await using two = openTwo(1500);
  const begun = await two.one.begin(restart("released"));
  if (begun.kind !== "begun") throw new Error("not begun");
  const client = await database.connect();
  await client.query("begin");
  await client.query("select from wallet_core_ops.open where seq = $1 for update", [begun.seq]);
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%open set lease_until%'`;
  await until(async () => (await database.query(waiting)).rows.length > 0);
  two.one.release(begun);
  await client.query("rollback");
  await client.end();
  await expect
    .poll(async () => (await two.other.adopt("restart")).map(({ intent }) => intent.seq), { timeout: 10_000 })
    .toEqual([begun.seq]);
  await two.other.end(begun, { ...done, detail: "settled: now running" });
});

test("what a gateway has given up does not stay on the server", async () => {
  await using two = openTwo(3000);
  const begun = await two.one.begin(restart("locked"));
  if (begun.kind !== "begun") throw new Error("not begun");
  const client = await database.connect();
  await client.query("begin; lock table wallet_core_ops.entry, wallet_core_ops.open");
  const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  const waits = async () => (await database.query(waiting)).rows.length;
  const { other } = two;
  const asked = sampleEntry({ containerId: "locked", keyHash: "key" });
  const calls = [
    other.begin(restart("locked")),
    other.find(asked),
    other.check(asked, limits),
    other.adopt("restart"),
    other.read({ first: 1, before: null, accepts: () => true }),
  ];
  const errors = await Promise.all(calls.map((call) => call.catch(({ code }: { code: string }) => code)));
  expect(errors).toEqual(calls.map(() => "audit_unavailable"));
  // Its heartbeats too.
  two.one.release(begun);
  await expect.poll(waits, { timeout: 15_000 }).toBe(0);
  await client.query("rollback");
  await client.end();
  await expect.poll(async () => (await other.adopt("restart")).length, { timeout: 10_000 }).toBe(1);
  await other.end(begun, { ...done, detail: "settled: now running" });
});

test("an intent whose commit lost its answer is found, or was not made", async () => {
  const proxy = await startCutProxy(database.url);
  const ledger = createPostgresLedger({ url: proxy.url, logger: silentLogger });
  try {
    const before = (await outcomes()).length;
    proxy.cutAtCommit("after");
    expect(await ledger.begin(restart("lost-answer"))).toMatchObject({ kind: "begun", seq: before + 1 });
    proxy.cutAtCommit("before");
    await expect(ledger.begin(restart("lost-question"))).rejects.toMatchObject({ code: "audit_unavailable" });
    expect((await outcomes()).length).toBe(before + 1);
    expect(await ledger.begin(restart("lost-question"))).toMatchObject({ kind: "begun", seq: before + 2 });
    expect(await ledger.verify()).toMatchObject({ ok: true });
  } finally {
    await ledger.close();
    await proxy.close();
  }
});

test("an outcome that was written without an answer is there once", async () => {
  const proxy = await startCutProxy(database.url);
  const logged: string[] = [];
  const note = (fields: { readonly audit?: { readonly outcome: string } }, text: string) =>
    void logged.push(`${text} ${fields.audit?.outcome}`);
  const ledger = createPostgresLedger({ url: proxy.url, logger: { ...silentLogger, info: note, warn: note } });
  try {
    const before = (await outcomes()).length;
    const begun = await ledger.begin(restart("lost-outcome"));
    if (begun.kind !== "begun") throw new Error("not begun");
    for (const outcome of [died, done]) {
      proxy.cutAtCommit("after", () => proxy.cut());
      await expect(ledger.end(begun, outcome)).rejects.toMatchObject({ code: "audit_unavailable" });
      proxy.mend();
      await ledger.end(begun, outcome);
    }
    expect((await outcomes()).slice(before)).toEqual(["intent", "unknown", "ok"]);
    expect(logged.filter((text) => !text.startsWith("The audit record"))).toEqual([
      "audit intent",
      "audit unknown",
      "audit ok",
    ]);
    expect(await ledger.verify()).toMatchObject({ ok: true });
  } finally {
    await ledger.close();
    await proxy.close();
  }
});

test("an action that its own gateway does not know of is taken over by it", async () => {
  const proxy = await startCutProxy(database.url);
  const ledger = createPostgresLedger({ url: proxy.url, logger: silentLogger, leaseMs: 1000 });
  try {
    proxy.cutAtCommit("after", () => proxy.cut());
    await expect(ledger.begin(restart("own-lost"))).rejects.toMatchObject({ code: "audit_unavailable" });
    proxy.mend();
    expect(await ledger.begin(restart("own-lost"))).toMatchObject({ kind: "refused", refusal: { reason: "running" } });
    const ids = async () => (await ledger.adopt("restart")).map(({ intent }) => intent.containerId);
    await expect.poll(ids).toEqual(["own-lost"]);
    // What is given up is found again, and its outcome is not lost meanwhile.
    const [open] = (await database.query("select seq::int from wallet_core_ops.open where container_id = 'own-lost'"))
      .rows;
    const action = { seq: open?.["seq"] as number, entry: sampleEntry({ containerId: "own-lost" }) };
    ledger.release(action);
    await expect.poll(ids).toEqual(["own-lost"]);
    ledger.release(action);
    await ledger.end(action, done);
    expect(await ledger.begin(restart("own-lost"))).toMatchObject({ kind: "begun" });
  } finally {
    await ledger.close();
    await proxy.close();
  }
});

test("each entry is in the gateway's own log, with its hash", async () => {
  const logged: unknown[] = [];
  const logger = { ...silentLogger, info: (fields: object) => void logged.push(fields) };
  const ledger = createPostgresLedger({ url: database.url, logger });
  const begun = await ledger.begin(restart("logged"));
  if (begun.kind === "begun") await ledger.end(begun, done);
  await ledger.close();
  const { rows } = await database.query(
    "select seq::int, line::json->>'hash' as hash, line::json->>'ts' as at, outcome from wallet_core_ops.entry order by seq desc limit 2",
  );
  const who = { action: "restart", container: "wallet-core-web-v1", kid: "k1", subject: "ops\nuser" };
  expect(logged).toEqual([
    { audit: { ...who, ...rows[1], detail: null } },
    { audit: { ...who, ...rows[0], detail: "running" } },
  ]);
});

test("an open row that is no entry does not stop the others", async () => {
  await using two = openTwo();
  const [bad, good] = [await two.one.begin(restart("bad-row")), await two.one.begin(restart("good-row"))];
  if (bad.kind !== "begun" || good.kind !== "begun") throw new Error("not begun");
  const { rows } = await database.query("select line from wallet_core_ops.entry where seq = $1", [bad.seq]);
  await database.query("update wallet_core_ops.entry set line = 'no entry' where seq = $1", [bad.seq]);
  await database.query("update wallet_core_ops.open set lease_until = clock_timestamp() where seq = any($1)", [
    [bad.seq, good.seq],
  ]);
  expect((await two.other.adopt("restart")).map(({ intent }) => intent.containerId)).toEqual(["good-row"]);
  await database.query("update wallet_core_ops.entry set line = $2 where seq = $1", [bad.seq, rows[0]?.["line"]]);
});

test("a changed row, a missing one and a foreign text are found", async () => {
  const own = await openDatabase();
  try {
    const fill = createPostgresLedger({ url: own.url, logger: silentLogger });
    for (const id of ["a", "b", "c"]) {
      const begun = await fill.begin(restart(id));
      if (begun.kind === "begun") await fill.end(begun, done);
    }
    await fill.close();
    const verify = async (change: string) => {
      const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
      await own.query("begin");
      await own.query(change);
      await own.query("commit");
      const found = await ledger.verify();
      await ledger.close();
      return found.problem;
    };
    const original = (await own.query("select line from wallet_core_ops.entry where seq = 3")).rows[0]?.[
      "line"
    ] as string;
    const set = (line: string) =>
      `update wallet_core_ops.entry set line = '${line.replaceAll("'", "''")}' where seq = 3`;
    expect(await verify(set(original.replace("stuck", "other")))).toBe("seq 3 is altered");
    expect(await verify(set("no entry"))).toBe("seq 3 is cut or altered");
    expect(await verify(set(original))).toBeNull();
    expect(await verifyTable(own.url)).toMatchObject({ ok: true, message: expect.stringContaining("head seq 6") });
    await own.query("update wallet_core_ops.head set hash = repeat('0', 64)");
    expect(await verifyTable(own.url)).toMatchObject({
      ok: false,
      message: expect.stringContaining("seq 6 is not the one"),
    });
    expect(await verify("delete from wallet_core_ops.entry where seq = 4")).toBe(
      "seq 4 is missing or moved: seq 5 stands in its place",
    );
  } finally {
    await own.drop();
  }
});

/**
 * A database with a record: a whole restart, two whole changes of jobs, an open restart, and one
 * whose outcome is unknown.
 */
async function openRecord() {
  const own = await openDatabase();
  const fill = createPostgresLedger({ url: own.url, logger: silentLogger });
  const begin = async (asked: Parameters<typeof fill.begin>[0]) => {
    const begun = await fill.begin(asked);
    if (begun.kind !== "begun") throw new Error("not begun");
    return begun;
  };
  await fill.end(await begin(restart("rested")), done);
  const job = { source: "jobs", queue: null, ids: ["1", "2"], fingerprint: null };
  const change: Parameters<typeof begin>[0] = {
    limits: { cooldownMs: null, parallel: null, budget: { perHour: 10, wanted: 2 } },
    toEntry: () => sampleEntry({ action: "job.retry", containerId: "", job, keyHash: "f".repeat(64) }),
  };
  await fill.end(await begin(change), done);
  await begin(restart("open"));
  await fill.end(await begin(restart("lost")), died);
  await fill.close();
  return own;
}

test("each column is as the lines say, or limits nothing", async () => {
  const own = await openRecord();
  try {
    expect(await verifyTable(own.url)).toMatchObject({ ok: true, message: expect.stringContaining("head seq 7") });
    const { rows: columns } = await own.query(
      `select table_name, column_name from information_schema.columns where table_schema = 'wallet_core_ops'
       and table_name in ('head', 'entry', 'open', 'rest') order by 1, ordinal_position`,
    );
    const values: Readonly<Record<string, string>> = {
      seq: "seq + 1000",
      at: "at - interval '1 us'",
      line: "replace(line, 'stuck', 'other')",
      outcome: "'failed'",
      family: "'probe'",
      intent: "2",
      holder: "holder || 'x'",
      answer_key: "coalesce(answer_key, '') || 'x'",
      granted: "granted + 1",
      hash: "repeat('1', 64)",
      container_id: "container_id || 'x'",
      has_outcome: "not has_outcome",
      ended_at: "ended_at - interval '1 ms'",
      owner: "'other'",
      lease_until: "lease_until - interval '1 day'",
      is_only: "is_only",
    };
    // Who has an open action, and until when, decides who ends it: it stays open, and counts, until
    // its outcome is in the chain.
    const free = ["head.is_only", "open.owner", "open.lease_until"];
    const unseen: string[] = [];
    const messages: string[] = [];
    const client = await own.connect();
    for (const { table_name: table, column_name: column } of columns) {
      const name = `${String(table)}.${String(column)}`;
      // Each row in turn: the same of all could be consistent again.
      const { rows } = await client.query<{ ctid: string }>(
        `select ctid::text from wallet_core_ops.${String(table)} order by ctid`,
      );
      for (const index of rows.keys()) {
        await client.query("drop table if exists kept");
        await client.query(`create table kept as select * from wallet_core_ops.${String(table)}`);
        await client.query("set session_replication_role = replica");
        const nth = `select ctid from wallet_core_ops.${String(table)} order by ctid offset ${index} limit 1`;
        await client.query(
          `update wallet_core_ops.${String(table)} set ${String(column)} = ${values[String(column)] ?? "null"} where ctid = (${nth})`,
        );
        const { ok, message } = await verifyTable(own.url);
        if (ok) unseen.push(name);
        messages.push(message);
        await client.query(`delete from wallet_core_ops.${String(table)}`);
        await client.query(`insert into wallet_core_ops.${String(table)} select * from kept`);
      }
    }
    await client.end();
    expect([...new Set(unseen)].toSorted()).toEqual(free.toSorted());
    // None is that of a database that cannot be read.
    expect(messages.filter((message) => !message.startsWith("the record of WALLET_CORE_OPS_STATE_URL"))).toEqual([]);
    // What remains says so in the limits: nothing is refilled.
    await own.query("update wallet_core_ops.open set owner = 'other', lease_until = now() - interval '30 s'");
    const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
    const strict = { cooldownMs: 60_000, parallel: 2, budget: null };
    expect(await ledger.check(sampleEntry({ containerId: "open" }), strict)).toMatchObject({ reason: "running" });
    expect(await ledger.check(sampleEntry({ containerId: "new" }), strict)).toMatchObject({ reason: "busy" });
    // By then no engine can be at them any more.
    await own.query("update wallet_core_ops.open set lease_until = now() - interval '76 s'");
    expect(await ledger.check(sampleEntry({ containerId: "open" }), strict)).toMatchObject({ reason: "running" });
    expect(await ledger.check(sampleEntry({ containerId: "new" }), strict)).toBeNull();
    await ledger.close();
  } finally {
    await own.drop();
  }
});

test.each([
  ["at = at - interval '2 hours'", "seq 7: its column at is not what its line says"],
  ["at = at - interval '2 hours' where seq = 3", "seq 3: its column at is not what its line says"],
  ["holder = 'other' where seq = 3", "seq 3: its column holder is not what its line says"],
  ["family = 'probe' where seq = 3", "seq 3: its column family is not what its line says"],
  ["outcome = 'ok' where seq = 3", "seq 3: its column outcome is not what its line says"],
  ["granted = 0 where seq = 3", "seq 3: its column granted is not what its line says"],
  ["line = replace(line, '\"granted\":2', '\"granted\":0') where seq = 3", "seq 3 is not the one that was written"],
  ["line = 'none' where seq = 3", "seq 3 is not the one that was written"],
])("a limit is read from the hashed lines: set %s refuses actions", async (change, fault) => {
  const own = await openRecord();
  const errors: object[] = [];
  const logger = {
    ...silentLogger,
    error: (fields: object, message: string) => void errors.push({ message, ...fields }),
  };
  const ledger = createPostgresLedger({ url: own.url, logger });
  const asked = sampleEntry({ action: "job.retry", containerId: "", keyHash: null });
  const take = (perHour: number) => ({ cooldownMs: null, parallel: null, budget: { perHour, wanted: 1 } });
  try {
    expect(await ledger.check(asked, take(2))).toMatchObject({ reason: "budget" });
    const client = await own.connect();
    await client.query("set session_replication_role = replica");
    await client.query("create temp table kept as select * from wallet_core_ops.entry");
    await client.query(`update wallet_core_ops.entry set ${change}`);
    const refused = { code: "audit_unavailable", message: expect.stringContaining(fault) };
    await expect(ledger.check(asked, take(3))).rejects.toMatchObject(refused);
    await expect(ledger.begin({ limits: take(3), toEntry: () => asked })).rejects.toMatchObject(refused);
    const rest = { cooldownMs: 60_000, parallel: null, budget: null };
    await expect(ledger.check(sampleEntry({ containerId: "rested" }), rest)).rejects.toMatchObject(refused);
    expect(errors).toEqual([
      {
        message: expect.stringMatching(/^The audit record cannot be (written|read)$/),
        upstream: "audit",
        cause: `${fault}: run \`wallet-core-ops audit verify\``,
      },
    ]);
    await client.query("delete from wallet_core_ops.entry");
    await client.query("insert into wallet_core_ops.entry select * from kept");
    await client.end();
    expect(await ledger.check(asked, take(2))).toMatchObject({ reason: "budget" });
    expect(await ledger.check(asked, take(3))).toBeNull();
    expect(await ledger.check(sampleEntry({ containerId: "rested" }), rest)).toMatchObject({ reason: "cooldown" });
  } finally {
    await ledger.close();
    await own.drop();
  }
});

const minute = 60_000;

/**
 * Appends entries that fit the chain, as somebody who can write the tables could. `agesMs`: how
 * long ago each says that it was made.
 */
async function appendForged(own: TestDatabase, agesMs: readonly number[], entry: Partial<AuditEntry>, granted = 0) {
  const client = await own.connect();
  for (const ageMs of agesMs) {
    const { rows } = await client.query<ChainHead>("select seq::float8 as seq, hash from wallet_core_ops.head");
    const [head] = rows;
    if (!head) throw new Error("no head");
    const at = new Date(Date.now() - ageMs);
    const made = toAuditLine(sampleEntry(entry), at, head, null, granted);
    const record = parseAuditLine(made.line.trimEnd())?.record;
    if (!record) throw new Error("no entry");
    const columns = [record.outcome, toFamily(record), record.intent, toHolder(record), null, granted];
    await client.query(
      "insert into wallet_core_ops.entry (seq, at, line, outcome, family, intent, holder, answer_key, granted) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      [made.head.seq, at, made.line.trimEnd(), ...columns],
    );
    await client.query("update wallet_core_ops.head set seq = $1, hash = $2", [made.head.seq, made.head.hash]);
  }
  await client.end();
}
const probed = { action: "probe", outcome: "ok", intent: 1 } as const;
const takeOf = (perHour: number) => ({ cooldownMs: null, parallel: null, budget: { perHour, wanted: 1 } });
const retried = sampleEntry({ action: "job.retry", containerId: "", keyHash: null });

test.each([
  ["one of two hours ago", [120 * minute], "seq 8 has a time before that of seq 1"],
  ["one of eleven minutes before", [11 * minute], "seq 8 has a time before that of seq 7"],
  [
    "a thousand of long ago",
    Array.from({ length: 1000 }, (_, index) => (3000 + index) * minute),
    "before that of seq 1",
  ],
  [
    "several that step back",
    [9, 18, 27, 36, 45, 54, 63, 72].map((age) => age * minute),
    "seq 15 has a time before that of seq 1",
  ],
  ["one of 2099", [-40_000_000 * minute], "seq 8 has a time in the future"],
])("a forged entry that fits the chain refills nothing: %s", async (_, ages, fault) => {
  const own = await openRecord();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    expect(await ledger.check(retried, takeOf(2))).toMatchObject({ reason: "budget" });
    await appendForged(own, ages, probed);
    const message = expect.stringMatching(`${fault}.*: run \`wallet-core-ops audit verify\`$`);
    const refused = { code: "audit_unavailable", message };
    await expect(ledger.check(retried, takeOf(2))).rejects.toMatchObject(refused);
    await expect(ledger.begin({ limits: takeOf(2), toEntry: () => retried })).rejects.toMatchObject(refused);
    const rest = { cooldownMs: 60_000, parallel: null, budget: null };
    await expect(ledger.check(sampleEntry({ containerId: "rested" }), rest)).rejects.toMatchObject(refused);
    const problem = expect.stringMatching(/^seq \d+ has a time (before that of seq 7|in the future)$/);
    expect(await ledger.verify()).toMatchObject({ ok: false, problem });
    expect(await verifyTable(own.url)).toMatchObject({ ok: false });
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test("an entry of 2099 gives its time to no other one", async () => {
  const own = await openDatabase();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    const begun = await ledger.begin(restart("one"));
    if (begun.kind !== "begun") throw new Error("not begun");
    await appendForged(own, [-40_000_000 * minute], probed);
    await ledger.end(begun, done);
    const [last] = await ledger.read({ first: 1, before: null, accepts: () => true });
    expect(Math.abs(Date.parse(last?.at ?? "") - Date.now())).toBeLessThan(5 * minute);
    await expect(ledger.begin({ limits: takeOf(2), toEntry: () => retried })).rejects.toMatchObject({
      code: "audit_unavailable",
    });
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test("a clock that is behind goes on at the time of the newest entry", async () => {
  const own = await openRecord();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    // As after a failover to a standby whose clock is behind.
    await shiftRecord((text, values) => own.query(text, values), 8 * minute);
    const [newest] = await ledger.read({ first: 1, before: null, accepts: () => true });
    const begun = await ledger.begin({
      limits: { ...takeOf(3), cooldownMs: 60_000 },
      toEntry: () => sampleEntry({ containerId: "x" }),
    });
    if (begun.kind !== "begun") throw new Error("not begun");
    await ledger.end(begun, done);
    const [last] = await ledger.read({ first: 1, before: null, accepts: () => true });
    expect(last?.at).toBe(newest?.at);
    const rest = { cooldownMs: 60_000, parallel: null, budget: null };
    expect(await ledger.check(sampleEntry({ containerId: "x" }), rest)).toMatchObject({ reason: "cooldown" });
    expect(await ledger.check(retried, takeOf(2))).toMatchObject({ reason: "budget" });
    expect(await verifyTable(own.url)).toMatchObject({ ok: true });
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test("a record whose clock went back by nine minutes limits as its times say", async () => {
  const own = await openDatabase();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    const job = { source: "jobs", queue: null, ids: ["1"], fingerprint: null };
    // The first is of the hour, and the one behind it is not.
    const ages = [200, 58, 67, 30, 39, 5].map((age) => age * minute);
    for (const age of ages) {
      await appendForged(own, [age], { action: "job.retry", containerId: "", job }, 1);
      const { rows } = await own.query("select seq::int from wallet_core_ops.head");
      await appendForged(own, [age], {
        action: "job.retry",
        containerId: "",
        job,
        outcome: "ok",
        intent: rows[0]?.["seq"] as number,
      });
    }
    expect(await ledger.check(retried, takeOf(4))).toMatchObject({ reason: "budget" });
    expect(await ledger.check(retried, takeOf(5))).toBeNull();
    expect(await ledger.verify()).toMatchObject({ ok: true, lastSeq: 12 });
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test("a clock that went back far, days ago, is said and stops nothing", async () => {
  const own = await openRecord();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    await shiftRecord((text, values) => own.query(text, values), -3 * 1440 * minute);
    await own.query("delete from wallet_core_ops.rest");
    await appendForged(own, [4 * 1440 * minute, 2 * 1440 * minute], probed);
    expect(await ledger.check(retried, takeOf(2))).toBeNull();
    expect(await ledger.verify()).toMatchObject({ ok: true, lastSeq: 9 });
    const message = expect.stringMatching(/, although seq 8 has a time before that of seq \d+, more than a day ago$/);
    expect(await verifyTable(own.url)).toMatchObject({ ok: true, message });
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test.each([
  ["oldest", "seq <= 3", "seq 3 is missing"],
  ["only", "seq > 0", "seq 7 is missing"],
  ["middle", "seq = 3", "seq 3 is missing"],
])("entries of the hour that are gone refuse actions: the %s ones", async (_, where, fault) => {
  const own = await openRecord();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    const client = await own.connect();
    await client.query("set session_replication_role = replica");
    await client.query(`delete from wallet_core_ops.entry where ${where}`);
    await client.end();
    const take = { cooldownMs: null, parallel: null, budget: { perHour: 9, wanted: 1 } };
    const refused = { code: "audit_unavailable", message: expect.stringContaining(fault) };
    await expect(ledger.check(sampleEntry(), take)).rejects.toMatchObject(refused);
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test("what is older than the hour is not read, and may be gone", async () => {
  const own = await openRecord();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  const asked = sampleEntry({ action: "job.retry", containerId: "" });
  const take = { cooldownMs: null, parallel: null, budget: { perHour: 2, wanted: 2 } };
  try {
    await shiftRecord((text, values) => own.query(text, values), -3_599_000);
    expect(await ledger.check(asked, take)).toMatchObject({ reason: "budget" });
    await shiftRecord((text, values) => own.query(text, values), -3_000);
    expect(await ledger.check(asked, take)).toBeNull();
    await shiftRecord((text, values) => own.query(text, values), -7_200_000);
    await own.query("update wallet_core_ops.entry set holder = 'other' where seq < 7");
    expect(await ledger.check(asked, take)).toBeNull();
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test.each([-1, 0, 9, 1000])("a row %i that is outside of the chain is found, and unused", async (seq) => {
  const own = await openRecord();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    expect(await ledger.verify()).toMatchObject({ ok: true });
    await own.query(
      `insert into wallet_core_ops.entry values
       ($1, now(), '{"granted":-1000}', 'intent', 'job', null, 'k1 ops\nuser', 'k1 ops\nuser key', 0)`,
      [seq],
    );
    await own.query("insert into wallet_core_ops.open values ($1, 'probe', 'x', 'other', '-infinity')", [seq]);
    const asked = sampleEntry({ action: "job.retry", containerId: "", keyHash: "key" });
    expect(await ledger.check(asked, { ...limits, cooldownMs: null, budget: { perHour: 2, wanted: 1 } })).toMatchObject(
      {
        reason: "budget",
      },
    );
    expect(await ledger.find(asked)).toBeNull();
    expect(await ledger.adopt("probe")).toEqual([]);
    expect(await ledger.check(sampleEntry({ action: "probe" }), { ...limits, parallel: 1 })).toBeNull();
    expect(await ledger.read({ first: 100, before: null, accepts: () => true })).toHaveLength(7);
    const { ok, message } = await verifyTable(own.url);
    expect([ok, message.startsWith("the record of")]).toEqual([false, true]);
    await expect.poll(() => ledger.verify(), { timeout: 5000 }).toMatchObject({ ok: false });
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test.each([
  ["now() - interval '59 minutes'", "new", 120],
  ["now() + interval '1 day'", "new", 3600],
  ["'infinity'", "new", 3600],
  ["'-infinity'", "new", 0],
  ["'infinity'", "rested", 3600],
])("a cooldown of %s in no line is found: %s", async (endedAt, container, waitS) => {
  const own = await openRecord();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    await own.query("delete from wallet_core_ops.rest where container_id = $1", [container]);
    await own.query(`insert into wallet_core_ops.rest values ($1, ${endedAt})`, [container]);
    const { ok, message } = await verifyTable(own.url);
    expect([ok, message]).toEqual([false, expect.stringMatching(/: the cooldown of (its )?container/)]);
    const found = await ledger.check(sampleEntry({ containerId: container }), { ...limits, cooldownMs: 3_600_000 });
    expect(found?.retryAfterSeconds ?? 0).toBeLessThanOrEqual(waitS);
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test("a cooldown of long ago limits nothing, and needs no line", async () => {
  const own = await openRecord();
  try {
    await own.query("insert into wallet_core_ops.rest values ('old', now() - interval '61 minutes')");
    expect(await verifyTable(own.url)).toMatchObject({ ok: true });
  } finally {
    await own.drop();
  }
});

test.each(["open", "rest", "head"])("a row that is missing in %s is found", async (table) => {
  const own = await openRecord();
  try {
    await own.query(`delete from wallet_core_ops.${table}`);
    const { ok, message } = await verifyTable(own.url);
    expect([ok, message.replace(/^.*URL: /, "").replace(/\d+/, "N")]).toEqual([
      false,
      {
        open: "seq N has no last outcome, and is not open",
        rest: "seq N: the cooldown of its container is not what its line says",
        head: "the row of its head is missing, and the newest entries may be too",
      }[table],
    ]);
  } finally {
    await own.drop();
  }
});

test("a missing head is found in an empty record too, and stops actions", async () => {
  const own = await openDatabase();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    expect(await verifyTable(own.url)).toMatchObject({ ok: true });
    expect(await ledger.head()).toEqual({ seq: 0, hash: "0".repeat(64), at: null });
    await own.query("delete from wallet_core_ops.head");
    const missing = "the row of its head is missing, and the newest entries may be too";
    expect(await verifyTable(own.url)).toEqual({
      ok: false,
      message: `the record of WALLET_CORE_OPS_STATE_URL: ${missing}`,
    });
    expect(await ledger.verify()).toMatchObject({ ok: false, problem: missing });
    const message = "the row of its head is missing: run `wallet-core-ops audit verify`";
    await expect(ledger.begin(restart("a"))).rejects.toMatchObject({
      code: "audit_unavailable",
      message: `The audit record cannot be written: ${message}`,
    });
    await expect(ledger.head()).rejects.toMatchObject({ code: "audit_unavailable" });
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test("newest entries that went with their head: an anchor and a gateway know", async () => {
  const own = await openRecord();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    const { seq, hash } = await ledger.head();
    expect(await verifyTable(own.url, { anchors: [{ seq, hash }] })).toMatchObject({
      ok: true,
      message: expect.stringMatching(/, 1 anchor in its chain$/),
    });
    expect(await ledger.verify()).toMatchObject({ ok: true, lastSeq: 7 });
    await own.query(
      `delete from wallet_core_ops.open; delete from wallet_core_ops.entry where seq > 4;
       update wallet_core_ops.head set seq = 4, hash = (select line::json->>'hash' from wallet_core_ops.entry where seq = 4)`,
    );
    expect(await verifyTable(own.url)).toMatchObject({ ok: true });
    expect(await verifyTable(own.url, { anchors: [{ seq, hash }] })).toMatchObject({
      ok: false,
      message: expect.stringMatching(/: seq 7 was anchored, and is missing: the record ends at seq 4$/),
    });
    const lost = { ok: false, problem: "seq 7 is missing: the record ends at seq 4" };
    await expect.poll(() => ledger.verify(), { timeout: 10_000 }).toMatchObject(lost);
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test("the command names a part of the record, and a cut file of heads", async () => {
  const own = await openRecord();
  const folder = mkdtempSync(join(tmpdir(), "ops-heads-"));
  const verify = async (heads: string, ...args: string[]) => {
    const env = { WALLET_CORE_OPS_STATE_URL: own.url };
    writeFileSync(join(folder, "heads"), heads);
    const { code, out } = await runCommand(auditCommand, ["verify", ...args, "--head", join(folder, "heads")], { env });
    return [
      code,
      out
        .join("\n")
        .replace(/the record of WALLET_CORE_OPS_STATE_URL/, "it")
        .replace(`${folder}/`, "")
        .replace(/hash \w+/, "hash H"),
    ];
  };
  try {
    const { rows } = await own.query("select line from wallet_core_ops.entry order by seq");
    const noted = rows.map(({ line }) => `${String(line)}\n`);
    const ok = "it, head seq 7 hash H, 7 anchors in its chain";
    expect(await verify(noted.join(""))).toEqual([0, `ok    ${ok}`]);
    expect(await verify(noted.join("").slice(0, -30))).toEqual([
      1,
      `FAIL  the last line of heads is cut: it was not compared. The rest is ok: ${ok.replace("7 anchors", "6 anchors")}`,
    ]);
    await own.query("delete from wallet_core_ops.entry where seq < 3; delete from wallet_core_ops.rest");
    const left = "it, head seq 7 hash H, 5 anchors in its chain, 2 older than seq 3 not compared";
    expect(await verify(noted.join(""), "--partial")).toEqual([0, `ok    ${left}`]);
    expect(await verify(noted.slice(0, 2).join(""), "--partial")).toEqual([
      1,
      "FAIL  it: no anchor could be compared: the newest is seq 2, and this part begins at seq 3",
    ]);
  } finally {
    rmSync(folder, { recursive: true });
    await own.drop();
  }
});

test("lines of 0.2 and of this version are one chain, with one hour", async () => {
  const own = await openDatabase();
  const ledger = createPostgresLedger({ url: own.url, logger: silentLogger });
  try {
    // As 0.2 wrote them: a restart, and a further one of its role, which took nothing of the hour.
    let head: { readonly seq: number; readonly hash: string } = { seq: 0, hash: "0".repeat(64) };
    for (const [outcome, containerId, intent, granted] of [
      ["intent", "one", null, 1],
      ["ok", "one", 1, 0],
      ["intent", "two", null, 0],
      ["failed", "two", 3, 0],
    ] as const) {
      const at = new Date();
      const made = toOldLine(sampleEntry({ outcome, containerId, intent }), at, head);
      head = made.head;
      await own.query(
        `insert into wallet_core_ops.entry (seq, at, line, outcome, family, intent, holder, granted)
         values ($1, $2, $3, $4, 'restart', $5, $6, $7)`,
        [head.seq, at, made.line.trimEnd(), outcome, intent, "k1 ops\nuser", granted],
      );
      await own.query("update wallet_core_ops.head set seq = $1, hash = $2", [head.seq, head.hash]);
      if (outcome === "ok")
        await own.query("insert into wallet_core_ops.rest values ($1, clock_timestamp())", [containerId]);
    }
    expect(await verifyTable(own.url)).toMatchObject({ ok: true, message: expect.stringContaining("head seq 4") });
    const budget = (perHour: number) => ({ cooldownMs: 0, parallel: null, budget: { perHour, wanted: 1 } });
    // Whether an old restart was a further one of its role is not in its line: each counts.
    expect(await ledger.check(sampleEntry({ containerId: "new" }), budget(2))).toMatchObject({ reason: "budget" });
    const begun = await ledger.begin({ limits: budget(3), toEntry: () => sampleEntry({ containerId: "new" }) });
    if (begun.kind !== "begun") throw new Error("not begun");
    await ledger.end(begun, done);
    expect(await verifyTable(own.url)).toMatchObject({ ok: true, message: expect.stringContaining("head seq 6") });
    await own.query("update wallet_core_ops.entry set granted = 5 where seq = 3");
    expect(await verifyTable(own.url)).toMatchObject({
      ok: false,
      message: expect.stringContaining("its column granted"),
    });
  } finally {
    await ledger.close();
    await own.drop();
  }
});

test("tables are made once, also by a role that owns the schema alone", async () => {
  const own = await createTestDatabase(inject("postgresUrl"), "ledger_migrate");
  try {
    const role = await own.createRole();
    const ledger = createPostgresLedger({ url: role.url, logger: silentLogger });
    await expect(ledger.begin(restart("a"))).rejects.toMatchObject({
      code: "audit_unavailable",
      message: "The audit record cannot be written: its tables are missing: run `wallet-core-ops migrate`",
    });
    await own.query(`create schema wallet_core_ops authorization ${role.name}`);
    const { Client } = await import("pg");
    const clients = Array.from({ length: 3 }, () => new Client({ connectionString: role.url }));
    await Promise.all(clients.map((client) => client.connect()));
    const found = await Promise.all(clients.map((client) => migrate(client)));
    expect(found.map(({ before }) => before).toSorted((a, b) => a - b)).toEqual([0, newestVersion, newestVersion]);
    expect(await readVersion(clients[0] as never)).toBe(newestVersion);
    await Promise.all(clients.map((client) => client.end()));
    expect(await ledger.begin(restart("a"))).toMatchObject({ kind: "begun", seq: 1 });
    await ledger.close();
  } finally {
    await own.drop();
  }
});

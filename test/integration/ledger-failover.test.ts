import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type RunningPostgres, startPostgres } from "../../script/services/postgres.ts";
import { createPostgresLedger } from "../../src/audit/postgres/ledger.ts";
import { migrateTables, verifyTable } from "../../src/audit/postgres/probe.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { createStateDatabase } from "../../src/state/database.ts";
import { createTimelineStore } from "../../src/timeline/postgres/store.ts";
import { createSharedTimeline } from "../../src/timeline/shared.ts";
import { toEntry } from "../../src/timeline/timeline.ts";
import { sampleEntry } from "../support/audit.ts";
import { startCutProxy, type CutProxy } from "../support/cut-proxy.ts";
import { until } from "../support/until.ts";

const logger = silentLogger;
const budget = 400;
let primary: RunningPostgres;
let standby: RunningPostgres;
let address: CutProxy;

/** A statement on a server's own address. */
async function ask<Row>({ url }: RunningPostgres, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows as Row[];
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  const folder = join(inject("runFolder"), "ledger-failover");
  primary = await startPostgres(join(folder, "primary"), { settings: ["fsync=on"] });
  const { ok, message } = await migrateTables(primary.url);
  if (!ok) throw new Error(message);
  await primary.restart(async () => {
    standby = await startPostgres(join(folder, "standby"), { standbyOf: primary, settings: ["fsync=on"] });
  });
  await ask(primary, "alter system set synchronous_standby_names = '*'");
  await ask(primary, "select pg_reload_conf()");
  const isSynchronous = "select sync_state from pg_stat_replication where sync_state = 'sync'";
  await until(async () => (await ask(primary, isSynchronous)).length === 1);
  address = await startCutProxy(primary.url);
});
afterAll(async () => {
  await address?.close();
  await standby?.stop();
  await primary?.stop();
});

test("what only the primary has is not begun", async () => {
  const ledger = createPostgresLedger({ url: address.url, logger });
  const isWaiting = "select pid from pg_stat_activity where wait_event = 'SyncRep'";
  await standby.restart(async () => {
    const begun = ledger.begin({
      limits: { cooldownMs: 0, parallel: null, budget: null },
      toEntry: () => sampleEntry({ containerId: "lonely" }),
    });
    const answer = begun.then(
      ({ kind }) => kind,
      ({ code }: { code: string }) => code,
    );
    await until(async () => (await ask(primary, isWaiting)).length === 1);
    // Its session ends, as at a restart of the primary: committed there, and not answered.
    await ask(primary, `select pg_terminate_backend(pid) from (${isWaiting})`);
    expect(await answer).toBe("audit_unavailable");
  });
  await ledger.close();
});

test("a failover to a synchronous standby loses nothing that was answered", async () => {
  const gateways = [0, 1].map(() => createPostgresLedger({ url: address.url, logger }));
  const state = createStateDatabase({ url: address.url, logger, connections: 1 });
  const timeline = createSharedTimeline({ store: createTimelineStore(state), logger, days: 30 });
  const begun: { seq: number; container: string }[] = [];
  const ended: number[] = [];
  /** Reasons, and messages of errors. */
  const refused: string[] = [];
  const codes = new Set<string>();
  const over = new AbortController();
  let observed = 0;
  const call = async (caller: number) => {
    for (let turn = 0; !over.signal.aborted; turn += 1) {
      const ledger = gateways[caller % gateways.length] as (typeof gateways)[number];
      const container = `container-${(turn * 7 + caller) % 24}`;
      try {
        const decision = await ledger.begin({
          limits: { cooldownMs: 0, parallel: null, budget: { perHour: budget, wanted: 1 } },
          toEntry: () => sampleEntry({ containerId: container }),
        });
        if (decision.kind === "begun") {
          begun.push({ seq: decision.seq, container });
          await ledger.end(decision, { outcome: "ok", detail: "running", code: null, durationMs: 1 });
          ended.push(decision.seq);
        } else if (decision.kind === "refused") refused.push(decision.refusal.reason);
      } catch (error) {
        const { code, message } = error as { code: string; message: string };
        codes.add(code);
        refused.push(message);
      }
      await sleep(5);
    }
  };
  const watch = async () => {
    for (; !over.signal.aborted; observed += 1) {
      const time = new Date(Date.now() - 60_000 + observed).toISOString();
      timeline.add(toEntry({ kind: "oom_kill", time, message: String(observed), host: String(observed) }));
      await timeline.sync();
      await sleep(20);
    }
  };
  const running = [...Array.from({ length: 6 }, (_, caller) => call(caller)), watch()];
  await until(() => ended.length >= 50);
  process.kill(primary.pid, "SIGKILL");
  // The address has moved, and the standby is not promoted yet.
  await until(() => refused.some((reason) => reason.startsWith("The audit record cannot be")));
  address.moveTo(standby.url);
  const readOnly = "The audit record cannot be written: its database is read-only: a standby?";
  await until(() => refused.includes(readOnly));
  const before = begun.length;
  await ask(standby, "select pg_promote(true)");
  await until(() => begun.length >= before + 50);
  over.abort();
  await Promise.all(running);
  await timeline.sync();

  const rows = await ask<{ seq: number; outcome: string; intent: number | null; container: string }>(
    standby,
    "select seq::int, outcome, intent::int, line::json->>'container_id' as container from wallet_core_ops.entry order by seq",
  );
  const intents = new Map(
    rows.filter(({ outcome }) => outcome === "intent").map(({ seq, container }) => [seq, container]),
  );
  for (const { seq, container } of begun) expect([seq, intents.get(seq)]).toEqual([seq, container]);
  const outcomes = new Set(rows.flatMap(({ intent }) => intent ?? []));
  expect(ended.filter((seq) => !outcomes.has(seq))).toEqual([]);
  // Each is one that was answered, or whose answer was lost in the failover.
  expect(intents.size - begun.length).toBeLessThanOrEqual(running.length);
  expect(intents.size).toBeLessThanOrEqual(budget);
  expect([...codes]).toEqual(["audit_unavailable"]);
  const open = new Set<string>();
  const overlapping = rows.filter(({ outcome, container }) => {
    const wasOpen = open.has(container);
    if (outcome === "intent") open.add(container);
    else open.delete(container);
    return outcome === "intent" && wasOpen;
  });
  expect(overlapping).toEqual([]);
  expect(await verifyTable(standby.url)).toMatchObject({ ok: true });
  const events = await ask<{ message: string }>(
    standby,
    "select entry::json->>'message' as message from wallet_core_ops.event order by seq",
  );
  expect(events.map(({ message }) => Number(message))).toEqual(Array.from({ length: observed }, (_, index) => index));
  await Promise.all([...gateways.map((gateway) => gateway.close()), state.close()]);
});

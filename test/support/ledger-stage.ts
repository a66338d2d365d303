import { setTimeout as sleep } from "node:timers/promises";
import { vi } from "vitest";
import type { AuditEntry } from "../../src/audit/audit.ts";
import type { ActionLimits, Decision, Ledger } from "../../src/audit/ledger.ts";
import { toBusyMs } from "../../src/audit/ledger.ts";
import { createPostgresLedger } from "../../src/audit/postgres/ledger.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { migrate } from "../../src/state/schema.ts";
import { sampleEntry } from "./audit.ts";
import { toBound } from "./bound.ts";
import { type CutProxy, startCutProxy } from "./cut-proxy.ts";
import { createTestDatabase } from "./postgres-database.ts";

interface Restart {
  readonly seq: number;
  readonly container: string;
  readonly begunMs: number;
  readonly endMs: number;
}

const longestMs = toBusyMs({ mark: null });

/**
 * An engine of the simulation: it restarts what it was asked to, whatever became of the gateway
 * that asked, and takes no longer than a ledger allows it (`toBusyMs`).
 */
function createEngine() {
  const running = new Map<number, Restart & { readonly done: PromiseWithResolvers<void> }>();
  /** As Docker's own events of restarts: in the order of their ends. */
  const events: Restart[] = [];
  const faults: string[] = [];
  return {
    running,
    events,
    faults,
    restart(seq: number, container: string, nowMs: number): Promise<void> {
      const asked = [...running.values(), ...events];
      if (asked.some((one) => one.seq === seq)) faults.push(`${seq} was asked for twice`);
      if ([...running.values()].some((one) => one.container === container))
        faults.push(`${container} was asked for while it restarts`);
      const done = Promise.withResolvers<void>();
      running.set(seq, {
        seq,
        container,
        begunMs: nowMs,
        endMs: nowMs + 1000 + ((seq * 7919) % (longestMs - 1000)),
        done,
      });
      return done.promise;
    },
    advance(nowMs: number): void {
      const ended = [...running.values()].filter(({ endMs }) => endMs <= nowMs).toSorted((a, b) => a.endMs - b.endMs);
      for (const one of ended) {
        running.delete(one.seq);
        events.push(one);
        one.done.resolve();
      }
    },
  };
}

/** One changed job of a group. */
export interface JobChange {
  readonly seq: number;
  readonly id: string;
  readonly atMs: number;
}

/** A gateway: its ledger, over a way that can be cut. */
interface Gateway {
  readonly proxy: CutProxy;
  readonly ledger: Ledger & { close(): Promise<void> };
  /** While its process is paused. */
  paused: PromiseWithResolvers<void> | null;
  isDead: boolean;
}

const done = { outcome: "ok", detail: "running", code: null, durationMs: 1 } as const;
const settled = { outcome: "ok", detail: "settled: the engine restarted it", code: null, durationMs: 1 } as const;
const unknown = { outcome: "unknown", detail: "the gateway died", code: "restart_unknown", durationMs: 1 } as const;
const late = {
  outcome: "failed",
  detail: "overloaded: paused for too long",
  code: "overloaded",
  durationMs: 1,
} as const;
/** As the states of jobs are recorded, which do not say who changed them. */
const looked = { outcome: "unknown", detail: "settled: now 1 pending", code: null, durationMs: null } as const;
const unasked = {
  outcome: "failed",
  detail: "docker_error: it was not asked",
  code: "docker_error",
  durationMs: 1,
} as const;

export interface Row {
  readonly seq: number;
  readonly atMs: number;
  readonly outcome: string;
  readonly intent: number | null;
  readonly container: string;
  readonly key: string | null;
  readonly family: string;
  /** The job ids of a change. */
  readonly ids: readonly string[] | null;
  /** An outcome that is the last one though it is unknown. */
  readonly isSettled: boolean;
}

/**
 * Several gateways on one real PostgreSQL and one engine, whose time is a virtual clock: that of
 * the database's statements, of the leases and of the engine.
 */
export async function openLedgerStage(serverUrl: string, limits: ActionLimits, jobsPerHour: number) {
  const database = await createTestDatabase(serverUrl, "schedules");
  // Before pg_catalog: the statements of the ledger ask this clock.
  await database.query(
    "create schema virtual; create table virtual.clock (now timestamptz not null); insert into virtual.clock values (now())",
  );
  for (const name of ["clock_timestamp", "statement_timestamp"])
    await database.query(
      `create function virtual.${name}() returns timestamptz language sql as 'select now from virtual.clock'`,
    );
  const client = await database.connect();
  await migrate(client);
  await client.end();
  await database.query(
    `alter database ${new URL(database.url).pathname.slice(1)} set search_path = virtual, pg_catalog`,
  );
  let nowMs = Date.parse("2026-01-13T09:00:00Z");
  const setClock = () => database.query("update virtual.clock set now = to_timestamp($1::float8 / 1000)", [nowMs]);
  await setClock();

  const engine = createEngine();
  const changes: JobChange[] = [];
  /** What waits for the clock to move on. */
  const waiting = new Set<() => void>();
  const tick = () => new Promise<void>((resolve) => waiting.add(resolve));
  const open = async (): Promise<Gateway> => {
    const proxy = await startCutProxy(database.url);
    return {
      proxy,
      ledger: createPostgresLedger({ url: proxy.url, logger: silentLogger }),
      paused: null,
      isDead: false,
    };
  };
  const gateways = await Promise.all([open(), open(), open()]);
  const gatewayOf = (index: number) => gateways[index] as Gateway;
  const calls = { running: 0, requests: 0 };
  const actors = new Set<Promise<void>>();
  const answers: { readonly subject: string; readonly key: string | null; readonly decision: Decision }[] = [];

  /** What is done next is done by a process that runs. */
  const wake = async (gateway: Gateway): Promise<void> => {
    await gateway.paused?.promise;
    if (gateway.isDead) throw new Error("dead");
  };
  const call = async <T>(gateway: Gateway, ask: () => Promise<T>): Promise<T> => {
    await wake(gateway);
    calls.running += 1;
    const answer = await ask().finally(() => (calls.running -= 1));
    await wake(gateway);
    return answer;
  };
  /** An error ends it as it would end a request: the record is away, or the process is dead. */
  const act = (run: () => Promise<void>): void => {
    const actor: Promise<void> = run()
      .catch(() => {})
      .finally(() => actors.delete(actor));
    actors.add(actor);
  };
  const end = (
    gateway: Gateway,
    action: { readonly seq: number; readonly entry: AuditEntry },
    outcome: Parameters<Ledger["end"]>[1],
  ) =>
    call(gateway, () => gateway.ledger.end(action, outcome)).catch((error: unknown) => {
      gateway.ledger.release(action);
      throw error;
    });

  const stage = {
    engine,
    changes,
    answers,
    now: () => nowMs,
    ask(index: number, container: string, subject: string, key: string | null) {
      const gateway = gatewayOf(index);
      act(async () => {
        // As the edge does: without it, the entries of two requests at one time would be the same.
        const requestId = `r-${(calls.requests += 1)}`;
        const toEntry = () =>
          sampleEntry({ requestId, containerId: container, subject, keyHash: key, reason: "stuck" });
        const decision = await call(gateway, () => gateway.ledger.begin({ limits, toEntry }));
        answers.push({ subject, key, decision });
        if (decision.kind !== "begun") return;
        if (!decision.isHeld()) return gateway.ledger.release(decision);
        await engine.restart(decision.seq, container, nowMs);
        await end(gateway, decision, done);
      });
    },
    /** Changes so many jobs one after the other, each of which takes a moment. */
    change(index: number, subject: string, wanted: number) {
      const gateway = gatewayOf(index);
      act(async () => {
        const requestId = `r-${(calls.requests += 1)}`;
        const toEntry = (granted: number) => {
          const ids = Array.from({ length: granted }, (_, at) => `${requestId}-${at}`);
          const job = { source: "jobs", queue: null, ids, fingerprint: null };
          return sampleEntry({ action: "job.retry_group", requestId, containerId: "", subject, job });
        };
        const ofJobs = { cooldownMs: null, parallel: null, budget: { perHour: jobsPerHour, wanted } };
        const decision = await call(gateway, () => gateway.ledger.begin({ limits: ofJobs, toEntry }));
        answers.push({ subject, key: null, decision });
        if (decision.kind !== "begun") return;
        for (const id of decision.entry.job?.ids ?? []) {
          for (let moment = 0; moment < 3; moment += 1) await tick();
          await wake(gateway);
          if (!decision.isHeld()) return end(gateway, decision, late);
          changes.push({ seq: decision.seq, id, atMs: nowMs });
        }
        await end(gateway, decision, done);
      });
    },
    adopt(index: number) {
      const gateway = gatewayOf(index);
      act(async () => {
        for (const { intent, hasOutcome } of await call(gateway, () => gateway.ledger.adopt("job"))) {
          const action = { seq: intent.seq, entry: intent };
          act(async () => {
            if (!hasOutcome) await end(gateway, action, unknown);
            await end(gateway, action, looked);
          });
        }
      });
      act(async () => {
        for (const { intent, hasOutcome } of await call(gateway, () => gateway.ledger.adopt("restart"))) {
          const action = { seq: intent.seq, entry: intent };
          act(async () => {
            const running = engine.running.get(intent.seq);
            if (running && !hasOutcome) await end(gateway, action, unknown);
            await running?.done.promise;
            const wasRestarted = engine.events.some(({ seq }) => seq === intent.seq);
            await end(gateway, action, wasRestarted ? settled : unasked);
          });
        }
      });
    },
    pause(index: number) {
      const gateway = gatewayOf(index);
      gateway.paused ??= Promise.withResolvers();
      gateway.proxy.cut();
    },
    resume(index: number) {
      const gateway = gatewayOf(index);
      gateway.proxy.mend();
      gateway.paused?.resolve();
      gateway.paused = null;
    },
    cut: (index: number) => gatewayOf(index).proxy.cut(),
    mend(index: number) {
      if (!gatewayOf(index).paused) gatewayOf(index).proxy.mend();
    },
    lose: (index: number, when: "before" | "after") => gatewayOf(index).proxy.cutAtCommit(when),
    /** It ends without a word, and another one is started in its place. */
    async kill(index: number) {
      const gateway = gatewayOf(index);
      gateway.isDead = true;
      gateway.proxy.cut();
      gateway.paused?.resolve();
      gateways[index] = await open();
      void gateway.ledger.close().then(() => gateway.proxy.close());
    },
    /** Until what can go on has gone on: each call has a deadline of its own. */
    async settle() {
      do await sleep(2);
      while (calls.running > 0);
    },
    async wait(seconds: number) {
      for (let left = seconds * 1000; left > 0; left -= 5000) {
        const step = Math.min(5000, left);
        nowMs += step;
        await setClock();
        vi.advanceTimersByTime(step);
        engine.advance(nowMs);
        for (const resolve of waiting) resolve();
        waiting.clear();
        // As every gateway does each 5 s.
        for (const index of gateways.keys()) stage.adopt(index);
        await stage.settle();
      }
    },
    /**
     * Mends everything, and waits until every action has its last outcome. A busy machine may take
     * long to end a session that was cut, whose locks go with it.
     */
    async finish() {
      for (const index of gateways.keys()) stage.resume(index);
      const deadline = Date.now() + toBound(20_000);
      for (;;) {
        await stage.wait(40);
        const { rows } = await database.query("select seq::int, container_id from wallet_core_ops.open");
        if (rows.length === 0 && actors.size === 0) return;
        const left = { rows, requests: actors.size, running: [...engine.running.keys()], faults: engine.faults };
        if (Date.now() > deadline) throw new Error(`It does not end: ${JSON.stringify(left)}`);
      }
    },
    async rows(subject: string): Promise<Row[]> {
      const { rows } = await database.query(
        `select seq::int, extract(epoch from at)::float8 * 1000 as "atMs", outcome, intent::int, line::json->>'container_id' as container, answer_key as key, family,
           line::json->'job'->'ids' as ids, line::json->>'detail' like 'settled%' as "isSettled"
         from wallet_core_ops.entry where holder = $1 order by seq`,
        [`k1 ${subject}`],
      );
      return rows as unknown as Row[];
    },
    verify: () => gatewayOf(0).ledger.verify(),
    async close() {
      for (const { ledger, proxy } of gateways) {
        await ledger.close();
        await proxy.close();
      }
      await database.drop();
    },
  };
  return stage;
}

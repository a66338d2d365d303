import { hash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import type { AuditEntry, AuditRecord, KeyedIntent, OpenIntent } from "../../../src/audit/audit.ts";
import type { Container } from "../../../src/containers/container.ts";
import { createLocalLedger } from "../../../src/audit/local.ts";
import { createRestarts, type Restarts } from "../../../src/containers/restart/restart.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { emptyHead, sampleChain, sampleEntry } from "../../support/audit.ts";
import { createCaller } from "../../support/caller.ts";
import { sampleContainer, sampleMark } from "../../support/containers.ts";

const container = sampleContainer();
const mark = sampleMark();
const caller = createCaller();
const request = { reason: "stuck", requestId: "r1", principal: caller.principal, origin: caller.origin() };
const opened: Restarts[] = [];
afterEach(async () => {
  for (const restarts of opened.splice(0)) await restarts.close();
});

interface Scene {
  readonly restart?: () => Promise<Container>;
  readonly now?: Partial<Container>;
  readonly protectedBy?: string;
  readonly restartedSince?: () => boolean;
  /** The engine's clock as it goes on; else `sinceMark`. */
  readonly clock?: () => number;
  /** The socket that restarts go through. @default that of `sampleMark` */
  readonly socket?: string | null;
  /** Where its engine is found. */
  readonly located?: string | null;
  /** How long after the mark of the container's restarts it is by its engine's clock, ms. */
  readonly sinceMark?: number;
  readonly failAudit?: (entry: AuditEntry) => boolean;
  readonly open?: readonly OpenIntent[];
  readonly keyed?: readonly KeyedIntent[];
  readonly failRecover?: () => boolean;
  readonly failCheck?: () => boolean;
  readonly cooldownMs?: number;
  readonly settleMs?: number;
}

function scene(given: Scene = {}) {
  const entries: AuditEntry[] = [];
  const order: string[] = [];
  const ledger = createLocalLedger({
    audit: {
      write: async (entry) => {
        if (given.failAudit?.(entry)) throw new OpsError("audit_unavailable", "disk full");
        order.push(entry.outcome);
        return entries.push(entry);
      },
      read: async ({ first, accepts }) =>
        entries
          .map((entry, index): AuditRecord => ({ ...entry, seq: index + 1, at: "", hash: "" }))
          .toReversed()
          .filter(accepts)
          .slice(0, first),
      check: async () => {
        if (given.failCheck?.()) throw new OpsError("audit_unavailable", "The audit record cannot be written");
      },
      head: async () => emptyHead,
      verify: async () => sampleChain(entries.length),
      recover: async () => {
        if (given.failRecover?.()) throw new OpsError("audit_unavailable", "another process writes this file");
        return { open: given.open ?? [], keyed: given.keyed ?? [], limiting: [] };
      },
    },
  });
  const inspection = { container: { ...container, ...given.now }, protectedBy: given.protectedBy ?? null };
  const restarts = createRestarts({
    source: {
      restart: () => {
        order.push("restart");
        return (given.restart?.() ?? Promise.resolve(container)).then((done) => ({
          container: done,
          dockerStatus: 204,
        }));
      },
      inspectNow: async () => inspection,
      markRestart: async () => ({
        ...inspection,
        mark: {
          ...mark,
          socket: given.socket === undefined ? mark.socket : given.socket,
          at: new Date(Date.parse(mark.at) + (given.clock?.() ?? given.sinceMark ?? 0)).toISOString(),
          startedAt: (entries.length > 0 && given.now?.startedAt) || mark.startedAt,
        },
      }),
      locate: async () => (given.located === undefined ? "local" : given.located),
      restartedSince: async () => given.restartedSince?.() ?? false,
    },
    ledger,
    limits: { cooldownMs: given.cooldownMs ?? 0, budgetPerHour: 10 },
    stableMs: 0,
    settleMs: given.settleMs ?? 700,
  });
  opened.push(restarts);
  return { entries, order, restarts, ledger, run: (more = {}) => restarts.restart(container, { ...request, ...more }) };
}

const lost = () => Promise.reject(new OpsError("restart_unknown", "no answer in time"));

describe("restart", () => {
  it("records the intent before and the outcome after, with its number", async () => {
    const { entries, order, run } = scene();
    expect(await run()).toEqual({ container, healthy: null });
    expect(order).toEqual(["intent", "restart", "ok"]);
    expect(entries[1]).toEqual({
      outcome: "ok",
      action: "restart",
      intent: 1,
      requestId: "r1",
      ip: "192.0.2.7",
      clientRequestId: null,
      traceId: null,
      subject: "test",
      kid: "test",
      auth: "token",
      scopes: ["ops:read", "ops:logs", "ops:operate", "ops:introspect"],
      engine: "local",
      containerId: container.fullId,
      containerName: container.name,
      image: container.image,
      job: null,
      env: "staging",
      reason: "stuck",
      args: {},
      keyHash: null,
      detail: "running",
      code: null,
      dockerStatus: 204,
      durationMs: expect.any(Number),
      mark,
    });
    expect(entries[0]?.mark).toEqual(mark);
  });

  it("restarts nothing without a record, and spends nothing", async () => {
    const { order, run } = scene({ failAudit: () => true, cooldownMs: 60_000 });
    for (const _ of [1, 2]) await expect(run()).rejects.toMatchObject({ code: "audit_unavailable" });
    expect(order).toEqual([]);
  });

  it("is refused beforehand without a record, if by nothing else", async () => {
    let unwritable = true;
    const failCheck = () => unwritable;
    const unrecordable = scene({ failCheck });
    const check = () => unrecordable.restarts.check(container, request.principal);
    expect(await check()).toEqual({ code: "audit_unavailable", message: "The audit record cannot be written" });
    unwritable = false;
    expect(await check()).toBeNull();
    const guarded = scene({ failCheck: () => true, protectedBy: "the gateway itself runs in it" });
    expect(await guarded.restarts.check(container, request.principal)).toMatchObject({ code: "restart_protected" });
    expect(unrecordable.order).toEqual([]);
  });

  it("never restarts a protected container", async () => {
    const { order, run, restarts } = scene({ protectedBy: "the gateway itself runs in it" });
    const refusal = { code: "restart_protected", message: expect.stringContaining("the gateway itself") };
    await expect(run()).rejects.toMatchObject(refusal);
    expect(await restarts.check(container, request.principal)).toMatchObject(refusal);
    expect(order).toEqual([]);
  });

  it("records a failure, passes it on, and may be tried again at once", async () => {
    const failed = () => Promise.reject(new OpsError("docker_error", "left exited", { upstreamStatus: 500 }));
    const { entries, run } = scene({ restart: failed, cooldownMs: 60_000 });
    await expect(run()).rejects.toMatchObject({ code: "docker_error", message: "left exited" });
    const expected = { code: "docker_error", dockerStatus: 500, detail: "docker_error: left exited" };
    expect(entries.at(-1)).toMatchObject({ outcome: "failed", ...expected });
    await expect(run()).rejects.toMatchObject({ code: "docker_error" });
  });

  it("records as ok what the engine confirmed before it was lost", async () => {
    const confirmed = () => Promise.reject(new OpsError("restart_unknown", "restarted, but", { upstreamStatus: 204 }));
    const { entries, run, order } = scene({ restart: confirmed });
    const keyed = { idempotencyKey: "k" };
    await expect(run(keyed)).rejects.toMatchObject({ code: "restart_unknown" });
    expect(entries.at(-1)).toMatchObject({
      outcome: "ok",
      intent: 1,
      dockerStatus: 204,
      detail: "restart_unknown: restarted, but",
    });
    // By now it can.
    expect(await run(keyed)).toMatchObject({ container: { fullId: container.fullId } });
    expect(order).toEqual(["intent", "restart", "ok"]);
  });

  it("records an outcome later if it could not be recorded at once", async () => {
    let full = true;
    const { entries, run } = scene({ failAudit: ({ outcome }) => full && outcome !== "intent" });
    expect(await run()).toMatchObject({ container });
    expect(entries).toHaveLength(1);
    full = false;
    await expect.poll(() => entries.length, { timeout: 4000 }).toBe(2);
    expect(entries[1]).toMatchObject({ outcome: "ok", intent: 1 });
  });
});

describe("a restart whose answer is lost", () => {
  it("is unknown and in progress until the engine's events have it", async () => {
    let seen = false;
    const { entries, run } = scene({ restart: lost, restartedSince: () => seen, settleMs: 20_000 });
    const keyed = { idempotencyKey: "k" };
    for (const _ of [1, 2]) await expect(run(keyed)).rejects.toMatchObject({ code: "restart_unknown" });
    expect(entries.at(-1)).toMatchObject({ outcome: "unknown" });
    await expect(run()).rejects.toMatchObject({ code: "restart_in_progress" });
    seen = true;
    await expect.poll(() => entries.at(-1), { timeout: 4000 }).toMatchObject({ outcome: "ok", intent: 1 });
    expect(await run(keyed)).toMatchObject({ container: { fullId: container.fullId } });
    expect(entries).toHaveLength(3);
  });

  it.each([
    [{ status: "exited" }, "failed", "settled: now exited"],
    [{ startedAt: "2026-01-13T09:40:10Z" }, "failed", "settled: now running"],
    [{ startedAt: "2999-01-01T00:00:00Z" }, "unknown", "settled: now running, started at 2999-01-01T00:00:00Z"],
  ])("without such an event, %o is %s", async (now, outcome, detail) => {
    const { entries, run } = scene({ restart: lost, now });
    await expect(run()).rejects.toMatchObject({ code: "restart_unknown" });
    await expect.poll(() => entries.length, { timeout: 5000 }).toBe(3);
    expect(entries[2]).toMatchObject({ outcome, detail });
  });

  it("of a process that died is unknown at the next start, then settled", async () => {
    const { entries, restarts } = scene({
      open: [{ intent: toRecord({ seq: 7 }), hasOutcome: false, wasGivenUp: false }],
      restartedSince: () => true,
    });
    await restarts.recover();
    await expect.poll(() => entries.length).toBe(2);
    expect(entries).toMatchObject([
      { outcome: "unknown", intent: 7, detail: "the gateway died during the restart" },
      { outcome: "ok", intent: 7 },
    ]);
  });
});

describe("a restart that another gateway took over and left", () => {
  const busyMs = mark.stopSeconds * 1000 + 15_000;
  const left = (sinceMark: number, wasGivenUp = false) =>
    scene({
      open: [{ intent: toRecord({ seq: 7, mark }), hasOutcome: true, wasGivenUp }],
      sinceMark,
      settleMs: 60_000,
    });

  it("is settled at once when its engine can be at it no more", async () => {
    const { entries, restarts, run } = left(busyMs);
    await restarts.recover();
    await expect.poll(() => entries).toMatchObject([{ outcome: "failed", intent: 7, detail: "settled: now running" }]);
    await run();
  });

  it.each([
    ["its engine may be at it", busyMs - 30_000, false],
    ["its engine took longer than it should", busyMs, true],
  ])("is in progress while %s", async (_what, sinceMark, wasGivenUp) => {
    const { entries, restarts, run } = left(sinceMark, wasGivenUp);
    await restarts.recover();
    for (const _ of [1, 2, 3]) await expect(run()).rejects.toMatchObject({ code: "restart_in_progress" });
    expect(entries).toEqual([]);
  });
});

describe("a restart over a network whose gateway died", () => {
  const ask = { idempotencyKey: "k" };
  /** The engine has its request when that is delivered; its gateway died long before. */
  function stage(more: Scene = {}) {
    let isDelivered = false;
    const intent = toRecord({ seq: 7, mark: { ...mark, socket: null } });
    const made = scene({
      open: [{ intent, hasOutcome: true, wasGivenUp: false }],
      keyed: [{ intent, outcome: null }],
      sinceMark: 25_000,
      socket: null,
      restartedSince: () => isDelivered,
      settleMs: 60_000,
      ...more,
    });
    const outcomes = () => made.entries.map(({ outcome, intent: of }) => [outcome, of]);
    return { ...made, outcomes, deliver: () => void (isDelivered = true) };
  }
  const lostDetail = /not restarted; its request was lost, or is still on its way to the engine$/;

  it("stays unknown, and holds its place no longer", async () => {
    const { entries, outcomes, restarts, run } = stage();
    await restarts.recover();
    await expect.poll(outcomes).toEqual([["unknown", 7]]);
    expect(entries[0]?.detail).toMatch(lostDetail);
    for (const _ of [1, 2])
      await expect(run(ask)).rejects.toMatchObject({
        code: "restart_unknown",
        message: expect.stringMatching(lostDetail),
      });
    expect(await run()).toMatchObject({ container });
  });

  it("is ok once its request arrives, also under its key", async () => {
    const { entries, outcomes, deliver, restarts, run } = stage({ cooldownMs: 60_000 });
    await restarts.recover();
    await expect.poll(outcomes).toEqual([["unknown", 7]]);
    await expect(run(ask)).rejects.toMatchObject({ code: "restart_unknown" });
    deliver();
    await expect.poll(outcomes, { timeout: 10_000 }).toEqual([
      ["unknown", 7],
      ["ok", 7],
    ]);
    expect(entries[1]).toMatchObject({ detail: "settled: the engine restarted it later", code: null });
    expect(await run(ask)).toMatchObject({ container });
    await expect(run()).rejects.toMatchObject({ code: "restart_cooldown" });
  });

  it("is ok at once when its request arrives before that", async () => {
    const { outcomes, deliver, restarts } = stage({ sinceMark: 0 });
    await restarts.recover();
    deliver();
    await expect.poll(outcomes, { timeout: 10_000 }).toEqual([["ok", 7]]);
  });

  it("stays unknown when another restart began before it arrives", async () => {
    const { outcomes, deliver, restarts, run } = stage();
    await restarts.recover();
    await expect.poll(outcomes).toEqual([["unknown", 7]]);
    await run();
    deliver();
    const expected = [
      ["unknown", 7],
      ["intent", null],
      ["ok", 2],
    ];
    // Its engine is asked several times meanwhile.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(outcomes()).toEqual(expected);
    await expect(run(ask)).rejects.toMatchObject({ code: "restart_unknown" });
  });

  it("is ok as soon as the record can be written again", async () => {
    let isFull = false;
    const { outcomes, deliver, restarts } = stage({ failAudit: () => isFull });
    await restarts.recover();
    await expect.poll(outcomes).toEqual([["unknown", 7]]);
    isFull = true;
    deliver();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    isFull = false;
    await expect.poll(outcomes, { timeout: 10_000 }).toHaveLength(2);
  });

  it("is unknown for its own gateway too, which lives", async () => {
    let isDelivered = false;
    let since = 0;
    const { entries, run } = scene({
      restart: lost,
      socket: null,
      clock: () => since,
      restartedSince: () => isDelivered,
      settleMs: 700,
    });
    await expect(run(ask)).rejects.toMatchObject({ code: "restart_unknown" });
    since = 60_000;
    await expect.poll(() => entries.at(-1)?.detail, { timeout: 10_000 }).toMatch(lostDetail);
    await expect(run(ask)).rejects.toMatchObject({ code: "restart_unknown" });
    isDelivered = true;
    await expect.poll(() => entries.at(-1)?.outcome, { timeout: 10_000 }).toBe("ok");
    expect(await run(ask)).toMatchObject({ container: { fullId: container.fullId } });
  });
});

/** A record of the same request that an earlier process made; with the key "k". */
function toRecord({ outcome = "intent", ...more }: Partial<AuditRecord>): AuditRecord {
  const ids = {
    subject: "test",
    kid: "test",
    reason: "stuck",
    containerId: container.fullId,
    keyHash: hash("sha256", "k"),
  };
  return {
    ...sampleEntry({ ...ids, outcome }),
    seq: 7,
    at: new Date(Date.now() - 60_000).toISOString(),
    hash: "",
    ...more,
  };
}

describe("an Idempotency-Key", () => {
  it("gets the same answer again, also of a failure, without a restart", async () => {
    const fails = scene({ restart: () => Promise.reject(new OpsError("docker_error", "left exited")) });
    for (const _ of [1, 2])
      await expect(fails.run({ idempotencyKey: "k" })).rejects.toMatchObject({ code: "docker_error" });
    expect(fails.order).toEqual(["intent", "restart", "failed"]);
    const gate = Promise.withResolvers<typeof container>();
    const slow = scene({ restart: () => gate.promise, cooldownMs: 60_000 });
    const both = [slow.run({ idempotencyKey: "k" }), slow.run({ idempotencyKey: "k" })];
    await expect.poll(() => slow.order).toEqual(["intent", "restart"]);
    gate.resolve(container);
    const answers = await Promise.all(both);
    expect(answers[0]).toBe(answers[1]);
    expect(await slow.run({ idempotencyKey: "k" })).toBe(answers[0]);
    expect(slow.order).toEqual(["intent", "restart", "ok"]);
  });

  it("is for one request of one token", async () => {
    const { run, order } = scene();
    await run({ idempotencyKey: "k" });
    await expect(run({ idempotencyKey: "k", reason: "other" })).rejects.toMatchObject({
      code: "idempotency_key_reused",
    });
    await run({ idempotencyKey: "k", principal: { ...request.principal, kid: "other" } });
    expect(order.filter((step) => step === "restart")).toHaveLength(2);
  });

  it("is of one holder: two subjects of one kid are two holders", async () => {
    const { run, order } = scene();
    const jwt = (subject: string) => ({
      idempotencyKey: "k",
      principal: { ...request.principal, kid: "jwt:1", subject },
    });
    await run(jwt("ana"));
    await run(jwt("ben"));
    await run(jwt("ana"));
    expect(order.filter((step) => step === "restart")).toHaveLength(2);
  });

  it("is free again if nothing happened under it", async () => {
    let full = true;
    const { run, order } = scene({ failAudit: () => full });
    await expect(run({ idempotencyKey: "k" })).rejects.toMatchObject({ code: "audit_unavailable" });
    full = false;
    await run({ idempotencyKey: "k" });
    expect(order).toEqual(["intent", "restart", "ok"]);
  });
});

describe("an Idempotency-Key of an earlier process", () => {
  const intent = toRecord({});
  const failed = toRecord({ outcome: "failed", intent: 7, code: "docker_error", detail: "docker_error: left exited" });
  const ask = { idempotencyKey: "k" };

  it("gets the outcome of then and the container of now, and no restart", async () => {
    const { order, run } = scene({
      keyed: [{ intent, outcome: toRecord({ outcome: "ok", intent: 7 }) }],
      now: { health: "unhealthy" },
    });
    expect(await run(ask)).toMatchObject({
      container: { fullId: container.fullId, health: "unhealthy" },
      healthy: null,
    });
    await expect(run({ ...ask, reason: "other" })).rejects.toMatchObject({ code: "idempotency_key_reused" });
    await expect(run({ ...ask, waitMs: 5 })).rejects.toMatchObject({ code: "idempotency_key_reused" });
    expect(order).toEqual([]);
    await run({ ...ask, principal: { ...request.principal, subject: "other" } });
    expect(order).toEqual(["intent", "restart", "ok"]);
  });

  it("waits for health if that was requested", async () => {
    const args = { wait_ms: 1000 };
    const keyed = [{ intent: { ...intent, args }, outcome: toRecord({ outcome: "ok", intent: 7 }) }];
    expect(await scene({ keyed }).run({ ...ask, waitMs: 1000 })).toMatchObject({ healthy: true });
    expect(await scene({ keyed, now: { health: "unhealthy" } }).run({ ...ask, waitMs: 1000 })).toMatchObject({
      healthy: false,
    });
  });

  it("gets its failure again, with the code", async () => {
    const { order, run } = scene({ keyed: [{ intent, outcome: failed }] });
    const error = { code: "docker_error", message: expect.stringMatching(/: left exited$/) };
    for (const _ of [1, 2]) await expect(run(ask)).rejects.toMatchObject(error);
    expect(order).toEqual([]);
  });

  it("is unknown while its outcome is, then as it was settled", async () => {
    let seen = false;
    const { entries, run } = scene({
      open: [{ intent, hasOutcome: false, wasGivenUp: false }],
      keyed: [{ intent, outcome: null }],
      restartedSince: () => seen,
      settleMs: 20_000,
    });
    for (const _ of [1, 2]) await expect(run(ask)).rejects.toMatchObject({ code: "restart_unknown" });
    seen = true;
    await expect.poll(() => entries.at(-1)?.outcome, { timeout: 4000 }).toBe("ok");
    expect(await run(ask)).toMatchObject({ container: { fullId: container.fullId } });
    expect(entries.map(({ outcome }) => outcome)).toEqual(["unknown", "ok"]);
  });

  it.each([
    ["another name", "there", true],
    ["no gateway of ours", null, false],
  ])("is answered where its engine has %s here", async (_what, located, isAnswered) => {
    const elsewhere = { ...container, engine: "there" };
    const { ledger } = scene();
    const restarts = createRestarts({
      source: {
        restart: lost,
        inspectNow: async ({ engine }) => {
          if (engine !== "there") throw new OpsError("container_not_found", "No such container");
          return { container: elsewhere, protectedBy: null };
        },
        markRestart: async () => ({ container, protectedBy: null, mark }),
        locate: async () => located,
        restartedSince: async () => false,
      },
      ledger: {
        ...ledger,
        find: async () => ({
          kind: "earlier" as const,
          seq: 7,
          entry: intent,
          outcome: toRecord({ outcome: "ok", intent: 7 }),
        }),
      },
      limits: { cooldownMs: 0, budgetPerHour: 10 },
    });
    opened.push(restarts);
    const answer = restarts.restart(elsewhere, { ...request, ...ask }).catch(({ code }: OpsError) => code);
    expect(await answer).toEqual(isAnswered ? { container: elsewhere, healthy: null } : "container_not_found");
  });

  it("is answered as another gateway settled it", async () => {
    const record = toRecord({ outcome: "ok", intent: 7 });
    let asked = 0;
    const source = {
      restart: lost,
      inspectNow: async () => ({ container, protectedBy: null }),
      // It is asked before a restart, and when that is settled.
      markRestart: async () => {
        if ((asked += 1) > 1) throw new OpsError("docker_unavailable", "away");
        return { container, protectedBy: null, mark };
      },
      locate: async () => "local",
      restartedSince: async () => false,
    };
    let outcome: AuditRecord | null = null;
    const { ledger, entries } = scene();
    const shared = {
      ...ledger,
      find: async () => outcome && { kind: "earlier" as const, seq: 7, entry: intent, outcome },
    };
    const limits = { cooldownMs: 0, budgetPerHour: 10 };
    const restarts = createRestarts({ source, ledger: shared, limits, settleMs: 0 });
    opened.push(restarts);
    await expect(restarts.restart(container, { ...request, ...ask })).rejects.toMatchObject({
      code: "restart_unknown",
    });
    outcome = record;
    await expect
      .poll(() => restarts.restart(container, { ...request, ...ask }).catch(() => null))
      .toMatchObject({ container });
    expect(entries.map((entry) => entry.outcome)).toEqual(["intent", "unknown"]);
  });

  it("ends 24 hours after the request", async () => {
    const at = new Date(Date.now() - 86_400_001).toISOString();
    const { order, run } = scene({ keyed: [{ intent: { ...intent, at }, outcome: failed }] });
    await run(ask);
    expect(order).toEqual(["intent", "restart", "ok"]);
  });

  it("is recovered before anything is restarted, however often it fails", async () => {
    let locked = true;
    const { order, run, restarts } = scene({ keyed: [{ intent, outcome: failed }], failRecover: () => locked });
    await expect(restarts.recover()).rejects.toMatchObject({ code: "audit_unavailable" });
    await expect(run(ask)).rejects.toMatchObject({ code: "audit_unavailable" });
    locked = false;
    await expect(run(ask)).rejects.toMatchObject({ code: "docker_error" });
    expect(order).toEqual([]);
  });
});

it("closes once running restarts are recorded, and begins no other", async () => {
  const gate = Promise.withResolvers<typeof container>();
  const { entries, order, restarts, run } = scene({ restart: () => gate.promise });
  const running = run();
  await expect.poll(() => order).toEqual(["intent", "restart"]);
  const closed = restarts.close();
  gate.resolve(container);
  await closed;
  expect(entries.map(({ outcome }) => outcome)).toEqual(["intent", "ok"]);
  await running;
  await expect(run()).rejects.toMatchObject({ code: "restart_busy" });
});

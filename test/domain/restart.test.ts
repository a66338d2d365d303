import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import type { AuditEntry, OpenIntent } from "../../src/domain/audit.ts";
import type { Container } from "../../src/domain/container.ts";
import { type Restarts, createRestarts } from "../../src/domain/restart.ts";
import { OpsError } from "../../src/errors.ts";
import { createCaller } from "../support/caller.ts";
import { sampleContainer } from "../support/memory-sources.ts";

const container = sampleContainer();
const request = { reason: "stuck", requestId: "r1", principal: createCaller().principal };
const opened: Restarts[] = [];
afterEach(async () => {
  for (const restarts of opened.splice(0)) await restarts.close();
});

interface Scene {
  readonly restart?: () => Promise<Container>;
  readonly now?: Partial<Container>;
  readonly protectedBy?: string;
  readonly restartedSince?: () => boolean;
  readonly failAudit?: (entry: AuditEntry) => boolean;
  readonly open?: readonly OpenIntent[];
  readonly cooldownMs?: number;
  readonly settleMs?: number;
}

function scene(given: Scene = {}) {
  const entries: AuditEntry[] = [];
  const order: string[] = [];
  const restarts = createRestarts({
    source: {
      restart: () => {
        order.push("restart");
        return given.restart?.() ?? Promise.resolve(container);
      },
      look: async () => ({ container: { ...container, ...given.now }, protectedBy: given.protectedBy ?? null }),
      restartedSince: async () => given.restartedSince?.() ?? false,
    },
    audit: {
      write: async (entry) => {
        if (given.failAudit?.(entry)) throw new OpsError("audit_unavailable", "disk full");
        order.push(entry.outcome);
        return entries.push(entry);
      },
      read: async () => [],
      recover: async () => given.open ?? [],
    },
    limits: { cooldownMs: given.cooldownMs ?? 0, budgetPerHour: 10 },
    stableMs: 0,
    settleMs: given.settleMs ?? 700,
  });
  opened.push(restarts);
  return { entries, order, restarts, run: (more = {}) => restarts.restart(container, { ...request, ...more }) };
}

const lost = () => Promise.reject(new OpsError("restart_unknown", "no answer in time"));

describe("restart", () => {
  it("records the intent before and the outcome after, with the intent's number", async () => {
    const { entries, order, run } = scene();
    expect(await run()).toEqual({ container, well: null });
    expect(order).toEqual(["intent", "restart", "ok"]);
    expect(entries[1]).toEqual({
      outcome: "ok",
      action: "restart",
      intent: 1,
      requestId: "r1",
      subject: "test",
      kid: "test",
      scopes: ["ops:read", "ops:logs", "ops:operate", "ops:introspect"],
      engine: "local",
      containerId: container.fullId,
      containerName: container.name,
      image: container.image,
      env: "staging",
      reason: "stuck",
      args: {},
      detail: "running",
      durationMs: expect.any(Number),
    });
  });

  it("restarts nothing without a record, and spends nothing", async () => {
    const { order, run } = scene({ failAudit: () => true, cooldownMs: 60_000 });
    for (const _ of [1, 2]) await expect(run()).rejects.toMatchObject({ code: "audit_unavailable" });
    expect(order).toEqual([]);
  });

  it("never restarts what is protected", async () => {
    const { order, run, restarts } = scene({ protectedBy: "the gateway itself runs in it" });
    const refusal = { code: "restart_protected", message: expect.stringContaining("the gateway itself") };
    await expect(run()).rejects.toMatchObject(refusal);
    expect(await restarts.check(container, request.principal)).toMatchObject(refusal);
    expect(order).toEqual([]);
  });

  it("records a failure as such, passes it on, and lets it be tried again at once", async () => {
    const failed = () => Promise.reject(new OpsError("docker_error", "left exited"));
    const { entries, run } = scene({ restart: failed, cooldownMs: 60_000 });
    await expect(run()).rejects.toMatchObject({ code: "docker_error", message: "left exited" });
    expect(entries.at(-1)).toMatchObject({ outcome: "failed", detail: "docker_error: left exited" });
    await expect(run()).rejects.toMatchObject({ code: "docker_error" });
  });

  it("records an outcome later that could not be recorded at once", async () => {
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
  it("is unknown, then ok as soon as the engine's events have it; until then it is in progress", async () => {
    let seen = false;
    const { entries, run } = scene({ restart: lost, restartedSince: () => seen, settleMs: 20_000 });
    await expect(run()).rejects.toMatchObject({ code: "restart_unknown" });
    expect(entries.at(-1)).toMatchObject({ outcome: "unknown" });
    await expect(run()).rejects.toMatchObject({ code: "restart_in_progress" });
    seen = true;
    await expect.poll(() => entries.at(-1), { timeout: 4000 }).toMatchObject({ outcome: "ok", intent: 1 });
    expect(entries).toHaveLength(3);
  });

  it.each([
    [{ status: "exited" }, "failed", "settled: left exited"],
    [{ startedAt: "2026-01-13T09:40:10Z" }, "failed", "settled: left running"],
    [{ startedAt: "2999-01-01T00:00:00Z" }, "unknown", "settled: left running, started at 2999-01-01T00:00:00Z"],
  ])("without such an event, %o is %s", async (now, outcome, detail) => {
    const { entries, run } = scene({ restart: lost, now });
    await expect(run()).rejects.toMatchObject({ code: "restart_unknown" });
    await expect.poll(() => entries.length, { timeout: 5000 }).toBe(3);
    expect(entries[2]).toMatchObject({ outcome, detail });
  });

  it("of a process that died is unknown at the next start, then settled", async () => {
    const intent = { ...scene().entries[0], ...toIntent() };
    const { entries, restarts } = scene({ open: [{ intent, told: false }], restartedSince: () => true });
    await restarts.recover();
    await expect.poll(() => entries.length).toBe(2);
    expect(entries).toMatchObject([
      { outcome: "unknown", intent: 7, detail: "the gateway died during the restart" },
      { outcome: "ok", intent: 7 },
    ]);
  });
});

function toIntent() {
  const { principal: _, ...rest } = request;
  const ids = { engine: "local", containerId: container.fullId, containerName: container.name, image: "", env: null };
  const who = { subject: "test", kid: "test", scopes: [], args: {}, detail: null, durationMs: null };
  const at = new Date().toISOString();
  return { ...rest, ...ids, ...who, seq: 7, at, hash: "", outcome: "intent", action: "restart", intent: null } as const;
}

describe("an Idempotency-Key", () => {
  it("gets the same answer again, also while it runs and after a failure, without a second restart", async () => {
    const fails = scene({ restart: () => Promise.reject(new OpsError("docker_error", "left exited")) });
    for (const _ of [1, 2]) await expect(fails.run({ idempotencyKey: "k" })).rejects.toMatchObject({ code: "docker_error" });
    expect(fails.order).toEqual(["intent", "restart", "failed"]);
    const slow = scene({ restart: () => sleep(20).then(() => container), cooldownMs: 60_000 });
    const answers = await Promise.all([slow.run({ idempotencyKey: "k" }), slow.run({ idempotencyKey: "k" })]);
    expect(answers[0]).toBe(answers[1]);
    expect(await slow.run({ idempotencyKey: "k" })).toBe(answers[0]);
    expect(slow.order).toEqual(["intent", "restart", "ok"]);
  });

  it("is for one request of one token", async () => {
    const { run, order } = scene();
    await run({ idempotencyKey: "k" });
    await expect(run({ idempotencyKey: "k", reason: "other" })).rejects.toMatchObject({ code: "idempotency_key_reused" });
    await run({ idempotencyKey: "k", principal: { ...request.principal, kid: "other" } });
    expect(order.filter((step) => step === "restart")).toHaveLength(2);
  });

  it("is free again when nothing happened under it", async () => {
    let full = true;
    const { run, order } = scene({ failAudit: () => full });
    await expect(run({ idempotencyKey: "k" })).rejects.toMatchObject({ code: "audit_unavailable" });
    full = false;
    await run({ idempotencyKey: "k" });
    expect(order).toEqual(["intent", "restart", "ok"]);
  });
});

it("closes when the restarts that run are over and recorded, and begins none after", async () => {
  const { entries, restarts, run } = scene({ restart: () => sleep(50).then(() => container) });
  const running = run();
  await sleep(10);
  await restarts.close();
  expect(entries.map(({ outcome }) => outcome)).toEqual(["intent", "ok"]);
  await running;
  await expect(run()).rejects.toMatchObject({ code: "restart_busy" });
});

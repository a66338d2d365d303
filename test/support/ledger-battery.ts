import { describe, expect, it } from "vitest";
import type { AuditEntry } from "../../src/audit/audit.ts";
import type { ActionLimits, AskedAction, Decision, Ledger, OpenAction } from "../../src/audit/ledger.ts";
import { sampleEntry } from "./audit.ts";

/** A ledger on its storage. */
export interface LedgerKit {
  readonly ledger: Ledger;
  /** Moves everything that was recorded into the past, ms. */
  readonly advance: (ms: number) => Promise<void>;
  /** Ends the process without a word, and starts another one on the same storage. */
  readonly reopen: () => Promise<Ledger>;
  /** Makes the storage refuse what is written, or take it again. */
  readonly setWritable: (isWritable: boolean) => Promise<void>;
  readonly close: () => Promise<void>;
}

const done = { outcome: "ok", detail: "running", code: null, durationMs: 12 } as const;
const failed = { outcome: "failed", detail: "docker_error: no", code: "docker_error", durationMs: 12 } as const;
const unknown = {
  outcome: "unknown",
  detail: "restart_unknown: lost",
  code: "restart_unknown",
  durationMs: 12,
} as const;
const settled = { outcome: "ok", detail: "settled: the engine restarted it", code: null, durationMs: 90 } as const;

const restarts: ActionLimits = { cooldownMs: 60_000, parallel: 2, budget: { perHour: 3, wanted: 1 } };
const free: ActionLimits = { ...restarts, budget: null };
const jobs = (wanted: number): ActionLimits => ({ cooldownMs: null, parallel: null, budget: { perHour: 10, wanted } });

const restart = (containerId: string, more: Partial<AuditEntry> = {}, limits = restarts): AskedAction => ({
  limits,
  toEntry: () => sampleEntry({ containerId, reason: "stuck", ...more }),
});
const retry = (ids: readonly string[], more: Partial<AuditEntry> = {}): AskedAction => ({
  limits: jobs(ids.length),
  toEntry: (granted) =>
    sampleEntry({
      action: "job.retry_group",
      containerId: "",
      job: { source: "jobs", queue: "mail", ids: ids.slice(0, granted), fingerprint: "0".repeat(12) },
      ...more,
    }),
});
const keyed = (key: string, more: Partial<AuditEntry> = {}) => ({ keyHash: key.repeat(64).slice(0, 64), ...more });

/** What was decided, in a word, with when to try again. */
const brief = (decision: Decision): unknown =>
  decision.kind === "refused"
    ? [decision.refusal.reason, decision.refusal.retryAfterSeconds]
    : decision.kind === "earlier"
      ? ["earlier", decision.seq, decision.outcome?.outcome ?? null]
      : "begun";

async function begun(ledger: Ledger, asked: AskedAction): Promise<OpenAction> {
  const decision = await ledger.begin(asked);
  if (decision.kind !== "begun") throw new Error(`not begun: ${JSON.stringify(decision)}`);
  return decision;
}

/** What every ledger must do, whatever it is stored in. */
export function describeLedger(name: string, openKit: () => Promise<LedgerKit>): void {
  const inKit = (run: (kit: LedgerKit) => Promise<void>) => async () => {
    const kit = await openKit();
    try {
      await run(kit);
    } finally {
      await kit.close();
    }
  };
  const records = async (ledger: Ledger) =>
    (await ledger.read({ first: 100, before: null, accepts: () => true }))
      .toReversed()
      .map(({ seq, outcome, intent, containerId, detail, durationMs }) => ({
        seq,
        outcome,
        intent,
        containerId,
        detail,
        durationMs,
      }));

  describe(`${name}: an action`, () => {
    it(
      "is in the record with its intent, then with its outcome",
      inKit(async ({ ledger }) => {
        const action = await begun(ledger, restart("a"));
        expect(action).toMatchObject({ seq: 1, entry: { outcome: "intent", containerId: "a" } });
        await ledger.end(action, done);
        const common = { containerId: "a" };
        expect(await records(ledger)).toEqual([
          { ...common, seq: 1, outcome: "intent", intent: null, detail: null, durationMs: null },
          { ...common, seq: 2, outcome: "ok", intent: 1, detail: "running", durationMs: 12 },
        ]);
        expect(await ledger.verify()).toMatchObject({ ok: true, firstSeq: 1, lastSeq: 2 });
      }),
    );

    it(
      "is one at a time on a container, and two in all",
      inKit(async ({ ledger }) => {
        const first = await begun(ledger, restart("a"));
        expect(brief(await ledger.begin(restart("a")))).toEqual(["running", null]);
        await begun(ledger, restart("b"));
        expect(brief(await ledger.begin(restart("c", { kid: "other" })))).toEqual(["busy", 5]);
        await ledger.end(first, failed);
        expect(brief(await ledger.begin(restart("a")))).toBe("begun");
        expect((await records(ledger)).map(({ outcome }) => outcome)).toEqual(["intent", "intent", "failed", "intent"]);
      }),
    );

    it(
      "of many at once begins once; no budget is exceeded",
      inKit(async ({ ledger }) => {
        const same = await Promise.all(Array.from({ length: 12 }, () => ledger.begin(restart("a"))));
        expect(same.map(brief).filter((one) => one === "begun")).toHaveLength(1);
        const other = { kid: "other" };
        const all = await Promise.all(
          Array.from({ length: 12 }, (_, index) => ledger.begin(retry([`${index}`, "x"], other))),
        );
        const granted = all.map((one) => (one.kind === "begun" ? (one.entry.job?.ids.length ?? 0) : 0));
        expect(granted.reduce((sum, count) => sum + count, 0)).toBe(10);
        expect(await ledger.verify()).toMatchObject({ ok: true });
      }),
    );

    it(
      "of an issuer's subject counts as theirs whichever key signed the token",
      inKit(async ({ ledger }) => {
        const jwt = { issuer: "https://issuer.example/", auth: "jwt", reason: "stuck" } as const;
        const of = (kid: string, subject = "ana") => ({ ...jwt, kid, subject });
        const first = await begun(
          ledger,
          retry(["1", "2", "3", "4", "5", "6", "7", "8"], { ...of("jwt:k1"), ...keyed("a") }),
        );
        expect(first.entry).toMatchObject(of("jwt:k1"));
        // The key is rotated: the same answer, and the rest of the same budget.
        const same = await ledger.begin(
          retry(["1", "2", "3", "4", "5", "6", "7", "8"], { ...of("jwt:k2"), ...keyed("a") }),
        );
        expect(same).toMatchObject({ kind: "earlier", seq: 1 });
        const rest = await begun(ledger, retry(["9", "10", "11", "12"], of("jwt:k2")));
        expect(rest.entry.job?.ids).toHaveLength(2);
        expect(brief(await ledger.begin(retry(["13"], of("jwt:k3"))))).toEqual(["budget", expect.any(Number)]);
        await begun(ledger, retry(["13"], of("jwt:k3", "ben")));
        const [newest] = await ledger.read({ first: 1, before: null, accepts: () => true });
        expect(newest).toMatchObject(of("jwt:k3", "ben"));
      }),
    );

    it(
      "that happened or may have lets its container rest, not one that failed",
      inKit(async ({ ledger, advance }) => {
        await ledger.end(await begun(ledger, restart("a", {}, free)), done);
        await advance(20_500);
        expect(brief(await ledger.begin(restart("a", {}, free)))).toEqual(["cooldown", 40]);
        expect(brief(await ledger.begin(restart("b", {}, free)))).toBe("begun");
        await advance(39_500);
        const again = await begun(ledger, restart("a", {}, free));
        await ledger.end(again, failed);
        expect(brief(await ledger.begin(restart("a", {}, free)))).toBe("begun");
      }),
    );

    it(
      "whose outcome is unknown stays open until it is settled",
      inKit(async ({ ledger }) => {
        const lost = await begun(ledger, restart("a"));
        await ledger.end(lost, unknown);
        expect(brief(await ledger.begin(restart("a")))).toEqual(["running", null]);
        await ledger.end(lost, settled);
        expect(brief(await ledger.begin(restart("a")))).toEqual(["cooldown", 60]);
      }),
    );

    it(
      "that is a health check ends with any outcome",
      inKit(async ({ ledger, reopen }) => {
        const asked = {
          limits: { cooldownMs: null, parallel: null, budget: null },
          toEntry: () => sampleEntry({ action: "probe" }),
        };
        await ledger.end(await begun(ledger, asked), { ...unknown, code: "docker_timeout" });
        expect(await (await reopen()).adopt("probe")).toEqual([]);
      }),
    );

    it(
      "takes a part of the hour of its holder, as much as is left",
      inKit(async ({ ledger, advance }) => {
        const ids = ["1", "2", "3", "4"];
        const first = await begun(ledger, retry(ids));
        await ledger.end(first, { ...done, detail: "4 retried" });
        await advance(600_000);
        const second = await begun(ledger, retry([...ids, "5", "6", "7"]));
        expect(second.entry.job?.ids).toEqual(["1", "2", "3", "4", "5", "6"]);
        expect(brief(await ledger.begin(retry(["9"])))).toEqual(["budget", 3000]);
        expect(brief(await ledger.begin(retry(["9"], { subject: "other" })))).toBe("begun");
        // Restarts have an hour of their own, and some take nothing of it.
        for (const id of ["a", "b", "c"]) await ledger.end(await begun(ledger, restart(id)), done);
        expect(brief(await ledger.begin(restart("d")))).toEqual(["budget", 3600]);
        expect(brief(await ledger.begin(restart("d", {}, free)))).toBe("begun");
        await advance(3_000_000);
        expect((await begun(ledger, retry([...ids, "5"]))).entry.job?.ids).toEqual(ids);
      }),
    );

    it(
      "limits the next process by its cooldown and its part of the hour",
      inKit(async ({ ledger, reopen, advance }) => {
        await ledger.end(await begun(ledger, restart("a")), done);
        await ledger.end(await begun(ledger, restart("b")), failed);
        await ledger.end(await begun(ledger, retry(["1", "2", "3", "4"])), done);
        const next = await reopen();
        expect(await next.check(sampleEntry({ containerId: "a" }), restarts)).toMatchObject({ reason: "cooldown" });
        expect(brief(await next.begin(restart("a")))).toEqual(["cooldown", expect.any(Number)]);
        await next.end(await begun(next, restart("b")), done);
        expect(brief(await next.begin(restart("c")))).toEqual(["budget", expect.any(Number)]);
        expect((await begun(next, retry(["1", "2", "3", "4", "5", "6", "7"]))).entry.job?.ids).toHaveLength(6);
        await advance(3_600_000);
        expect(brief(await next.begin(restart("a")))).toBe("begun");
      }),
    );

    it(
      "that cannot be recorded does not begin, and costs nothing",
      inKit(async ({ ledger, setWritable }) => {
        const one: ActionLimits = { ...restarts, budget: { perHour: 1, wanted: 1 } };
        const asked = restart("a", keyed("k"), one);
        const subject = asked.toEntry(1);
        await setWritable(false);
        const unwritable = expect.objectContaining({ code: "audit_unavailable" });
        await expect(ledger.begin(asked)).rejects.toEqual(unwritable);
        await expect(ledger.check(subject, one)).rejects.toEqual(unwritable);
        await setWritable(true);
        expect(await ledger.check(subject, one)).toBeNull();
        const action = await begun(ledger, asked);
        await setWritable(false);
        await expect(ledger.end(action, done)).rejects.toEqual(unwritable);
        await setWritable(true);
        await ledger.end(action, done);
        expect((await records(ledger)).map(({ outcome }) => outcome)).toEqual(["intent", "ok"]);
      }),
    );

    it(
      "is refused beforehand as it would be, and nothing is recorded",
      inKit(async ({ ledger }) => {
        const check = (containerId: string) => ledger.check(sampleEntry({ containerId }), restarts);
        expect(await check("a")).toBeNull();
        const action = await begun(ledger, restart("a"));
        expect(await check("a")).toEqual({ reason: "running", retryAfterSeconds: null });
        await begun(ledger, restart("b"));
        expect(await check("c")).toEqual({ reason: "busy", retryAfterSeconds: 5 });
        await ledger.end(action, done);
        expect(await check("a")).toEqual({ reason: "cooldown", retryAfterSeconds: 60 });
        expect(await check("c")).toBeNull();
        expect(await records(ledger)).toHaveLength(3);
      }),
    );
  });

  describe(`${name}: an Idempotency-Key`, () => {
    it(
      "has the outcome of its request for a day, in the next process too",
      inKit(async ({ ledger, reopen, advance }) => {
        const asked = restart("a", keyed("k"), free);
        const entry = asked.toEntry(0);
        expect(await ledger.find(entry)).toBeNull();
        const action = await begun(ledger, asked);
        expect(brief(await ledger.begin(asked))).toEqual(["earlier", 1, null]);
        await ledger.end(action, unknown);
        expect(brief(await ledger.begin(asked))).toEqual(["earlier", 1, "unknown"]);
        await ledger.end(action, settled);
        const found = await ledger.find(entry);
        expect(found).toMatchObject({ kind: "earlier", entry: { containerId: "a" }, outcome: settled });
        const next = await reopen();
        expect(brief(await next.begin(asked))).toEqual(["earlier", 1, "ok"]);
        await advance(86_399_000);
        expect(brief(await next.begin(asked))).toEqual(["earlier", 1, "ok"]);
        await advance(1000);
        expect(await next.find(entry)).toBeNull();
        expect(brief(await next.begin(asked))).toBe("begun");
      }),
    );

    it(
      "is for one request of one holder",
      inKit(async ({ ledger }) => {
        await ledger.end(await begun(ledger, restart("a", keyed("k"), free)), failed);
        expect(brief(await ledger.begin(restart("a", keyed("k"), free)))).toEqual(["earlier", 1, "failed"]);
        for (const other of [restart("b", keyed("k"), free), restart("a", keyed("k", { reason: "other" }), free)]) {
          expect(brief(await ledger.begin(other))).toEqual(["key_reused", null]);
          expect(brief((await ledger.find(other.toEntry(0))) as Decision)).toEqual(["key_reused", null]);
        }
        expect(brief(await ledger.begin(restart("a", keyed("k", { args: { wait_ms: 5 } }), free)))).toEqual([
          "key_reused",
          null,
        ]);
        expect(brief(await ledger.begin(restart("a", keyed("l"), free)))).toBe("begun");
        expect(brief(await ledger.begin(restart("b", keyed("k", { subject: "other" }), free)))).toBe("begun");
      }),
    );

    it(
      "of a request that was refused is free",
      inKit(async ({ ledger }) => {
        const first = await begun(ledger, restart("a"));
        const asked = restart("a", keyed("k"));
        expect(brief(await ledger.begin(asked))).toEqual(["running", null]);
        await ledger.end(first, failed);
        expect(brief(await ledger.begin(asked))).toBe("begun");
      }),
    );
  });

  describe(`${name}: a restart that is settled as unknown`, () => {
    const lost = { outcome: "unknown", detail: "settled: its request was lost", code: null, durationMs: null } as const;
    const outcomesOf = async (ledger: Ledger) =>
      (await records(ledger)).map(({ outcome, intent }) => [outcome, intent]);

    it(
      "is ok if it is seen later, with its key and its cooldown",
      inKit(async ({ ledger, advance }) => {
        const asked = restart("a", keyed("k"));
        const action = await begun(ledger, asked);
        await ledger.end(action, unknown);
        // It may still be settled by who has it.
        expect(await ledger.amend(action, settled)).toBe(false);
        await ledger.end(action, lost);
        await advance(120_000);
        await ledger.end(await begun(ledger, restart("b")), done);
        expect(brief((await ledger.find(asked.toEntry(0))) as Decision)).toEqual(["earlier", 1, "unknown"]);
        expect(await ledger.amend(action, settled)).toBe(true);
        expect(await ledger.amend(action, settled)).toBe(false);
        expect(brief((await ledger.find(asked.toEntry(0))) as Decision)).toEqual(["earlier", 1, "ok"]);
        expect(brief(await ledger.begin(restart("a", {}, free)))).toEqual(["cooldown", 60]);
        expect(await outcomesOf(ledger)).toEqual([
          ["intent", null],
          ["unknown", 1],
          ["unknown", 1],
          ["intent", null],
          ["ok", 4],
          ["ok", 1],
        ]);
        expect(await ledger.verify()).toMatchObject({ ok: true, lastSeq: 6 });
      }),
    );

    it(
      "stays so once another restart of its container began",
      inKit(async ({ ledger, advance }) => {
        const action = await begun(ledger, restart("a"));
        await ledger.end(action, lost);
        await advance(120_000);
        const next = await begun(ledger, restart("a"));
        for (const end of [async () => {}, () => ledger.end(next, done)]) {
          await end();
          expect(await ledger.amend(action, settled)).toBe(false);
        }
        const failing = await begun(ledger, restart("c"));
        await ledger.end(failing, failed);
        expect(await ledger.amend(failing, settled)).toBe(false);
        expect((await outcomesOf(ledger)).slice(0, 4)).toEqual([
          ["intent", null],
          ["unknown", 1],
          ["intent", null],
          ["ok", 3],
        ]);
        expect(await ledger.verify()).toMatchObject({ ok: true });
      }),
    );
  });

  describe(`${name}: the open actions of a process that died`, () => {
    it(
      "are those without a last outcome, by their family, and keep others out",
      inKit(async ({ ledger, reopen }) => {
        const [, lost] = [await begun(ledger, restart("a")), await begun(ledger, restart("b"))];
        await ledger.end(lost, unknown);
        await begun(ledger, retry(["1"]));
        await ledger.end(await begun(ledger, retry(["2"])), done);
        const next = await reopen();
        expect(brief(await next.begin(restart("a", { kid: "other" })))).toEqual(["running", null]);
        const open = await next.adopt("restart");
        expect(open.map((one) => [one.intent.seq, one.intent.containerId, one.hasOutcome, one.wasGivenUp])).toEqual([
          [1, "a", false, false],
          [2, "b", true, true],
        ]);
        expect((await next.adopt("job")).map(({ intent }) => [intent.seq, intent.job?.ids])).toEqual([[4, ["1"]]]);
        expect(await next.adopt("probe")).toEqual([]);
        for (const { intent } of open) await next.end({ seq: intent.seq, entry: intent }, settled);
        expect(brief(await next.begin(restart("a", { kid: "other" })))).toEqual(["cooldown", 60]);
        expect((await records(next)).map(({ intent, outcome }) => [intent, outcome])).toEqual([
          [null, "intent"],
          [null, "intent"],
          [2, "unknown"],
          [null, "intent"],
          [null, "intent"],
          [5, "ok"],
          [1, "ok"],
          [2, "ok"],
        ]);
        expect(await next.verify()).toMatchObject({ ok: true, lastSeq: 8 });
      }),
    );
  });
}

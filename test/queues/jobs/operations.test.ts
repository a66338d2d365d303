import { describe, expect, it } from "vitest";
import type { AuditEntry, AuditLog, OpenIntent } from "../../../src/audit/audit.ts";
import { createLocalLedger } from "../../../src/audit/local.ts";
import type { JobControl } from "../../../src/queues/jobs/control.ts";
import { createJobOperations, toJobIntent } from "../../../src/queues/jobs/operations.ts";
import { emptyHead, sampleChain, sampleEntry } from "../../support/audit.ts";
import { createCaller } from "../../support/caller.ts";

const caller = createCaller();
const lost = Object.assign(new Error("lost"), { code: "job_unknown" });

interface SetUp {
  readonly change?: JobControl["change"];
  readonly look?: JobControl["look"];
  readonly open?: readonly OpenIntent[];
  /** How many of the first writes fail. */
  readonly failing?: number;
  readonly found?: boolean;
  readonly jobsPerHour?: number;
  readonly check?: JobControl["check"];
  readonly settleMs?: number;
}

function setUp({
  change,
  look,
  open = [],
  failing = 0,
  found = true,
  jobsPerHour = 10,
  check,
  settleMs = 200,
}: SetUp = {}) {
  const entries: AuditEntry[] = [];
  let writes = 0;
  const audit: AuditLog = {
    write: async (entry) => {
      writes += 1;
      if (writes <= failing) throw Object.assign(new Error("full"), { code: "audit_unavailable" });
      return entries.push(entry);
    },
    read: async () => [],
    check: async () => {},
    head: async () => emptyHead,
    verify: async () => sampleChain(entries.length),
    recover: async () => ({ open, keyed: [], limiting: [] }),
  };
  const calls: string[] = [];
  const control: JobControl = {
    check: check ?? (() => {}),
    change: async (action, job, onlyFailed) => {
      calls.push(job.jobId);
      return change
        ? change(action, job, onlyFailed)
        : { jobId: job.jobId, queue: "mail", changed: true, state: "waiting", reason: null };
    },
    look: look ?? (async () => "failed"),
    verify: async () => {},
  };
  const operations = createJobOperations({
    ledger: createLocalLedger({ audit }),
    find: async () => (found ? control : null),
    settleMs,
    pollMs: 5,
    jobsPerHour,
  });
  const request = {
    source: { name: "jobs", env: "staging" as const, control },
    reason: "stuck",
    requestId: "r1",
    principal: caller.principal,
    origin: caller.origin(),
  };
  const outcomes = () => entries.map(({ outcome, detail }) => [outcome, detail]);
  return { operations, entries, outcomes, calls, request };
}

const retry = ({ operations, request }: ReturnType<typeof setUp>, jobId = "1") =>
  operations.change("retry", { jobId, queue: null }, request);

describe("an operation on a job", () => {
  it("does not run, and uses no budget, without a record", async () => {
    const set = setUp({ failing: 2, jobsPerHour: 1 });
    await expect(retry(set)).rejects.toMatchObject({ code: "audit_unavailable" });
    const group = { queue: "mail", fingerprint: "0".repeat(12), jobIds: ["1"], total: 1 };
    await expect(set.operations.changeGroup("retry", group, set.request)).rejects.toMatchObject({
      code: "audit_unavailable",
    });
    expect(set.calls).toEqual([]);
    await expect(retry(set)).resolves.toMatchObject({ changed: true });
    await expect(retry(set)).rejects.toMatchObject({ code: "job_budget", retryAfterSeconds: 3600 });
  });

  it("with a lost answer stays unknown, and then has the job's state", async () => {
    let looks = 0;
    const look = async () => {
      looks += 1;
      if (looks < 3) throw new Error("still down");
      return "waiting";
    };
    const set = setUp({ change: () => Promise.reject(lost), look });
    await expect(retry(set)).rejects.toBe(lost);
    await expect.poll(set.outcomes).toEqual([
      ["intent", null],
      ["unknown", "job_unknown: lost"],
      ["unknown", "settled: now 1 waiting"],
    ]);
  });

  it("is refused while the gateway stops; a group ends there", async () => {
    const set = setUp({
      change: async (_, { jobId }) => {
        void set.operations.close();
        return { jobId, queue: "mail", changed: true, state: "waiting", reason: null };
      },
    });
    const group = { queue: "mail", fingerprint: "0".repeat(12), jobIds: ["1", "2", "3"], total: 5 };
    expect(await set.operations.changeGroup("retry", group, set.request)).toMatchObject({
      changed: [{ jobId: "1" }],
      skipped: [],
      left: 4,
      error: { code: "overloaded" },
    });
    await expect(retry(set)).rejects.toMatchObject({ code: "overloaded" });
    expect(set.calls).toEqual(["1"]);
  });
});

describe("a job", () => {
  const intent = {
    outcome: "intent",
    intent: null,
    requestId: "r1",
    ip: "192.0.2.7",
    clientRequestId: null,
    traceId: null,
    subject: "test",
    kid: "test",
    auth: "token",
    scopes: ["ops:read", "ops:logs", "ops:operate", "ops:introspect"],
    engine: "",
    containerId: "",
    containerName: "",
    image: "",
    env: "staging",
    reason: "stuck",
    args: {},
    keyHash: null,
    detail: null,
    code: null,
    dockerStatus: null,
    durationMs: null,
  };

  it.each(["retry", "discard"] as const)(
    "is changed by %s as requested, between intent and outcome",
    async (action) => {
      const seen: unknown[] = [];
      const changed = { jobId: "7", queue: "mail", changed: true, state: "waiting", reason: null };
      const set = setUp({
        check: (...given) => void seen.push(given),
        change: async (...given) => {
          seen.push(given, set.entries.length);
          return changed;
        },
      });
      const job = { jobId: "7", queue: null };
      expect(await set.operations.change(action, job, set.request)).toBe(changed);
      expect(seen).toEqual([[action, job], [action, job, false], 1]);
      const target = { source: "jobs", queue: null, ids: ["7"], fingerprint: null };
      const entry = { ...intent, action: `job.${action}`, job: target };
      expect(set.entries).toEqual([
        entry,
        { ...entry, outcome: "ok", intent: 1, detail: "waiting", durationMs: expect.any(Number) },
      ]);
    },
  );

  it("that was not changed is recorded and answered with the reason", async () => {
    const change = async () => ({ jobId: "7", queue: "mail", changed: false, state: "running", reason: null });
    const set = setUp({ change });
    expect(await retry(set, "7")).toMatchObject({ changed: false });
    expect(set.outcomes()).toEqual([
      ["intent", null],
      ["failed", "job_conflict: This job is running and was not retried"],
    ]);
  });

  it("that is refused is neither recorded nor changed, and costs nothing", async () => {
    let allowed = false;
    const check = () => {
      if (!allowed) throw new Error("not here");
    };
    const set = setUp({ check, jobsPerHour: 1 });
    await expect(retry(set)).rejects.toThrow("not here");
    const group = { queue: "mail", fingerprint: "0".repeat(12), jobIds: ["1"], total: 1 };
    await expect(set.operations.changeGroup("retry", group, set.request)).rejects.toThrow("not here");
    expect([set.entries, set.calls]).toEqual([[], []]);
    allowed = true;
    expect(await retry(set)).toMatchObject({ changed: true });
  });

  it("uses its part of the budget if its change failed", async () => {
    const down = Object.assign(new Error("down"), { code: "queues_unavailable" });
    const set = setUp({ change: () => Promise.reject(down), jobsPerHour: 2 });
    await expect(retry(set)).rejects.toBe(down);
    const group = { queue: "mail", fingerprint: "0".repeat(12), jobIds: ["1"], total: 1 };
    await expect(set.operations.changeGroup("retry", group, set.request)).rejects.toBe(down);
    expect(set.outcomes()).toEqual([
      ["intent", null],
      ["failed", "queues_unavailable: down"],
      ["intent", null],
      ["failed", "0 retried, 0 skipped; then queues_unavailable: down"],
    ]);
    await expect(retry(set)).rejects.toMatchObject({ name: "JobsRefused", code: "job_budget" });
  });

  it("is refused with a reason while the gateway stops", async () => {
    const set = setUp();
    await set.operations.close();
    await expect(retry(set)).rejects.toMatchObject({
      name: "JobsRefused",
      code: "overloaded",
      message: "The gateway is stopping",
      retryAfterSeconds: 5,
    });
    expect(set.entries).toEqual([]);
  });

  it("that stays unknown is read until the time is up, and no longer", async () => {
    const countLooks = (settleMs: number, until: number) => {
      let looks = 0;
      const look = async () => {
        looks += 1;
        if (looks < until) throw new Error("still down");
        return null;
      };
      return { set: setUp({ change: () => Promise.reject(lost), look, settleMs }), count: () => looks };
    };
    const [short, long] = [countLooks(0, 1000), countLooks(60_000, 5)];
    for (const { set } of [short, long]) await expect(retry(set)).rejects.toBe(lost);
    await expect.poll(() => long.set.outcomes().at(-1)).toEqual(["unknown", "settled: now 1 gone"]);
    expect([short.count(), long.count()]).toEqual([1, 5]);
    expect(short.set.outcomes()).toEqual([
      ["intent", null],
      ["unknown", "job_unknown: lost"],
    ]);
  });
});

describe("a group of jobs", () => {
  const group = { queue: "mail", fingerprint: "0123456789ab", jobIds: ["1", "2", "3"], total: 9 };
  const toChange = (jobId: string, changed: boolean) => ({
    jobId,
    queue: "mail",
    changed,
    state: changed ? "waiting" : "running",
    reason: null,
  });

  it.each([
    ["retry", "retried"],
    ["discard", "discarded"],
  ] as const)("is changed by %s, one by one, as one operation", async (action, word) => {
    const seen: unknown[] = [];
    const set = setUp({
      check: (...given) => void seen.push(given),
      change: async (...given) => {
        seen.push(given);
        return toChange(given[1].jobId, given[1].jobId !== "2");
      },
    });
    expect(await set.operations.changeGroup(action, group, set.request)).toEqual({
      changed: [toChange("1", true), toChange("3", true)],
      skipped: [toChange("2", false)],
      left: 6,
      error: null,
    });
    const jobs = group.jobIds.map((jobId) => ({ jobId, queue: "mail" }));
    expect(seen).toEqual([...jobs.map((job) => [action, job]), ...jobs.map((job) => [action, job, true])]);
    const target = { source: "jobs", queue: "mail", ids: ["1", "2", "3"], fingerprint: "0123456789ab" };
    const what = { action: `job.${action}_group`, job: target };
    expect(set.entries).toMatchObject([
      { ...what, outcome: "intent", intent: null, detail: null },
      { ...what, outcome: "ok", intent: 1, detail: `2 ${word}, 1 skipped: 2 (running)` },
    ]);
  });

  it("ends with the budget, and leaves the rest", async () => {
    const set = setUp({ jobsPerHour: 2 });
    const { changed, skipped, left, error } = await set.operations.changeGroup(
      "retry",
      { ...group, total: 3 },
      set.request,
    );
    expect([changed.map(({ jobId }) => jobId), skipped, left, error]).toEqual([["1", "2"], [], 1, null]);
    expect(set.entries[0]?.job?.ids).toEqual(["1", "2"]);
    await expect(set.operations.changeGroup("retry", group, set.request)).rejects.toMatchObject({ code: "job_budget" });
  });

  it.each([
    ["a job was retried", true],
    ["a job was skipped", false],
  ])("ends with the first failure, which is no rejection if %s", async (_, changed) => {
    const down = Object.assign(new Error("down"), { code: "queues_unavailable" });
    const change: JobControl["change"] = async (_action, { jobId }) => {
      if (jobId === "2") throw down;
      return toChange(jobId, changed);
    };
    const set = setUp({ change });
    const done = await set.operations.changeGroup("retry", { ...group, total: 1 }, set.request);
    const one = [toChange("1", changed)];
    expect(done).toEqual({ changed: changed ? one : [], skipped: changed ? [] : one, left: 2, error: down });
    expect(set.calls).toEqual(["1", "2"]);
  });
});

describe("recover", () => {
  const target = { source: "jobs", queue: "mail", ids: ["1", "2", "3"], fingerprint: "0".repeat(12) };
  const toOpen = (told: boolean, intent: AuditEntry): OpenIntent => ({
    intent: { ...intent, seq: 7, at: new Date().toISOString(), hash: "" },
    hasOutcome: told,
    wasGivenUp: false,
  });
  const left = toJobIntent("job.retry_group", target, setUp().request);

  it("records open changes as unknown once, then the states of their jobs", async () => {
    const look: JobControl["look"] = async ({ jobId }) => (jobId === "3" ? null : "waiting");
    const set = setUp({ open: [toOpen(false, left), toOpen(false, sampleEntry())], look });
    await Promise.all([set.operations.recover(), retry(set, "9")]);
    await set.operations.recover();
    await expect.poll(() => set.entries.length).toBe(4);
    expect(set.outcomes()).toEqual(
      expect.arrayContaining([
        ["unknown", "the gateway died during the change"],
        ["unknown", "settled: now 2 waiting, 1 gone"],
      ]),
    );
    expect(set.entries[0]).toMatchObject({ intent: 7, job: target, code: "job_unknown" });
  });

  it("only reads if `unknown` is recorded and the source has a control", async () => {
    const told = setUp({ open: [toOpen(true, left)] });
    await told.operations.recover();
    await expect.poll(told.outcomes).toEqual([["unknown", "settled: now 3 failed"]]);
    const gone = setUp({ open: [toOpen(true, left)], found: false });
    await gone.operations.recover();
    await gone.operations.close();
    expect(gone.entries).toEqual([]);
  });
});

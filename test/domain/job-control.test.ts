import { describe, expect, it } from "vitest";
import type { AuditEntry, AuditLog, OpenIntent } from "../../src/domain/audit.ts";
import { createJobBudget } from "../../src/domain/job-control-budget.ts";
import { createJobOperations } from "../../src/domain/job-control-operations.ts";
import { toJobIntent } from "../../src/domain/job-control-record.ts";
import type { JobControl } from "../../src/domain/job-control.ts";
import { createCaller } from "../support/caller.ts";
import { sampleEntry } from "../support/audit.ts";

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
}

function setUp({ change, look, open = [], failing = 0, found = true, jobsPerHour = 10 }: SetUp = {}) {
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
    recover: async () => ({ open, keyed: [] }),
  };
  const calls: string[] = [];
  const control: JobControl = {
    check: () => {},
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
    audit,
    find: async () => (found ? control : null),
    settleMs: 200,
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
  it("is not done, and takes nothing of the budget, without a record", async () => {
    const set = setUp({ failing: 2, jobsPerHour: 1 });
    await expect(retry(set)).rejects.toMatchObject({ code: "audit_unavailable" });
    const group = { queue: "mail", fingerprint: "0".repeat(12), jobIds: ["1"], total: 1 };
    await expect(set.operations.retryGroup(group, set.request)).rejects.toMatchObject({ code: "audit_unavailable" });
    expect(set.calls).toEqual([]);
    await expect(retry(set)).resolves.toMatchObject({ changed: true });
    await expect(retry(set)).rejects.toMatchObject({ code: "job_budget", retryAfterSeconds: 3600 });
  });

  it("whose answer was lost stays unknown, with what the job is as soon as that can be seen", async () => {
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
    expect(await set.operations.retryGroup(group, set.request)).toMatchObject({
      retried: [{ jobId: "1" }],
      skipped: [],
      left: 4,
      error: { code: "overloaded" },
    });
    await expect(retry(set)).rejects.toMatchObject({ code: "overloaded" });
    expect(set.calls).toEqual(["1"]);
  });
});

describe("recover", () => {
  const target = { source: "jobs", queue: "mail", ids: ["1", "2", "3"], fingerprint: "0".repeat(12) };
  const toOpen = (told: boolean, intent: AuditEntry): OpenIntent => ({
    intent: { ...intent, seq: 7, at: new Date().toISOString(), hash: "" },
    told,
  });
  const left = toJobIntent("job.retry_group", target, setUp().request);

  it("tells what was left as unknown, once, then what the jobs are; restarts are not its own", async () => {
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

  it("only looks where that was told already, and not where nothing can be looked at any more", async () => {
    const told = setUp({ open: [toOpen(true, left)] });
    await told.operations.recover();
    await expect.poll(told.outcomes).toEqual([["unknown", "settled: now 3 failed"]]);
    const gone = setUp({ open: [toOpen(true, left)], found: false });
    await gone.operations.recover();
    await gone.operations.close();
    expect(gone.entries).toEqual([]);
  });
});

describe("createJobBudget", () => {
  it("gives what is left of an hour, for each holder, and again when it is over", () => {
    let now = 0;
    const budget = createJobBudget({ jobsPerHour: 10, now: () => now });
    expect([budget.take("a", 4), budget.take("a", 10), budget.take("b", 10)]).toEqual([4, 6, 10]);
    expect(() => budget.take("a", 1)).toThrow("This token has used its 10 jobs of the hour");
    budget.giveBack("a", 6);
    expect(budget.take("a", 5)).toBe(5);
    now = 3_599_999;
    expect(budget.take("a", 5)).toBe(1);
    expect(() => budget.take("a", 1)).toThrow(expect.objectContaining({ retryAfterSeconds: 1 }));
    now = 3_600_000;
    expect(budget.take("a", 20)).toBe(9);
  });
});

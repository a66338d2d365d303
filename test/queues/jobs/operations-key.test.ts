import { describe, expect, it } from "vitest";
import type { AuditEntry, AuditLog } from "../../../src/audit/audit.ts";
import { createLocalLedger } from "../../../src/audit/local.ts";
import type { JobChange, JobControl } from "../../../src/queues/jobs/control.ts";
import { createJobOperations, toPastChanges } from "../../../src/queues/jobs/operations.ts";
import { emptyHead, sampleChain, sampleEntry } from "../../support/audit.ts";
import { createCaller } from "../../support/caller.ts";

const fingerprint = "0".repeat(12);
const group = (jobIds: readonly string[], total = jobIds.length) => ({ queue: "mail", fingerprint, jobIds, total });

/** Operations over a record in memory; `change` says what becomes of a job. */
function setUp(change: (jobId: string) => Partial<JobChange> = () => ({})) {
  const entries: AuditEntry[] = [];
  const audit: AuditLog = {
    write: async (entry) => entries.push(entry),
    read: async () => [],
    check: async () => {},
    head: async () => emptyHead,
    verify: async () => sampleChain(entries.length),
    recover: async () => ({ open: [], keyed: [], limiting: [] }),
  };
  const calls: string[] = [];
  const control: JobControl = {
    check: () => {},
    change: async (_action, { jobId, queue }) => {
      calls.push(jobId);
      return { jobId, queue, changed: true, state: "waiting", reason: null, ...change(jobId) };
    },
    look: async () => "failed",
    verify: async () => {},
  };
  const operations = createJobOperations({ ledger: createLocalLedger({ audit }), find: async () => control });
  const caller = createCaller();
  const request = {
    source: { name: "jobs", env: "staging" as const, control },
    reason: "bank is back",
    idempotencyKey: "key-1",
    limit: 10,
    requestId: "r1",
    principal: caller.principal,
    origin: { ...caller.origin(), agent: "night-shift" },
  };
  return { operations, entries, calls, request };
}

describe("a group with an idempotency key", () => {
  it("is changed once, also when its jobs are gone from the group by then", async () => {
    const { operations, entries, calls, request } = setUp();
    const first = await operations.changeGroup("retry", group(["1", "2"], 5), request);
    expect(first).toMatchObject({ changed: [{ jobId: "1" }, { jobId: "2" }], left: 3 });
    expect(await operations.changeGroup("retry", group(["3"], 3), request)).toMatchObject({
      changed: [{ jobId: "1" }, { jobId: "2" }],
      skipped: [],
      left: 3,
      error: null,
    });
    expect(await operations.changeGroup("retry", group([]), request)).toMatchObject({ changed: [{}, {}], left: 0 });
    expect(calls).toEqual(["1", "2"]);
    expect(entries.map(({ outcome, agent }) => [outcome, agent])).toEqual([
      ["intent", "night-shift"],
      ["ok", "night-shift"],
    ]);
    expect(entries[0]).toMatchObject({ args: { limit: 10 }, keyHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  it.each([
    ["another reason", { reason: "other" }],
    ["another limit", { limit: 11 }],
  ])("is refused for %s", async (_what, more) => {
    const { operations, request } = setUp();
    await operations.changeGroup("retry", group(["1"]), request);
    const other = operations.changeGroup("retry", group(["2"]), { ...request, ...more });
    await expect(other).rejects.toMatchObject({ code: "idempotency_key_reused", retryAfterSeconds: null });
  });

  it("is changed once when it is asked for twice at once", async () => {
    const { operations, calls, request } = setUp();
    const both = await Promise.all([1, 2].map(() => operations.changeGroup("retry", group(["1", "2"]), request)));
    expect(calls).toEqual(["1", "2"]);
    for (const one of both) expect(one.changed.map(({ jobId }) => jobId)).toEqual(["1", "2"]);
  });

  it("has what was skipped, and what ended it, in its second answer too", async () => {
    const { operations, request } = setUp((jobId) => {
      if (jobId === "9") throw Object.assign(new Error("it is locked"), { code: "queue_locked" });
      return jobId === "2" ? { changed: false, state: "running" } : {};
    });
    await operations.changeGroup("retry", group(["1", "2", "9", "10"]), request);
    expect(await operations.changeGroup("retry", group(["9", "10"]), request)).toMatchObject({
      changed: [{ jobId: "1" }],
      skipped: [{ jobId: "2", state: "running" }],
      left: 2,
      error: {
        code: "queue_locked",
        message: expect.stringContaining("From the audit record, for this idempotency key: 1 retried"),
      },
    });
  });

  it("of no job changes and records nothing", async () => {
    const { operations, entries, request } = setUp();
    expect(await operations.changeGroup("retry", group([]), request)).toEqual({
      changed: [],
      skipped: [],
      left: 0,
      error: null,
    });
    expect(entries).toEqual([]);
  });
});

describe("a recorded change", () => {
  const job = { source: "jobs", queue: "mail", ids: ["1", "11", "gone, x", "4"], fingerprint };
  const read = (detail: string | null, code: string | null = null, outcome: AuditEntry["outcome"] = "ok") =>
    toPastChanges({ ...sampleEntry(), job }, { outcome, code, detail });

  it("knows the skipped jobs by their whole ids", () => {
    const { changes } = read("2 retried, 2 skipped: 11 (running), gone, x (gone)");
    expect(changes.map(({ jobId, changed, state }) => [jobId, changed, state])).toEqual([
      ["1", true, null],
      ["11", false, "running"],
      ["gone, x", false, null],
      ["4", true, null],
    ]);
  });

  it.each([
    ["queue_locked: it is locked", "queue_locked", "failed", "queue_locked"],
    ["the gateway died during the change", "job_unknown", "unknown", "job_unknown"],
    [null, "of a later version", "unknown", "job_unknown"],
  ] as const)("without a count is an error: %j", (detail, code, outcome, shown) => {
    expect(() => read(detail, code, outcome)).toThrow(expect.objectContaining({ code: shown }));
  });
});

import { describe, expect, it } from "vitest";
import { OpsError } from "../../../src/lib/errors.ts";
import { toFingerprint } from "../../../src/queues/fingerprint.ts";
import type { Job } from "../../../src/queues/job.ts";
import type { JobControl } from "../../../src/queues/jobs/control.ts";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";
import { createMemoryJobs, sampleAttempt, sampleControl, sampleJob } from "../../support/queues.ts";
import { runCommand } from "../../support/terminal-run.ts";
import { createTokens } from "../../support/tokens.ts";

const failure = "timeout after 5 ms";
const fingerprint = toFingerprint(failure);

interface WorldOptions {
  readonly jobs?: number;
  readonly control?: Partial<JobControl>;
  readonly jobsEnabled?: boolean;
  /** Queues that the error is in. */
  readonly queues?: readonly string[];
}

/** Failed jobs with one error, in the queue mail of the source jobs. */
async function start(
  { jobs = 3, control = {}, jobsEnabled = true, queues = ["mail"] }: WorldOptions = {},
  tokensFile?: string,
) {
  const states = new Map(Array.from({ length: jobs }, (_, index) => [String(index + 1), "failed"]));
  const rows = [...states.keys()].map((jobId): Job =>
    sampleJob({ jobId, queue: "mail", kind: "welcome", attempt: 3, maxAttempts: 5 }),
  );
  const calls: string[] = [];
  const source = {
    name: "jobs",
    env: "staging" as const,
    metrics: queues.map((name) => ({ name })),
    errors: queues.map((queue) => ({
      queue,
      source: "jobs",
      jobId: "1",
      error: failure,
      timestamp: new Date().toISOString(),
      count: jobs,
    })),
    jobs: createMemoryJobs(rows, [sampleAttempt({ error: `${failure}\u001b[31m` })]),
    failedJobs: async () =>
      [...states].flatMap(([id, state]) =>
        state === "failed" || id === "moved" ? [{ error: failure, jobIds: [id], jobs: 1 }] : [],
      ),
    control: sampleControl({
      change: async (action, { jobId }) => {
        calls.push(`${action} ${jobId}`);
        const state = states.get(jobId) ?? null;
        const job = { jobId, queue: state && "mail", reason: null };
        if (state !== "failed") return { ...job, changed: false, state };
        states.set(jobId, "waiting");
        return { ...job, changed: true, state: "waiting" };
      },
      ...control,
    }),
  };
  const made = createMemorySources({ queueSources: [source] }, { jobsEnabled });
  const gateway = await startGateway(made.sources, tokensFile === undefined ? {} : { tokensFile });
  return { ...made, states, calls, url: gateway.url, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() };
}

const why = ["--reason", "bank is back"];

describe("a change of one job", () => {
  it("shows the job, asks for reason and consent, prints the result", async () => {
    await using gateway = await start();
    const run = await runCommand(gateway.url, ["retry", "1"], { answers: ["bank is back", "y"] });
    expect(run).toMatchObject({ code: 0, out: "retried job 1 of mail (jobs): waiting\n" });
    expect(run.err).toContain("job 1 of mail (jobs), welcome\n  failed, attempt 3 of 5");
    expect(run.err).toContain("  timeout after 5 ms");
    expect(run.err).not.toContain("\u001b");
    expect(run.err).toContain("Retry this job? [y/N] ");
    expect(gateway.audited.map(({ action, reason }) => [action, reason])).toEqual([
      ["job.retry", "bank is back"],
      ["job.retry", "bank is back"],
    ]);
  });

  it("of discard calls discard, and its JSON has no escape byte", async () => {
    await using gateway = await start();
    const args = ["discard", "2", "--source", "jobs", "--queue", "mail", "--yes", "-o", "json", "--color", "always"];
    const run = await runCommand(gateway.url, [...args, ...why]);
    expect(run.code).toBe(0);
    expect(JSON.parse(run.out)).toEqual({ source: "jobs", queue: "mail", jobId: "2", state: "waiting" });
    expect(run.out).not.toContain("\u001b");
    expect(gateway.calls).toEqual(["discard 2"]);
  });

  it("needs --yes and a reason where stdin is no terminal", async () => {
    await using gateway = await start();
    const silent = await runCommand(gateway.url, ["retry", "1", "--yes"]);
    expect([silent.code, silent.err]).toEqual([2, expect.stringContaining("--reason TEXT")]);
    const asked = await runCommand(gateway.url, ["retry", "1", ...why]);
    expect([asked.code, asked.err]).toEqual([2, expect.stringContaining("stdin is not a terminal: use --yes")]);
    expect(asked.err).toContain("job 1 of mail");
    const empty = await runCommand(gateway.url, ["retry", "1", "--yes"], { answers: [""] });
    expect([empty.code, empty.err]).toEqual([2, expect.stringContaining("--reason TEXT")]);
    expect(gateway.calls).toEqual([]);
  });

  it("that is refused or unknown is an error", async () => {
    await using gateway = await start();
    gateway.states.set("1", "waiting");
    const refused = await runCommand(gateway.url, ["retry", "1", "--yes", ...why]);
    expect([refused.code, refused.out, refused.err]).toEqual([1, "", expect.stringContaining("job_conflict")]);
    const missing = await runCommand(gateway.url, ["retry", "99", "--yes", ...why]);
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("has no job 99 (job_not_found)")]);
    expect((await runCommand(gateway.url, ["retry", "1"], { answers: ["x", "n"] })).code).toBe(1);
  });

  it("says what is switched off, and which scope is missing", async () => {
    using tokens = createTokens({ reader: { scopes: ["ops:read"] } });
    await using off = await start({ jobsEnabled: false });
    expect((await runCommand(off.url, ["retry", "1", "--yes", ...why])).err).toContain("WALLET_CORE_OPS_JOBS=on");
    await using on = await start({}, tokens.file);
    const run = await runCommand(on.url, ["retry", "1", "--yes", ...why], { token: tokens.of("reader") });
    expect([run.code, run.err]).toEqual([1, expect.stringContaining("the scope ops:operate")]);
    expect([off.calls, on.calls]).toEqual([[], []]);
  });
});

describe("a change of an error group", () => {
  it("shows the group, changes its jobs and says how many", async () => {
    await using gateway = await start();
    const run = await runCommand(gateway.url, ["retry", fingerprint, ...why], { answers: ["y"] });
    expect(run).toMatchObject({ code: 0, out: "retried 3 of mail (jobs), 0 skipped, 0 left\n" });
    expect(run.err).toContain(`${fingerprint}: 3 failures in mail (jobs), the last`);
    expect(run.err).toContain("  3 jobs can be retried now\n");
    expect(run.err).toContain("Retry up to 100 of its jobs in mail? [y/N] ");
    expect(gateway.audited[0]).toMatchObject({ action: "job.retry_group", reason: "bank is back" });
  });

  it("leaves the rest to the next run, or goes on with --all", async () => {
    await using gateway = await start({ jobs: 7 });
    const args = ["discard", fingerprint, "--yes", "--limit", "3", ...why];
    const first = await runCommand(gateway.url, args);
    expect(first).toMatchObject({ code: 0, out: "discarded 3 of mail (jobs), 0 skipped, 4 left\n" });
    expect(first.err).toContain("  3 jobs can be discarded now, 4 more after them\n");
    expect(first.err).toContain("4 are left: run the same command again to continue");
    const rest = await runCommand(gateway.url, [...args, "--all", "-o", "json"]);
    expect(rest.code).toBe(0);
    expect(JSON.parse(rest.out)).toEqual({
      source: "jobs",
      queue: "mail",
      fingerprint,
      count: 4,
      jobIds: ["4", "5", "6", "7"],
      skipped: [],
      left: 0,
      error: null,
    });
    expect(rest.err).toContain("3 discarded, 1 left");
    const none = await runCommand(gateway.url, args);
    expect([none.code, none.out]).toEqual([1, ""]);
    expect(none.err).toContain(
      "No job of mail that failed with this error in the last 60 minutes can be discarded now",
    );
    expect(gateway.audited.map(({ outcome }) => outcome)).toEqual(["intent", "ok", "intent", "ok", "intent", "ok"]);
  });

  it("names the skipped ones: 1", async () => {
    await using gateway = await start();
    gateway.states.set("moved", "running");
    const run = await runCommand(gateway.url, ["retry", fingerprint, "--yes", "--all", ...why]);
    expect(run.code).toBe(1);
    expect(run.out).toContain("retried 3 of mail (jobs), 1 skipped, 0 left\nskipped moved: ");
  });

  it("stops with --all at the first error, and reports what was done", async () => {
    const gone = new OpsError("postgres_unavailable", "PostgreSQL cannot be reached");
    const changed: string[] = [];
    const change: JobControl["change"] = async (_, { jobId }) => {
      if (changed.length === 3) throw gone;
      changed.push(jobId);
      gateway.states.set(jobId, "waiting");
      return { jobId, queue: "mail", reason: null, changed: true, state: "waiting" };
    };
    await using gateway = await start({ jobs: 6, control: { change } });
    const run = await runCommand(gateway.url, ["retry", fingerprint, "--yes", "--all", "--limit", "2", ...why]);
    expect(run.code).toBe(1);
    expect(run.out).toContain(
      "retried 3 of mail (jobs), 0 skipped, 3 left\nstopped: PostgreSQL cannot be reached (postgres_unavailable)\n",
    );
  });

  it("asks for the queue where it is in several", async () => {
    await using gateway = await start({ queues: ["mail", "sms"] });
    const args = ["retry", fingerprint, "--yes", ...why];
    const several = await runCommand(gateway.url, args);
    expect([several.code, several.err]).toEqual([
      2,
      expect.stringContaining("--queue mail --source jobs, or --queue sms --source jobs"),
    ]);
    expect((await runCommand(gateway.url, [...args, "--queue", "mail"])).code).toBe(0);
  });

  it("that is not known is an error, with --job it is a job's id", async () => {
    await using gateway = await start();
    const run = await runCommand(gateway.url, ["retry", "000000000000", "--yes", ...why]);
    expect([run.code, run.err]).toEqual([
      1,
      expect.stringContaining("No error group 000000000000 in the last 60 minutes"),
    ]);
    const job = await runCommand(gateway.url, ["retry", "000000000000", "--job", "--yes", ...why]);
    expect([job.code, job.err]).toEqual([1, expect.stringContaining("has no job 000000000000")]);
    expect((await runCommand(gateway.url, ["retry", fingerprint, "--limit", "101", ...why])).code).toBe(2);
  });
});

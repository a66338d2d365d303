import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { AuditEntry, AuditLog } from "../../../src/audit/audit.ts";
import { createAuditFile } from "../../../src/audit/file/file.ts";
import { genesis, toAuditLine } from "../../../src/audit/line.ts";
import { probeAudit, verifyAudit } from "../../../src/audit/file/verify.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { sampleEntry } from "../../support/audit.ts";

const root = mkdtempSync(join(tmpdir(), "ops-audit-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
  path = join(folder, "audit.jsonl");
});

const entry = sampleEntry();

function create() {
  const audit = createAuditFile({ path, logger: silentLogger });
  return {
    write: (values: Partial<AuditEntry> = {}) => audit.write({ ...entry, ...values }),
    read: (how: Partial<Parameters<AuditLog["read"]>[0]> = {}) =>
      audit.read({ first: 100, before: null, accepts: () => true, ...how }),
    recover: () => audit.recover(),
    check: () => audit.check(),
    [Symbol.asyncDispose]: () => audit.close(),
  };
}

function lines(file = path): Record<string, unknown>[] {
  const text = readFileSync(file, "utf8");
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const unavailable = { code: "audit_unavailable", status: 503 };

describe("createAuditFile", () => {
  it("records actions on jobs in the same chain as restarts", async () => {
    await using audit = create();
    const job = { source: "river", queue: 'ma"il\n', ids: ["9007199254740993", "2"], fingerprint: "0123456789ab" };
    const onJobs = {
      action: "job.retry_group",
      job,
      engine: "",
      containerId: "",
      containerName: "",
      image: "",
    } as const;
    await audit.write();
    await audit.write(onJobs);
    await audit.write({ outcome: "ok", intent: 1 });
    expect(await audit.read()).toMatchObject([{ job: null }, { ...onJobs, seq: 2 }, { job: null, action: "restart" }]);
    expect(lines().map((line) => line["job"])).toEqual([undefined, job, undefined]);
    expect((await audit.recover()).open).toMatchObject([{ intent: { seq: 2, action: "job.retry_group", job } }]);
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
    // As `./audit.jsonl`, the default, is spelt.
    expect(await verifyAudit(`${dirname(path)}/.//${basename(path)}`, { partial: false })).toMatchObject({
      ok: true,
      message: expect.stringContaining("1 file, head seq 3 "),
    });
    writeFileSync(path, readFileSync(path, "utf8").replace('"2"]', '"3"]'));
    expect(await verifyAudit(path, { partial: false })).toMatchObject({
      ok: false,
      message: expect.stringContaining("seq 2 is altered"),
    });
  });

  it("says its head before the first entry, after one, and taken over", async () => {
    const first = createAuditFile({ path, logger: silentLogger });
    expect(await first.head()).toEqual({ ...genesis, at: null });
    await first.write(sampleEntry(), 1);
    const head = await first.head();
    await first.close();
    const [line] = lines();
    expect(head).toEqual({ seq: 1, hash: line?.["hash"], at: line?.["ts"] });
    const second = createAuditFile({ path, logger: silentLogger });
    expect(await second.head()).toEqual(head);
    await second.recover();
    expect(await second.head()).toEqual(head);
    await second.close();
  });

  it("creates the file at the first write, private, one entry a line", async () => {
    await using audit = create();
    expect(() => statSync(path)).toThrow("ENOENT");
    const before = Date.now();
    await audit.write();
    await audit.write({ outcome: "ok", detail: "running" });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const [intent, outcome] = lines();
    expect(Object.entries(intent ?? {}).filter(([name]) => name !== "ts")).toEqual([
      ["seq", 1],
      ["outcome", "intent"],
      ["action", "restart"],
      ["intent", null],
      ["request_id", "r-1"],
      ["subject", "ops\nuser"],
      ["kid", "k1"],
      ["scopes", ["ops:operate"]],
      ["engine", "web-1"],
      ["container_id", "f".repeat(64)],
      ["container_name", "wallet-core-web-v1"],
      ["image", "wallet-core:v1"],
      ["env", "staging"],
      ["reason", 'stuck, "again"\u2028'],
      ["args", {}],
      ["detail", null],
      ["duration_ms", null],
      ["auth", "tokens_file"],
      ["ip", "192.0.2.7"],
      ["client_request_id", "deploy-17"],
      ["trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"],
      ["key_hash", null],
      ["code", null],
      ["docker_status", null],
      ["format", 2],
      ["granted", 0],
      ["prev_hash", "0".repeat(64)],
      ["hash", expect.stringMatching(/^[0-9a-f]{64}$/)],
    ]);
    expect(intent?.["ts"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Date.parse(String(intent?.["ts"]))).toBeGreaterThanOrEqual(before);
    expect(outcome).toMatchObject({ seq: 2, outcome: "ok", detail: "running", prev_hash: intent?.["hash"] });
  });

  it("sanitises a reason that an older version wrote unsanitised", async () => {
    await using audit = create();
    await audit.write({ reason: "stuck\u202e, password=hunter2-canary" });
    expect(lines()[0]?.["reason"]).toContain("hunter2");
    expect(await audit.read()).toMatchObject([{ reason: "stuck, password=[redacted]" }]);
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
  });

  it("returns open intents of a dead process, not settled ones", async () => {
    {
      await using audit = create();
      for (const requestId of ["settled", "told", "open"]) await audit.write({ requestId });
      await audit.write({ outcome: "unknown", intent: 1, detail: "restart_unknown" });
      await audit.write({ outcome: "ok", intent: 1, detail: "settled: the engine restarted it" });
      await audit.write({ outcome: "unknown", intent: 2, detail: "restart_unknown" });
    }
    await using audit = create();
    expect((await audit.recover()).open).toMatchObject([
      { intent: { requestId: "told", seq: 2 }, hasOutcome: true },
      { intent: { requestId: "open", seq: 3 }, hasOutcome: false },
    ]);
  });

  it("returns a day's keys with their newest outcome over rotated files", async () => {
    {
      await using audit = create();
      for (const keyHash of ["a", null, "c", "d"]) await audit.write({ keyHash });
      await audit.write({ outcome: "unknown", intent: 1, keyHash: "a" });
      renameSync(path, `${path}.1`);
      await audit.write({ outcome: "ok", intent: 1, keyHash: "a" });
      await audit.write({ outcome: "failed", intent: 3, keyHash: "c", code: "docker_error", dockerStatus: 500 });
    }
    await using audit = create();
    expect((await audit.recover()).keyed).toMatchObject([
      { intent: { seq: 1, keyHash: "a" }, outcome: { outcome: "ok" } },
      { intent: { seq: 3, keyHash: "c" }, outcome: { outcome: "failed", code: "docker_error", dockerStatus: 500 } },
      { intent: { seq: 4, keyHash: "d" }, outcome: null },
    ]);
  });

  it("reads a version 0.1 record, which has fewer fields, and extends it", async () => {
    const old = fileURLToPath(new URL("record-0.1.jsonl", import.meta.url));
    expect(await verifyAudit(old, { partial: false })).toMatchObject({
      ok: true,
      message: expect.stringContaining("head seq 4"),
    });
    copyFileSync(old, path);
    {
      await using audit = create();
      await audit.write({ requestId: "new" });
      const missing = {
        auth: null,
        ip: null,
        clientRequestId: null,
        traceId: null,
        keyHash: null,
        code: null,
        dockerStatus: null,
      };
      const [added, ...before] = await audit.read();
      expect(added).toMatchObject({ seq: 5, auth: "tokens_file", ip: "192.0.2.7" });
      expect(before).toHaveLength(4);
      for (const record of before) expect(record).toMatchObject({ containerName: "wallet-core-web-v1", ...missing });
    }
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
    const altered = readFileSync(path, "utf8").replace('"detail":"running"', '"detail":"exited"');
    writeFileSync(path, altered);
    expect(await verifyAudit(path, { partial: false })).toMatchObject({
      ok: false,
      message: expect.stringContaining("seq 2"),
    });
  });

  it("keeps the order of concurrent writes and changes no old entry", async () => {
    writeFileSync(path, '{"seq":1,"old":true}\n');
    await using audit = create();
    await Promise.all(Array.from({ length: 50 }, (_, index) => audit.write({ requestId: `r-${index}` })));
    expect(lines().map((line) => line["request_id"] ?? "old")).toEqual([
      "old",
      ...Array.from({ length: 50 }, (_, index) => `r-${index}`),
    ]);
  });

  it("lets one process write at a time; the next continues the chain", async () => {
    const two = create();
    {
      await using one = create();
      await one.write({ requestId: "a" });
      await expect(two.write({ requestId: "b" })).rejects.toMatchObject(unavailable);
      await one.write({ requestId: "c" });
    }
    await two.write({ requestId: "d" });
    await two[Symbol.asyncDispose]();
    expect(lines().map(({ seq, request_id }) => [seq, request_id])).toEqual([
      [1, "a"],
      [2, "c"],
      [3, "d"],
    ]);
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
  });

  it("takes over from a writer that was killed", async () => {
    const script = `
      import { createAuditFile } from "./src/audit/file/file.ts";
      import { silentLogger as logger } from "./src/lib/logger.ts";
      await createAuditFile({ path: process.argv[1], logger }).write(JSON.parse(process.argv[2]));
      process.kill(process.pid, "SIGKILL");`;
    const args = ["--input-type=module", "-e", script, path, JSON.stringify({ ...entry, requestId: "dead" })];
    expect(spawnSync(process.execPath, args).signal).toBe("SIGKILL");
    await using audit = create();
    await audit.write({ requestId: "next" });
    expect(lines().map(({ seq, request_id }) => [seq, request_id])).toEqual([
      [1, "dead"],
      [2, "next"],
    ]);
    expect(readdirSync(folder).toSorted()).toEqual(["audit.jsonl", "audit.jsonl.lock"]);
  });

  it("continues in the new file after a rotation or a removal", async () => {
    await using audit = create();
    await audit.write({ requestId: "a" });
    renameSync(path, `${path}.1`);
    await audit.write({ requestId: "b" });
    rmSync(path);
    await audit.write({ requestId: "c" });
    expect(lines(`${path}.1`).map((line) => line["request_id"])).toEqual(["a"]);
    expect(lines().map(({ seq, request_id }) => [seq, request_id])).toEqual([[3, "c"]]);
  });

  it("keeps one chain over rotated files, also after an empty restart", async () => {
    for (const name of ["1", "2", "3"]) {
      await using audit = create();
      await audit.write({ requestId: name });
      renameSync(path, `${path}.${name}`);
    }
    await using audit = create();
    expect(await audit.read()).toHaveLength(3);
    await audit.write({ requestId: "d" });
    expect(lines()).toMatchObject([{ seq: 4, prev_hash: lines(`${path}.3`)[0]?.["hash"] }]);
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
    rmSync(`${path}.1`);
    expect(await verifyAudit(path, { partial: false })).toMatchObject({
      ok: false,
      message: expect.stringContaining("seq 1 is missing"),
    });
    expect(await verifyAudit(path, { partial: true })).toMatchObject({ ok: true });
  });

  it("closes the partial line of a crash before its own entry", async () => {
    await using audit = create();
    await audit.write({ requestId: "a" });
    appendFileSync(path, '{"ts":"2026');
    await audit.write({ requestId: "b" });
    const text = readFileSync(path, "utf8").split("\n");
    expect(text.map((line) => line.slice(0, 8))).toEqual(['{"seq":1', '{"ts":"2', '{"seq":2', ""]);
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
    // A piece that its writer did not see is a line that somebody cut.
    writeFileSync(path, text.toSpliced(1, 1, '{"ts":').join("\n"));
    expect(await verifyAudit(path, { partial: false })).toMatchObject({
      ok: false,
      message: expect.stringContaining("seq 2 is cut"),
    });
  });

  it("reads a page of accepted entries before a seq, newest first", async () => {
    await using audit = create();
    for (const subject of ["a", "b", "a", "b", "a"]) await audit.write({ subject });
    const seqs = async (how: Parameters<typeof audit.read>[0]) => (await audit.read(how)).map(({ seq }) => seq);
    expect(await seqs({})).toEqual([5, 4, 3, 2, 1]);
    expect(await seqs({ first: 2 })).toEqual([5, 4]);
    expect(await seqs({ before: 4 })).toEqual([3, 2, 1]);
    expect(await seqs({ before: 1 })).toEqual([]);
    expect(await seqs({ accepts: ({ subject }) => subject === "b" })).toEqual([4, 2]);
    expect(await seqs({ first: 1, before: 4, accepts: ({ subject }) => subject === "b" })).toEqual([2]);
  });

  it("searches 10,000 entries for a page, and no more", async () => {
    let head = genesis;
    const made = Array.from({ length: 10_001 }, (_, index) => {
      const { line, head: next } = toAuditLine(
        sampleEntry({ subject: index < 2 ? "old" : "new" }),
        new Date(0),
        head,
        null,
      );
      head = next;
      return line;
    });
    writeFileSync(path, made.join(""));
    await using audit = create();
    expect((await audit.read({ accepts: ({ subject }) => subject === "old" })).map(({ seq }) => seq)).toEqual([2]);
  });

  it("continues after what another process wrote without its lock", async () => {
    await using one = create();
    await one.write({ requestId: "a" });
    rmSync(`${path}.lock`);
    {
      await using two = create();
      await two.write({ requestId: "b" });
    }
    await one.write({ requestId: "c" });
    expect(lines().map(({ seq, request_id }) => [seq, request_id])).toEqual([
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ]);
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
  });

  it("continues after a line that was written though its write failed", async () => {
    await using audit = create();
    await audit.write({ requestId: "a" });
    const handle = await open(path);
    const disk = vi
      .spyOn(Object.getPrototypeOf(handle), "datasync")
      .mockRejectedValueOnce(new Error("EIO: i/o error, fdatasync"));
    await handle.close();
    await expect(audit.write({ requestId: "b" })).rejects.toMatchObject(unavailable);
    disk.mockRestore();
    await audit.write({ requestId: "c" });
    expect(lines().map(({ seq, request_id }) => [seq, request_id])).toEqual([
      [1, "a"],
      [2, "b"],
      [3, "c"],
    ]);
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
  });

  it("refuses while it cannot write, and recovers", async () => {
    path = join(folder, "missing", "audit.jsonl");
    await using audit = create();
    await expect(audit.write()).rejects.toMatchObject(unavailable);
    mkdirSync(join(folder, "missing"));
    await audit.write();
    rmSync(join(folder, "missing"), { recursive: true });
    await expect(audit.write()).rejects.toMatchObject(unavailable);
  });

  it.each([
    ["a folder", () => mkdirSync(path)],
    ["a FIFO that nobody reads", () => execFileSync("mkfifo", [path])],
  ])("refuses %s at once", async (_, make) => {
    make();
    await using audit = create();
    await expect(audit.write()).rejects.toMatchObject(unavailable);
  });

  it("refuses devices without the path in the message", async () => {
    for (const device of ["/dev/full", "/dev/null"]) {
      const audit = createAuditFile({ path: device, logger: silentLogger });
      await expect(audit.write(entry)).rejects.toMatchObject({
        ...unavailable,
        message: "The audit record cannot be written",
      });
      await audit.close();
    }
  });

  it("writes nothing after close", async () => {
    const audit = createAuditFile({ path, logger: silentLogger });
    const pending = audit.write(entry);
    await audit.close();
    await pending;
    await expect(audit.write(entry)).rejects.toMatchObject(unavailable);
    expect(lines()).toHaveLength(1);
  });
});

describe("a check without a write", () => {
  it("passes without creating a file, a lock or a conflict", async () => {
    await using other = create();
    await other.check();
    expect(await probeAudit(path)).toMatchObject({
      ok: true,
      detail: expect.stringContaining("no entry yet"),
      warnings: [],
    });
    expect(readdirSync(folder)).toEqual([]);
    await using audit = create();
    await audit.write();
    renameSync(path, `${path}.1`);
    await audit.check();
    expect(readdirSync(folder).toSorted()).toEqual(["audit.jsonl.1", "audit.jsonl.lock"]);
    await audit.write();
    expect(await probeAudit(path)).toMatchObject({
      ok: true,
      detail: `${path}, head seq 2, a running gateway writes it`,
    });
    await expect(other.check()).rejects.toMatchObject(unavailable);
    await audit.check();
    await audit.write();
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
  });

  it("fails with the reason and the remedy", async () => {
    writeFileSync(join(folder, "file"), "");
    for (const [bad, reason] of [
      [join(folder, "none", "audit.jsonl"), "ENOENT"],
      [join(folder, "file", "audit.jsonl"), "is not a folder"],
      [folder, "EISDIR"],
    ] as const) {
      path = bad;
      await using audit = create();
      await expect(audit.check(), bad).rejects.toMatchObject(unavailable);
      await expect(audit.write(), bad).rejects.toMatchObject(unavailable);
      const { ok, detail } = await probeAudit(bad);
      expect({ ok, detail }).toMatchObject({ ok: false, detail: expect.stringContaining(reason) });
      expect(detail).toContain("set WALLET_CORE_OPS_AUDIT_FILE");
    }
  });

  it("fails when the file has text but no entry", async () => {
    writeFileSync(path, "127.0.0.1 localhost\n");
    expect(await probeAudit(path)).toMatchObject({
      ok: false,
      detail: expect.stringContaining("has content but no entry"),
    });
    expect(readFileSync(path, "utf8")).toBe("127.0.0.1 localhost\n");
  });
});

import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { AuditEntry } from "../../../src/domain/audit.ts";
import { silentLogger } from "../../../src/logger.ts";
import { createAuditFile } from "../../../src/upstreams/audit/file.ts";

const root = mkdtempSync(join(tmpdir(), "ops-audit-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
  path = join(folder, "audit.jsonl");
});

const entry: AuditEntry = {
  outcome: "intent",
  action: "restart",
  requestId: "r-1",
  subject: "ops\nuser",
  kid: "k1",
  engine: "web-1",
  containerId: "f".repeat(64),
  containerName: "wallet-core-web-v1",
  env: "staging",
  reason: 'stuck, "again"\u2028',
  detail: null,
};

function create() {
  const audit = createAuditFile({ path, logger: silentLogger });
  return {
    write: (values: Partial<AuditEntry> = {}) => audit.write({ ...entry, ...values }),
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
  it("makes the file at the first write, for its owner only, one line for each entry", async () => {
    await using audit = create();
    expect(() => statSync(path)).toThrow("ENOENT");
    const before = Date.now();
    await audit.write();
    await audit.write({ outcome: "ok", detail: "running" });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const [intent, outcome] = lines();
    expect(Object.entries(intent ?? {}).slice(1)).toEqual([
      ["outcome", "intent"],
      ["action", "restart"],
      ["request_id", "r-1"],
      ["subject", "ops\nuser"],
      ["kid", "k1"],
      ["engine", "web-1"],
      ["container_id", "f".repeat(64)],
      ["container_name", "wallet-core-web-v1"],
      ["env", "staging"],
      ["reason", 'stuck, "again"\u2028'],
      ["detail", null],
    ]);
    expect(intent?.["ts"]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(Date.parse(String(intent?.["ts"]))).toBeGreaterThanOrEqual(before);
    expect(outcome).toMatchObject({ outcome: "ok", detail: "running" });
  });

  it("keeps the order of concurrent writes, and never touches what is there", async () => {
    writeFileSync(path, '{"old":true}\n');
    await using audit = create();
    await Promise.all(Array.from({ length: 50 }, (_, index) => audit.write({ requestId: `r-${index}` })));
    expect(lines().map((line) => line["request_id"] ?? "old")).toEqual([
      "old",
      ...Array.from({ length: 50 }, (_, index) => `r-${index}`),
    ]);
  });

  it("two writers of one file never mix their lines", async () => {
    await using one = create();
    await using two = create();
    const long = "x".repeat(20_000);
    await Promise.all(Array.from({ length: 40 }, (_, index) => (index % 2 ? one : two).write({ reason: long })));
    expect(lines().map((line) => line["reason"])).toEqual(Array.from({ length: 40 }, () => long));
  });

  it("goes on in the new file after a rotation, and after a removal", async () => {
    await using audit = create();
    await audit.write({ requestId: "a" });
    renameSync(path, `${path}.1`);
    await audit.write({ requestId: "b" });
    rmSync(path);
    await audit.write({ requestId: "c" });
    expect(lines(`${path}.1`).map((line) => line["request_id"])).toEqual(["a"]);
    expect(lines().map((line) => line["request_id"])).toEqual(["c"]);
  });

  it("closes a piece of a line that a crash left, before its own", async () => {
    await using audit = create();
    await audit.write({ requestId: "a" });
    appendFileSync(path, '{"ts":"2026');
    await audit.write({ requestId: "b" });
    expect(
      readFileSync(path, "utf8")
        .split("\n")
        .map((line) => line.slice(0, 11)),
    ).toEqual([expect.stringMatching(/^\{"ts":"20/), '{"ts":"2026', expect.stringMatching(/^\{"ts":"20/), ""]);
  });

  it("fails closed when it cannot write, and recovers", async () => {
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

  it("refuses devices, with no path in the message", async () => {
    for (const device of ["/dev/full", "/dev/null"]) {
      const audit = createAuditFile({ path: device, logger: silentLogger });
      await expect(audit.write(entry)).rejects.toMatchObject({ ...unavailable, message: "The audit record cannot be written" });
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

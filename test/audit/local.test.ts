import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { AuditLog, AuditRecord, KeyedIntent, OpenIntent } from "../../src/audit/audit.ts";
import { createAuditFile } from "../../src/audit/file/file.ts";
import { createLocalLedger } from "../../src/audit/local.ts";
import { OpsError } from "../../src/lib/errors.ts";
import { emptyHead, sampleChain, sampleEntry } from "../support/audit.ts";
import { describeLedger, type LedgerKit } from "../support/ledger-battery.ts";
import { silentLogger } from "../../src/lib/logger.ts";

describeLedger("the ledger of one process", async (): Promise<LedgerKit> => {
  const folder = mkdtempSync(join(tmpdir(), "ops-ledger-"));
  const path = join(folder, "audit.jsonl");
  const clock = { ms: 1_000_000 };
  let isWritable = true;
  let file = createAuditFile({ path, logger: silentLogger });
  const refuse = async () => {
    if (!isWritable) throw new OpsError("audit_unavailable", "The audit record cannot be written");
  };
  const open = () => {
    const now = file;
    const guarded: AuditLog = {
      ...now,
      write: (entry, granted) => refuse().then(() => now.write(entry, granted)),
      check: () => refuse().then(() => now.check()),
    };
    return createLocalLedger({ audit: guarded, now: () => clock.ms });
  };
  return {
    ledger: open(),
    advance: async (ms) => void (clock.ms += ms),
    async reopen() {
      await file.close();
      file = createAuditFile({ path, logger: silentLogger });
      return open();
    },
    setWritable: async (now) => void (isWritable = now),
    async close() {
      await file.close();
      rmSync(folder, { recursive: true });
    },
  };
});

/** A ledger on a record that is in memory. */
function setUp(
  found: {
    open?: readonly OpenIntent[];
    keyed?: readonly KeyedIntent[];
    fails?: () => boolean;
    isFull?: () => boolean;
  } = {},
) {
  const { open = [], keyed = [], fails = () => false, isFull = () => false } = found;
  let recovered = 0;
  const clock = { ms: 5_000_000 };
  let written = 0;
  const audit: AuditLog = {
    write: async () => {
      if (isFull()) throw new OpsError("audit_unavailable", "The audit record cannot be written");
      return (written += 1);
    },
    read: async () => [],
    check: async () => {},
    head: async () => emptyHead,
    verify: async () => sampleChain(0),
    recover: async () => {
      recovered += 1;
      if (fails()) throw new OpsError("audit_unavailable", "another process writes this file");
      return { open, keyed, limiting: [] };
    },
  };
  return { ledger: createLocalLedger({ audit, now: () => clock.ms }), clock, countRecovered: () => recovered };
}
const limits = { cooldownMs: 0, parallel: null, budget: null };
const toRecord = (more: Partial<AuditRecord> = {}): AuditRecord => ({
  ...sampleEntry({ keyHash: "k" }),
  seq: 7,
  at: new Date(Date.now() - 60_000).toISOString(),
  hash: "",
  ...more,
});

it("reads the record before anything else, again after a failure", async () => {
  let fails = true;
  const open = [{ intent: toRecord(), hasOutcome: false, wasGivenUp: false }];
  const { ledger, countRecovered } = setUp({ open, fails: () => fails });
  const asked = { limits, toEntry: () => sampleEntry({ keyHash: "other" }) };
  await expect(ledger.begin(asked)).rejects.toMatchObject({ code: "audit_unavailable" });
  await expect(ledger.adopt("restart")).rejects.toMatchObject({ code: "audit_unavailable" });
  fails = false;
  expect(await ledger.begin(asked)).toMatchObject({ kind: "refused", refusal: { reason: "running" } });
  expect([await ledger.adopt("restart"), countRecovered()]).toEqual([open, 3]);
});

it("a key of an earlier process has the rest of its day", async () => {
  const intent = toRecord();
  const outcome = toRecord({ outcome: "failed", intent: 7 });
  const { ledger, clock } = setUp({ keyed: [{ intent, outcome }] });
  expect(await ledger.find(intent)).toMatchObject({ kind: "earlier", seq: 7, outcome: { outcome: "failed" } });
  clock.ms += 86_400_000 - 61_000;
  expect(await ledger.find(intent)).toMatchObject({ kind: "earlier" });
  clock.ms += 1100;
  expect(await ledger.find(intent)).toBeNull();
});

it("remembers the last thousand keys", async () => {
  const keyed = Array.from({ length: 1001 }, (_, key) => ({ intent: toRecord({ keyHash: `${key}` }), outcome: null }));
  const { ledger } = setUp({ keyed });
  const find = (key: number) => ledger.find(sampleEntry({ keyHash: `${key}` }));
  expect([await find(0), (await find(1))?.kind, (await find(1000))?.kind]).toEqual([null, "earlier", "earlier"]);
});

it("an open action of an earlier process is handed out once", async () => {
  const intent = toRecord({ keyHash: null });
  const { ledger } = setUp({ open: [{ intent, hasOutcome: false, wasGivenUp: false }] });
  const asked = { limits, toEntry: () => sampleEntry() };
  expect(await ledger.adopt("job")).toEqual([]);
  expect(await ledger.adopt("restart")).toEqual([{ intent, hasOutcome: false, wasGivenUp: false }]);
  expect(await ledger.adopt("restart")).toEqual([]);
  expect(await ledger.begin(asked)).toMatchObject({ kind: "refused", refusal: { reason: "running" } });
  ledger.release({ seq: 7, entry: intent });
  expect(await ledger.begin(asked)).toMatchObject({ kind: "begun" });
});

it("an outcome that cannot be recorded yet frees its container", async () => {
  let isFull = false;
  const { ledger } = setUp({ isFull: () => isFull });
  const asked = { limits, toEntry: () => sampleEntry() };
  const action = await ledger.begin(asked);
  if (action.kind !== "begun") throw new Error("not begun");
  isFull = true;
  const failed = { outcome: "failed", detail: "no", code: "docker_error", durationMs: 1 } as const;
  await expect(ledger.end(action, failed)).rejects.toMatchObject({ code: "audit_unavailable" });
  await expect(ledger.begin(asked)).rejects.toMatchObject({ code: "audit_unavailable" });
  isFull = false;
  expect(await ledger.begin(asked)).toMatchObject({ kind: "begun" });
});

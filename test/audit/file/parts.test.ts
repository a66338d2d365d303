import {
  appendFileSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createChainCheck } from "../../../src/audit/file/chain.ts";
import { createAuditFile } from "../../../src/audit/file/file.ts";
import { listParts, readEntriesBackward, readHead } from "../../../src/audit/file/parts.ts";
import { probeAudit, verifyAudit } from "../../../src/audit/file/verify.ts";
import type { ActionLimits } from "../../../src/audit/ledger.ts";
import { type ChainHead, genesis, toAuditLine } from "../../../src/audit/line.ts";
import { createLocalLedger } from "../../../src/audit/local.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { sampleEntry } from "../../support/audit.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ops-parts-"));
  path = join(folder, "audit.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

const limits: ActionLimits = { cooldownMs: 600_000, parallel: null, budget: { perHour: 2, wanted: 1 } };
const toOne = (containerId: string) => ({ limits, toEntry: () => sampleEntry({ containerId }) });

/** A gateway's ledger on the record, until it is closed. */
function openLedger() {
  const notes: (readonly [string, Readonly<Record<string, unknown>>])[] = [];
  const note = (fields: object, message: string) => void notes.push([message, { ...fields }]);
  const audit = createAuditFile({ path, logger: { ...silentLogger, warn: note, error: note } });
  return { ledger: createLocalLedger({ audit }), notes, [Symbol.asyncDispose]: () => audit.close() };
}

/** Restarts a container, as a gateway that ends after it: two entries. */
async function restart(containerId: string): Promise<void> {
  await using gateway = openLedger();
  const begun = await gateway.ledger.begin(toOne(containerId));
  if (begun.kind !== "begun") throw new Error(JSON.stringify(begun));
  await gateway.ledger.end(begun, { outcome: "ok", detail: null, code: null, durationMs: 1 });
}

/** What a new gateway says of a restart of the container. */
async function ask(containerId: string) {
  await using gateway = openLedger();
  const asked = await gateway.ledger.check(sampleEntry({ containerId }), limits).then(
    (refusal) => refusal?.reason ?? "allowed",
    (error: Error) => error.message,
  );
  return { asked, notes: gateway.notes };
}

/** As gzip does: with the time of the file that it replaces. */
function pack(from: string, to = `${from}.gz`): void {
  const { mtime } = statSync(from);
  writeFileSync(to, gzipSync(readFileSync(from)));
  utimesSync(to, mtime, mtime);
  rmSync(from);
}

/** Lines of a chain. */
function chain(count: number, from: ChainHead = genesis, at = new Date()) {
  let head = from;
  let text = "";
  for (let index = 0; index < count; index += 1) {
    const made = toAuditLine(sampleEntry(), at, head, null, 1);
    head = made.head;
    text += made.line;
  }
  return { text, head };
}

const verify = async (partial = false) => {
  const { ok, message } = await verifyAudit(path, { partial });
  return [ok, message.replaceAll(`${folder}/`, "")];
};
const checkLive = () => createChainCheck({ path, ttlMs: 0, waitMs: 60_000 })();
const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000);
const remedy = "unpack it or make it readable, or move it to another folder if it is not of this record";

describe("a rotated file that was compressed", () => {
  it.each(["audit.jsonl.1", "audit.jsonl-20260101", "audit.jsonl-20260101-1700000000", "audit.jsonl"])(
    "keeps cool-downs, the budget and the chain: %s",
    async (name) => {
      await restart("a");
      await restart("b");
      const rotated = join(folder, name);
      if (rotated !== path) renameSync(path, rotated);
      pack(rotated);
      expect(await ask("a")).toEqual({ asked: "cooldown", notes: [] });
      expect(await ask("c")).toEqual({ asked: "budget", notes: [] });
      const audit = createAuditFile({ path, logger: silentLogger });
      expect(await audit.head()).toMatchObject({ seq: 4 });
      expect(await audit.write(sampleEntry())).toBe(5);
      expect(await audit.read({ first: 9, before: null, accepts: () => true })).toHaveLength(5);
      await audit.close();
      expect(await verify()).toEqual([true, expect.stringMatching(/^2 files, head seq 5 /)]);
      expect(await checkLive()).toMatchObject({ ok: true, firstSeq: 1, lastSeq: 5 });
      expect((await probeAudit(path)).detail).toMatch(/head seq 5$/);
    },
  );

  it("is verified byte for byte, also as several members", async () => {
    const first = chain(3);
    const last = chain(2, first.head);
    writeFileSync(path, last.text);
    writeFileSync(`${path}.1.gz`, gzipSync(first.text));
    const whole = [true, `2 files, head seq 5 hash ${last.head.hash}`];
    expect(await verify()).toEqual(whole);
    writeFileSync(`${path}.1.gz`, gzipSync(first.text.replace('"k1"', '"k2"')));
    expect(await verify()).toEqual([false, "audit.jsonl.1.gz: seq 1 is altered"]);
    expect(await checkLive()).toMatchObject({ ok: false, problem: "audit.jsonl.1.gz: seq 1 is altered" });
    const members = first.text.split(/(?<=\n)/).map((line) => gzipSync(line));
    writeFileSync(`${path}.1.gz`, Buffer.concat(members));
    expect([await verify(), (await checkLive()).ok]).toEqual([whole, true]);
  });

  it("is checked once while the gateway runs, and again when it changed", async () => {
    // As the default of AUDIT_FILE is.
    path = `./${relative(process.cwd(), path)}`;
    const check = createChainCheck({ path, ttlMs: 0, waitMs: 60_000 });
    const first = chain(3);
    writeFileSync(path, first.text);
    expect(await check()).toMatchObject({ ok: true, firstSeq: 1, lastSeq: 3 });
    pack(path, `${path}.1.gz`);
    expect(await check()).toMatchObject({ ok: true, firstSeq: 1, lastSeq: 3 });
    writeFileSync(path, chain(1, first.head).text);
    expect(await check()).toMatchObject({ ok: true, firstSeq: 1, lastSeq: 4 });
    appendFileSync(path, chain(1, chain(1, first.head).head).text);
    expect((await check()).ok).toBe(false);
    writeFileSync(path, chain(1, first.head).text);
    expect(await check()).toMatchObject({ ok: true, lastSeq: 4 });
    writeFileSync(`${path}.1.gz`, gzipSync(first.text.replace('"k1"', '"k2"')));
    expect(await check()).toMatchObject({ ok: false, problem: "audit.jsonl.1.gz: seq 1 is altered" });
  });

  it("is read from its end in windows, as one that is not compressed", async () => {
    // More than two windows of 8 MiB. Its size must not depend on the sample.
    const { text, head } = chain(Math.ceil((17 << 20) / chain(1).text.length));
    writeFileSync(`${path}.1.gz`, gzipSync(text, { level: 1 }));
    writeFileSync(path, chain(1, head).text);
    let expected = head.seq + 1;
    for await (const { record, intact } of readEntriesBackward(path)) {
      if (record.seq !== expected || !intact) break;
      expected -= 1;
    }
    expect(expected).toBe(0);
  });

  it("is given up when it unpacks to far too much", async () => {
    const first = chain(2, genesis, hoursAgo(30));
    const zeros = gzipSync(Buffer.alloc(16 << 20));
    writeFileSync(`${path}.1.gz`, Buffer.concat([gzipSync(first.text), ...Array.from({ length: 17 }, () => zeros)]));
    const cause = "cannot be unpacked (it has more than 256 MiB)";
    await expect(readHead(path)).rejects.toThrow(`${path}.1.gz ${cause}, and may have entries that limit actions: ${remedy}`);
  });
});

describe("a file that is there twice counts once", () => {
  it.each([
    ["compressing has just begun", "audit.jsonl.1.gz", (whole: Buffer) => gzipSync(whole).subarray(0, 0)],
    ["compressing has not ended", "audit.jsonl.1.gz", (whole: Buffer) => gzipSync(whole).subarray(0, -9)],
    ["the compressed one is kept", "audit.jsonl.1.gz", (whole: Buffer) => gzipSync(whole)],
    ["another program compresses it", "audit.jsonl.1.xz", (whole: Buffer) => whole.subarray(0, 9)],
    ["a copy was made", "audit.jsonl.bak", (whole: Buffer) => whole],
    ["a copy was made earlier", "audit.jsonl.2", (whole: Buffer) => whole.subarray(0, whole.length / 2)],
  ])("while %s", async (_, name, make) => {
    await restart("a");
    renameSync(path, `${path}.1`);
    writeFileSync(join(folder, name), make(readFileSync(`${path}.1`)));
    expect(await ask("a")).toEqual({ asked: "cooldown", notes: [] });
    await restart("b");
    expect(await verify()).toEqual([true, expect.stringMatching(/^2 files, head seq 4 /)]);
    expect(await checkLive()).toMatchObject({ ok: true, firstSeq: 1, lastSeq: 4 });
  });

  it("while it is unpacked: the compressed one, which goes on longer", async () => {
    await restart("a");
    renameSync(path, `${path}.1`);
    const whole = readFileSync(`${path}.1`);
    pack(`${path}.1`);
    writeFileSync(`${path}.1`, whole.subarray(0, whole.indexOf(10) + 30));
    expect(await ask("a")).toEqual({ asked: "cooldown", notes: [] });
    expect((await listParts(path)).parts).toMatchObject([{ path: `${path}.1.gz`, isPacked: true, first: 1 }]);
  });

  it("while copytruncate is between its copy and its cut, and after it", async () => {
    await using gateway = openLedger();
    const one = await gateway.ledger.begin(toOne("a"));
    if (one.kind !== "begun") throw new Error("not begun");
    copyFileSync(path, `${path}.1`);
    expect(await verify()).toEqual([
      true,
      expect.stringContaining(", without audit.jsonl.1, whose entries are in other files too"),
    ]);
    truncateSync(path, 0);
    await gateway.ledger.end(one, { outcome: "ok", detail: null, code: null, durationMs: 1 });
    pack(`${path}.1`);
    expect(await verify()).toEqual([true, expect.stringMatching(/^2 files, head seq 2 /)]);
    expect(await checkLive()).toMatchObject({ ok: true, firstSeq: 1, lastSeq: 2 });
  });
});

describe("a rotated file that cannot be read", () => {
  const spoils = [
    ["cut", "gz", "cannot be unpacked (unexpected end of file)", (whole: Buffer) => gzipSync(whole).subarray(0, -20)],
    ["empty", "gz", "is not a gzip file", () => Buffer.alloc(0)],
    ["of another program", "xz", "is compressed, but not with gzip", () => Buffer.from("xz")],
  ] as const;

  it.each(spoils)("refuses actions while it may have the newest entries: %s", async (_, ending, cause, make) => {
    await restart("a");
    const packed = `${path}.1.${ending}`;
    const whole = readFileSync(path);
    writeFileSync(packed, make(whole));
    rmSync(path);
    const message = `${packed} ${cause}, and may have entries that limit actions: ${remedy}`;
    const { asked, notes } = await ask("a");
    expect([asked, notes]).toEqual(["The audit record cannot be read", []]);
    await using gateway = openLedger();
    await expect(gateway.ledger.begin(toOne("a"))).rejects.toMatchObject({ code: "audit_unavailable" });
    expect(gateway.notes).toEqual([
      ["The audit record cannot be written", { upstream: "audit", path, cause: `Error: ${message}` }],
    ]);
    expect(await probeAudit(path)).toMatchObject({ ok: false, detail: `nothing can be restarted or changed: ${message}` });
    expect(await verify()).toEqual([false, expect.stringMatching(/^audit\.jsonl\.1\.[gx]z (is|cannot)/)]);
    writeFileSync(`${path}.1`, whole);
    rmSync(packed);
    // The gateway that runs goes on without a restart of its own.
    expect(await gateway.ledger.begin(toOne("a"))).toMatchObject({ refusal: { reason: "cooldown" } });
  });

  it("refuses actions while it may have entries of the last hour", async () => {
    const first = chain(2);
    writeFileSync(path, chain(2, first.head, new Date(Date.now() + 60_000)).text);
    // A link that leads to itself: as a file without the rights to read it, for root too.
    symlinkSync(`${path}.1`, `${path}.1`);
    const { asked } = await ask("c");
    expect(asked).toBe("The audit record cannot be written");
    expect(await verify()).toEqual([false, `audit.jsonl.1 cannot be read (ELOOP): ${remedy}`]);
    unlinkSync(`${path}.1`);
    writeFileSync(`${path}.1`, first.text);
    expect(await ask("c")).toMatchObject({ asked: "budget" });
  });

  it("of long ago limits nothing, is named, and left out of a part", async () => {
    const first = chain(2, genesis, hoursAgo(30));
    const second = chain(2, first.head, hoursAgo(2));
    writeFileSync(`${path}.1.xz`, "xz");
    utimesSync(`${path}.1.xz`, hoursAgo(30), hoursAgo(30));
    writeFileSync(path, second.text);
    expect(await ask("c")).toEqual({
      asked: "allowed",
      notes: [
        [
          "Entries of the audit record are missing: cool-downs, budgets and keys that they had are forgotten. Put the rotated file back",
          { upstream: "audit", path, missing: "1 to 2", files: ["audit.jsonl.1.xz is compressed, but not with gzip"] },
        ],
      ],
    });
    expect(await verify()).toEqual([false, `audit.jsonl.1.xz is compressed, but not with gzip: ${remedy}`]);
    expect(await verify(true)).toEqual([
      true,
      `1 file, head seq 4 hash ${second.head.hash}, without audit.jsonl.1.xz, which is compressed, but not with gzip`,
    ]);
  });

  it("is named where a gateway misses the newest entries", async () => {
    await restart("a");
    const { seq, hash } = await readHead(path);
    writeFileSync(`${path}.1.zst`, "zst");
    rmSync(path);
    const check = createChainCheck({ path, ttlMs: 0, waitMs: 60_000, newest: () => ({ seq, hash }) });
    expect(await check()).toMatchObject({
      ok: false,
      problem: "seq 2 is missing: the record ends at seq 0; audit.jsonl.1.zst is compressed, but not with gzip",
    });
  });

  it("that is cut fails where it is cut", async () => {
    const first = chain(2000);
    writeFileSync(path, chain(1, first.head).text);
    writeFileSync(`${path}.1.gz`, gzipSync(first.text).subarray(0, -5));
    expect(await verify()).toEqual([
      false,
      expect.stringMatching(/^audit\.jsonl\.1\.gz cannot be unpacked after seq \d+ \(unexpected end of file\)$/),
    ]);
    expect(await checkLive()).toMatchObject({
      ok: false,
      problem: "audit.jsonl.1.gz: cannot be unpacked (unexpected end of file)",
    });
  });
});

describe("a rotated file that is missing", () => {
  const warning =
    "Entries of the audit record are missing: cool-downs, budgets and keys that they had are forgotten. Put the rotated file back";

  it.each([
    ["in the middle, of long ago", 48, 30, "3 to 4"],
    ["in the middle", 0, 0, "3 to 4"],
  ])("is said in the log and by a verification: %s", async (_, oldHours, newHours, missing) => {
    const first = chain(2, genesis, hoursAgo(oldHours));
    const gone = chain(2, first.head, hoursAgo(oldHours));
    writeFileSync(`${path}.1`, first.text);
    writeFileSync(path, chain(2, gone.head, hoursAgo(newHours)).text);
    const { notes } = await ask("c");
    expect(notes).toEqual([[warning, { upstream: "audit", path, missing }]]);
    expect(await verify()).toEqual([false, "audit.jsonl: seq 3 is missing or moved: seq 5 stands in its place"]);
  });

  it.each([
    ["within a day", 23, [[warning, { missing: "1 to 2" }]]],
    ["earlier, as is done on purpose", 25, []],
  ])("is said in the log where it was the oldest, and ended %s", async (_, hours, expected) => {
    writeFileSync(path, chain(2, chain(2).head, hoursAgo(hours)).text);
    expect((await ask("c")).notes).toMatchObject(expected);
    expect(await verify()).toEqual([false, "audit.jsonl: seq 1 is missing or moved: seq 3 stands in its place"]);
  });
});

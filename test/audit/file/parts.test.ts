import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
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
import { array, assert, asyncProperty, integer } from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createChainCheck } from "../../../src/audit/file/chain.ts";
import { createAuditFile } from "../../../src/audit/file/file.ts";
import { listParts, readEntriesBackward, readHead } from "../../../src/audit/file/parts.ts";
import { probeAudit, verifyAudit } from "../../../src/audit/file/verify.ts";
import type { ActionLimits } from "../../../src/audit/ledger.ts";
import { type ChainHead, genesis, toAuditLine, toHash } from "../../../src/audit/line.ts";
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
    "keeps cooldowns, the budget and the chain: %s",
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
    await expect(readHead(path)).rejects.toThrow(
      `${path}.1.gz ${cause}, and may have entries that limit actions: ${remedy}`,
    );
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
    expect(await probeAudit(path)).toMatchObject({
      ok: false,
      detail: `nothing can be restarted or changed: ${message}`,
    });
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
          "Entries of the audit record are missing: cooldowns, budgets and keys that they had are forgotten. Put the rotated file back",
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

describe("files of a record that cannot be read", () => {
  const said =
    "Files of the audit record cannot be read. Unpack them, make them readable, or move them to another folder";
  const toCause = (message: string) => [
    ["The audit record cannot be written", { upstream: "audit", path, cause: `Error: ${message}` }],
  ];
  /** Two restarts: the first two lines of the four. */
  const fill = async () => {
    await restart("a");
    await restart("b");
    const whole = readFileSync(path);
    const lines = whole.toString("utf8").split(/(?<=\n)/);
    return { whole, lines, old: lines.slice(0, 2).join("") };
  };
  /** Refused to a caller, with the file and the cause in the log, until `mend`. */
  const expectRefused = async (message: string, mend: () => void) => {
    expect((await ask("c")).asked).toMatch(/^The audit record cannot be (read|written)$/);
    await using gateway = openLedger();
    await expect(gateway.ledger.begin(toOne("c"))).rejects.toMatchObject({ code: "audit_unavailable" });
    expect(gateway.notes).toEqual(toCause(message));
    mend();
    expect(await gateway.ledger.begin(toOne("c"))).toMatchObject({ refusal: { reason: "budget" } });
  };

  it.each([
    ["cut", "gz", "cannot be unpacked (unexpected end of file)", (whole: Buffer) => gzipSync(whole).subarray(0, -20)],
    ["of another program", "xz", "is compressed, but not with gzip", (whole: Buffer) => whole],
  ])("refuse actions beside an old copy where they may be newer: %s", async (_, ending, cause, make) => {
    const { whole, old } = await fill();
    const packed = `${path}.1.${ending}`;
    writeFileSync(packed, make(whole));
    writeFileSync(path, old);
    const message = `${packed} ${cause}, and may have entries that limit actions: ${remedy}`;
    expect(await probeAudit(path)).toMatchObject({
      ok: false,
      detail: `nothing can be restarted or changed: ${message}`,
    });
    await expectRefused(message, () => {
      rmSync(packed);
      writeFileSync(path, whole);
    });
  });

  it("are named at the start where they limit nothing", async () => {
    await restart("a");
    writeFileSync(`${path}.1.xz`, "xz");
    const files = ["audit.jsonl.1.xz is compressed, but not with gzip"];
    utimesSync(`${path}.1.xz`, hoursAgo(2), hoursAgo(2));
    expect(await ask("a")).toEqual({ asked: "cooldown", notes: [[said, { upstream: "audit", path, files }]] });
    // Written before the newest entry of a record that begins with seq 1: none of its entries is
    // missing.
    const before = new Date(Date.now() - 1000 * 60);
    utimesSync(`${path}.1.xz`, before, before);
    expect(await ask("a")).toEqual({ asked: "cooldown", notes: [[said, { upstream: "audit", path, files }]] });
  });

  it.each([
    ["a link that leads nowhere", "cannot be read (ENOENT)", (to: string) => symlinkSync("nowhere", to)],
    ["a folder", "is no regular file", (to: string) => mkdirSync(to)],
    ["a FIFO", "is no regular file", (to: string) => execFileSync("mkfifo", [to])],
  ])("refuse actions in the place of the record: %s", async (_, cause, make) => {
    const { whole } = await fill();
    rmSync(path);
    make(`${path}.1`);
    expect(await verify()).toEqual([false, `audit.jsonl.1 ${cause}: ${remedy}`]);
    await expectRefused(`${path}.1 ${cause}, and may have entries that limit actions: ${remedy}`, () => {
      rmSync(`${path}.1`, { recursive: true });
      writeFileSync(path, whole);
    });
  });

  it.each([
    ["compressed in place", "is a gzip file", (whole: Buffer) => gzipSync(whole)],
    [
      "compressed in place by another program",
      "has content but no entry",
      (whole: Buffer) => Buffer.from(`\xfd7zXZ${whole.toString("hex")}`),
    ],
    ["another file", "has content but no entry", () => Buffer.from("127.0.0.1 localhost\n")],
    ["with other ends of lines", "has lines that do not fit their hashes", (whole: Buffer) => toCrlf(whole)],
  ])("refuse actions where the file that is written is %s", async (_, cause, make) => {
    const { whole } = await fill();
    writeFileSync(path, make(whole));
    expect((await verify())[0]).toBe(false);
    await expectRefused(`${path} ${cause}, and may have entries that limit actions: ${remedy}`, () =>
      writeFileSync(path, whole),
    );
  });

  it("are named by a verification, where their lines do not fit their hashes", async () => {
    const { whole } = await fill();
    writeFileSync(`${path}.1`, toCrlf(whole));
    rmSync(path);
    const cause = "has lines that do not fit their hashes";
    expect(await verify()).toEqual([false, `audit.jsonl.1 ${cause}: ${remedy}`]);
    await expectRefused(`${path}.1 ${cause}, and may have entries that limit actions: ${remedy}`, () =>
      writeFileSync(`${path}.1`, whole),
    );
  });

  it.each([
    ["the first bytes of an entry", '{"seq":1,"ts":"20'],
    ["less of them", '{"s'],
    ["an empty line", "\n"],
  ])("are not those in which a crash left %s", async (_, text) => {
    writeFileSync(path, text);
    await restart("a");
    expect(await ask("a")).toEqual({ asked: "cooldown", notes: [] });
  });
});

describe("entries of the last hour that were altered", () => {
  const edit = (line: string, from: RegExp | string, to: string) => {
    expect(line).toMatch(from);
    return line.replace(from, to);
  };
  const twoHoursAgo = () => `"ts":"${hoursAgo(2).toISOString()}"`;

  it.each([
    ["what it took", 2, (line: string) => edit(line, '"granted":1', '"granted":0'), "seq 3 is altered"],
    ["its time", 2, (line: string) => edit(line, /"ts":"[^"]*"/, twoHoursAgo()), "seq 3 is altered"],
    ["the time of the newest one", 3, (line: string) => edit(line, /"ts":"[^"]*"/, twoHoursAgo()), "seq 4 is altered"],
    [
      "its hash too",
      2,
      (line: string) => toForged(edit(line, '"granted":1', '"granted":0')),
      "seq 4 does not follow the entry before it",
    ],
  ])("refuse actions: %s", async (_, index, change, fault) => {
    await restart("a");
    await restart("b");
    const whole = readFileSync(path, "utf8");
    const lines = whole.split(/(?<=\n)/);
    writeFileSync(path, lines.with(index, change(lines[index] ?? "")).join(""));
    expect((await ask("c")).asked).toBe("The audit record cannot be written");
    await using gateway = openLedger();
    await expect(gateway.ledger.begin(toOne("c"))).rejects.toMatchObject({ code: "audit_unavailable" });
    const cause = `Error: ${path}: ${fault}: run \`wallet-core-ops audit verify\``;
    expect(gateway.notes).toEqual([["The audit record cannot be written", { upstream: "audit", path, cause }]]);
    expect(await verify()).toEqual([false, `audit.jsonl: ${fault}`]);
    writeFileSync(path, whole);
    expect(await gateway.ledger.begin(toOne("c"))).toMatchObject({ refusal: { reason: "budget" } });
  });

  it("of long ago stop nothing", async () => {
    const { text } = chain(4, genesis, hoursAgo(5));
    writeFileSync(path, edit(text, '"granted":1', '"granted":0'));
    expect((await ask("c")).asked).toBe("allowed");
    expect(await verify()).toEqual([false, "audit.jsonl: seq 1 is altered"]);
  });

  it.each([
    ["of two hours ago", 120, "seq 5 has a time before that of seq 4"],
    ["of 2099", -40_000_000, "seq 5 has a time in the future"],
  ])("or forged with a time that hides others, refuse actions: %s", async (_, minutes, fault) => {
    await restart("a");
    await restart("b");
    const { seq, hash } = await readHead(path);
    appendFileSync(path, toAuditLine(sampleEntry(), new Date(Date.now() - minutes * 60_000), { seq, hash }, null).line);
    expect((await ask("c")).asked).toBe("The audit record cannot be written");
    expect(await verify()).toEqual([false, `audit.jsonl: ${fault}`]);
    expect(await checkLive()).toMatchObject({ ok: false, problem: `audit.jsonl: ${fault}` });
  });

  it("are not those of a clock that went back by nine minutes", async () => {
    const minutesAgo = (minutes: number) => hoursAgo(minutes / 60);
    let [text, head]: [string, ChainHead] = ["", genesis];
    for (const minutes of [200, 59, 68, 5, 14]) {
      const made = toAuditLine(sampleEntry({ outcome: "ok", intent: 1 }), minutesAgo(minutes), head, null);
      [text, head] = [text + made.line, made.head];
    }
    writeFileSync(path, text);
    expect(await ask("c")).toEqual({ asked: "allowed", notes: [] });
    // The clock is behind the newest entry: the next one has its time.
    appendFileSync(path, toAuditLine(sampleEntry({ outcome: "ok", intent: 1 }), minutesAgo(-5), head, null).line);
    await restart("c");
    expect(await verify()).toEqual([true, expect.stringMatching(/head seq 8 hash \S+$/)]);
    expect(await checkLive()).toMatchObject({ ok: true, lastSeq: 8 });
    const times = readFileSync(path, "utf8").match(/"ts":"[^"]*"/g) ?? [];
    expect(new Set(times.slice(-3)).size).toBe(1);
  });
});

describe("a record of a clock that went back by up to nine minutes", () => {
  it("limits as its times say, and refuses what is forged behind it", async () => {
    const minute = 60_000;
    const steps = array(integer({ min: -9, max: 40 }), { minLength: 1, maxLength: 20 });
    const toTake = (perHour: number) => ({ cooldownMs: null, parallel: null, budget: { perHour, wanted: 1 } });
    await assert(
      asyncProperty(
        steps,
        integer({ min: 11, max: 5000 }),
        integer({ min: 1, max: 3 }),
        async (minutes, back, count) => {
          // Half a minute away from the border of the hour.
          let age = minutes.reduce((sum, step) => sum + Math.max(0, step), 0) + 0.5;
          const ages = minutes.map((step) => {
            age -= Math.max(0, step);
            return age + Math.max(0, -step);
          });
          let [text, head]: [string, ChainHead] = ["", genesis];
          const write = (ageMinutes: number, granted: number) => {
            const entry = sampleEntry({ outcome: granted > 0 ? "intent" : "ok", intent: granted > 0 ? null : 1 });
            const made = toAuditLine(entry, new Date(Date.now() - ageMinutes * minute), head, null, granted);
            [text, head] = [text + made.line, made.head];
          };
          for (const one of ages) write(one, 1);
          writeFileSync(path, text);
          expect(await verify()).toEqual([true, `1 file, head seq ${head.seq} hash ${head.hash}`]);
          const taken = ages.filter((one) => one < 60).length;
          const check = async (perHour: number) => {
            await using gateway = openLedger();
            return (await gateway.ledger.check(sampleEntry({ containerId: "new" }), toTake(perHour)))?.reason ?? null;
          };
          expect([await check(taken), await check(taken + 1)]).toEqual(["budget", null]);
          for (let index = 0; index < count; index += 1) write(Math.min(...ages) + back + index, 0);
          writeFileSync(path, text);
          await expect(check(taken + 1)).rejects.toMatchObject({ code: "audit_unavailable" });
          expect((await verify())[1]).toMatch(/^audit\.jsonl: seq \d+ has a time before that of seq \d+$/);
        },
      ),
      { numRuns: 40 },
    );
  });
});

/** As an editor of another system saves it. */
function toCrlf(text: Buffer): Buffer {
  return Buffer.from(text.toString("utf8").replaceAll("\n", "\r\n"));
}

/** A line with a hash of its own. */
function toForged(line: string): string {
  const body = line.replace(/,"hash":"[0-9a-f]{64}"\}\n$/, "}");
  const { prev_hash: previous } = JSON.parse(body) as { readonly prev_hash: string };
  return `${body.slice(0, -1)},"hash":"${toHash(previous, body)}"}\n`;
}

describe("a rotated file that is missing", () => {
  const warning =
    "Entries of the audit record are missing: cooldowns, budgets and keys that they had are forgotten. Put the rotated file back";

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

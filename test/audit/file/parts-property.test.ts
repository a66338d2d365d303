import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { array, assert, asyncProperty, constantFrom } from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createChainCheck } from "../../../src/audit/file/chain.ts";
import { createAuditFile } from "../../../src/audit/file/file.ts";
import { probeAudit, verifyAudit } from "../../../src/audit/file/verify.ts";
import type { ActionLimits } from "../../../src/audit/ledger.ts";
import { type ChainHead, genesis, toAuditLine } from "../../../src/audit/line.ts";
import { createLocalLedger } from "../../../src/audit/local.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { sampleEntry } from "../../support/audit.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ops-neighbours-"));
  path = join(folder, "audit.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

const perHour = 7;
const limits: ActionLimits = { cooldownMs: 600_000, parallel: null, budget: { perHour, wanted: 1 } };
const done = { outcome: "ok", detail: null, code: null, durationMs: 1 } as const;

/**
 * A gateway's ledger on the record, the heads of the entries that it wrote, and its warnings and
 * errors.
 */
function openLedger() {
  const heads: ChainHead[] = [];
  const notes: unknown[] = [];
  const audit = createAuditFile({
    path,
    logger: {
      ...silentLogger,
      info: (fields: object) => void heads.push((fields as { audit: ChainHead }).audit),
      warn: (fields: object, message: string) => void notes.push([message, fields]),
      error: (fields: object, message: string) => void notes.push([message, fields]),
    },
  });
  return { ledger: createLocalLedger({ audit }), heads, notes, [Symbol.asyncDispose]: () => audit.close() };
}

/** Restarts a container: two entries. Returns the reason of a refusal. */
async function restart({ ledger }: ReturnType<typeof openLedger>, containerId: string): Promise<string> {
  const begun = await ledger.begin({ limits, toEntry: () => sampleEntry({ containerId }) });
  if (begun.kind === "begun") await ledger.end(begun, done);
  return begun.kind === "refused" ? begun.refusal.reason : begun.kind;
}

const linesOf = (name: string) => readFileSync(name, "utf8").split(/(?<=\n)/);

/** Lines of another record. */
function foreign(count: number, from: ChainHead = genesis): string {
  let head = from;
  const lines = Array.from({ length: count }, () => {
    const made = toAuditLine(sampleEntry({ subject: "x", containerId: "c0" }), new Date(), head, null, 1);
    head = made.head;
    return made.line;
  });
  return lines.join("");
}

/** What is done beside a record, by people and by logrotate. `next` numbers the files. */
const deeds: Readonly<Record<string, (next: () => number, rotated: string[]) => void>> = {
  "logrotate, create": (next, rotated) => {
    const to = `${path}-20260101-${next()}`;
    renameSync(path, to);
    writeFileSync(path, "");
    rotated.push(to);
  },
  "logrotate, nocreate": (next, rotated) => {
    const to = `${path}.${next()}`;
    renameSync(path, to);
    rotated.push(to);
  },
  "logrotate, copytruncate": (next, rotated) => {
    const to = `${path}.${next()}`;
    copyFileSync(path, to);
    truncateSync(path, 0);
    rotated.push(to);
  },
  gzip: (_, rotated) => {
    const from = rotated.pop();
    if (from === undefined) return;
    writeFileSync(`${from}.gz`, gzipSync(readFileSync(from)));
    rmSync(from);
  },
  "gzip -k": (_, rotated) => {
    const [from] = rotated;
    if (from !== undefined) writeFileSync(`${from}.gz`, gzipSync(readFileSync(from)));
  },
  "gzip, in progress": (_, rotated) => {
    const [from] = rotated;
    if (from !== undefined) writeFileSync(`${from}.gz`, gzipSync(readFileSync(from)).subarray(0, -9));
  },
  cp: (next) => copyFileSync(path, `${path}.bak${next()}`),
  "cp, as rotation names it": (next) => copyFileSync(path, `${path}.${next()}`),
  "tail -1": (next) => writeFileSync(`${path}.last${next()}`, linesOf(path).slice(-1).join("")),
  "tail -1, as rotation names it": (next) => writeFileSync(`${path}.${next()}`, linesOf(path).slice(-1).join("")),
  "tail -n +2, as rotation names it": (next) => writeFileSync(`${path}-${next()}`, linesOf(path).slice(1).join("")),
  "head -3, as rotation names it": (next) => writeFileSync(`${path}-${next()}`, linesOf(path).slice(0, 3).join("")),
  "a cut copy, as rotation names it": (next) => writeFileSync(`${path}.${next()}`, readFileSync(path).subarray(0, -20)),
  tar: (next) => writeFileSync(`${path}.backup${next()}.tar.gz`, gzipSync(`head\0${readFileSync(path).toString()}`)),
  "an unrelated record": (next) => writeFileSync(`${path}.other${next()}`, foreign(40)),
};

describe("files beside a record", () => {
  it("neither fork its chain nor change a limit, whatever is done", async () => {
    const steps = constantFrom("restart", "restart", "restart", "stop", ...Object.keys(deeds));
    await assert(
      asyncProperty(array(steps, { minLength: 5, maxLength: 25 }), async (sequence) => {
        rmSync(folder, { recursive: true });
        folder = mkdtempSync(join(tmpdir(), "ops-neighbours-"));
        path = join(folder, "audit.jsonl");
        let gateway = openLedger();
        const heads: ChainHead[] = [];
        const rotated: string[] = [];
        const rested = new Set<string>();
        const answers: (readonly [containerId: string, answer: string, expected: string])[] = [];
        let count = 10;
        const next = () => (count += 1);
        const stop = async () => {
          await gateway[Symbol.asyncDispose]();
          heads.push(...gateway.heads);
          expect(gateway.notes).toEqual([]);
          gateway = openLedger();
        };
        for (const step of [...sequence, "stop", "restart"]) {
          const deed = deeds[step];
          if (deed && existsSync(path)) deed(next, rotated);
          else if (step === "stop") await stop();
          else if (step === "restart") {
            // Of the model: each container rests, and so many of the hour are taken.
            for (const one of rested) answers.push([one, await restart(gateway, one), "cooldown"]);
            const containerId = `c${rested.size}`;
            answers.push([
              containerId,
              await restart(gateway, containerId),
              rested.size < perHour ? "begun" : "budget",
            ]);
            if (rested.size < perHour) rested.add(containerId);
          }
        }
        await stop();
        await gateway[Symbol.asyncDispose]();
        expect(answers.filter(([, answer, expected]) => answer !== expected)).toEqual([]);
        expect(heads.map(({ seq }) => seq)).toEqual(heads.map((_, index) => index + 1));
        expect(heads).toHaveLength(2 * rested.size);
        if (!existsSync(path)) writeFileSync(path, "");
        const verdict = await verifyAudit(path, { partial: false, anchors: heads });
        expect(verdict).toMatchObject({ ok: true, message: expect.stringContaining(`head seq ${heads.length} `) });
        const check = createChainCheck({ path, ttlMs: 0, waitMs: 60_000 });
        expect(await check()).toMatchObject({ ok: true, firstSeq: 1, lastSeq: heads.length });
      }),
      { numRuns: 80 },
    );
  });

  it("with a part of it do not fork the chain of the next process", async () => {
    {
      await using gateway = openLedger();
      for (const one of ["a", "b"]) await restart(gateway, one);
      writeFileSync(`${path}.9`, linesOf(path).slice(-1).join(""));
      writeFileSync(`${path}.last`, linesOf(path).slice(-1).join(""));
      writeFileSync(`${path}.other`, foreign(40));
      await restart(gateway, "c");
    }
    await using gateway = openLedger();
    expect([await restart(gateway, "c"), await restart(gateway, "d")]).toEqual(["cooldown", "begun"]);
    const { ok, message } = await verifyAudit(path, { partial: false });
    const left = [
      "audit.jsonl.9, whose entries are in other files too",
      ...ignoredNotes("audit.jsonl.last", "audit.jsonl.other"),
    ];
    expect([ok, message]).toEqual([
      true,
      expect.stringMatching(
        new RegExp(`^1 file, head seq 8 hash \\S{64}${left.map((one) => `, without ${one}`).join("")}$`),
      ),
    ]);
  });

  it.each([
    ["a number", ".1", true],
    ["a number of several digits, compressed", ".12.gz", true],
    ["dateext", "-20260101", true],
    ["dateext, compressed", "-20260101.gz", true],
    ["a date behind a dot", ".20260101", true],
    ["dateformat -%Y-%m-%d", "-2026-01-01", true],
    ["dateformat -%Y%m%d-%s", "-20260101-1767225600", true],
    ["dateformat -%Y%m%d_%H", "-20260101_09.gz", true],
    ["the hourly one, with a number", "-20260101.1", true],
    ["nothing, compressed", ".gz", true],
    ["a word", ".bak", false],
    ["a word behind a number", ".1.bak", false],
    ["a word before a number", ".old.1", false],
    ["an archive", ".backup.tar.gz", false],
    ["an archive of a date", "-20260101.tar.gz", false],
    ["a word behind a date", "-20260101x", false],
  ])("are of it by a name of a rotation alone: %s", async (_, suffix, counts) => {
    const text = foreign(2);
    writeFileSync(`${path}${suffix}`, suffix.endsWith(".gz") ? gzipSync(text) : text);
    await using gateway = openLedger();
    expect(await restart(gateway, "a")).toBe("begun");
    expect(gateway.heads.map(({ seq }) => seq)).toEqual(counts ? [3, 4] : [1, 2]);
    const warning =
      "A new audit record begins: the files beside it are not read. Rename a rotated file, such as to audit.jsonl.1";
    const files = [`audit.jsonl${suffix} does not have the name of a rotated file`];
    expect(gateway.notes).toEqual(counts ? [] : [[warning, { upstream: "audit", path, files }]]);
  });
});

describe("a rotated file of another record", () => {
  const remedy = "move the file that is not of this record to another folder";
  const other = (seq: number) => `seq ${seq} is another entry in audit.jsonl.7`;

  it.each([
    ["goes on further", () => foreign(9), "audit.jsonl.7 goes on to seq 9, and audit.jsonl ends at seq 4", true],
    [
      "is a later part",
      () => foreign(3, { seq: 20, hash: "a".repeat(64) }),
      "audit.jsonl.7 goes on to seq 23, and audit.jsonl ends at seq 4",
      true,
    ],
    ["ends at the same entry", () => foreign(4), other(4), true],
    ["ends earlier", () => foreign(2), other(2), true],
    ["stands before it", () => foreign(1), "seq 2 does not follow the last entry of audit.jsonl.7", false],
  ])("refuses actions, and fails verification, where it %s", async (_, make, conflict, isWhole) => {
    {
      await using gateway = openLedger();
      for (const one of ["a", "b"]) await restart(gateway, one);
    }
    const whole = readFileSync(path);
    if (!isWhole) writeFileSync(path, linesOf(path).slice(1).join(""));
    const before = readFileSync(path, "utf8");
    writeFileSync(`${path}.7`, make());
    {
      await using gateway = openLedger();
      await expect(restart(gateway, "c")).rejects.toMatchObject({ code: "audit_unavailable" });
      const cause = `Error: ${path}: ${conflict}: ${remedy}`;
      expect(gateway.notes).toEqual([["The audit record cannot be written", { upstream: "audit", path, cause }]]);
      expect(readFileSync(path, "utf8")).toBe(before);
      expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: false });
      expect(await createChainCheck({ path, ttlMs: 0, waitMs: 60_000 })()).toMatchObject({ ok: false });
      // The gateway that runs goes on once it is gone.
      rmSync(`${path}.7`);
      writeFileSync(path, whole);
      expect([await restart(gateway, "a"), await restart(gateway, "c")]).toEqual(["cooldown", "begun"]);
    }
    expect(await verifyAudit(path, { partial: false })).toMatchObject({ ok: true });
  });

  it("is named by `check`, and in the check of a running gateway", async () => {
    await using gateway = openLedger();
    await restart(gateway, "a");
    const check = createChainCheck({ path, ttlMs: 0, waitMs: 60_000 });
    expect(await check()).toMatchObject({ ok: true });
    writeFileSync(`${path}.7`, foreign(1));
    expect(await check()).toMatchObject({ ok: false, problem: `audit.jsonl: ${other(1)}` });
    appendFileSync(`${path}.7`, foreign(8, { seq: 1, hash: "a".repeat(64) }));
    const problem = "audit.jsonl.7 goes on to seq 9, and audit.jsonl ends at seq 2";
    const expected = { ok: false, detail: `nothing can be restarted or changed: ${path}: ${problem}: ${remedy}` };
    expect(await probeAudit(path)).toMatchObject(expected);
  });
});

function ignoredNotes(...names: readonly string[]): string[] {
  return names.map((name) => `${name}, which does not have the name of a rotated file`);
}

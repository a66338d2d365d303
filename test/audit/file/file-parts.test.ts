import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AuditEntry } from "../../../src/audit/audit.ts";
import { createAuditFile, findUnfinished } from "../../../src/audit/file/file.ts";
import { readLinesBackward } from "../../../src/audit/file/lines.ts";
import { acquireLock, isLocked } from "../../../src/audit/file/lock.ts";
import { listParts, readEntriesBackward, readHead } from "../../../src/audit/file/parts.ts";
import { probeAudit, verifyAudit } from "../../../src/audit/file/verify.ts";
import { type ChainHead, genesis, parseAuditLine, toAuditLine, toHash } from "../../../src/audit/line.ts";
import { sampleEntry } from "../../support/audit.ts";
import { sampleMark } from "../../support/containers.ts";

const root = mkdtempSync(join(tmpdir(), "ops-audit-parts-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
  path = join(folder, "audit.jsonl");
});
afterEach(() => void vi.useRealTimers());

/** Lines of a chain, and where it stands after them. */
function chain(entries: readonly (Partial<AuditEntry> & { readonly at?: Date })[], from: ChainHead = genesis) {
  let head = from;
  const lines = entries.map(({ at = new Date(0), ...values }) => {
    const made = toAuditLine(sampleEntry(values), at, head, null);
    head = made.head;
    return made.line;
  });
  return { lines, text: lines.join(""), head };
}

function createNoted() {
  const notes: unknown[] = [];
  const note = (level: string) => (fields: object, message: string) => void notes.push([level, message, fields]);
  const logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  return { audit: createAuditFile({ path, logger }), notes };
}

describe("the parts of a record", () => {
  it("are its file and the rotated files with entries, oldest first", async () => {
    const names = ["audit.jsonl-2026", "audit.jsonl.9", "audit.jsonl.1", "audit.jsonl"];
    let head = genesis;
    for (const name of names) {
      const { text, head: next } = chain([{}, {}], head);
      writeFileSync(join(folder, name), `${text}a piece`);
      head = next;
    }
    const { text } = chain([{}]);
    writeFileSync(`${path}.lock`, text);
    for (const name of ["audit.jsonl2", "audit", "x-audit.jsonl", "x.audit.jsonl.1"])
      writeFileSync(join(folder, name), text);
    writeFileSync(`${path}.empty`, "no entry\n");
    mkdirSync(`${path}.folder`);
    expect((await listParts(path)).parts.map((part) => basename(part.path))).toEqual(names);
    const seqs: number[] = [];
    for await (const { record } of readEntriesBackward(path)) seqs.push(record.seq);
    expect(seqs).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
    expect(await readHead(path)).toEqual(head);
  });

  it("are an empty list before the first entry", async () => {
    expect([await listParts(path), await readHead(path)]).toMatchObject([
      { parts: [], unread: [], copies: [], ignored: [], conflict: null },
      { ...genesis, at: null },
    ]);
    await expect(listParts(join(folder, "none", "audit.jsonl"))).rejects.toThrow("ENOENT");
  });
});

describe("the lines of a file, read from its end", () => {
  it.each([
    ["nothing", ""],
    ["a newline", "\n"],
    ["a piece", "a"],
    ["lines, and a piece", "a\n\nb\nc"],
    [
      "lines longer than what is read at once",
      `${"é".repeat(40_000)}\n${"x".repeat(200_000)}\n${"💥".repeat(20_000)}\nend\n`,
    ],
    ["a newline where what is read at once begins", `${"x".repeat(100)}\n${"y".repeat((64 << 10) - 1)}\n`],
  ])("of %s", async (_, text) => {
    writeFileSync(path, text);
    const file = await open(path);
    const found: string[] = [];
    for await (const line of readLinesBackward(file)) found.push(line);
    await file.close();
    expect(found).toEqual(text.split("\n").toReversed());
  });
});

describe("a line", () => {
  const made = toAuditLine(sampleEntry(), new Date(0), { seq: 6, hash: "a".repeat(64) }, "a piece");
  const text = made.line.slice(0, -1);

  it("has its position, the previous hash and the chunk its writer saw", () => {
    expect(parseAuditLine(text)).toEqual({
      record: {
        ...sampleEntry(),
        agent: null,
        issuer: null,
        seq: 7,
        at: "1970-01-01T00:00:00.000Z",
        hash: made.head.hash,
        format: 2,
        granted: 0,
        mark: null,
        reason: 'stuck, "again"',
      },
      prevHash: "a".repeat(64),
      piece: toHash("a piece"),
      intact: true,
    });
    expect(made.head).toEqual({
      seq: 7,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      at: "1970-01-01T00:00:00.000Z",
    });
    expect(toHash("a", "b")).toBe(toHash("ab"));
  });

  it("has the mark of its restart in the intent alone", () => {
    const mark = sampleMark();
    const lineOf = (entry: AuditEntry) => toAuditLine(entry, new Date(0), genesis, null).line.slice(0, -1);
    const intent = lineOf(sampleEntry({ mark }));
    expect(parseAuditLine(intent)).toMatchObject({ intact: true, record: { mark } });
    expect(intent).toContain(
      `"mark":{"engine_id":"e1","at":"${mark.at}","started_at":"${mark.startedAt}","stop_seconds":10,"socket":"${mark.socket}"},"prev_hash"`,
    );
    expect(lineOf(sampleEntry({ mark, outcome: "ok", intent: 1 }))).not.toContain("mark");
    const none = sampleMark({ engineId: null, startedAt: null, socket: null });
    expect(parseAuditLine(lineOf(sampleEntry({ mark: none })))?.record.mark).toEqual(none);
    // Of a version that did not write it.
    const older = intent.replace(/,"socket":"[^"]*"/, "");
    expect(parseAuditLine(older)?.record.mark).toEqual({ ...mark, socket: null });
  });

  it.each([
    ["text", '"x"'],
    ["no time", '{"engine_id":"e1","at":"soon","started_at":null,"stop_seconds":10}'],
    ["no number", '{"engine_id":"e1","at":"2026-01-13T10:00:00.000Z","started_at":null,"stop_seconds":"10"}'],
  ])("whose mark is %s has none", (_, mark) => {
    const { line } = toAuditLine(sampleEntry({ mark: sampleMark() }), new Date(0), genesis, null);
    const altered = line.slice(0, -1).replace(/"mark":\{.*?\}/, `"mark":${mark}`);
    expect(parseAuditLine(altered)).toMatchObject({ intact: false, record: { mark: null } });
  });

  it.each([
    ["altered", text.replace('"k1"', '"k2"'), false],
    ["with another hash", text.replace(made.head.hash, "0".repeat(64)), false],
    ["with a space before it", ` ${text}`, null],
    ["with more behind it", `${text} `, null],
    ["with a number that is none", text.replace('"seq":7', '"seq":x'), null],
    ["with a hash that is too short", text.replace(made.head.hash, made.head.hash.slice(1)), null],
    ["with a hash in capitals", text.replace(made.head.hash, "A".repeat(64)), null],
    ["that is no JSON", text.replace('"k1"', "k1"), null],
    ["that is empty", "", null],
  ])("%s does not match its hash", (_, given, intact) => {
    expect(parseAuditLine(given)?.intact ?? null).toBe(intact);
  });
});

describe("what other processes left behind", () => {
  const now = Date.parse("2026-01-13T10:00:00.000Z");
  const hour = 3_600_000;
  const find = async (entries: Parameters<typeof chain>[0], scanLimit = 1000) => {
    vi.useFakeTimers({ toFake: ["Date"], now });
    writeFileSync(path, chain(entries).text);
    const { open: left, keyed } = await findUnfinished(path, scanLimit);
    return {
      open: left.map(({ intent, hasOutcome: told }) => [intent.seq, told]),
      keyed: keyed.map(({ intent, outcome }) => [intent.seq, outcome?.seq ?? null]),
    };
  };
  const ago = (ms: number) => ({ at: new Date(now - ms) });
  const unknown = (intent: number, detail: string | null = "lost") => ({ outcome: "unknown" as const, intent, detail });

  it.each([
    ["without an outcome", [ago(1)], [[1, false]]],
    ["without an outcome for two days", [ago(48 * hour)], [[1, false]]],
    ["with an outcome", [ago(1), { outcome: "ok" as const, intent: 1, detail: null }], []],
    ["unknown for less than an hour", [ago(hour - 1), unknown(1)], [[1, true]]],
    ["unknown for an hour", [ago(hour), unknown(1)], []],
    ["unknown without a detail", [ago(1), unknown(1, null)], [[1, true]]],
    ["settled", [ago(1), unknown(1), unknown(1, "settled: now 1 waiting")], []],
    ["of which the newest outcome is unknown", [ago(1), unknown(1, "settled: x"), unknown(1)], [[1, true]]],
    [
      "in their order",
      [ago(3), ago(2), ago(1), unknown(2)],
      [
        [1, false],
        [2, true],
        [3, false],
      ],
    ],
  ])("is an open intent %s", async (_, entries, left) => {
    expect((await find(entries)).open).toEqual(left);
  });

  it("is the day's keys, in order, each with its newest outcome", async () => {
    const keyHash = "k";
    const entries = [
      { ...ago(24 * hour), keyHash },
      { ...ago(24 * hour - 1), keyHash },
      ago(1),
      { ...ago(1), keyHash },
      unknown(2),
      { outcome: "failed" as const, intent: 2 },
    ];
    expect((await find(entries)).keyed).toEqual([
      [2, 6],
      [4, null],
    ]);
  });

  it("is searched in a limited number of entries", async () => {
    const entries = [ago(4), ago(3), ago(2), unknown(3)];
    expect((await find(entries, 3)).open).toEqual([
      [2, false],
      [3, true],
    ]);
    expect((await find(entries, 4)).open).toHaveLength(3);
  });
});

describe("a lock", () => {
  const taken = "another process writes this file";

  it("is held until it is released or its file is removed", async () => {
    expect(await isLocked(path)).toBe(false);
    const lock = await acquireLock(path);
    expect([await lock.isHeld(), await isLocked(path), readdirSync(folder)]).toEqual([
      true,
      true,
      ["audit.jsonl.lock"],
    ]);
    await expect(acquireLock(path)).rejects.toThrow(taken);
    expect(await lock.isHeld()).toBe(true);
    await lock.release();
    expect([await isLocked(path), readdirSync(folder)]).toEqual([false, []]);
    await (await acquireLock(path)).release();
  });

  it("of another process is not removed by one that lost its own", async () => {
    const lost = await acquireLock(path);
    rmSync(`${path}.lock`);
    const next = await acquireLock(path);
    expect([await lost.isHeld(), await next.isHeld()]).toEqual([false, true]);
    await lost.release();
    expect([await next.isHeld(), await isLocked(path)]).toEqual([true, true]);
    await next.release();
  });

  it("of a dead process is taken over", async () => {
    writeFileSync(`${path}.lock`, "");
    expect(await isLocked(path)).toBe(false);
    const lock = await acquireLock(path);
    expect([await lock.isHeld(), readdirSync(folder)]).toEqual([true, ["audit.jsonl.lock"]]);
    await lock.release();
  });

  it("needs the folder to exist", async () => {
    await expect(acquireLock(join(folder, "none", "audit.jsonl"))).rejects.toThrow("ENOENT");
    await expect(isLocked(join(folder, "none", "audit.jsonl"))).rejects.toThrow("ENOENT");
  });
});

describe("the files", () => {
  const countOpen = () =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
      } catch {
        return false;
      }
    }).length;

  it("are closed after a read, a partial read, a check or a verification", async () => {
    writeFileSync(`${path}.1`, chain([{}, {}]).text);
    writeFileSync(path, chain([{}, {}], chain([{}, {}]).head).text);
    for await (const { record } of readEntriesBackward(path)) if (record.seq === 3) break;
    await readHead(path);
    await findUnfinished(path, 10);
    await verifyAudit(path, { partial: false });
    await probeAudit(path);
    expect(countOpen()).toBe(0);
    await expect(probeAudit(folder)).resolves.toMatchObject({ ok: false });
    expect(countOpen()).toBe(0);
  });

  it("are closed after a lock was released or refused", async () => {
    const lock = await acquireLock(path);
    const held = countOpen();
    await expect(acquireLock(path)).rejects.toThrow("another process");
    expect(countOpen()).toBe(held);
    await lock.release();
    await isLocked(path);
    expect(countOpen()).toBe(0);
  });

  it("are closed after the record was closed", async () => {
    const { audit } = createNoted();
    await audit.write(sampleEntry());
    renameSync(path, `${path}.1`);
    await audit.write(sampleEntry());
    const open1 = countOpen();
    renameSync(path, `${path}.2`);
    await audit.write(sampleEntry());
    // Of the rotated one no more.
    expect(countOpen()).toBe(open1);
    await audit.close();
    expect(countOpen()).toBe(0);
  });
});

describe("the messages about a record", () => {
  it("log each entry's position, hash and subject", async () => {
    const { audit, notes } = createNoted();
    const job = { source: "jobs", queue: "mail", ids: ["1"], fingerprint: null };
    expect(await audit.write(sampleEntry())).toBe(1);
    expect(
      await audit.write(sampleEntry({ action: "job.retry", job, outcome: "failed", intent: 1, detail: "no" })),
    ).toBe(2);
    await audit.close();
    const hashOf = expect.stringMatching(/^[0-9a-f]{64}$/);
    const at = expect.stringMatching(/^20.*Z$/);
    const who = { subject: "ops\nuser", kid: "k1", at };
    expect(notes).toEqual([
      [
        "info",
        "audit",
        {
          audit: {
            ...who,
            seq: 1,
            hash: hashOf,
            outcome: "intent",
            action: "restart",
            container: "wallet-core-web-v1",
            detail: null,
          },
        },
      ],
      [
        "info",
        "audit",
        { audit: { ...who, seq: 2, hash: hashOf, outcome: "failed", action: "job.retry", job, detail: "no" } },
      ],
    ]);
  });

  it("log why a write failed; the caller learns only that it failed", async () => {
    const { audit, notes } = createNoted();
    mkdirSync(path);
    const refused = { code: "audit_unavailable", message: "The audit record cannot be written", upstream: "audit" };
    await expect(audit.write(sampleEntry())).rejects.toMatchObject(refused);
    await expect(audit.recover()).rejects.toMatchObject(refused);
    await expect(audit.check()).rejects.toMatchObject(refused);
    const cause = `Error: EISDIR: illegal operation on a directory, open '${path}'`;
    const note = ["error", "The audit record cannot be written", { upstream: "audit", path, cause }];
    expect(notes).toEqual([note, note]);
    await audit.close();
  });

  it("log that the record is closed or is not a regular file", async () => {
    const { audit, notes } = createNoted();
    await audit.close();
    await expect(audit.write(sampleEntry())).rejects.toMatchObject({ cause: new Error("closed") });
    path = "/dev/null";
    const device = createNoted();
    await expect(device.audit.write(sampleEntry())).rejects.toMatchObject({ cause: new Error("not a regular file") });
    await device.audit.close();
    const causes = [...notes, ...device.notes].map((note) => (note as [string, string, { cause: string }])[2].cause);
    expect(causes).toEqual(["Error: closed", "Error: not a regular file"]);
  });

  it("say to a check that another process writes the record", async () => {
    const lock = await acquireLock(path);
    const { audit } = createNoted();
    const refused = {
      code: "audit_unavailable",
      message: "The audit record cannot be written",
      upstream: "audit",
      cause: new Error("another process writes this file"),
    };
    await expect(audit.check()).rejects.toMatchObject(refused);
    await lock.release();
    await audit.check();
    expect(readdirSync(folder)).toEqual([]);
    await audit.close();
  });

  it("say to a reader that the record cannot be read", async () => {
    path = join(folder, "none", "audit.jsonl");
    const { audit, notes } = createNoted();
    await expect(audit.read({ first: 1, before: null, accepts: () => true })).rejects.toMatchObject({
      code: "audit_unavailable",
      message: "The audit record cannot be read",
      upstream: "audit",
      cause: expect.objectContaining({ code: "ENOENT" }),
    });
    expect(notes).toEqual([]);
    await audit.close();
  });

  it("of the check say where the record is, who writes it or what to do", async () => {
    expect(await probeAudit(path)).toEqual({ ok: true, detail: `${path}, no entry yet`, warnings: [] });
    writeFileSync(path, "");
    expect(await probeAudit(path)).toEqual({ ok: true, detail: `${path}, no entry yet`, warnings: [] });
    writeFileSync(path, '{"seq":1,"ts"\n');
    expect(await probeAudit(path)).toEqual({
      ok: true,
      detail: `${path}, no entry yet`,
      warnings: [`${path} contains text but no entry: is it another file?`],
    });
    writeFileSync(path, chain([{}, {}]).text);
    expect(await probeAudit(path)).toEqual({ ok: true, detail: `${path}, head seq 2`, warnings: [] });
    const lock = await acquireLock(path);
    expect((await probeAudit(path)).detail).toBe(`${path}, head seq 2, a running gateway writes it`);
    await lock.release();
    const remedy = "let the gateway's user write the file and its folder, or set WALLET_CORE_OPS_AUDIT_FILE";
    const refused = (bad: string, reason: string) => ({
      ok: false,
      detail: `${bad} cannot be written, so nothing can be restarted or changed (${reason}): ${remedy}`,
      warnings: [],
    });
    const inFile = join(path, "audit.jsonl");
    expect(await probeAudit(inFile)).toEqual(refused(inFile, `${path} is not a folder`));
    expect(await probeAudit("/dev/null")).toEqual(refused("/dev/null", "not a regular file"));
  });

  it("of verification name the first mistake", async () => {
    const verify = async (text: string | Buffer, partial = false) => {
      writeFileSync(path, text);
      const { ok, message } = await verifyAudit(path, { partial });
      return [ok, message.replace(`${path}: `, "")];
    };
    const { lines, text, head } = chain([{}, {}, {}]);
    const [one = "", two = "", three = ""] = lines;
    const whole = [true, `1 file, head seq 3 hash ${head.hash}`];
    expect(await verify(text)).toEqual(whole);
    expect(await verify(two + three)).toEqual([false, "seq 1 is missing or moved: seq 2 stands in its place"]);
    expect(await verify(two + three, true)).toEqual(whole);
    expect(await verify(three + one, true)).toEqual([false, "seq 4 is missing or moved: seq 1 stands in its place"]);
    expect(await verify(one + three, true)).toEqual([false, "seq 2 is missing or moved: seq 3 stands in its place"]);
    expect(await verify(one + chain([{ kid: "x" }, {}]).lines[1])).toEqual([
      false,
      "seq 2 does not follow the entry before it",
    ]);
    expect(await verify(one + two.replace("k1", "k2"))).toEqual([false, "seq 2 is altered"]);
    expect(await verify(text.slice(0, -1))).toEqual([false, "seq 3 is cut or altered"]);
    expect(await verify(`${text}\n`)).toEqual([false, "seq 4 is cut or altered"]);
    expect(await verify(Buffer.concat([Buffer.from(one), Buffer.from([0xff, 0x0a])]))).toEqual([
      false,
      "seq 2 is cut or altered",
    ]);
    expect(await verify("nonsense", true)).toEqual([false, "seq 1 is cut or altered"]);
    expect(await verify("")).toEqual([true, `1 file, head seq 0 hash ${genesis.hash}`]);
    expect(await verify("", true)).toEqual([true, `1 file, head seq 0 hash ${genesis.hash}`]);
  });

  it("of verification name the part that nobody acknowledged", async () => {
    const { head, lines } = chain([{}]);
    const seen = toAuditLine(sampleEntry(), new Date(0), head, '{"ts"').line;
    const verify = async (...parts: readonly string[]) => {
      writeFileSync(path, parts.join(""));
      return (await verifyAudit(path, { partial: false })).message.replace(`${path}: `, "");
    };
    const [one = ""] = lines;
    expect(await verify(one, '{"ts"\n', seen)).toMatch(/^1 file, head seq 2 hash [0-9a-f]{64}$/);
    expect(await verify(one, '{"tx"\n', seen)).toBe("seq 2 is cut or altered");
    expect(await verify(one, '{"ts"\n', chain([{}], head).text)).toBe("seq 2 is cut or altered");
    expect(await verify(one, "a\n", '{"ts"\n', seen)).toBe("seq 2 is cut or altered");
  });

  it("of verification name the file that cannot be read", async () => {
    const none = join(folder, "none", "audit.jsonl");
    expect(await verifyAudit(none, { partial: false })).toEqual({
      ok: false,
      message: `${join(folder, "none")} cannot be read`,
    });
    expect(await verifyAudit(path, { partial: false })).toEqual({
      ok: false,
      message: `${path} cannot be read (ENOENT)`,
    });
    writeFileSync(path, chain([{}]).text);
    renameSync(path, `${path}.1`);
    expect(await verifyAudit(path, { partial: false })).toEqual({
      ok: false,
      message: `${path} cannot be read (ENOENT)`,
    });
    writeFileSync(path, "spoiled\n");
    expect(await verifyAudit(path, { partial: false })).toEqual({
      ok: false,
      message: `${path}: seq 2 is cut or altered`,
    });
    const { head } = chain([{}]);
    const second = chain([{}], head);
    writeFileSync(path, second.text);
    expect(await verifyAudit(path, { partial: false })).toEqual({
      ok: true,
      message: `2 files, head seq 2 hash ${second.head.hash}`,
    });
  });
});

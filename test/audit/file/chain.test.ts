import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createChainCheck } from "../../../src/audit/file/chain.ts";
import { createAuditFile } from "../../../src/audit/file/file.ts";
import { genesis, toAuditLine } from "../../../src/audit/line.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { sampleEntry } from "../../support/audit.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ops-chain-"));
  path = join(folder, "audit.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function write(count: number): Promise<void> {
  const audit = createAuditFile({ path, logger: silentLogger });
  for (let index = 0; index < count; index += 1) await audit.write(sampleEntry({ requestId: `r-${index}` }));
  await audit.close();
}

/** A record that takes several turns of the event loop to check. */
function writeLong(count: number): void {
  let head = genesis;
  let text = "";
  for (let index = 0; index < count; index += 1) {
    const made = toAuditLine(sampleEntry(), new Date(), head, null);
    head = made.head;
    text += made.line;
  }
  writeFileSync(path, text);
}

/** Every question checks; only `fullEveryMs` decides what of it. */
const create = (fullEveryMs = 600_000) => createChainCheck({ path, ttlMs: 0, fullEveryMs, waitMs: 60_000 });

const lines = () => readFileSync(path, "utf8").trimEnd().split("\n");
const toFile = (parts: readonly string[]) => parts.map((line) => `${line}\n`).join("");
const seen = (firstSeq: number | null, lastSeq: number | null) => ({
  ok: true,
  firstSeq,
  lastSeq,
  checkedAt: expect.any(String),
  problem: null,
});

/** Gives the file a time of an hour ago, always the same one. */
const hourAgo = new Date(Math.floor(Date.now() / 1000) * 1000 - 3_600_000);
const setOld = () => utimesSync(path, hourAgo, hourAgo);

describe("createChainCheck", () => {
  it("passes a record that does not exist, is empty, or is whole", async () => {
    const check = create();
    expect(await check()).toEqual(seen(null, null));
    await write(3);
    expect(await check()).toEqual(seen(1, 3));
    expect(await check()).toEqual(seen(1, 3));
  });

  it("finds a changed line among those that were appended", async () => {
    const check = create();
    await write(3);
    expect(await check()).toEqual(seen(1, 3));
    await write(3);
    writeFileSync(path, readFileSync(path, "utf8").replace('"request_id":"r-1"', '"request_id":"r-9"'));
    const forged = toFile(lines().map((line, index) => (index === 4 ? line.replace("k1", "k2") : line)));
    writeFileSync(path, forged);
    expect(await create()()).toMatchObject({ ok: false, problem: "audit.jsonl: seq 2 is altered" });
    expect(await check()).toMatchObject({
      ok: false,
      firstSeq: 1,
      lastSeq: 4,
      problem: "audit.jsonl: seq 5 is altered",
    });
  });

  it("finds a line that was changed after it had been checked", async () => {
    const check = create();
    await write(3);
    expect(await check()).toMatchObject({ ok: true });
    writeFileSync(path, readFileSync(path, "utf8").replace('"request_id":"r-1"', '"request_id":"r-9"'));
    setOld();
    expect(await check()).toMatchObject({ ok: false, problem: "audit.jsonl: seq 2 is altered" });
  });

  it("checks everything again in time, though no file looks changed", async () => {
    await write(3);
    setOld();
    const [often, seldom] = [create(0), create()];
    expect([await often(), await seldom()]).toEqual([seen(1, 3), seen(1, 3)]);
    writeFileSync(path, readFileSync(path, "utf8").replace('"request_id":"r-1"', '"request_id":"r-9"'));
    setOld();
    expect(await seldom()).toMatchObject({ ok: true });
    expect(await often()).toMatchObject({ ok: false, problem: "audit.jsonl: seq 2 is altered" });
  });

  it("finds deleted, moved and cut lines", async () => {
    await write(4);
    const [one = "", two = "", three = "", four = ""] = lines();
    const check = async (parts: readonly string[]) => {
      writeFileSync(path, toFile(parts));
      return (await create()()).problem;
    };
    expect(await check([one, three, four])).toContain("seq 2 is missing or moved: seq 3 stands in its place");
    expect(await check([one, three, two, four])).toContain("seq 2 is missing or moved: seq 3");
    expect(await check([one, two.slice(0, 40), three, four])).toContain("seq 2 is cut or altered");
    writeFileSync(path, toFile([one, two]).slice(0, -1));
    setOld();
    expect((await create()()).problem).toBe("audit.jsonl: seq 2 is cut or altered");
  });

  it("is whole again once the record is repaired", async () => {
    await write(3);
    const whole = readFileSync(path, "utf8");
    const check = create();
    writeFileSync(path, whole.replace('"k1"', '"k2"'));
    expect(await check()).toMatchObject({ ok: false });
    writeFileSync(path, whole);
    expect(await check()).toEqual(seen(1, 3));
  });

  it("does not judge a line that is still written", async () => {
    await write(2);
    const check = create();
    const [, last = ""] = lines();
    writeFileSync(path, toFile(lines()).slice(0, -20));
    expect(await check()).toEqual(seen(1, 1));
    appendFileSync(path, `${last}\n`.slice(-20));
    expect(await check()).toEqual(seen(1, 2));
  });

  it("accepts a cut line that the next entry records", async () => {
    await write(2);
    appendFileSync(path, '{"seq":3,"half');
    const check = create();
    expect(await check()).toEqual(seen(1, 2));
    await write(1);
    expect(await check()).toEqual(seen(1, 3));
  });

  it("goes on over a rotation, and notices that an older file changed", async () => {
    const check = create();
    await write(2);
    expect(await check()).toEqual(seen(1, 2));
    renameSync(path, `${path}.1`);
    expect(await check()).toEqual(seen(1, 2));
    await write(2);
    expect(await check()).toEqual(seen(1, 4));
    writeFileSync(`${path}.1`, readFileSync(`${path}.1`, "utf8").replace('"k1"', '"kX"'));
    expect(await check()).toMatchObject({ ok: false, problem: "audit.jsonl.1: seq 1 is altered" });
  });

  it("says where the record begins when older files are removed", async () => {
    const check = create();
    await write(2);
    renameSync(path, `${path}.1`);
    await write(2);
    expect(await check()).toEqual(seen(1, 4));
    renameSync(`${path}.1`, join(folder, "elsewhere"));
    expect(await check()).toEqual(seen(3, 4));
    renameSync(join(folder, "elsewhere"), `${path}.1`);
    expect(await check()).toEqual(seen(1, 4));
  });

  it("answers with what is known while a long check goes on", async () => {
    writeLong(1000);
    const check = createChainCheck({ path, ttlMs: 0, waitMs: 0 });
    expect(await check()).toEqual({ ok: null, firstSeq: null, lastSeq: null, checkedAt: null, problem: null });
    await expect.poll(check).toEqual(seen(1, 1000));
  });

  it("refuses a file without lines that would fill the memory", async () => {
    writeFileSync(path, "x".repeat(5 << 20));
    expect(await create()()).toMatchObject({ ok: false, problem: "audit.jsonl: seq 1 is cut or altered" });
  });

  it("finds that the newest entries are missing, which were there once", async () => {
    await write(4);
    const whole = lines();
    const head = { seq: 4, hash: JSON.parse(whole[3] ?? "").hash as string };
    const check = createChainCheck({ path, newest: () => head, ttlMs: 0, waitMs: 60_000 });
    expect(await check()).toMatchObject({ ok: true, lastSeq: 4 });
    writeFileSync(path, toFile(whole.slice(0, 3)));
    expect(await check()).toMatchObject({ ok: false, problem: "seq 4 is missing: the record ends at seq 3" });
    writeFileSync(path, "");
    const emptied = createChainCheck({ path, newest: () => head, ttlMs: 0, waitMs: 60_000 });
    expect(await emptied()).toMatchObject({ ok: false, problem: "seq 4 is missing: the record ends at seq 0" });
    writeFileSync(`${path}.1.gz`, gzipSync(toFile(whole)));
    const rotated = createChainCheck({ path, newest: () => head, ttlMs: 0, waitMs: 60_000 });
    expect(await rotated()).toMatchObject({ ok: true, lastSeq: 4 });
  });
});

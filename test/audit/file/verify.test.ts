import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, asyncProperty, integer, nat } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAuditFile } from "../../../src/audit/file/file.ts";
import { verifyAudit } from "../../../src/audit/file/verify.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { sampleEntry } from "../../support/audit.ts";

const folder = mkdtempSync(join(tmpdir(), "ops-verify-"));
const path = join(folder, "audit.jsonl");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const count = 6;
let whole: Buffer;
beforeAll(async () => {
  const audit = createAuditFile({ path, logger: silentLogger });
  for (let index = 0; index < count; index += 1)
    await audit.write(sampleEntry({ requestId: `r-${index}`, reason: "zäh 💥" }));
  await audit.close();
  whole = readFileSync(path);
});

async function verify(bytes: Buffer | string) {
  writeFileSync(path, bytes);
  return verifyAudit(path, { partial: false });
}

function lines(): string[] {
  return whole.toString("utf8").split("\n").slice(0, -1);
}

const toFile = (parts: readonly string[]) => parts.map((line) => `${line}\n`).join("");

describe("verifyAudit", () => {
  it("passes a whole record and returns its newest entry", async () => {
    const { hash } = JSON.parse(lines().at(-1) ?? "") as { hash: string };
    expect(await verify(whole)).toEqual({ ok: true, message: `1 file, head seq ${count} hash ${hash}` });
  });

  it("names the entry in which a byte was changed", async () => {
    await assert(
      asyncProperty(nat(whole.length - 1), integer({ min: 1, max: 255 }), async (at, mask) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        const seq = whole.subarray(0, at).filter((byte) => byte === 10).length + 1;
        const { ok, message } = await verify(bytes);
        expect(ok, message).toBe(false);
        // A line's end belongs to it.
        expect(message).toMatch(new RegExp(`: seq ${seq} `));
      }),
      { numRuns: 500 },
    );
  });

  it.each([2, 3, 4])("names the last entry, with an earlier number by mask %d", async (mask) => {
    const bytes = Buffer.from(whole);
    const at = bytes.lastIndexOf('{"seq":') + '{"seq":'.length;
    bytes[at] = (bytes[at] ?? 0) ^ mask;
    const { ok, message } = await verify(bytes);
    expect(ok).toBe(false);
    expect(message).toContain(`: seq ${count} `);
  });

  it("names a deleted, swapped or truncated line at any place", async () => {
    for (let index = 0; index < count - 1; index += 1) {
      const rest = lines().toSpliced(index, 1);
      expect(await verify(toFile(rest))).toMatchObject({
        ok: false,
        message: expect.stringContaining(`seq ${index + 1} is missing or moved: seq ${index + 2}`),
      });
      const [one = "", two = ""] = lines().slice(index);
      expect((await verify(toFile(lines().toSpliced(index, 2, two, one)))).message).toContain(
        `seq ${index + 1} is missing or moved`,
      );
    }
    for (let index = 0; index < count; index += 1) {
      const cut = lines().with(index, lines()[index]?.slice(0, 40) ?? "");
      expect((await verify(toFile(cut))).message).toContain(`seq ${index + 1} is cut or altered`);
    }
    expect((await verify(whole.subarray(0, -1))).message).toContain(`seq ${count} is cut`);
  });

  it("names an entry that was forged together with its hash", async () => {
    const audit = createAuditFile({ path: join(folder, "forged.jsonl"), logger: silentLogger });
    await audit.write(sampleEntry({ subject: "somebody else" }));
    await audit.close();
    const forged = readFileSync(join(folder, "forged.jsonl"), "utf8").trimEnd();
    rmSync(join(folder, "forged.jsonl"));
    expect((await verify(toFile(lines().with(0, forged)))).message).toContain(
      "seq 2 does not follow the entry before it",
    );
  });

  it("says when there is nothing to read", async () => {
    expect(await verifyAudit(join(folder, "none.jsonl"), { partial: false })).toMatchObject({ ok: false });
    expect(await verifyAudit(join(folder, "no", "none.jsonl"), { partial: false })).toMatchObject({ ok: false });
  });
});

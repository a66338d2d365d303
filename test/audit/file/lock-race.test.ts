import { mkdtempSync } from "node:fs";
import type * as promises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";

/** Runs once right before a lock that looked dead is moved aside. */
let beforeMove: (() => Promise<void>) | null = null;
vi.mock("node:fs/promises", async (load) => {
  const real = await load<typeof promises>();
  const rename: typeof real.rename = async (...paths) => {
    const act = beforeMove;
    beforeMove = null;
    await act?.();
    return real.rename(...paths);
  };
  return { ...real, rename };
});
const { acquireLock, isLocked } = await import("../../../src/audit/file/lock.ts");

afterEach(() => void (beforeMove = null));

it("a lock that another process takes meanwhile stays that process's", async () => {
  const { rm, writeFile } = await import("node:fs/promises");
  const path = join(mkdtempSync(join(tmpdir(), "lock-race-")), "audit.jsonl");
  await writeFile(`${path}.lock`, "left by a process that died");
  let other: Awaited<ReturnType<typeof acquireLock>> | null = null;
  beforeMove = async () => {
    await rm(`${path}.lock`);
    other = await acquireLock(path);
  };
  await expect(acquireLock(path)).rejects.toThrow("another process writes this file");
  const held = other as Awaited<ReturnType<typeof acquireLock>> | null;
  expect([await held?.isHeld(), await isLocked(path)]).toEqual([true, true]);
  await held?.release();
  expect(await isLocked(path)).toBe(false);
});

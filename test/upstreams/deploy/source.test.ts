import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { silentLogger } from "../../../src/logger.ts";
import { probeDeployInfo } from "../../../src/upstreams/deploy/probe.ts";
import { createDeploySource } from "../../../src/upstreams/deploy/source.ts";
import { toEnv } from "../../support/deploys.ts";

const root = mkdtempSync(join(tmpdir(), "ops-deploy-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
  path = join(folder, "deploy_info.json");
});

function content(tag: string): string {
  return JSON.stringify({ current_tag: tag, commit_sha: "", deployed_by: "", deployed_at: "2026-01-10T13:15:00Z" });
}

function createReader() {
  const source = createDeploySource({ path, toEnv, logger: silentLogger });
  return () => source.read(new AbortController().signal);
}

describe("a good file", () => {
  it("is read again when it changes, by rename and in place, also with the same size and an old mtime", async () => {
    const read = createReader();
    writeFileSync(path, content("a"));
    expect(await read()).toMatchObject({ currentTag: "a", stale: false, error: null });
    writeFileSync(join(folder, "new"), content("b"));
    renameSync(join(folder, "new"), path);
    expect(await read()).toMatchObject({ currentTag: "b" });
    const { atime, mtime } = statSync(path);
    writeFileSync(path, content("c"));
    utimesSync(path, atime, mtime);
    expect(await read()).toMatchObject({ currentTag: "c" });
  });

  it("is never missed however fast it changes", async () => {
    const read = createReader();
    for (let round = 0; round < 200; round += 1) {
      const tag = String(100 + round);
      writeFileSync(path, content(tag));
      expect(await read()).toMatchObject({ currentTag: tag, stale: false });
    }
  });

  it("is parsed once while it does not change", async () => {
    const read = createReader();
    writeFileSync(path, content("a"));
    utimesSync(path, new Date(), new Date(Date.now() - 60_000));
    const first = await read();
    expect(await read()).toBe(first);
    expect(await read()).toBe(first);
  });

  it("is parsed again while its times cannot tell a further write: younger than a tick, or ahead of the clock", async () => {
    const read = createReader();
    writeFileSync(path, content("a"));
    utimesSync(path, new Date(), new Date(Date.now() + 60_000));
    const first = await read();
    const second = await read();
    expect(second).toEqual(first);
    expect(second).not.toBe(first);
  });

  it("may be reached through links, as Kubernetes mounts it", async () => {
    mkdirSync(join(folder, "..v1"));
    writeFileSync(join(folder, "..v1", "deploy_info.json"), content("a"));
    symlinkSync("..v1", join(folder, "..data"));
    symlinkSync("..data/deploy_info.json", path);
    expect(await createReader()()).toMatchObject({ currentTag: "a" });
  });
});

describe("no file", () => {
  it("is missing, also for a dangling link, a folder that is none, and when there was one before", async () => {
    const missing = { code: "deploy_info_missing", status: 404 };
    const read = createReader();
    await expect(read()).rejects.toMatchObject(missing);
    writeFileSync(path, content("a"));
    await read();
    rmSync(path);
    await expect(read()).rejects.toMatchObject(missing);
    symlinkSync("nowhere", path);
    await expect(read()).rejects.toMatchObject(missing);
    rmSync(path);
    path = join(folder, "file", "deploy_info.json");
    writeFileSync(join(folder, "file"), "");
    await expect(createReader()()).rejects.toMatchObject(missing);
    expect((await probeDeployInfo({ path })).detail).toMatch(
      /^deploy_info.json not found on host: install deploy\/kamal\/post-deploy/,
    );
  });
});

describe("a bad file", () => {
  const bad: [string, () => void, RegExp][] = [
    ["half a file", () => writeFileSync(path, content("b").slice(0, 40)), /not valid JSON/],
    ["an empty file", () => writeFileSync(path, ""), /not valid JSON/],
    ["wrong types", () => writeFileSync(path, '{"current_tag":1}'), /current_tag/],
    ["64 KB and a byte", () => writeFileSync(path, content("b").padEnd(64 * 1024 + 1)), /larger than 64 KB/],
    ["a sparse gigabyte", () => (writeFileSync(path, ""), truncateSync(path, 2 ** 30)), /larger than 64 KB/],
    ["a FIFO", () => execFileSync("mkfifo", [path]), /not a regular file/],
    ["a folder", () => mkdirSync(path), /not a regular file/],
    ["/dev/zero", () => symlinkSync("/dev/zero", path), /not a regular file/],
  ];

  it.each(bad)("%s is invalid, or the last good one marked stale, and a good one heals it", async (_, make, problem) => {
    make();
    await expect(createReader()()).rejects.toMatchObject({
      code: "deploy_info_invalid",
      status: 503,
      message: expect.stringMatching(problem),
    });
    rmSync(path, { recursive: true });
    const read = createReader();
    writeFileSync(path, content("a"));
    await read();
    renameSync(path, join(folder, "old"));
    make();
    expect(await read()).toMatchObject({ currentTag: "a", stale: true, error: expect.stringMatching(problem) });
    rmSync(path, { recursive: true });
    writeFileSync(path, content("c"));
    expect(await read()).toMatchObject({ currentTag: "c", stale: false, error: null });
  });

  it("gets a second look for a writer in progress", async () => {
    writeFileSync(path, content("a").slice(0, 10));
    const reading = createReader()();
    setTimeout(() => writeFileSync(path, content("a")), 25);
    expect(await reading).toMatchObject({ currentTag: "a", stale: false });
  });

  it("64 KB to the byte is fine", async () => {
    writeFileSync(path, content("a").padEnd(64 * 1024));
    expect(await createReader()()).toMatchObject({ currentTag: "a" });
  });

  it("without permission it is unreadable, not missing, or the last good one marked stale", async () => {
    const read = createReader();
    writeFileSync(path, content("a"));
    await read();
    const nobody = process.geteuid?.() === 0 ? 65_534 : null;
    for (const locked of [path, folder]) {
      chmodSync(locked, 0);
      if (locked === path) writeFileSync(join(folder, "new"), content("b"), { mode: 0 });
      if (locked === path) renameSync(join(folder, "new"), path);
      chmodSync(root, 0o755);
      if (locked === path) chmodSync(folder, 0o755);
      try {
        if (nobody) process.seteuid?.(nobody);
        expect(await read()).toMatchObject({ currentTag: "a", stale: true, error: "deploy_info.json cannot be read (EACCES)" });
        await expect(createReader()()).rejects.toMatchObject({ code: "deploy_info_unreadable", status: 503 });
      } finally {
        if (nobody) process.seteuid?.(0);
        chmodSync(folder, 0o700);
      }
    }
  });
});

import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { createDeploySource, probeDeployInfo } from "../../../src/deploys/files/source.ts";
import { createDeployFolders, createDeployReader } from "../../support/deploy-file.ts";
import { deployInfoText, toEnv } from "../../support/deploys.ts";

const folders = createDeployFolders();
let folder: string;
let path: string;
beforeEach(() => void ({ folder, path } = folders.create()));
const createReader = () => createDeployReader(path);

describe("a valid file", () => {
  it("is read again after any change, also of equal size and old mtime", async () => {
    const read = createReader();
    writeFileSync(path, deployInfoText("a"));
    expect(await read()).toMatchObject({ currentTag: "a", stale: false, error: null });
    writeFileSync(join(folder, "new"), deployInfoText("b"));
    renameSync(join(folder, "new"), path);
    expect(await read()).toMatchObject({ currentTag: "b" });
    const { atime, mtime } = statSync(path);
    writeFileSync(path, deployInfoText("c"));
    utimesSync(path, atime, mtime);
    expect(await read()).toMatchObject({ currentTag: "c" });
  });

  it("is parsed once while it does not change", async () => {
    const read = createReader();
    writeFileSync(path, deployInfoText("a"));
    utimesSync(path, new Date(), new Date(Date.now() - 60_000));
    const first = await read();
    expect(await read()).toBe(first);
    expect(await read()).toBe(first);
  });

  it("is parsed again while its times are too recent, or in the future", async () => {
    const read = createReader();
    writeFileSync(path, deployInfoText("a"));
    utimesSync(path, new Date(), new Date(Date.now() + 60_000));
    const first = await read();
    const second = await read();
    expect(second).toEqual(first);
    expect(second).not.toBe(first);
  });

  it("may be reached through links, as Kubernetes mounts it", async () => {
    mkdirSync(join(folder, "..v1"));
    writeFileSync(join(folder, "..v1", "deploy_info.json"), deployInfoText("a"));
    symlinkSync("..v1", join(folder, "..data"));
    symlinkSync("..data/deploy_info.json", path);
    expect(await createReader()()).toMatchObject({ currentTag: "a" });
  });
});

describe("a missing file", () => {
  it("is reported for a dangling link, a file as folder, and a removal", async () => {
    const missing = { code: "deploy_info_missing", status: 404 };
    const read = createReader();
    await expect(read()).rejects.toMatchObject(missing);
    writeFileSync(path, deployInfoText("a"));
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

describe("an invalid file", () => {
  const bad: [string, () => void, RegExp][] = [
    ["half a file", () => writeFileSync(path, deployInfoText("b").slice(0, 40)), /not valid JSON/],
    ["an empty file", () => writeFileSync(path, ""), /not valid JSON/],
    ["wrong types", () => writeFileSync(path, '{"current_tag":1}'), /current_tag/],
    ["64 KB and a byte", () => writeFileSync(path, deployInfoText("b").padEnd(64 * 1024 + 1)), /larger than 64 KB/],
    ["a sparse gigabyte", () => (writeFileSync(path, ""), truncateSync(path, 2 ** 30)), /larger than 64 KB/],
    ["a FIFO", () => execFileSync("mkfifo", [path]), /not a regular file/],
    ["a folder", () => mkdirSync(path), /not a regular file/],
    ["/dev/zero", () => symlinkSync("/dev/zero", path), /not a regular file/],
  ];

  it.each(bad)("%s is an error or the last valid one as stale, until repaired", async (_, make, problem) => {
    make();
    await expect(createReader()()).rejects.toMatchObject({
      code: "deploy_info_invalid",
      status: 503,
      message: expect.stringMatching(problem),
    });
    rmSync(path, { recursive: true });
    const read = createReader();
    writeFileSync(path, deployInfoText("a"));
    await read();
    renameSync(path, join(folder, "old"));
    make();
    expect(await read()).toMatchObject({ currentTag: "a", stale: true, error: expect.stringMatching(problem) });
    rmSync(path, { recursive: true });
    writeFileSync(path, deployInfoText("c"));
    expect(await read()).toMatchObject({ currentTag: "c", stale: false, error: null });
  });

  it("is read a second time for a writer in progress", async () => {
    writeFileSync(path, deployInfoText("a").slice(0, 10));
    const reading = createReader()();
    setTimeout(() => writeFileSync(path, deployInfoText("a")), 25);
    expect(await reading).toMatchObject({ currentTag: "a", stale: false });
  });

  it("is valid at 64 KB to the byte", async () => {
    writeFileSync(path, deployInfoText("a").padEnd(64 * 1024));
    expect(await createReader()()).toMatchObject({ currentTag: "a" });
  });
});

describe("a problem with the file", () => {
  const broken = (problem: string) => `deploy_info.json is not valid: ${problem}`;

  function createNoted() {
    const notes: unknown[] = [];
    const note = (level: string) => (fields: object, message: string) => void notes.push([level, message, fields]);
    const logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
    const source = createDeploySource({ path, toEnv, logger });
    const read = (signal = new AbortController().signal) =>
      source.read(signal).then(
        ({ currentTag, stale, error }) => [currentTag, stale, error],
        ({ code, message }) => [code, message],
      );
    return { read, notes: () => notes.splice(0) };
  }

  it("is logged once for each kind, and its end too", async () => {
    const { read, notes } = createNoted();
    const fields = { upstream: "deploy_info", path };
    writeFileSync(path, deployInfoText("a"));
    expect([await read(), notes()]).toEqual([["a", false, null], []]);
    rmSync(path);
    const missing = "deploy_info.json not found on host";
    for (const _ of [1, 2]) expect(await read()).toEqual(["deploy_info_missing", missing]);
    expect(notes()).toEqual([["warn", missing, { ...fields, code: "deploy_info_missing", cause: undefined }]]);
    symlinkSync(path, path);
    expect((await read())[0]).toBe("deploy_info_unreadable");
    const cause = `ELOOP: too many symbolic links encountered, stat '${path}'`;
    expect(notes()).toEqual([
      ["warn", "deploy_info.json cannot be read (ELOOP)", { ...fields, code: "deploy_info_unreadable", cause }],
    ]);
    rmSync(path);
    writeFileSync(path, "{");
    const invalid = broken("it is not valid JSON in UTF-8");
    for (const _ of [1, 2]) expect(await read()).toEqual(["deploy_info_invalid", invalid]);
    expect(notes()).toEqual([["warn", invalid, { ...fields, code: "deploy_info_invalid", cause: undefined }]]);
    writeFileSync(path, deployInfoText("b"));
    for (const _ of [1, 2]) expect(await read()).toEqual(["b", false, null]);
    expect(notes()).toEqual([
      ["info", "deploy_info.json is readable again", { ...fields, code: undefined, cause: undefined }],
    ]);
    writeFileSync(path, "[]");
    const stale = ["b", true, broken("Invalid input: expected object, received array")];
    expect(await read()).toEqual(stale);
    expect(notes()).toHaveLength(1);
  });

  it("is not reported for a caller that has left", async () => {
    const { read, notes } = createNoted();
    writeFileSync(path, deployInfoText("a"));
    expect(await read(AbortSignal.abort(new Error("gone")))).toEqual([
      "deploy_info_unreadable",
      "deploy_info.json cannot be read (deadline)",
    ]);
    expect(notes()).toEqual([]);
  });

  it("leaves no last valid content when the file was missing", async () => {
    const { read } = createNoted();
    writeFileSync(path, deployInfoText("a"));
    await read();
    rmSync(path);
    await read();
    writeFileSync(path, "{");
    expect(await read()).toEqual(["deploy_info_invalid", broken("it is not valid JSON in UTF-8")]);
  });

  it("names each bad field; other fields stay if they are strings", async () => {
    writeFileSync(path, JSON.stringify({ ...JSON.parse(deployInfoText("a")), commit_sha: 1, deployed_by: null }));
    const problem = (field: string, got: string) => `${field}: Invalid input: expected string, received ${got}`;
    expect(await createNoted().read()).toEqual([
      "deploy_info_invalid",
      broken(`${problem("commit_sha", "number")}; ${problem("deployed_by", "null")}`),
    ]);
    writeFileSync(
      path,
      JSON.stringify({ ...JSON.parse(deployInfoText("a")), number: 4, list: ["a"], none: null, text: "x" }),
    );
    expect(await createReader()()).toMatchObject({ extra: [{ key: "text", value: "x" }] });
  });

  it.each([
    ["a good one", () => writeFileSync(path, deployInfoText("a")), true, "a, deployed 2026-01-10T13:15:00Z"],
    [
      "a loop of links",
      () => symlinkSync(path, path),
      false,
      "deploy_info.json cannot be read (ELOOP): let the gateway's user read the file and search its folders",
    ],
    [
      "an invalid one",
      () => writeFileSync(path, "1"),
      false,
      `${broken("Invalid input: expected object, received number")}: see deploy/kamal/README.md for its fields; write a temporary file, then rename it`,
    ],
  ])("is printed by check with a remedy: %s", async (_, make, ok, detail) => {
    make();
    expect(await probeDeployInfo({ path })).toEqual({ ok, detail });
  });

  it("is printed by check as no deploy yet, where there is none", async () => {
    const detail = `no deploy yet: the next one writes ${path}, where deploy/kamal/post-deploy is installed`;
    expect(await probeDeployInfo({ path })).toEqual({ ok: true, isConfigured: false, detail });
    expect(await probeDeployInfo({ path: join(folder, "nowhere", "deploy_info.json") })).toMatchObject({ ok: false });
  });

  it.each([
    ["once: there is a second look", 1, ["b", false, null]],
    ["all the time", 99, ["deploy_info_invalid", broken("it is being written")]],
  ])("is a write during the read, %s", async (_, times, expected) => {
    writeFileSync(path, deployInfoText("a"));
    const handle = await open(path);
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    const readBytes = Reflect.get(prototype, "read") as (...args: readonly unknown[]) => never;
    let left = times;
    const disk = vi.spyOn(prototype, "read").mockImplementation(function (this: unknown, ...args: readonly unknown[]) {
      if (left > 0) {
        writeFileSync(path, `${deployInfoText("b")}${" ".repeat(left)}`);
        // Old enough that nothing else shows it.
        utimesSync(path, new Date(), new Date(Date.now() - 60_000 - 1000 * left));
      }
      left -= 1;
      return Reflect.apply(readBytes, this, args);
    });
    onTestFinished(() => disk.mockRestore());
    expect(await createNoted().read()).toEqual(expected);
  });
});

describe("concurrent readers", () => {
  it("share one read of the file", async () => {
    writeFileSync(path, deployInfoText("a"));
    // Too young for its reading to be remembered.
    utimesSync(path, new Date(), new Date(Date.now() + 60_000));
    const read = createReader();
    const [one, two] = await Promise.all([read(), read()]);
    expect(one).toBe(two);
    expect(await read()).not.toBe(one);
  });
});

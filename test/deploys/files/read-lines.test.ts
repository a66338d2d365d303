import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import {
  createHistoryLog,
  createKamalLog,
  type KamalLine,
  parseHistoryLine,
  parseKamalLine,
  toDeploys,
} from "../../../src/deploys/files/history.ts";
import { causeOf, createTail, shareRead, toDeployError } from "../../../src/deploys/files/read.ts";
import { createDeploySource } from "../../../src/deploys/files/source.ts";
import { OpsError } from "../../../src/lib/errors.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { toEnv } from "../../support/deploys.ts";

const root = mkdtempSync(join(tmpdir(), "ops-lines-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(root, "case-")), "wallet-core-audit.log");
});

const time = "2026-01-10T13:01:00Z";

describe("a line of Kamal's audit log", () => {
  const boot = { did: "boot", at: time, by: "kim", version: "v1", destination: null };
  const tag = { ...boot, did: "tag" };

  it.each([
    ["[kim] Booted app version v1", boot],
    ["[kim] [web] Booted app version v1", boot],
    ["[kim] [beta] [web] Booted app version v1", { ...boot, destination: "beta" }],
    ["[kim] [beta] [] Booted app version v1", { ...boot, destination: "beta" }],
    ["[kim] [] [web] Booted app version v1", boot],
    ["[] [web] Booted app version v1", { ...boot, by: "" }],
    ["[kim] [web] Booted app version v1 ", boot],
    ["[kim] [web] Booted app version v1 again", "other"],
    ["[kim] [web] Have Booted app version v1", "other"],
    ["[kim] [web] Booted app version ", "other"],
    [`[kim] [web] Booted app version ${"x".repeat(256)}`, { ...boot, version: "x".repeat(256) }],
    [`[kim] [web] Booted app version ${"x".repeat(257)}`, "other"],
    ["[kim] Tagging ghcr.io/a/core:v1 as the latest image", tag],
    ["[kim] Tagged core:v1 as the latest image", tag],
    ["[kim] [beta] Tagging localhost:5000/core:v1 as the latest image", { ...tag, destination: "beta" }],
    ["[kim] [] Tagging core:v1 as the latest image", tag],
    ["[kim] Tagging core:v1 as the latest image!", "other"],
    ["[kim] Not Tagging core:v1 as the latest image", "other"],
    ["[kim] Tagging localhost:5000/core as the latest image", "other"],
    ["[kim] Pushed env files", "other"],
    ["[kim]", null],
    ["kim Booted app version v1", null],
    [`[${"k".repeat(257)}] Booted app version v1`, null],
    [`[kim] ${"[a] ".repeat(8)}Booted app version v1`, { ...boot, destination: "a" }],
    [`[kim] ${"[a] ".repeat(9)}Booted app version v1`, "other"],
    [`[kim] [${"a".repeat(256)}] [web] Booted app version v1`, { ...boot, destination: "a".repeat(256) }],
  ])("%j is parsed as %j", (text, said) => {
    expect(parseKamalLine(`[${time}] ${text}`)).toEqual(said);
  });

  it.each([
    ["", "other"],
    [" \u200b", "other"],
    ["garbage", null],
    ["[yesterday] [kim] Booted app version v1", null],
    [`x[${time}] [kim] Booted app version v1`, null],
    [`[${time}][kim] Booted app version v1`, null],
    ["[2026-01-10T14:01:00.5+01:00] [kim] Booted app version v1", boot],
    [`[${"2".repeat(65)}] [kim] Booted app version v1`, null],
  ])("%j is parsed as %j, whatever follows", (text, said) => {
    expect(parseKamalLine(text)).toEqual(said);
  });
});

describe("the deploys of Kamal's audit log", () => {
  const at = (second: number) => new Date(Date.parse(time) + second * 1000).toISOString().replace(".000", "");
  const line = (did: "boot" | "tag", version: string, second: number, more: Partial<KamalLine> = {}): KamalLine => ({
    did,
    at: at(second),
    by: "kim",
    version,
    destination: null,
    ...more,
  });
  const boot = (...given: [string, number, Partial<KamalLine>?]) => line("boot", ...given);
  const tag = (...given: [string, number, Partial<KamalLine>?]) => line("tag", ...given);
  const deploys = (...lines: readonly KamalLine[]) =>
    toDeploys(lines, "wallet-core-audit.log", toEnv).map(({ version, booted, deployedAt }) => [
      version,
      booted,
      deployedAt,
    ]);

  it("are found in a time that grows with the lines", () => {
    let reads = 0;
    const lines = Array.from({ length: 1000 }, (_, index) =>
      // The tags are a year older: none is a boot's.
      index % 2 === 0 ? boot("v1", index * 1000) : tag("v1", index * 1000 - 31_536_000),
    );
    for (const one of lines) {
      const { at: value } = one;
      Object.defineProperty(one, "at", { enumerable: true, get: () => ((reads += 1), value) });
    }
    expect(toDeploys(lines, "wallet-core-audit.log", toEnv)).toHaveLength(500);
    // Each boot with each tag would be 250,000 times two.
    expect(reads).toBeLessThan(10_000);
  });

  it("have the lines' data, the first person and the last boot's time", () => {
    const sha = "0123456789abcdef0123456789abcdef01234567";
    const lines = [
      boot(sha, 0, { by: "lee", destination: "production" }),
      boot(sha, 600, { by: "kim", destination: "production" }),
      boot(`${sha}_uncommitted_x`, 0, { by: "" }),
      boot(`${sha}0`, 0),
    ];
    const record = {
      origin: "kamal_audit",
      previousTag: null,
      durationSeconds: null,
      booted: null,
      ambiguous: false,
      command: null,
    };
    const plain = { ...record, service: "wallet-core-production", destination: null, env: null };
    expect(toDeploys(lines, "wallet-core-production-audit.log", toEnv)).toEqual([
      {
        ...record,
        tag: sha,
        version: sha,
        commitSha: sha,
        deployedBy: "lee",
        deployedAt: at(600),
        service: "wallet-core",
        destination: "production",
        env: "production",
      },
      {
        ...plain,
        tag: `${sha}_uncommitted_x`,
        version: `${sha}_uncommitted_x`,
        commitSha: sha,
        deployedBy: null,
        deployedAt: at(0),
      },
      { ...plain, tag: `${sha}0`, version: `${sha}0`, commitSha: "", deployedBy: "kim", deployedAt: at(0) },
    ]);
  });

  it("are one for boots at most ten minutes apart", () => {
    expect(deploys(boot("v1", 0), boot("v1", 600), boot("v1", 1200))).toEqual([["v1", null, at(1200)]]);
    expect(deploys(boot("v1", 0), boot("v1", 601))).toHaveLength(2);
    expect(deploys(boot("v1", 0), boot("v2", 1), boot("v1", 2))).toEqual([
      ["v1", null, at(2)],
      ["v2", null, at(1)],
    ]);
    expect(deploys(boot("v1", 0), boot("v1", 5000), boot("v1", 5001))).toEqual([
      ["v1", null, at(0)],
      ["v1", null, at(5001)],
    ]);
  });

  it("are two for boots at two destinations", () => {
    const two = deploys(boot("v1", 0, { destination: "beta" }), boot("v1", 1, { destination: "qa" }), boot("v1", 2));
    expect(two).toEqual([
      ["v1", null, at(0)],
      ["v1", null, at(1)],
      ["v1", null, at(2)],
    ]);
  });

  it("have booted if their version was tagged before the next boot", () => {
    const next = boot("v2", 9000);
    const booted = (...lines: readonly KamalLine[]) => deploys(...lines).map(([, one]) => one);
    expect(booted(boot("v1", 0), tag("v1", 8000), next)).toEqual([true, null]);
    expect(booted(boot("v1", 0), next, tag("v1", 9001))).toEqual([false, null]);
    expect(booted(boot("v1", 0), next, tag("v1", 600))).toEqual([true, null]);
    expect(booted(boot("v1", 0), next, tag("v1", 601))).toEqual([false, null]);
    expect(booted(tag("v1", -600), boot("v1", 0), next)).toEqual([true, null]);
    expect(booted(tag("v1", -601), boot("v1", 0), next)).toEqual([false, null]);
    expect(booted(boot("v1", 0), tag("v2", 1), next)).toEqual([false, null]);
    expect(booted(boot("v1", 0), tag("v1", 1, { destination: "beta" }), next)).toEqual([null, null]);
    // The boot of another destination is not the next one.
    expect(booted(boot("v1", 0), { ...next, destination: "beta" }, tag("v1", 9001))).toEqual([true, null]);
    expect(booted(boot("v1", 0), tag("v0", 1))).toEqual([null]);
  });

  it.each([
    ["wallet-core-audit.log", null, "wallet-core"],
    ["wallet-core-beta-audit.log", "beta", "wallet-core"],
    ["wallet-core-audit.log", "beta", null],
    ["-audit.log", null, null],
    ["wallet-core-audit.log.1", null, null],
    ["audit.log", null, null],
  ])("of the file %s at %s are of the service %s", (name, destination, service) => {
    expect(toDeploys([boot("v1", 0, { destination })], name, toEnv)[0]?.service).toBe(service);
  });
});

describe("a line of deploy_history.jsonl", () => {
  it("has the content of deploy_info.json", () => {
    const fields = { current_tag: "v2", commit_sha: "abc", deployed_by: "kim", deployed_at: time, service: "shop" };
    expect(parseHistoryLine(JSON.stringify(fields), toEnv)).toMatchObject({
      origin: "history",
      tag: "v2",
      commitSha: "abc",
      deployedBy: "kim",
      deployedAt: time,
      service: "shop",
    });
    expect([parseHistoryLine(" ", toEnv), parseHistoryLine("{}", toEnv)]).toEqual(["other", null]);
  });
});

describe("the tail of a file", () => {
  it("has what was added since, and the incomplete last line", async () => {
    writeFileSync(path, "a\nb");
    const tail = createTail(path);
    expect(await tail()).toEqual({ anew: true, whole: true, lines: ["a"], pending: "b" });
    expect(await tail()).toEqual({ anew: false, whole: true, lines: [], pending: "b" });
    appendFileSync(path, "c\n\nd\n");
    expect(await tail()).toEqual({ anew: false, whole: true, lines: ["bc", "", "d"], pending: "" });
    appendFileSync(path, "é".repeat(2000));
    expect(await tail()).toEqual({ anew: false, whole: true, lines: [], pending: "é".repeat(2000) });
    appendFileSync(path, "\n");
    expect(await tail()).toEqual({ anew: false, whole: true, lines: ["é".repeat(2000)], pending: "" });
  });

  it("starts again with another, a shorter or an overwritten file", async () => {
    writeFileSync(path, "a\nb\n");
    const tail = createTail(path);
    await tail();
    writeFileSync(`${path}.new`, "a\nb\nc\n");
    renameSync(`${path}.new`, path);
    expect(await tail()).toEqual({ anew: true, whole: true, lines: ["a", "b", "c"], pending: "" });
    truncateSync(path, 2);
    expect(await tail()).toEqual({ anew: true, whole: true, lines: ["a"], pending: "" });
    writeFileSync(path, "x\ny\n");
    expect(await tail()).toEqual({ anew: true, whole: true, lines: ["x", "y"], pending: "" });
    // What it compares is the last kilobyte that it has read.
    appendFileSync(path, `${"z".repeat(1021)}\n`);
    await tail();
    writeFileSync(path, `?\ny\n${"z".repeat(1021)}\nn\n`);
    expect(await tail()).toEqual({ anew: false, whole: true, lines: ["n"], pending: "" });
    const other = `?${"z".repeat(1020)}`;
    writeFileSync(path, `?\n?\n${other}\nn\nm\n`);
    expect(await tail()).toMatchObject({ anew: true, lines: ["?", "?", other, "n", "m"] });
  });

  it("is the last megabyte of new text, from its first whole line", async () => {
    const mega = 1 << 20;
    writeFileSync(path, `first\n${"x".repeat(mega - 3)}\nb\n`);
    const tail = createTail(path);
    expect(await tail()).toEqual({ anew: true, whole: false, lines: ["b"], pending: "" });
    appendFileSync(path, `${"y".repeat(mega - 1)}\n`);
    expect(await tail()).toEqual({ anew: false, whole: true, lines: ["y".repeat(mega - 1)], pending: "" });
    appendFileSync(path, "w".repeat(mega + 1));
    expect(await tail()).toMatchObject({ whole: false, lines: [], pending: "w".repeat(mega) });
  });

  it("is read from regular files alone", async () => {
    mkdirSync(path);
    await expect(createTail(path)()).rejects.toMatchObject({ code: "EINVAL", message: "it is not a regular file" });
    await expect(createTail(join(path, "none"))()).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("a problem with a log", () => {
  function createNoted(create = createKamalLog) {
    const notes: unknown[] = [];
    const note = (level: string) => (fields: object, message: string) => void notes.push([level, message, fields]);
    const logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
    const read = create({ path, toEnv, logger });
    return { read: (signal = new AbortController().signal) => read(signal), notes: () => notes.splice(0) };
  }
  const boot = (version: string) => `[${time}] [kim] Booted app version ${version}\n`;
  const upstream = "deploy_info";

  it("is counted and logged once a reading, for malformed lines", async () => {
    writeFileSync(path, `${boot("v1")}nonsense\n${"x".repeat(16_385)}\n\n${boot("v2")}`);
    const { read, notes } = createNoted();
    expect(await read()).toMatchObject({ origin: "kamal_audit", skipped: 2, complete: true, error: null });
    expect(notes()).toEqual([
      ["warn", "Kamal's audit log has invalid lines: they are skipped", { upstream, path, lines: 2 }],
    ]);
    expect((await read()).records).toHaveLength(2);
    expect(notes()).toEqual([]);
    appendFileSync(path, "more\n");
    expect(await read()).toMatchObject({ skipped: 3 });
    expect(notes()).toHaveLength(1);
    writeFileSync(`${path}.new`, boot("v3"));
    renameSync(`${path}.new`, path);
    expect(await read()).toMatchObject({ skipped: 0, complete: true, records: [{ tag: "v3" }] });
  });

  it("is logged once while unreadable, and again after a recovery", async () => {
    const { read, notes } = createNoted(createHistoryLog);
    const empty = { origin: "history", records: [], skipped: 0, complete: true, error: null };
    expect(await read()).toEqual(empty);
    mkdirSync(path);
    const message = "deploy_history.jsonl cannot be read (EINVAL)";
    const failed = { ...empty, error: { code: "deploy_info_unreadable", message } };
    expect([await read(), await read()]).toEqual([failed, failed]);
    const note = [
      "warn",
      message,
      { upstream, path, code: "deploy_info_unreadable", cause: "it is not a regular file" },
    ];
    expect(notes()).toEqual([note]);
    rmSync(path, { recursive: true });
    writeFileSync(path, "");
    expect(await read()).toEqual(empty);
    rmSync(path);
    mkdirSync(path);
    await read();
    expect(notes()).toEqual([note]);
  });

  it("is no blank or incomplete line, unless its JSON is complete", async () => {
    const line = (tag: string) =>
      JSON.stringify({ current_tag: tag, commit_sha: "", deployed_by: "", deployed_at: time });
    writeFileSync(path, `${line("v1")}\n\n \n${line("v2")}`);
    const tagsOf = async (create: typeof createKamalLog) => {
      const { records, skipped } = await createNoted(create).read();
      return [records.map(({ tag }) => tag), skipped];
    };
    expect(await tagsOf(createHistoryLog)).toEqual([["v1", "v2"], 0]);
    writeFileSync(path, `${boot("v1")}\n${boot("v2").trimEnd()}`);
    expect(await tagsOf(createKamalLog)).toEqual([["v1"], 0]);
    // The history lies beside the file of the last deploy.
    const info = join(dirname(path), "deploy_info.json");
    writeFileSync(join(dirname(path), "deploy_history.jsonl"), `${line("v3")}\n`);
    const origins = async (kamalAuditPath: string | null) => {
      const source = createDeploySource({ path: info, kamalAuditPath, toEnv, logger: silentLogger });
      const logs = await source.history(new AbortController().signal);
      return logs.map(({ origin, records }) => [origin, records.map(({ tag }) => tag)]);
    };
    expect(await origins(null)).toEqual([["history", ["v3"]]]);
    expect(await origins(path)).toEqual([
      ["history", ["v3"]],
      ["kamal_audit", ["v1"]],
    ]);
  });

  it("is not reported for a caller that has left", async () => {
    writeFileSync(path, boot("v1"));
    const { read, notes } = createNoted();
    const log = await read(AbortSignal.abort(new Error("gone")));
    expect(log.error).toEqual({
      code: "deploy_info_unreadable",
      message: "Kamal's audit log cannot be read (deadline)",
    });
    expect(notes()).toEqual([]);
  });

  it("is not the longest allowed line, nor the oldest of a thousand", async () => {
    const version = "x".repeat(200);
    const fitting = `[${time}] [kim] ${"[a] ".repeat(2)}Booted app version ${version}`;
    writeFileSync(path, `${fitting.padEnd(16_384)}\n`);
    const { read } = createNoted();
    expect(await read()).toMatchObject({ skipped: 0, records: [{ version }] });
    const tagged = `[${time}] [kim] Tagging a:b as the latest image\n`;
    appendFileSync(path, tagged.repeat(999));
    expect(await read()).toMatchObject({ complete: true, records: [{ version }] });
    appendFileSync(path, tagged);
    expect(await read()).toMatchObject({ complete: false, records: [] });
  });
});

it("a read is not late because this process was held up", async () => {
  const reading = shareRead(() => stat(root))(new AbortController().signal);
  for (const begin = performance.now(); performance.now() - begin < 1200;);
  expect((await reading).isDirectory()).toBe(true);
});

it("a read that hangs is given up after a second", async () => {
  const begin = performance.now();
  await expect(shareRead(() => new Promise<never>(() => {}))(new AbortController().signal)).rejects.toThrow(
    "No answer within 1000 ms",
  );
  expect(performance.now() - begin).toBeGreaterThan(900);
});

describe("a file system error", () => {
  it.each([
    ["ENOENT", "deploy_info_missing", "deploy_info.json not found on host"],
    ["ENOTDIR", "deploy_info_missing", "deploy_info.json not found on host"],
    ["EACCES", "deploy_info_unreadable", "deploy_info.json cannot be read (EACCES)"],
    [23, "deploy_info_unreadable", "deploy_info.json cannot be read (deadline)"],
    [undefined, "deploy_info_unreadable", "deploy_info.json cannot be read (deadline)"],
  ])("with the code %s is %s", (code, expected, message) => {
    const error = Object.assign(new Error("why"), code !== undefined && { code });
    const failure = toDeployError(error);
    expect([failure.code, failure.message]).toEqual([expected, message]);
    expect(causeOf(failure)).toBe(expected === "deploy_info_missing" ? undefined : "why");
  });

  it("names its file; our errors are unchanged, and none is a deadline", () => {
    const own = new OpsError("deploy_info_invalid", "no");
    expect(toDeployError(own)).toBe(own);
    expect(toDeployError("text", "the log").message).toBe("the log cannot be read (deadline)");
    expect([causeOf(undefined), causeOf(own)]).toEqual([undefined, undefined]);
  });
});

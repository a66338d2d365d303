import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { createTail } from "../../../src/deploys/files/read.ts";
import { createDeploySource } from "../../../src/deploys/files/source.ts";
import { silentLogger } from "../../../src/lib/logger.ts";
import { toEnv } from "../../support/deploys.ts";

const root = mkdtempSync(join(tmpdir(), "ops-history-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folder: string;
let path: string;
let audit: string;
beforeEach(() => {
  folder = mkdtempSync(join(root, "case-"));
  path = join(folder, "deploy_history.jsonl");
  audit = join(folder, "wallet-core-audit.log");
});

function line(tag: string, minute = 0): string {
  const deployed_at = `2026-01-10T13:${String(minute).padStart(2, "0")}:00Z`;
  return JSON.stringify({ current_tag: tag, commit_sha: "", deployed_by: "", deployed_at });
}

function createReader(kamalAuditPath: string | null = null) {
  const source = createDeploySource({
    path: join(folder, "deploy_info.json"),
    kamalAuditPath,
    toEnv,
    logger: silentLogger,
  });
  return async (index = 0) => {
    const log = (await source.history(AbortSignal.timeout(5000)))[index];
    return { ...log, records: log?.records.map(({ tag }) => tag) };
  };
}

describe("deploy_history.jsonl", () => {
  it("is empty when missing, and read as it grows, with a partial last line", async () => {
    const read = createReader();
    expect(await read()).toEqual({ origin: "history", records: [], skipped: 0, complete: true, error: null });
    writeFileSync(path, `${line("v1")}\n${line("v2")}`);
    expect((await read()).records).toEqual(["v1", "v2"]);
    appendFileSync(path, `\n${line("v3").slice(0, 30)}`);
    expect(await read()).toMatchObject({ records: ["v1", "v2"], skipped: 0 });
    appendFileSync(path, `${line("v3").slice(30)}\n`);
    expect((await read()).records).toEqual(["v1", "v2", "v3"]);
    expect((await read()).records).toEqual(["v1", "v2", "v3"]);
  });

  it("counts malformed lines and keeps all others", async () => {
    writeFileSync(
      path,
      `${line("v1")}\nnonsense\n{"current_tag":"torn\n\n{"current_tag":""}\n${"x".repeat(20_000)}\n${line("v2")}\n`,
    );
    const read = createReader();
    expect(await read()).toMatchObject({ records: ["v1", "v2"], skipped: 4, complete: true });
    appendFileSync(path, `\xff\n${line("v3")}\n`, "latin1");
    expect(await read()).toMatchObject({ records: ["v1", "v2", "v3"], skipped: 5 });
  });

  it("is read again after it was replaced, truncated or overwritten", async () => {
    const read = createReader();
    writeFileSync(path, `${line("v1")}\n${line("v2")}\n`);
    await read();
    writeFileSync(join(folder, "new"), `${line("a1")}\n${line("a2")}\n${line("a3")}\n`);
    renameSync(join(folder, "new"), path);
    expect((await read()).records).toEqual(["a1", "a2", "a3"]);
    truncateSync(path, line("a1").length + 1);
    expect((await read()).records).toEqual(["a1"]);
    writeFileSync(path, `${line("b1")}\n${line("b2")}\n${line("b3")}\n${line("b4")}\n`);
    expect((await read()).records).toEqual(["b1", "b2", "b3", "b4"]);
  });

  it("is limited in bytes and deploys, and says so", async () => {
    const read = createReader();
    writeFileSync(path, Array.from({ length: 1200 }, (_, index) => `${line(`v${index}`)}\n`).join(""));
    const many = await read();
    expect([many.records?.length, many.records?.at(-1), many.complete]).toEqual([1000, "v1199", false]);
    writeFileSync(path, `${`${"x".repeat(1023)}\n`.repeat(1100)}${line("last")}\n`);
    expect(await read()).toMatchObject({ records: ["last"], skipped: 1023, complete: false });
  });

  it("that becomes unreadable keeps what was read and says why", async () => {
    const read = createReader();
    writeFileSync(path, `${line("v1")}\n`);
    await read();
    rmSync(path);
    mkdirSync(path);
    expect(await read()).toMatchObject({
      records: ["v1"],
      error: { code: "deploy_info_unreadable", message: expect.stringMatching(/^deploy_history.jsonl cannot be read/) },
    });
    rmSync(path, { recursive: true });
    expect(await read()).toMatchObject({ records: [], error: null });
  });

  it("has the same lines in whatever chunks it grows", async () => {
    const piece = fc.stringMatching(/^[a-z\n]{0,12}$/);
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 10 }), async (pieces) => {
        const file = join(folder, `tail-${Math.random()}`);
        writeFileSync(file, "");
        const tail = createTail(file);
        const lines: string[] = [];
        let pending = "";
        for (const one of pieces) {
          appendFileSync(file, one);
          const told = await tail();
          lines.push(...told.lines);
          pending = told.pending;
        }
        expect([...lines, pending].join("\n")).toBe(pieces.join(""));
      }),
      { numRuns: 60 },
    );
  });
});

describe("Kamal's audit log", () => {
  it("records one deploy for the boots of its roles, by environment", async () => {
    const sha = "0123456789abcdef0123456789abcdef01234567";
    writeFileSync(
      audit,
      [
        "[2026-01-10T13:00:00Z] [kim@example.com] [staging] Pushed env files",
        `[2026-01-10T13:01:00Z] [kim@example.com] [staging] [web] Booted app version ${sha}`,
        `[2026-01-10T13:02:00Z] [kim@example.com] [staging] [worker] Booted app version ${sha}`,
        "[2026-01-10T13:02:00Z] [lee] [production] [web] Booted app version v1",
        "garbage",
        "[not a time] [kim] Booted app version x",
        `[2026-01-10T14:02:00Z] [lee] [staging] [web] Booted app version ${sha}`,
        "[2026-01-10T14:03:00Z] [lee] Booted app version v3",
        "",
      ].join("\n"),
    );
    const source = createDeploySource({
      path: join(folder, "deploy_info.json"),
      kamalAuditPath: audit,
      toEnv,
      logger: silentLogger,
    });
    const [history, kamal] = await source.history(AbortSignal.timeout(5000));
    expect(history).toMatchObject({ origin: "history", records: [] });
    expect(kamal).toMatchObject({
      origin: "kamal_audit",
      skipped: 2,
      records: [
        { tag: sha, commitSha: sha, deployedBy: "kim@example.com", deployedAt: "2026-01-10T13:02:00Z", env: "staging" },
        { tag: "v1", commitSha: "", deployedBy: "lee", env: "production" },
        { tag: sha, deployedBy: "lee", deployedAt: "2026-01-10T14:02:00Z" },
        { tag: "v3", env: null },
      ],
    });
  });

  it("has the service in its file name and the destination in its lines", async () => {
    const read = async (name: string, tags: string) => {
      const named = join(folder, name);
      writeFileSync(named, `[2026-01-10T13:01:00Z] [kim] ${tags}Booted app version v1\n`);
      const source = createDeploySource({
        path: join(folder, "none.json"),
        kamalAuditPath: named,
        toEnv,
        logger: silentLogger,
      });
      const [, kamal] = await source.history(AbortSignal.timeout(5000));
      return kamal?.records.map(({ service, destination, env }) => [service, destination, env])[0];
    };
    expect(await read("wallet-core-beta-audit.log", "[beta] [web] ")).toEqual(["wallet-core", "beta", null]);
    expect(await read("wallet-core-staging-audit.log", "[staging] [web] ")).toEqual([
      "wallet-core",
      "staging",
      "staging",
    ]);
    // The other naming scheme: no destination, and the first of the tags is the role.
    expect(await read("wallet-core-staging-audit.log", "[web] ")).toEqual(["wallet-core-staging", null, null]);
    expect(await read("wallet-core-web-audit.log", "[web] ")).toEqual(["wallet-core-web", null, null]);
    expect(await read("wallet-core-audit.log", "[staging] ")).toEqual(["wallet-core", null, null]);
    // A file that was renamed says no service.
    expect(await read("kamal.log", "[beta] [web] ")).toEqual([null, "beta", null]);
    expect(await read("shop-audit.log", "[beta] [web] ")).toEqual([null, "beta", null]);
  });

  it("has a deploy for each destination that booted a version at one time", async () => {
    const boot = (destination: string) => `[2026-01-10T13:01:00Z] [kim] [${destination}] [web] Booted app version v1\n`;
    writeFileSync(audit, boot("beta") + boot("qa"));
    const source = createDeploySource({
      path: join(folder, "none.json"),
      kamalAuditPath: audit,
      toEnv,
      logger: silentLogger,
    });
    const [, kamal] = await source.history(AbortSignal.timeout(5000));
    expect(kamal?.records.map(({ destination }) => destination)).toEqual(["beta", "qa"]);
  });

  it("shows which deploys were tagged after all roles had booted", async () => {
    const at = (minute: number) =>
      `[2026-01-10T${13 + Math.floor(minute / 60)}:${String(minute % 60).padStart(2, "0")}:00Z] [kim]`;
    const boot = (minute: number, version: string, tags = "") =>
      `${at(minute)} ${tags}[web] Booted app version ${version}`;
    const tag = (minute: number, version: string, tags = "") =>
      `${at(minute)} ${tags}Tagging ghcr.io/a/wallet-core:${version} as the latest image`;
    const read = async (...lines: string[]) => {
      writeFileSync(audit, lines.map((one) => `${one}\n`).join(""));
      const source = createDeploySource({
        path: join(folder, "none.json"),
        kamalAuditPath: audit,
        toEnv,
        logger: silentLogger,
      });
      const [, kamal] = await source.history(AbortSignal.timeout(5000));
      expect(kamal?.skipped).toBe(0);
      return kamal?.records.map(({ version, booted }) => `${version} ${booted}`);
    };
    const [v1, v3] = [
      [boot(0, "v1"), tag(1, "v1")],
      [boot(40, "v3"), tag(55, "v3")],
    ];
    // The last one may be under way.
    expect(await read(...v1, boot(20, "v2"))).toEqual(["v1 true", "v2 null"]);
    expect(await read(...v1, boot(20, "v2"), ...v3)).toEqual(["v1 true", "v2 false", "v3 true"]);
    // Tried again soon, with success; later, without.
    expect(await read(...v1, boot(20, "v2"), boot(25, "v2"), tag(26, "v2"), ...v3)).toEqual([
      "v1 true",
      "v2 true",
      "v3 true",
    ]);
    expect(await read(...v1, ...v3, boot(80, "v1"), boot(100, "v4"))).toEqual([
      "v1 true",
      "v3 true",
      "v1 false",
      "v4 null",
    ]);
    // Kamal 1 tags first.
    expect(
      await read(tag(0, "v1"), boot(1, "v1"), tag(30, "v1"), boot(31, "v1"), tag(60, "v2"), boot(61, "v2")),
    ).toEqual(["v1 true", "v1 true", "v2 true"]);
    // A file without any tag says nothing; another destination's says nothing of this one.
    expect(await read(boot(0, "v1"), boot(20, "v2"))).toEqual(["v1 null", "v2 null"]);
    const [beta, qa] = ["[beta] ", "[qa] "];
    expect(await read(boot(0, "v1", beta), boot(5, "v2", qa), tag(6, "v2", qa), boot(30, "v3", beta))).toEqual([
      "v1 null",
      "v2 true",
      "v3 null",
    ]);
    expect(await read(boot(0, "v1", beta), boot(2, "v2", qa), tag(15, "v1", beta), tag(16, "v2", qa))).toEqual([
      "v1 true",
      "v2 true",
    ]);
  });

  it("is not read beyond its last complete line", async () => {
    const read = createReader(audit);
    writeFileSync(audit, "[2026-01-10T13:01:00Z] [kim] Booted app version 01234");
    expect((await read(1)).records).toEqual([]);
    appendFileSync(audit, "56\n");
    expect((await read(1)).records).toEqual(["0123456"]);
  });
});

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, inject, it } from "vitest";
import { parseDeployInfo } from "../../src/deploys/files/parse.ts";
import { createDeploySource } from "../../src/deploys/files/source.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { toEnv } from "../support/deploys.ts";
import { createHookSandbox } from "../support/kamal-hook.ts";

let hook: ReturnType<typeof createHookSandbox>;
beforeEach(() => {
  hook = createHookSandbox(mkdtempSync(join(inject("runFolder"), "hook-")));
});

function parsed(host = "web-1") {
  return parseDeployInfo(readFileSync(hook.filePath(host)), toEnv);
}

function tags(values: Readonly<Record<string, string>>): [string | undefined, string | undefined] {
  expect(hook.run(values)).toMatchObject({ status: 0, stderr: "" });
  const { current_tag, previous_tag } = hook.read();
  return [current_tag, previous_tag];
}

describe("deploy_info.json", () => {
  it("is what the gateway reads: documented fields first, then the rest", () => {
    const kamal = { KAMAL_VERSION: "v1", KAMAL_DESTINATION: "staging", KAMAL_RUNTIME: "61" };
    expect(hook.run(kamal)).toEqual({ status: 0, stdout: "post-deploy: info/deploy_info.json on web-1\n", stderr: "" });
    expect(parsed()).toEqual({
      info: {
        currentTag: "v1",
        previousTag: "",
        commitSha: "",
        deployedBy: "ops-user",
        deployedAt: "2026-01-10T13:15:00Z",
        service: "wallet-core",
        destination: "staging",
        env: "staging",
        extra: Object.entries({
          destination: "staging",
          service: "wallet-core",
          version: "v1",
          command: "deploy",
          hosts: "web-1",
          runtime_seconds: "61",
        }).map(([key, value]) => ({ key, value })),
        stale: false,
        error: null,
      },
    });
  });

  it("is replaced by a rename, readable for the gateway, no rest remains", () => {
    hook.run({ KAMAL_VERSION: "v1" });
    const { ino, mode } = statSync(hook.filePath("web-1"));
    hook.run({ KAMAL_VERSION: "v2" });
    expect(statSync(hook.filePath("web-1")).ino).not.toBe(ino);
    expect(mode & 0o777).toBe(0o644);
    expect(readdirSync(dirname(hook.filePath("web-1")))).toEqual(["deploy_history.jsonl", "deploy_info.json"]);
  });

  it("is the same from bash where sh is bash", () => {
    expect(hook.run({ KAMAL_VERSION: "v1", KAMAL_PERFORMER: "o'\"\\n" }, "/bin/bash").status).toBe(0);
    expect(hook.read()["deployed_by"]).toBe("o'\"\\n");
  });
});

describe("previous_tag", () => {
  it("follows deploy, deploy, redeploy and rollback", () => {
    expect(tags({ KAMAL_VERSION: "v1" })).toEqual(["v1", ""]);
    expect(tags({ KAMAL_VERSION: "v2" })).toEqual(["v2", "v1"]);
    expect(tags({ KAMAL_VERSION: "v2", KAMAL_COMMAND: "redeploy" })).toEqual(["v2", "v1"]);
    expect(tags({ KAMAL_VERSION: "v1", KAMAL_COMMAND: "rollback" })).toEqual(["v1", "v2"]);
  });

  it("is that of the same destination and service", () => {
    expect(tags({ KAMAL_VERSION: "v1", KAMAL_DESTINATION: "production" })).toEqual(["v1", ""]);
    expect(tags({ KAMAL_VERSION: "v2", KAMAL_DESTINATION: "beta" })).toEqual(["v2", ""]);
    expect(tags({ KAMAL_VERSION: "v3", KAMAL_DESTINATION: "beta" })).toEqual(["v3", "v2"]);
    expect(tags({ KAMAL_VERSION: "v4" })).toEqual(["v4", ""]);
    expect(tags({ KAMAL_VERSION: "v5", KAMAL_SERVICE: "shop" })).toEqual(["v5", ""]);
    expect(tags({ KAMAL_VERSION: "v6", KAMAL_SERVICE: "shop" })).toEqual(["v6", "v5"]);
  });

  it("is read from a foreign file, and a broken file does no harm", () => {
    mkdirSync(dirname(hook.filePath("web-1")), { recursive: true });
    writeFileSync(
      hook.filePath("web-1"),
      '{"deployed_by":"current_tag","previous_tag" : "v0","current_tag":"v1","x":1}',
    );
    expect(tags({ KAMAL_VERSION: "v1" })).toEqual(["v1", "v0"]);
    writeFileSync(hook.filePath("web-1"), '{"current_tag":"v');
    expect(tags({ KAMAL_VERSION: "v2" })).toEqual(["v2", ""]);
  });

  it("is each host's own", () => {
    hook.run({ KAMAL_VERSION: "v1", KAMAL_HOSTS: "web-1" });
    hook.run({ KAMAL_VERSION: "v2", KAMAL_HOSTS: "web-1,web-2" });
    expect([hook.read("web-1")["previous_tag"], hook.read("web-2")["previous_tag"]]).toEqual(["v1", ""]);
  });
});

describe("deploy_history.jsonl", () => {
  const historyPath = () => join(dirname(hook.filePath("web-1")), "deploy_history.jsonl");
  const read = async () => {
    const [log] = await createDeploySource({ path: hook.filePath("web-1"), toEnv, logger: silentLogger }).history(
      AbortSignal.timeout(5000),
    );
    return log;
  };

  it("has every deploy, one line each, as the gateway reads them", async () => {
    const at = (minute: number) => ({ KAMAL_RECORDED_AT: `2026-01-10T13:${minute}:00Z` });
    const destination = { KAMAL_DESTINATION: "staging" };
    hook.run({ KAMAL_VERSION: "v1", KAMAL_RUNTIME: "61", ...destination, ...at(15) });
    hook.run({ KAMAL_VERSION: "v2", KAMAL_PERFORMER: `o'"\\n,  "x": "`, ...destination, ...at(25) });
    hook.run({ KAMAL_VERSION: "v1", KAMAL_COMMAND: "rollback", ...destination, ...at(35) });
    hook.run({ KAMAL_VERSION: "v9", KAMAL_DESTINATION: "beta", ...at(45) });
    expect(readFileSync(historyPath(), "utf8").split("\n")).toHaveLength(5);
    expect(await read()).toMatchObject({
      skipped: 0,
      complete: true,
      records: [
        { tag: "v1", deployedAt: "2026-01-10T13:15:00Z", durationSeconds: 61, command: "deploy", previousTag: null },
        { tag: "v2", deployedBy: `o'"\\n,  "x": "`, service: "wallet-core", destination: "staging", previousTag: "v1" },
        { tag: "v1", command: "rollback", env: "staging", previousTag: "v2" },
        { tag: "v9", destination: "beta", env: null, previousTag: null },
      ],
    });
  });

  it("continues after a torn line, and keeps 1,000 lines at a megabyte", async () => {
    mkdirSync(dirname(historyPath()), { recursive: true });
    writeFileSync(historyPath(), '{"current_tag":"torn');
    hook.run({ KAMAL_VERSION: "v1" });
    expect(await read()).toMatchObject({ skipped: 1, records: [{ tag: "v1" }] });
    writeFileSync(historyPath(), `${"x".repeat(999)}\n`.repeat(1001));
    hook.run({ KAMAL_VERSION: "v2" });
    const lines = readFileSync(historyPath(), "utf8").trimEnd().split("\n");
    expect([lines.length, lines.at(-1)?.includes('"v2"')]).toEqual([1000, true]);
    expect(readdirSync(dirname(historyPath()))).toEqual(["deploy_history.jsonl", "deploy_info.json"]);
  });

  it("has the lines of all hooks that run at once, while each truncates it", async () => {
    mkdirSync(dirname(historyPath()), { recursive: true });
    writeFileSync(historyPath(), `${"x".repeat(1100)}\n`.repeat(1000));
    const versions = Array.from({ length: 30 }, (_, index) => `v${index}`);
    const runs = await Promise.all(versions.map((version) => hook.start({ KAMAL_VERSION: version })));
    expect(runs.map(({ stderr }) => stderr).filter(Boolean)).toEqual([]);
    const lines = readFileSync(historyPath(), "utf8").trimEnd().split("\n");
    expect(lines).toHaveLength(1000);
    const kept = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)["current_tag"]);
    expect(new Set(kept)).toEqual(new Set(versions));
    expect(kept).toHaveLength(30);
    expect(readdirSync(dirname(historyPath()))).toEqual(["deploy_history.jsonl", "deploy_info.json"]);
  });

  it("gives a warning if unwritable; deploy_info.json is still written", () => {
    mkdirSync(historyPath(), { recursive: true });
    const run = hook.run({ KAMAL_VERSION: "v1" });
    expect(run).toMatchObject({ status: 0, stderr: expect.stringContaining("deploy_history.jsonl was NOT written") });
    expect(hook.read()["current_tag"]).toBe("v1");
  });
});

describe("hostile names", () => {
  it.each([
    ["quotes and backslashes", `o'"\\"\\\\n'; touch x; '`],
    ["substitutions", "$(touch x) `touch x` ${HOME} %s \\0"],
    ["JSON", '","current_tag":"evil","x":"'],
    ["UTF-8", "Zoë 日本"],
  ])("%s are written unchanged and run nothing", (_, performer) => {
    expect(hook.run({ KAMAL_VERSION: "v1", KAMAL_PERFORMER: performer, KAMAL_DESTINATION: performer })).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(hook.read()).toMatchObject({ current_tag: "v1", deployed_by: performer, destination: performer });
    expect(tags({ KAMAL_VERSION: "v2", KAMAL_PERFORMER: performer, KAMAL_DESTINATION: performer })).toEqual([
      "v2",
      "v1",
    ]);
    expect(readdirSync(join(dirname(hook.filePath("web-1")), ".."))).toEqual(["info"]);
    expect(readdirSync(hook.app)).toEqual([]);
  });

  it("a tag with quotes comes back as previous_tag", () => {
    expect(tags({ OPS_DEPLOY_TAG: "a\"b\\c'd" })).toEqual(["a\"b\\c'd", ""]);
    expect(tags({ KAMAL_VERSION: "v2" })).toEqual(["v2", "a\"b\\c'd"]);
  });

  it("control characters, long values and a folder with spaces", () => {
    hook.run({ KAMAL_VERSION: "v1", KAMAL_PERFORMER: `a\nb\tc\u001b${"é".repeat(300)}`, OPS_DEPLOY_DIR: "in fo's" });
    const file = join(dirname(hook.filePath("web-1")), "..", "in fo's", "deploy_info.json");
    expect(parseDeployInfo(readFileSync(file), toEnv)).toMatchObject({ info: { deployedBy: `abc${"é".repeat(123)}` } });
  });
});

describe("commit and tag", () => {
  it("the commit is the version's, else HEAD, never HEAD after a rollback", () => {
    hook.git("init", "--quiet");
    hook.git("commit", "--quiet", "--allow-empty", "-m", "one");
    const one = hook.git("rev-parse", "HEAD");
    hook.git("commit", "--quiet", "--allow-empty", "-m", "two");
    const two = hook.git("rev-parse", "HEAD");
    const sha = (values: Readonly<Record<string, string>>) => {
      expect(hook.run(values)).toMatchObject({ status: 0, stderr: "" });
      return hook.read()["commit_sha"];
    };
    expect(sha({ KAMAL_VERSION: one })).toBe(one);
    expect(sha({ KAMAL_VERSION: one.slice(0, 10) })).toBe(one);
    expect(sha({ KAMAL_VERSION: `${one}_uncommitted_0123456789abcdef` })).toBe(one);
    expect(sha({ KAMAL_VERSION: "no-such" })).toBe(two);
    expect(sha({ KAMAL_VERSION: "latest" })).toBe(two);
    expect(sha({ KAMAL_VERSION: "--git-dir" })).toBe(two);
    expect(sha({ KAMAL_VERSION: one, KAMAL_COMMAND: "rollback" })).toBe(one);
    expect(sha({ KAMAL_VERSION: "no-such", KAMAL_COMMAND: "rollback" })).toBe("");
  });

  it("VERSION=latest: OPS_DEPLOY_TAG, else the tag of HEAD, else latest", () => {
    expect(tags({ KAMAL_VERSION: "latest" })).toEqual(["latest", ""]);
    hook.git("init", "--quiet");
    hook.git("commit", "--quiet", "--allow-empty", "-m", "one");
    expect(tags({ KAMAL_VERSION: "latest" })).toEqual(["latest", ""]);
    hook.git("tag", "deploy-20260110-130322-prod");
    expect(tags({ KAMAL_VERSION: "latest" })).toEqual(["deploy-20260110-130322-prod", "latest"]);
    expect(hook.read()["version"]).toBe("latest");
    expect(tags({ KAMAL_VERSION: "latest", OPS_DEPLOY_TAG: "mine" })).toEqual(["mine", "deploy-20260110-130322-prod"]);
    expect(tags({ KAMAL_VERSION: "v9" })).toEqual(["v9", "mine"]);
  });
});

describe("failures", () => {
  it("a failing host does not stop the others; the hook warns, exits 0", () => {
    const run = hook.run({ KAMAL_VERSION: "v1", KAMAL_HOSTS: "web-1,down,web-2" });
    expect(run.status).toBe(0);
    expect(run.stderr).toContain("WARNING: deploy_info.json was NOT written on down");
    expect([hook.read("web-1")["current_tag"], hook.read("web-2")["current_tag"]]).toEqual(["v1", "v1"]);
  });

  it("a folder that cannot be created fails its host and leaves no file", () => {
    const run = hook.run({ KAMAL_VERSION: "v1", OPS_DEPLOY_DIR: "/dev/null/info" });
    expect(run).toMatchObject({ status: 0, stdout: "", stderr: expect.stringContaining("NOT written on web-1") });
  });

  it("a run without hosts says so", () => {
    expect(hook.run({ KAMAL_VERSION: "v1", KAMAL_HOSTS: "" })).toMatchObject({
      status: 0,
      stderr: expect.stringContaining("KAMAL_HOSTS is empty"),
    });
  });

  it("ssh gets the user and options; no host can be read as an option", () => {
    hook.run({ KAMAL_VERSION: "v1", KAMAL_HOSTS: "web-1,-oProxyCommand=x,*" });
    hook.run({ KAMAL_VERSION: "v1", OPS_SSH_USER: "deploy", OPS_SSH_OPTIONS: "-p 2222" });
    const defaults = "-o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 -o ServerAliveCountMax=3";
    expect(hook.sshLog()).toEqual([
      `${defaults} -- root@web-1 sh -s`,
      `${defaults} -- root@-oProxyCommand=x sh -s`,
      `${defaults} -- root@* sh -s`,
      "-p 2222 -- deploy@web-1 sh -s",
    ]);
  });
});

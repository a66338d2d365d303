import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
// TypeScript 7 has no API in JavaScript; @ts-morph/common has that of TypeScript 6 inside.
import { ts } from "@ts-morph/common";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";

/** Files of scripts and benchmarks, and those of test/support that they import. */
function listFiles(): readonly string[] {
  const files = new Set(
    globSync("{script,bench}/**/*.{ts,tsx,js,cjs,mjs}", {
      exclude: ["**/node_modules", "script/mutants/*.config.ts"],
    }),
  );
  for (const file of files) {
    for (const name of listImports(file)) {
      const path = normalize(join(dirname(file), name));
      if (name.startsWith(".") && path.startsWith("test/") && existsSync(path)) files.add(path);
    }
  }
  return [...files].toSorted();
}

/** Modules that a file imports or requires. */
function listImports(file: string): readonly string[] {
  return ts.preProcessFile(readFileSync(file, "utf8"), true, true).importedFiles.map(({ fileName }) => fileName);
}

/**
 * Names that a file imports from a module, types left out; "all of it" where they are not in
 * braces.
 */
function listNames(file: string, modules: RegExp): readonly string[] {
  if (!listImports(file).some((name) => modules.test(name))) return [];
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  const imports = source.statements
    .filter((statement) => ts.isImportDeclaration(statement))
    .filter(({ moduleSpecifier }) => ts.isStringLiteral(moduleSpecifier) && modules.test(moduleSpecifier.text));
  // Others are exports, `require` and `import()`.
  if (imports.length === 0) return ["all of it"];
  return imports.flatMap(({ importClause }) => {
    if (importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword) return [];
    const bindings = importClause?.namedBindings;
    if (importClause?.name || !bindings || !ts.isNamedImports(bindings)) return ["all of it"];
    return bindings.elements.filter((one) => !one.isTypeOnly).map((one) => (one.propertyName ?? one.name).text);
  });
}

const files = listFiles();
const findUsers = (modules: RegExp, isWanted: (name: string) => boolean = () => true) =>
  files.filter((file) => listNames(file, modules).some(isWanted));

describe("scripts and benchmarks", () => {
  const processes = /^(node:)?(child_process|cluster)$/;

  it("start processes in one place", () => {
    expect(files.length).toBeGreaterThan(150);
    expect(findUsers(processes, (name) => name !== "execFileSync")).toEqual(["script/services/process.ts"]);
  });

  it("wait without a signal only for commands that end within seconds", () => {
    // A new file here needs a command that ends by itself: nothing ends it with the script.
    expect(findUsers(processes, (name) => name === "execFileSync")).toEqual([
      "bench/budget.ts",
      "bench/growth.ts",
      "bench/logs.ts",
      "bench/server.ts",
      "script/bundle/commit.ts",
      "script/client.ts",
      "script/services/rabbitmq.ts",
    ]);
  });

  it("give what libraries start an environment of their own", () => {
    const browsers = findUsers(/^(playwright|puppeteer)/);
    expect(browsers).toEqual(["bench/console.ts", "script/services/chromium.ts"]);
    for (const file of browsers) expect(readFileSync(file, "utf8")).toContain("chromium.launch(toLaunchOptions(");
    expect(readFileSync("script/services/chromium-options.ts", "utf8")).toContain("env: ownEnvironment()");
    expect(findUsers(/node-pty/)).toEqual(["test/support/pty-terminal.ts"]);
    const withTerminal = files.filter((file) => listNames(file, /\/pty-terminal\.ts$/).includes("startTerminal"));
    expect(withTerminal).toEqual(["script/screenshots.ts"]);
    expect(readFileSync("script/screenshots.ts", "utf8")).toContain("ownEnvironment({ OPS_URL");
  });
});

/** Command lines of processes that sleep for this long. */
function findSleepers(seconds: string): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
        return command[0] === "sleep" && command[1] === seconds ? [name] : [];
      } catch {
        return [];
      }
    });
}

const scripts: ChildProcess[] = [];
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "ops-own-"));
});
afterEach(() => {
  for (const script of scripts.splice(0)) script.kill("SIGKILL");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(program: string, ...args: readonly string[]) {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", program, process.cwd(), ...args],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  scripts.push(child);
  return { child, ended: once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]> };
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const;

/** Two sleepers, of which one has left its group, its session and its parent. */
const sleeps = `"setsid sleep " + seconds + " & sleep " + seconds`;
const start = `
  import { spawn } from "node:child_process";
  const [folder, seconds, depth = "0"] = process.argv.slice(1);
  const { ownEnvironment, spawnOwn } = await import(folder + "/script/services/process.ts");
  const { PATH } = process.env;
  spawnOwn("sh", ["-c", ${sleeps}], { env: { PATH }, stdio: "ignore" });
  spawn("sh", ["-c", ${sleeps}], { env: ownEnvironment({ PATH }), stdio: "ignore" });
  const again = [...process.execArgv, folder, seconds, "1"];
  if (depth === "0") spawnOwn(process.execPath, again, { env: { PATH }, stdio: "inherit" });
  setInterval(() => {}, 1000);
`;

describe("what a script started", () => {
  it.each(signals)("ends with it at %s, also what a script below it started", async (signal) => {
    const seconds = String(randomInt(1_000_000, 9_000_000));
    const script = run(start, seconds);
    await expect.poll(() => findSleepers(seconds).length).toBe(8);
    script.child.kill(signal);
    expect(await script.ended).toEqual([null, signal]);
    await expect.poll(() => findSleepers(seconds)).toEqual([]);
  });

  const interrupted = `
    const [folder, log, place] = process.argv.slice(1);
    const { runScript, startProcess } = await import(folder + "/script/services/process.ts");
    const { appendFileSync } = await import("node:fs");
    await runScript(async (stack) => {
      stack.defer(() => appendFileSync(log, "the first is stopped\\n"));
      const text = "trap 'echo the process is stopped; exit' TERM; echo started; while :; do sleep 0.05; done";
      const ready = async () => place === "middle";
      const running = await startProcess({ command: "sh", args: ["-c", text], logFile: log, ready });
      stack.defer(() => running.stop());
      await new Promise(() => setInterval(() => {}, 1000));
    });
  `;

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "is stopped in order at %s, while it starts and later",
    async (signal) => {
      for (const place of ["start", "middle"]) {
        const log = join(folder, `${signal}-${place}`);
        writeFileSync(log, "");
        const script = run(interrupted, log, place);
        await expect.poll(() => readFileSync(log, "utf8")).toBe("started\n");
        script.child.kill(signal);
        expect(await script.ended).toEqual([130, null]);
        expect(readFileSync(log, "utf8")).toBe("started\nthe process is stopped\nthe first is stopped\n");
      }
    },
  );
});

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { commonOptions, type Options } from "../../../src/terminal/command.ts";
import { terminalCommands } from "../../../src/terminal/commands.ts";
import { runTerminal } from "../../support/terminal-run.ts";

const folder = mkdtempSync(join(tmpdir(), "ops-completion-"));
const script = join(folder, "script");
beforeAll(async () => writeFileSync(script, (await runTerminal("completion", ["bash"])).out));
afterAll(() => rmSync(folder, { recursive: true }));

/** The words that bash offers for each of these lines, whose last word is completed. */
function completeAll(lines: readonly (readonly string[])[]): string[][] {
  const asked = lines.map(
    (words) =>
      `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _wallet_core_ops; echo "\${COMPREPLY[*]}"`,
  );
  const out = execFileSync("bash", ["-c", `set -u; source ${script}; ${asked.join("\n")}`], { encoding: "utf8" });
  return out
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => line.split(" ").filter(Boolean));
}

const complete = (...words: string[]) => completeAll([["wallet-core-ops", ...words]])[0];

it("bash offers every command, also after --context", () => {
  const names = terminalCommands.map(({ name }) => name);
  expect(complete("")).toEqual(expect.arrayContaining([...names, "serve", "check", "--version"]));
  expect(complete("--context", "prod", "")).toEqual(expect.arrayContaining(names));
  expect(complete("help", "")).toEqual(expect.arrayContaining(names));
  expect(complete("pro")).toEqual(["problems"]);
});

it("bash offers every option of every command", async () => {
  const forms = await Promise.all(terminalCommands.map(async ({ load }) => (await load()).form));
  const offered = completeAll(forms.map(({ name }) => ["wallet-core-ops", name, "-"]));
  for (const [index, { name, options = {} }] of forms.entries()) {
    const all = Object.entries({ ...options, ...commonOptions } as Options);
    const words = all.flatMap(([option, { short }]) => [`--${option}`, ...(short === undefined ? [] : [`-${short}`])]);
    expect([name, offered[index]?.toSorted()]).toEqual([name, [...words, "--help", "-h"].toSorted()]);
  }
});

it("bash offers the values of an option, and none where they are free", () => {
  expect(complete("ps", "--output", "")).toEqual(["table", "wide", "json", "jsonl", "yaml", "name"]);
  expect(complete("ps", "-o", "j")).toEqual(["json", "jsonl"]);
  expect(complete("jobs", "payouts", "--state", "re")).toEqual(["retrying"]);
  expect(complete("ps", "--engine", "")).toEqual([]);
  expect(complete("--context", "prod", "ps", "--us")).toEqual(["--usage"]);
  expect(complete("serve", "")).toEqual(["--help"]);
});

it("bash offers the words that a command takes", () => {
  expect(complete("context", "")).toEqual(expect.arrayContaining(["list", "use", "show", "remove"]));
  expect(complete("completion", "z")).toEqual(["zsh"]);
});

it.each(["zsh", "fish"])("%s gets a script with every command and option", async (shell) => {
  const { code, out } = await runTerminal("completion", [shell]);
  expect(code).toBe(0);
  for (const { name, load } of terminalCommands) {
    const { form } = await load();
    expect(out).toContain(name);
    for (const option of Object.keys(form.options ?? {}))
      expect(out).toContain(shell === "fish" ? `-l ${option} ` : `--${option}`);
  }
  // Where the shell is there, it reads the script.
  const { status, error } = spawnSync(shell, ["-n"], { input: out });
  expect(error ? 0 : status).toBe(0);
});

// Where fish is installed, as script/setup does.
it.skipIf(spawnSync("fish", ["--version"]).error)("fish offers files only where an option is for one", async () => {
  const { out } = await runTerminal("completion", ["fish"]);
  const offer = (line: string) => {
    const answer = execFileSync(
      "fish",
      ["--no-config", "-c", `${out}\ncomplete -C ${JSON.stringify(`wallet-core-ops ${line}`)}`],
      {
        cwd: folder,
        encoding: "utf8",
      },
    );
    return answer.split("\n").flatMap((row) => row.split("\t")[0] || []);
  };
  expect(offer("ps --engine ")).toEqual([]);
  expect(offer("ps -o j")).toEqual(["json", "jsonl"]);
  expect(offer("ps --usa")).toEqual(["--usage"]);
  expect(offer("login --token-file ")).toEqual(["script"]);
});

it("another shell, or none, is refused", async () => {
  for (const args of [[], ["tcsh"], ["bash", "zsh"]])
    expect(await runTerminal("completion", args)).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/^Which shell/),
    });
});

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTerminal } from "../support/pty-terminal.ts";
import { until } from "../support/until.ts";

const home = mkdtempSync(join(tmpdir(), "ops-shells-"));
const folder = join(home, "bin");

/**
 * `completion` is the real command; what else it is called with it prints, each argument in
 * brackets: at once, as the terminal shows what was typed meanwhile.
 */
const program = `#!/bin/sh
[ "$1" != completion ] || exec ${process.execPath} --disable-warning=ExperimentalWarning ${join(process.cwd(), "src/cli.ts")} "$@"
printf '%s\\n' "$(printf '[%s]' "$@")"
`;

/** How a person loads it, by docs/terminal.md. */
const shells = {
  bash: { args: ["--noprofile", "--norc", "-i"], load: ['eval "$(wallet-core-ops completion bash)"'] },
  zsh: {
    args: ["-f", "-i"],
    load: ["autoload -Uz compinit && compinit -u -D", 'eval "$(wallet-core-ops completion zsh)"'],
  },
  fish: {
    args: ["--private"],
    load: [
      // Else what could be completed is on the screen before Tab is pressed.
      "set -g fish_autosuggestion_enabled 0",
      "mkdir -p ~/.config/fish/completions",
      "wallet-core-ops completion fish > ~/.config/fish/completions/wallet-core-ops.fish",
    ],
  },
} as const;

beforeAll(() => {
  mkdirSync(folder);
  writeFileSync(join(folder, "wallet-core-ops"), program);
  chmodSync(join(folder, "wallet-core-ops"), 0o755);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

test.each(["bash", "zsh", "fish"] as const)(
  "%s completes a command, an option and a value at Tab",
  async (name) => {
    const { args, load } = shells[name];
    const env = { HOME: home, PATH: `${folder}:${process.env["PATH"] ?? ""}`, PS1: "$ ", LANG: "C.UTF-8" };
    await using shell = startTerminal({ command: name, args, env, columns: 120, rows: 50 });
    let line = 0;
    /** Types a line and waits until the shell has run it. */
    const run = async (keys: string) => {
      line += 1;
      shell.type(`${keys}\r`);
      // What is typed is not what it prints.
      shell.type(`printf 'done-%s\\n' ${line}\r`);
      await until(() => shell.lines().includes(`done-${line}`), 30_000);
    };
    for (const text of load) await run(text);
    await run("wallet-core-ops pro\t");
    await run("wallet-core-ops ps --us\t");
    await run("wallet-core-ops ps --output ya\t");
    await run("wallet-core-ops jobs payouts --state ret\t");
    await run("wallet-core-ops context sh\t");
    await run("wallet-core-ops --context prod ps --us\t");
    // Nothing begins so.
    await run("wallet-core-ops ps --zz\t");
    expect(shell.lines().filter((text) => text.startsWith("["))).toEqual([
      "[problems]",
      "[ps][--usage]",
      "[ps][--output][yaml]",
      "[jobs][payouts][--state][retrying]",
      "[context][show]",
      "[--context][prod][ps][--usage]",
      "[ps][--zz]",
    ]);
    shell.type("exit\r");
    expect((await shell.exit).exitCode).toBe(0);
  },
  60_000,
);

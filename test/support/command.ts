import type { Command, CommandContext } from "../../src/cli/command.ts";

/** Runs a command in this process; returns its exit code and its output. */
export async function runCommand(command: Command, args: readonly string[] = [], more: Partial<CommandContext> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await command({
    args,
    env: {},
    readFile: () => "",
    print: (text) => void out.push(text),
    printError: (text) => void err.push(text),
    stop: AbortSignal.abort(),
    ...more,
  });
  return { code, out, err };
}

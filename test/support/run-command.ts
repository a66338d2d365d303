import { PassThrough } from "node:stream";
import { terminalCommands } from "../../src/terminal/commands.ts";
import type { Stdio } from "../../src/terminal/command.ts";
import { token } from "./gateway.ts";

interface RunOptions {
  /** @default the token of `startGateway` */
  readonly token?: string;
  /** What a person types, line by line: stdin is a terminal then. Without it stdin is an empty pipe. */
  readonly answers?: readonly string[];
  readonly stop?: AbortSignal;
  /** Gets what is written to stderr, as it is written. */
  readonly onError?: (text: string) => void;
}

interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command of the terminal client in this process, against the gateway at `url`. */
export async function runCommand(
  url: string,
  [name = "", ...args]: readonly string[],
  options: RunOptions = {},
): Promise<CommandRun> {
  const { answers, stop = new AbortController().signal, onError } = options;
  const entry = terminalCommands.find((one) => one.name === name);
  if (!entry) throw new Error(`No command is named ${name}`);
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const text = { out: "", err: "" };
  stdout.on("data", (chunk) => (text.out += chunk));
  const left = [...(answers ?? [])];
  stderr.on("data", (chunk: Buffer) => {
    text.err += String(chunk);
    onError?.(String(chunk));
    // A question ends with a blank and no line end: the next line is typed.
    if (answers && String(chunk).endsWith(" ")) {
      const line = left.shift();
      if (line === undefined) stdin.end();
      else stdin.write(`${line}\n`);
    }
  });
  if (answers) Object.assign(stdin, { isTTY: true });
  else stdin.end();
  const { run } = await entry.load();
  const code = await run({
    args,
    env: { OPS_URL: url, OPS_TOKEN: options.token ?? token },
    readFile: () => "",
    print: (line) => stdout.write(`${line}\n`),
    printError: (line) => stderr.write(`${line}\n`),
    stop,
    stdio: { stdin, stdout, stderr } as unknown as Stdio,
  });
  return { code, ...text };
}

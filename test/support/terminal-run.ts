import { PassThrough } from "node:stream";
import type { Session, Stdio, TerminalCommand } from "../../src/terminal/command.ts";
import { terminalCommands } from "../../src/terminal/commands.ts";
import { createPaint } from "../../src/terminal/output/style.ts";
import { token } from "./gateway.ts";

interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What stdin has; it is no terminal. */
  readonly stdin?: string;
  /** What a person types, line by line: stdin is a terminal then. */
  readonly answers?: readonly string[];
  /** Columns of the terminal that stdout is; without: a pipe. */
  readonly columns?: number;
  readonly stop?: AbortSignal;
  readonly readFile?: (path: string) => string;
  /** Sees what is written to stdout, as it is written. */
  readonly onWrite?: (text: string, stdout: PassThrough) => void;
  /** The same for stderr. */
  readonly onError?: (text: string) => void;
}

/**
 * Runs a command of the terminal client in this process; returns its exit code and what it wrote.
 */
export async function runTerminal(name: string, args: readonly string[] = [], options: TerminalOptions = {}) {
  const entry = terminalCommands.find((one) => one.name === name);
  if (!entry) throw new Error(`No command is named ${name}`);
  return runTerminalCommand(await entry.load(), args, options);
}

/** The same, against the gateway at `url`. `token`: @default that of `startGateway` */
export async function runCommand(
  url: string,
  [name = "", ...args]: readonly string[],
  { token: own, ...options }: TerminalOptions & { readonly token?: string } = {},
) {
  return runTerminal(name, args, { ...options, env: asking(url, own) });
}

export async function runTerminalCommand(
  command: TerminalCommand,
  args: readonly string[],
  options: TerminalOptions = {},
) {
  const { env = {}, stdin = "", answers, columns, readFile = () => "", onWrite, onError } = options;
  const text = { out: "", err: "" };
  const input = new PassThrough();
  if (answers) Object.assign(input, { isTTY: true });
  else input.end(stdin);
  const left = [...(answers ?? [])];
  const stdout = new PassThrough();
  stdout.on("data", (chunk: Buffer) => {
    text.out += String(chunk);
    onWrite?.(String(chunk), stdout);
  });
  const stderr = new PassThrough();
  stderr.on("data", (chunk: Buffer) => {
    text.err += String(chunk);
    onError?.(String(chunk));
    // A question ends with a blank and no line end: the next line is typed.
    if (!answers || !String(chunk).endsWith(" ")) return;
    const line = left.shift();
    if (line === undefined) input.end();
    else input.write(`${line}\n`);
  });
  if (columns !== undefined) Object.assign(stdout, { isTTY: true, columns });
  const code = await command.run({
    args,
    env,
    readFile,
    print: (line) => stdout.write(`${line}\n`),
    printError: (line) => stderr.write(`${line}\n`),
    stop: options.stop ?? new AbortController().signal,
    stdio: { stdin: input, stdout, stderr } as unknown as Stdio,
  });
  await new Promise(setImmediate);
  return { code, ...text };
}

/** The environment that asks this gateway. */
export function asking(url: string, own = token): Readonly<Record<string, string>> {
  return { OPS_URL: url, OPS_TOKEN: own };
}

/** A session that writes into texts, one for each write to stdout and each note. */
export function createFakeSession({
  isColoured = false,
  write,
}: { isColoured?: boolean; write?: Session["write"] } = {}) {
  const written: string[] = [];
  const notes: string[] = [];
  const paint = createPaint(isColoured ? "always" : "never", {}, {});
  const session = {
    paint,
    paintError: createPaint("never", {}, {}),
    width: null,
    write: async (text: string) => {
      written.push(text);
      return write ? write(text) : true;
    },
    note: (text: string) => void notes.push(text),
  } as unknown as Session;
  return { session, written, notes };
}

import { PassThrough } from "node:stream";
import { createPaint } from "../../src/terminal/output/style.ts";
import type { Session, Stdio, TerminalCommand } from "../../src/terminal/command.ts";

interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stop?: AbortSignal;
  /** The reader of stdout goes after so many writes. */
  readonly mostChunks?: number;
}

/** Runs a command of the terminal client in this process; stdout and stderr are no terminals. */
export async function runTerminal(
  command: TerminalCommand,
  args: readonly string[],
  { env = {}, stop, mostChunks }: RunOptions = {},
) {
  const { stdio, out, err } = createStdio(mostChunks);
  const code = await command.run({
    args,
    env,
    readFile: () => "",
    print: (text) => void stdio.stdout.write(`${text}\n`),
    printError: (text) => void stdio.stderr.write(`${text}\n`),
    stop: stop ?? new AbortController().signal,
    stdio,
  });
  return { code, out: out(), err: err() };
}

function createStdio(mostChunks = Infinity) {
  const text = { out: "", err: "" };
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  let chunks = 0;
  stdout.on("data", (chunk) => {
    text.out += chunk;
    chunks += 1;
    if (chunks >= mostChunks) stdout.destroy();
  });
  stderr.on("data", (chunk) => (text.err += chunk));
  const stdio = { stdin, stdout, stderr } as unknown as Stdio;
  return { stdio, out: () => text.out, err: () => text.err };
}

/** A session that writes into texts, one for each write to stdout and each note. */
export function createFakeSession({ isColoured = false, write }: { isColoured?: boolean; write?: Session["write"] } = {}) {
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

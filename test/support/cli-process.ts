import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { assertNoCrash } from "./crash.ts";

export interface CliProcess {
  readonly child: ChildProcess;
  /** Its output, to stdout and to stderr. */
  readonly out: () => string;
  readonly err: () => string;
  /**
   * Its exit code; null when a signal ended it. Rejects when it crashed: an unhandled rejection or
   * exception ended it.
   */
  readonly ended: Promise<number | null>;
}

/** Starts src/cli.ts as a process, with nothing else in its environment. */
export function startCli(args: readonly string[], env: Record<string, string> = {}): CliProcess {
  return startProgram([process.execPath, "src/cli.ts", ...args], env);
}

/**
 * The same in a terminal, which closes when `child`, its holder, is killed. The first line of the
 * output is the gateway's process id.
 */
export function startInTerminal(args: readonly string[], env: Record<string, string>): CliProcess {
  const command = `echo $$; exec ${[process.execPath, "src/cli.ts", ...args].join(" ")}`;
  return startProgram(["script", "--quiet", "--command", command, "/dev/null"], env);
}

/**
 * Starts any program as a process. `isOurs`: whether a crash of it fails the test; the program of a
 * page may end by its own error.
 */
export function startProgram(
  [program = "", ...args]: readonly string[],
  env: Record<string, string>,
  isOurs = true,
): CliProcess {
  const child = spawn(program, args, { env: { PATH: process.env["PATH"] ?? "", ...env } });
  const text = { out: "", err: "" };
  child.stdout.on("data", (chunk) => (text.out += chunk));
  child.stderr.on("data", (chunk) => (text.err += chunk));
  const ended = once(child, "close").then(([code]) => {
    if (isOurs) assertNoCrash(text.out + text.err);
    return code as number | null;
  });
  return { child, out: () => text.out, err: () => text.err, ended };
}

/** Runs it to its end. `text` is all of its output. */
export async function runCli(args: readonly string[], env: Record<string, string> = {}) {
  const { out, err, ended } = startCli(args, env);
  const code = await ended;
  return { code, out: out(), err: err(), text: out() + err() };
}

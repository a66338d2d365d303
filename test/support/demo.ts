import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * The demo as a person starts it, in a process group of its own, so that Ctrl-C can be sent as a
 * terminal does: to all of it.
 */
export function startDemo(...args: readonly string[]) {
  const child = spawn("script/demo", args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const read = (chunk: Buffer) => {
    output += String(chunk);
  };
  child.stdout.on("data", read);
  child.stderr.on("data", read);
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  return {
    output: () => output,
    exit,
    interrupt: () => process.kill(-(child.pid as number), "SIGINT"),
    ended: () => child.exitCode !== null || child.signalCode !== null,
    end: () => child.kill("SIGTERM"),
  };
}

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Running, startProcess } from "./process.ts";

interface Demo extends Running {
  readonly url: string;
  /** With every scope. */
  readonly token: string;
}

/**
 * The demo as a person starts it; resolves once it has called every endpoint. Its output is in
 * `folder`.
 */
export async function startDemo(folder: string, ...args: readonly string[]): Promise<Demo> {
  const logFile = join(folder, "demo.log");
  const running = await startProcess({
    command: "script/demo",
    args,
    logFile,
    ready: async () => readFileSync(logFile, "utf8").includes("Ctrl-C stops everything"),
    // It may have to install what it needs, and stops all its parts in order.
    timeoutMs: 600_000,
    graceMs: 60_000,
  });
  const [, url = "", token = ""] = /Console: +(\S+)\/#token=(\S+)/.exec(readFileSync(logFile, "utf8")) ?? [];
  return { ...running, url, token };
}

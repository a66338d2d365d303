import { execFileSync } from "node:child_process";
import type { Build } from "../../src/lib/build.ts";

/**
 * The commit of a checkout and the time now, for the bundle. Changes of tracked files and files that git neither tracks nor ignores mark the commit. `unknown` for
 * sources without git, or a folder inside of somebody else's checkout.
 */
export function readBuild(root: string, now = new Date()): Build {
  return { commit: readCommit(root), builtAt: now.toISOString().replace(/\.\d+/, "") };
}

function readCommit(root: string): string {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", root, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    if (git("rev-parse", "--show-prefix") !== "") return "unknown";
    const commit = git("rev-parse", "--short=12", "HEAD");
    return git("status", "--porcelain") === "" ? commit : `${commit}-changed`;
  } catch {
    return "unknown";
  }
}

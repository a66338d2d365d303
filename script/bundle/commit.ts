import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Build } from "../../src/lib/build.ts";

/**
 * The commit of a checkout, or of the archive that the sources came in, and the time now, for the
 * bundle. Changes of tracked files and files that git neither tracks nor ignores mark the commit;
 * changes of an archive cannot be seen. `unknown` for other sources, also in a folder inside of
 * somebody else's checkout.
 */
export function readBuild(root: string, now = new Date()): Build {
  return { commit: readCommit(root), builtAt: now.toISOString().replace(/\.\d+/, "") };
}

function readCommit(root: string): string {
  // A git hook sets GIT_DIR and others, which would choose another repository.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", root, ...args], { encoding: "utf8", env, stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    if (git("rev-parse", "--show-prefix") !== "") return readArchived(root);
    const commit = git("rev-parse", "--short=12", "HEAD");
    return git("status", "--porcelain") === "" ? commit : `${commit}-changed`;
  } catch {
    return readArchived(root);
  }
}

/** `git archive`, and so a forge's tarball, writes the commit into this file (.gitattributes). */
const archived = "script/bundle/archived-commit.txt";

function readArchived(root: string): string {
  try {
    const [commit = "unknown"] = /^[0-9a-f]{12}/.exec(readFileSync(join(root, archived), "utf8")) ?? [];
    return commit;
  } catch {
    return "unknown";
  }
}

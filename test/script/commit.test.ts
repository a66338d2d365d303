import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import { readBuild } from "../../script/bundle/commit.ts";

const folder = mkdtempSync(join(tmpdir(), "ops-commit-"));
afterAll(() => rmSync(folder, { recursive: true }));

function git(...args: string[]): string {
  const author = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
  return execFileSync("git", ["-C", folder, ...author, ...args], { encoding: "utf8" }).trim();
}

it("a build has the commit of its checkout, and says what it lacks", () => {
  const read = () => readBuild(folder, new Date("2026-12-01T03:45:00.250Z"));
  expect(read()).toEqual({ commit: "unknown", builtAt: "2026-12-01T03:45:00Z" });
  git("init", "--quiet");
  expect(read().commit).toBe("unknown");
  writeFileSync(join(folder, ".gitignore"), "dist/\n");
  git("add", "--all");
  git("commit", "--quiet", "--message", "Begin");
  const commit = git("rev-parse", "--short=12", "HEAD");
  expect(commit).toMatch(/^[0-9a-f]{12}$/);
  mkdirSync(join(folder, "dist"));
  writeFileSync(join(folder, "dist/a"), "");
  expect(read().commit).toBe(commit);
  // As in a git hook of another repository.
  vi.stubEnv("GIT_DIR", resolve(execFileSync("git", ["rev-parse", "--git-dir"], { encoding: "utf8" }).trim()));
  expect(read().commit).toBe(commit);
  vi.unstubAllEnvs();
  writeFileSync(join(folder, "untracked.ts"), "");
  expect(read().commit).toBe(`${commit}-changed`);
  mkdirSync(join(folder, "inside"));
  expect(readBuild(join(folder, "inside")).commit).toBe("unknown");
});

it("a build of an archive has the commit of the archive", () => {
  const commit = execFileSync("git", ["rev-parse", "--short=12", "HEAD"], { encoding: "utf8" }).trim();
  const archive = mkdtempSync(join(folder, "archive-"));
  const name = "script/bundle/archived-commit.txt";
  const tar = execFileSync("git", ["archive", "--worktree-attributes", "HEAD", name]);
  execFileSync("tar", ["-x", "-C", archive], { input: tar });
  expect(readBuild(archive).commit).toBe(commit);
  // What a checkout has is no commit.
  expect(readFileSync(name, "utf8")).toBe("$Format:%H$\n");
  copyFileSync(name, join(archive, name));
  expect(readBuild(archive).commit).toBe("unknown");
});

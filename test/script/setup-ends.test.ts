import { spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder with the script, on a machine whose npm hangs and whose apt-get does nothing. */
function createMachine() {
  const folder = mkdtempSync(join(tmpdir(), "ops-setup-"));
  folders.push(folder);
  for (const name of ["script", "bin"]) mkdirSync(join(folder, name));
  const path = join(folder, "script/setup");
  copyFileSync("script/setup", path);
  const note = join(folder, "npm.pid");
  const programs = { npm: `echo $$ >${note}.new; mv ${note}.new ${note}; exec sleep 300`, "apt-get": "exit 0" };
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${text}\n`);
  for (const one of [path, join(folder, "bin/npm"), join(folder, "bin/apt-get")]) chmodSync(one, 0o755);
  return {
    // Not its last command: bash would replace itself.
    caller: spawn("bash", ["-c", `${path} demo; true`], {
      env: { PATH: `${join(folder, "bin")}:/usr/local/bin:/usr/bin:/bin`, HOME: folder },
      stdio: "ignore",
    }),
    npm: () => (existsSync(note) ? Number(readFileSync(note, "utf8")) : null),
  };
}

/** The pids below a process; empty when it is gone. */
function listBelow(pid: number): readonly number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  const own = existsSync(path) ? readFileSync(path, "utf8").split(" ").filter(Boolean).map(Number) : [];
  return own.flatMap((child) => [child, ...listBelow(child)]);
}

function isRunning(pid: number): boolean {
  try {
    return !/^\S+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

it.each(["SIGTERM", "SIGKILL"] as const)("the set-up and npm end with a caller that gets %s", async (signal) => {
  const { caller, npm } = createMachine();
  const long = { timeout: 30_000, interval: 20 };
  await expect.poll(npm, long).not.toBeNull();
  const started = listBelow(caller.pid as number);
  expect(started).toContain(npm());
  expect(started.length).toBeGreaterThan(1);
  caller.kill(signal);
  await expect.poll(() => started.filter(isRunning), long).toEqual([]);
});

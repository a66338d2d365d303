import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const hook = fileURLToPath(new URL("../../deploy/kamal/post-deploy", import.meta.url));

/**
 * Stands for ssh: logs its arguments, and runs the remote command in `hosts/<host>`, without the
 * environment of the caller. `down` cannot be reached.
 */
const sshStub = `#!/bin/sh
printf '%s\\n' "$*" >>"$STUB/ssh.log"
while [ "$1" != -- ]; do shift; done
host=\${2#*@}
[ "$host" != down ] || { echo "ssh: connect to host down: No route" >&2; exit 255; }
mkdir -p "$STUB/hosts/$host" && cd "$STUB/hosts/$host" && exec env -i PATH=/usr/bin:/bin sh -c "$3"
`;

interface HookRun {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A place to run the hook in: stub ssh, hosts as folders, an empty application folder (not a git
 * tree until `git` makes it one).
 */
export function createHookSandbox(folder: string) {
  const app = join(folder, "app");
  const bin = join(folder, "bin");
  for (const path of [app, bin]) mkdirSync(path, { recursive: true });
  writeFileSync(join(bin, "ssh"), sshStub, { mode: 0o755 });
  const env = {
    PATH: `${bin}:${process.env["PATH"] ?? ""}`,
    HOME: folder,
    STUB: folder,
    // Where the folder of the test lies in some git tree, that one must not be found.
    GIT_CEILING_DIRECTORIES: folder,
    OPS_DEPLOY_DIR: "info",
    KAMAL_RECORDED_AT: "2026-01-10T13:15:00Z",
    KAMAL_PERFORMER: "ops-user",
    KAMAL_SERVICE: "wallet-core",
    KAMAL_HOSTS: "web-1",
    KAMAL_COMMAND: "deploy",
  };
  /** Rejects unless it ends with 0. */
  const start = (values: Readonly<Record<string, string>>) =>
    execute("/bin/sh", [hook], { cwd: app, env: { ...env, ...values }, timeout: 20_000 });
  const filePath = (host: string) => join(folder, "hosts", host, "info", "deploy_info.json");
  return {
    app,
    filePath,
    start,
    run: (values: Readonly<Record<string, string>>, shell = "/bin/sh"): HookRun => {
      const { status, stdout, stderr } = spawnSync(shell, [hook], {
        cwd: app,
        env: { ...env, ...values },
        encoding: "utf8",
        timeout: 20_000,
      });
      return { status, stdout, stderr };
    },
    read: (host = "web-1") => JSON.parse(readFileSync(filePath(host), "utf8")) as Record<string, string>,
    sshLog: () => readFileSync(join(folder, "ssh.log"), "utf8").trim().split("\n"),
    git: (...args: string[]) => {
      const identity = [
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.com",
        "-c",
        "init.defaultBranch=trunk",
        "-c",
        "commit.gpgsign=false",
      ];
      return execFileSync("git", [...identity, ...args], {
        cwd: app,
        env: { ...env, GIT_CONFIG_GLOBAL: "/dev/null" },
        encoding: "utf8",
      }).trim();
    },
  };
}

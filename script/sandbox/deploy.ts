import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { runProgram } from "../services/process.ts";
import type { SandboxDeploy } from "./scenario.ts";

const hook = fileURLToPath(new URL("../../deploy/kamal/post-deploy", import.meta.url));

/**
 * Deploys as Kamal's post-deploy hook records them, oldest first. The hook is the real one; its
 * `ssh` runs the remote command here, since the sandbox's one host is this machine. Returns `path`.
 */
export async function writeDeployInfo(
  folder: string,
  path: string,
  deploys: readonly SandboxDeploy[],
): Promise<string> {
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(join(bin, "ssh"), sshStub, { mode: 0o755 });
  for (const { version, at, seconds } of deploys) {
    await runProgram(hook, [], {
      cwd: dirname(hook),
      env: {
        PATH: `${bin}:${process.env["PATH"] ?? ""}`,
        HOME: folder,
        KAMAL_RECORDED_AT: at.toISOString().replace(/\.\d+Z$/, "Z"),
        KAMAL_PERFORMER: userInfo().username,
        KAMAL_VERSION: version,
        KAMAL_SERVICE_VERSION: `wallet-core@${version.slice(0, 7)}`,
        KAMAL_SERVICE: "wallet-core",
        KAMAL_DESTINATION: "staging",
        KAMAL_HOSTS: hostname(),
        KAMAL_COMMAND: "deploy",
        KAMAL_RUNTIME: String(Math.floor(seconds)),
        OPS_DEPLOY_DIR: dirname(path),
      },
    });
  }
  if (!existsSync(path)) throw new Error("the hook wrote no file");
  return path;
}

/** `ssh [options] host command...`: options with a value are those of `man ssh`. */
const sshStub = `#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in
    -[BbcDEeFIiJLlmOopQRSWw]) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
shift
exec sh -c "$*"
`;

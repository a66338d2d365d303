import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { token } from "./gateway.ts";

interface HookRun {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Hooks of `deploy/kamal/gates`, copied to `folder` as people copy them, with `wallet-core-ops` in
 * the PATH. They ask the gateway at `url`, and are run as Kamal runs hooks.
 */
export function createGateHooks(folder: string, url: string) {
  const [bin, hooks] = [join(folder, "bin"), join(folder, "hooks")];
  for (const path of [bin, hooks]) mkdirSync(path, { recursive: true });
  for (const name of ["pre-deploy", "post-deploy"])
    copyFileSync(resolve("deploy/kamal/gates", name), join(hooks, name));
  const program = `#!/bin/sh\nexec '${process.execPath}' '${resolve("src/cli.ts")}' "$@"\n`;
  writeFileSync(join(bin, "wallet-core-ops"), program, { mode: 0o755 });
  const env = {
    PATH: `${bin}:/usr/bin:/bin`,
    HOME: folder,
    OPS_URL: url,
    OPS_TOKEN: token,
    KAMAL_COMMAND: "deploy",
    KAMAL_VERSION: "v2",
    KAMAL_SERVICE: "wallet-core",
  };
  return {
    hooks,
    run: (name: "pre-deploy" | "post-deploy", values: Readonly<Record<string, string>> = {}): Promise<HookRun> =>
      new Promise((done) => {
        execFile(
          "/bin/sh",
          [join(hooks, name)],
          { cwd: folder, env: { ...env, ...values }, timeout: 60_000 },
          (error, stdout, stderr) =>
            done({ status: typeof error?.code === "number" ? error.code : error ? -1 : 0, stdout, stderr }),
        );
      }),
  };
}

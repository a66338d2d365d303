import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { DocRow } from "./doc-commands.ts";

export interface DocRun {
  /** Null when a signal ended it. */
  readonly code: number | null;
  /** stdout and stderr, as they came. */
  readonly shown: string;
  /** What the row waits for and was not in the output. */
  readonly missed: readonly string[];
}

interface ShellOptions {
  /** Where the gateway is. The pages call it http://127.0.0.1:4000 and https://ops.example.com. */
  readonly url: string;
  /** `TOKEN` in the environment. */
  readonly token: string;
  /** For the rows `inStaging`. */
  readonly stagingToken: string;
  /** Ends the job that the stage runs. */
  readonly endJob: () => void;
}

/**
 * A home and a PATH as a reader of the pages has them: bash, curl, Node, and `wallet-core-ops`,
 * which asks the gateway at `url`.
 */
export function createDocShell({ url, token, stagingToken, endJob }: ShellOptions) {
  const home = mkdtempSync(join(tmpdir(), "ops-docs-"));
  const bin = join(home, "bin");
  for (const path of [bin, join(home, ".config/fish/completions"), join(home, "work")])
    mkdirSync(path, { recursive: true });
  const program = `#!/bin/sh\nexec '${process.execPath}' '${resolve("src/cli.ts")}' "$@"\n`;
  writeFileSync(join(bin, "wallet-core-ops"), program, { mode: 0o755 });
  const auditFile = join(home, "audit.jsonl");
  const { host } = new URL(url);
  writeFileSync(join(home, ".curlrc"), `connect-to = "127.0.0.1:4000:${host}"\nsilent\nmax-time = 30\n`);
  const env = {
    PATH: `${bin}:${dirname(process.execPath)}:/usr/bin:/bin`,
    HOME: home,
    TOKEN: token,
    TERM: "xterm",
    LANG: "C.UTF-8",
    OPS_URL: url,
    OPS_TOKEN: token,
    WALLET_CORE_OPS_TOKEN: token,
    WALLET_CORE_OPS_AUDIT_FILE: auditFile,
    WALLET_CORE_OPS_DOCKER_HOSTS: `unix://${join(home, "no-engine.sock")}`,
  };
  const folders = { empty: join(home, "work"), repository: resolve("."), copy: join(home, "copy") };
  return {
    auditFile,
    /** Runs a command to its end, as the row says, after the definitions of its block. */
    async run(command: string, row: DocRow, definitions: readonly string[] = []): Promise<DocRun> {
      const cwd = folders[row.folder ?? "empty"];
      if (row.folder === "copy") {
        rmSync(cwd, { recursive: true, force: true });
        cpSync("deploy", join(cwd, "deploy"), { recursive: true });
        for (const path of ["src", "node_modules", "package.json"]) symlinkSync(resolve(path), join(cwd, path));
      }
      const own = command.replaceAll("https://ops.example.com", url).replaceAll("COMMAND", "ps");
      const script = [row.before ?? "", ...definitions, own, ...(row.after ? [row.after] : [])].join("\n");
      const [file, args] =
        row.typed === undefined
          ? [row.shell ?? "bash", ["-ec", script]]
          : ["script", ["--quiet", "--return", "--command", script, "/dev/null"]];
      const child = spawn(file, args, {
        cwd,
        env: { ...env, SHELL: "/bin/bash", ...(row.inStaging && { OPS_TOKEN: stagingToken }) },
        detached: true,
      });
      let shown = "";
      const waitFor = [
        { pattern: row.until, act: () => child.pid !== undefined && process.kill(-child.pid, "SIGINT") },
        { pattern: row.jobEndsAt, act: endJob },
        { pattern: row.typed?.after, act: () => child.stdin.write(row.typed?.text ?? "") },
      ].filter(({ pattern }) => pattern);
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => {
          shown += String(chunk);
          for (const wait of waitFor.filter(({ pattern }) => pattern?.test(shown))) {
            waitFor.splice(waitFor.indexOf(wait), 1);
            wait.act();
          }
        });
      // A command may end without reading what it is given.
      child.stdin.on("error", () => {});
      if (row.typed === undefined) child.stdin.end(row.stdin?.replaceAll("TOKEN", token) ?? "");
      const deadline = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, "SIGKILL"), 25_000);
      const code = await new Promise<number | null>((done) => child.on("close", done));
      clearTimeout(deadline);
      return { code, shown, missed: waitFor.map(({ pattern }) => String(pattern)) };
    },
    [Symbol.dispose]: () => rmSync(home, { recursive: true }),
  };
}

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { findProgram, freePort, startProcess } from "../../script/services/process.ts";

export interface Sshd {
  readonly port: number;
  /** Private keys: one that the server accepts, one that it refuses. */
  readonly key: string;
  readonly strangerKey: string;
  /** Files with this server's key, and with another one. */
  readonly knownHosts: string;
  readonly otherHosts: string;
  /** Number of accepted connections. */
  logins(): number;
  /** Ends all connections. */
  drop(): void;
  stop(): Promise<void>;
}

/**
 * An SSH server of our own in `folder`, with a host key and users' keys of its own. Needs root and
 * Debian's openssh-server.
 */
export async function startSshd(folder: string): Promise<Sshd> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync("/run/sshd", { recursive: true });
  const path = (name: string) => join(folder, name);
  const keygen = (name: string, type: string) => {
    execFileSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-f", path(name)]);
    return readFileSync(path(`${name}.pub`), "utf8")
      .split(" ")
      .slice(0, 2)
      .join(" ");
  };
  const host = keygen("host", "ed25519");
  const other = keygen("other", "ed25519");
  const user = keygen("user", "ed25519");
  keygen("stranger", "ed25519");
  const port = await freePort();
  // As docs/scaling.md has it: the key may do nothing but forward.
  writeFileSync(path("authorized"), `restrict,port-forwarding ${user}\n`, {
    mode: 0o600,
  });
  writeFileSync(path("known"), `[127.0.0.1]:${port} ${host}\n`);
  writeFileSync(path("other-known"), `[127.0.0.1]:${port} ${other}\n`);
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${path("host")}`,
    `AuthorizedKeysFile ${path("authorized")}`,
    `PidFile ${path("pid")}`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "PermitRootLogin yes",
    "LogLevel INFO",
  ];
  writeFileSync(path("config"), `${settings.join("\n")}\n`);
  const logFile = path("log");
  const command = findProgram("sshd") ?? "/usr/sbin/sshd";
  const running = await startProcess({
    command,
    args: ["-D", "-e", "-f", path("config")],
    logFile,
    ready: () => canConnect(port),
  });
  return {
    port,
    key: path("user"),
    strangerKey: path("stranger"),
    knownHosts: path("known"),
    otherHosts: path("other-known"),
    logins: () => readFileSync(logFile, "utf8").split("Accepted publickey").length - 1,
    drop() {
      const children = execFileSync("pgrep", ["-P", String(running.pid)], { encoding: "utf8" });
      for (const pid of children.trim().split("\n")) process.kill(Number(pid));
    },
    stop: () => running.stop(),
  };
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", reject);
  });
}

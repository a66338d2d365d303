import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { findProgram, freePort, startProcess } from "../../script/services/process.ts";

/**
 * Debian's PgBouncer in transaction mode before a server: each transaction may get another session
 * of the server. As root it does not run. `hosts`: more addresses to listen on.
 */
export async function startPgBouncer(serverUrl: string, hosts: readonly string[] = []) {
  const server = new URL(serverUrl);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "ops-pgbouncer-"));
  chmodSync(folder, 0o755);
  const config = join(folder, "pgbouncer.ini");
  const target = `host=127.0.0.1 port=${server.port} user=${server.username} password=${server.password}`;
  const lines = [
    "[databases]",
    `* = ${target}`,
    "[pgbouncer]",
    `listen_addr = ${["127.0.0.1", ...hosts].join(",")}`,
    `listen_port = ${port}`,
  ];
  const settings = [
    "unix_socket_dir =",
    "auth_type = any",
    "pool_mode = transaction",
    "default_pool_size = 3",
    "server_login_retry = 1",
  ];
  writeFileSync(config, [...lines, ...settings, ""].join("\n"));
  const program = findProgram("pgbouncer") ?? "pgbouncer";
  const [command, ...args] =
    process.getuid?.() === 0
      ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, config]
      : [program, config];
  const isListening = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false)).on("connect", () => socket.destroy());
    });
  const running = await startProcess({
    command,
    args,
    logFile: join(folder, "pgbouncer.log"),
    ready: isListening,
  });
  const url = new URL(serverUrl);
  url.port = String(port);
  return {
    url: url.href,
    async stop() {
      await running.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

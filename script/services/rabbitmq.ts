import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Running, UnavailableError, findProgram, freePort, startProcess } from "./process.ts";

/** A real RabbitMQ of our own with its management API, reachable at 127.0.0.1 only. */
export interface RunningRabbitmq extends Running {
  /** The management API, with the credentials of the administrator "ops". */
  readonly url: string;
  readonly amqp: { readonly port: number; readonly user: string; readonly password: string };
  /** Ends the broker; durable queues, the users and the ports stay. `start` brings it back. */
  halt(): Promise<void>;
  start(): Promise<void>;
}

interface RabbitmqOptions {
  /** Lines of rabbitmq.conf beyond ours. */
  readonly settings?: readonly string[];
}

const libraries = "/usr/lib/rabbitmq/lib";

/**
 * Debian's RabbitMQ with a node name, a cookie, ports and a data folder of its own; it takes about
 * 3 s. Its name server (epmd) is our own too: else Erlang would leave one behind. As root both run
 * as Debian's user `rabbitmq`, from a folder in /tmp that is removed at the end. Statistics are
 * collected twice a second.
 *
 * @throws UnavailableError when it is not installed, or does not start
 */
export async function startRabbitmq(dir: string, options: RabbitmqOptions = {}): Promise<RunningRabbitmq> {
  const command = findServer();
  const epmd = findProgram("epmd");
  if (command === null || epmd === null)
    throw new UnavailableError("RabbitMQ is not installed (apt-get install rabbitmq-server)");
  mkdirSync(dir, { recursive: true });
  const home = mkdtempSync(join(tmpdir(), "ops-rabbitmq-"));
  const owner = findOwner();
  const prefix = owner ? ["setpriv", `--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--clear-groups"] : [];
  const [port, managementPort, distributionPort, epmdPort] = await freePorts();
  const password = randomBytes(16).toString("hex");
  writeFiles(home, password, [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    `management.tcp.port = ${managementPort}`,
    ...(options.settings ?? []),
  ]);
  if (owner) for (const name of [".", ...readdirSync(home)]) chownSync(join(home, name), owner.uid, owner.gid);
  const url = `http://ops:${password}@127.0.0.1:${managementPort}`;
  const run = (program: string, args: readonly string[], ready: () => Promise<boolean>) => {
    const [first, ...rest] = [...prefix, program, ...args] as [string, ...string[]];
    return startProcess({
      command: first,
      args: rest,
      env: toEnvironment(home, distributionPort, epmdPort),
      logFile: join(dir, "rabbitmq.log"),
      ready,
    });
  };
  let names: Running | null = null;
  let server: Running | null = null;
  const discard = () => rmSync(home, { recursive: true, force: true });
  const halt = async () => server?.stop();
  const start = async () => {
    server = await run(command, [], async () => (await answers(url)) && (await greets(port)));
  };
  const onExit = () => {
    for (const { pid } of [server, names].filter((one) => one !== null)) kill(pid);
    discard();
  };
  const stop = async () => {
    process.off("exit", onExit);
    await halt();
    await names?.stop();
    discard();
  };
  process.once("exit", onExit); // Cleans up after an interrupted test run.
  try {
    names = await run(epmd, ["-port", String(epmdPort), "-address", "127.0.0.1"], () => Promise.resolve(true));
    await start();
  } catch (error) {
    await stop();
    throw new UnavailableError(`RabbitMQ: ${String(error)}`, { cause: error });
  }
  return {
    get pid() {
      return server?.pid ?? 0;
    },
    url,
    amqp: { port, user: "ops", password },
    halt,
    start,
    stop,
  };
}

/**
 * The server's own script: Debian's wrapper in /usr/sbin would change the user, the folder and the
 * environment.
 */
function findServer(): string | null {
  if (!existsSync(libraries)) return null;
  const version = readdirSync(libraries).find((name) => name.startsWith("rabbitmq_server-"));
  return version === undefined ? null : join(libraries, version, "sbin", "rabbitmq-server");
}

/** As root, the broker runs as the user that Debian created for it. */
function findOwner(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  return { uid: readId("-u"), gid: readId("-g") };
}

function readId(flag: "-u" | "-g"): number {
  return Number(execFileSync("id", [flag, "rabbitmq"], { encoding: "utf8" }));
}

async function freePorts(): Promise<[number, number, number, number]> {
  const [first, second, third, fourth] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  return [first, second, third, fourth];
}

function writeFiles(home: string, password: string, settings: readonly string[]): void {
  const lines = [
    ...settings,
    "management.tcp.ip = 127.0.0.1",
    "default_user = ops",
    `default_pass = ${password}`,
    "default_user_tags.administrator = true",
    "collect_statistics_interval = 500",
    "log.console = true",
    "log.file = false",
  ];
  writeFileSync(join(home, "rabbitmq.conf"), `${lines.join("\n")}\n`);
  writeFileSync(join(home, "enabled_plugins"), "[rabbitmq_management].\n");
  writeFileSync(join(home, ".erlang.cookie"), randomBytes(16).toString("hex"));
  chmodSync(join(home, ".erlang.cookie"), 0o400);
}

/**
 * Everything that the server's script would otherwise read from the machine. Source: "Environment
 * variables" of rabbitmq.com/docs/configure.
 */
function toEnvironment(home: string, distributionPort: number, epmdPort: number): Record<string, string> {
  return {
    HOME: home,
    LANG: "C.UTF-8",
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `ops${epmdPort}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_CONFIG_FILE: join(home, "rabbitmq.conf"),
    RABBITMQ_MNESIA_BASE: join(home, "data"),
    RABBITMQ_LOG_BASE: join(home, "log"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, "enabled_plugins"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    // The script becomes the server, instead of waiting for it: one process, one id.
    detached: "1",
  };
}

async function answers(url: string): Promise<boolean> {
  const { username, password, origin } = new URL(url);
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  return (await fetch(`${origin}/api/overview`, { headers: { authorization } })).ok;
}

/**
 * Whether it speaks AMQP: the listener opens before the broker has started, and closes connections
 * until then.
 */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(Buffer.from("AMQP\0\0\x09\x01", "latin1")));
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once("error", () => end(false)).once("close", () => end(false));
    socket.once("data", () => end(true));
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Already gone.
  }
}

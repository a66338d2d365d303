import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { callDocker } from "./docker-api.ts";
import { createBridge, killLeftovers, removeBridge, unmountBelow } from "./dockerd-leftovers.ts";
import { findProgram, type Running, startProcess, UnavailableError } from "./process.ts";
import { buildSampleImage } from "./sample-image.ts";

export { buildSampleImage } from "./sample-image.ts";

/** A private Docker engine. `pid` is that of the daemon that runs now. */
export interface Dockerd extends Running {
  readonly socketPath: string;
  /**
   * SIGTERM (or another signal) and start again on the same data; containers stop, unless it was
   * started with --live-restore.
   */
  restart(signal?: NodeJS.Signals): Promise<void>;
  /**
   * Ends the daemon alone and leaves its data, for tests of an engine that is down; `start` brings
   * it back.
   */
  halt(signal?: NodeJS.Signals): Promise<void>;
  start(): Promise<void>;
}

interface DockerdOptions {
  /**
   * Without it there is no network but `none` and `host`, and so no published port. @default true
   * where `ip` can make one
   */
  readonly bridge?: boolean;
  /**
   * A network namespace of its own, with a firewall that Docker manages, as on a host where nothing
   * else runs: containers reach each other by name and nothing outside; what they publish is
   * reached from within alone (`docker exec`). @default false
   */
  readonly ownNetwork?: boolean;
  /** More arguments for dockerd, as `--tlsverify`. */
  readonly args?: readonly string[];
}

const fixedArgs = ["--group=root", "--ip6tables=false", "--shutdown-timeout=2", "--log-level=warn"];
const sharedNetworkArgs = ["--iptables=false", "--ip-forward=false", "--ip-masq=false"];
const inOwnNetwork = ["--net", "sh", "-c", 'ip link set lo up && exec "$0" "$@"'];

/**
 * Starts a dockerd of our own in `dir`: own data, own socket, own bridge, no firewall rule and no
 * kernel setting touched. Takes about 1.2 s, and has the image `ops-sample:latest`. `stop` leaves
 * no process, no mount and no interface behind. Throws UnavailableError with the reason.
 */
export async function startDockerd(dir: string, options: DockerdOptions = {}): Promise<Dockerd> {
  const command = findProgram("dockerd");
  if (!command) throw new UnavailableError("dockerd is not installed (apt-get install docker.io)");
  if (process.getuid?.() !== 0) throw new UnavailableError("a private dockerd needs root");
  mkdirSync(dir, { recursive: true });
  // A Unix socket's path has at most 107 bytes, and containerd's is 40 longer than the folder's.
  const runDir = dir.length <= 60 ? join(dir, "run") : mkdtempSync(join(tmpdir(), "ops-docker-"));
  mkdirSync(runDir, { recursive: true });
  const socketPath = join(runDir, "docker.sock");
  const { ownNetwork = false } = options;
  const bridge = ownNetwork || options.bridge === false ? null : await createBridge();

  const run = (driver: string) =>
    startProcess({
      command: ownNetwork ? "unshare" : command,
      args: [
        ...(ownNetwork ? [...inOwnNetwork, command] : []),
        `--data-root=${join(dir, "data")}`,
        `--exec-root=${join(runDir, "x")}`,
        `--pidfile=${join(runDir, "pid")}`,
        `--host=unix://${socketPath}`,
        `--storage-driver=${driver}`,
        `--bridge=${bridge ?? "none"}`,
        ...fixedArgs,
        ...(ownNetwork ? [] : sharedNetworkArgs),
        ...(options.args ?? []),
      ],
      logFile: join(dir, "dockerd.log"),
      ready: () => callDocker(socketPath, "GET", "/_ping").then(() => true),
    });

  let driver = "overlay2";
  let daemon: Running | null = null;
  const start = async () => {
    daemon = await run(driver);
  };
  const halt = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (daemon && signal !== "SIGTERM") process.kill(daemon.pid, signal);
    await daemon?.stop();
    // After SIGKILL the containers live on and would hold their data.
    if (signal === "SIGKILL") await killLeftovers(runDir);
    daemon = null;
  };
  let stopped: Promise<void> | null = null;
  const stop = async () => {
    if (daemon) await killContainers(socketPath).catch(() => {});
    await halt();
    await killLeftovers(runDir);
    await unmountBelow([dir, runDir]);
    if (bridge) await removeBridge(bridge);
    rmSync(runDir, { recursive: true, force: true });
    rmSync(join(dir, "data"), { recursive: true, force: true });
  };
  try {
    // overlay2 is fast but not possible everywhere, as on top of another overlay; vfs copies, and
    // always works.
    await start().catch(async () => {
      driver = "vfs";
      await start();
    });
  } catch (error) {
    await stop();
    throw new UnavailableError(`a private dockerd does not start: ${(error as Error).message}`, { cause: error });
  }
  try {
    await buildSampleImage(socketPath);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    get pid() {
      // Not 0: a signal to that would reach our own process group.
      if (!daemon) throw new Error("this dockerd does not run");
      return daemon.pid;
    },
    socketPath,
    start,
    halt,
    restart: async (signal) => {
      await halt(signal);
      await start();
    },
    stop: () => (stopped ??= stop()),
  };
}

/** dockerd would give each container its ten seconds to end. */
async function killContainers(socketPath: string): Promise<void> {
  const running = (await callDocker(socketPath, "GET", "/containers/json")) as readonly { Id: string }[];
  await Promise.allSettled(running.map(({ Id }) => callDocker(socketPath, "DELETE", `/containers/${Id}?force=1`)));
}

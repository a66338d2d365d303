import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { callDocker } from "./docker-api.ts";
import { killLeftovers, unmountBelow } from "./dockerd-leftovers.ts";
import { findProgram, type Running, startProcess, UnavailableError } from "./process.ts";
import { buildSampleImage } from "./sample-image.ts";

/** Podman's service with its Docker-compatible API, for us alone. */
interface Podman extends Running {
  readonly socketPath: string;
}

/**
 * Starts `podman system service` with its own storage, state and socket in a folder of /tmp, and
 * its log in `dir`; it has `ops-sample:latest`. Health checks do not run by themselves, as Podman
 * leaves that to systemd's timers. `stop` leaves no process and no mount behind. Throws
 * UnavailableError with the reason.
 */
export async function startPodman(dir: string): Promise<Podman> {
  const command = findProgram("podman");
  if (!command) throw new UnavailableError("podman is not installed (apt-get install podman)");
  if (process.getuid?.() !== 0) throw new UnavailableError("a private podman needs root");
  mkdirSync(dir, { recursive: true });
  // A Unix socket's path has at most 107 bytes, and those of conmon lie deep.
  const runDir = mkdtempSync(join(tmpdir(), "ops-podman-"));
  const socketPath = join(runDir, "podman.sock");
  // Debian's crun refuses machines that have cgroup v1 and v2 at once; Docker's runc, where it is,
  // takes all.
  const runtime = findProgram("runc");
  let service: Running | null = null;
  let stopped: Promise<void> | null = null;
  const stop = async () => {
    await removeContainers(socketPath).catch(() => {});
    await service?.stop();
    await killLeftovers(runDir);
    await unmountBelow([runDir]);
    rmSync(runDir, { recursive: true, force: true });
  };
  try {
    service = await startProcess({
      command,
      args: [
        `--root=${join(runDir, "x/data")}`,
        `--runroot=${join(runDir, "x/run")}`,
        `--tmpdir=${join(runDir, "x/tmp")}`,
        `--network-config-dir=${join(runDir, "x/networks")}`,
        "--storage-driver=vfs",
        "--cgroup-manager=cgroupfs",
        "--events-backend=file",
        ...(runtime ? [`--runtime=${runtime}`] : []),
        "system",
        "service",
        "--time=0",
        `unix://${socketPath}`,
      ],
      env: { PODMAN_IGNORE_CGROUPSV1_WARNING: "1" },
      logFile: join(dir, "podman.log"),
      ready: () => callDocker(socketPath, "GET", "/_ping").then(() => true),
    });
    await buildSampleImage(socketPath);
    return { pid: service.pid, socketPath, stop: () => (stopped ??= stop()) };
  } catch (error) {
    await stop();
    throw new UnavailableError(`a private podman does not start: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * They would outlive the service. The monitors of their execs do so for five minutes in any case.
 */
async function removeContainers(socketPath: string): Promise<void> {
  const all = (await callDocker(socketPath, "GET", "/containers/json?all=1")) as readonly { Id: string }[];
  await Promise.allSettled(all.map(({ Id }) => callDocker(socketPath, "DELETE", `/containers/${Id}?force=1`)));
}

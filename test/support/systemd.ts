import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { until } from "./until.ts";

/** A file of the machine that systemd boots: its path there, text and mode. */
interface PlacedFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

interface Machine {
  /** A folder of the test, for what the machine needs. */
  readonly folder: string;
  /** Paths of units, copied. The first one is started. */
  readonly units: readonly string[];
  readonly files: readonly PlacedFile[];
  /** Symbolic links there: path and target. */
  readonly links: readonly (readonly [path: string, target: string])[];
  /** What is mounted into the machine, read-only: path here, path there. */
  readonly mounts: readonly (readonly [from: string, to: string])[];
}

/**
 * Makes a machine over this one's files (an overlay in memory, so that nothing is written here) in
 * namespaces of its own, with /dev, /run and a tree of control groups of its own, and runs systemd
 * in it as process 1. The network is this machine's. Units are those of SYSTEMD_UNIT_PATH alone.
 */
const boot = `set -eu
mount -t tmpfs -o mode=755 tmpfs "$BASE/memory"
cd "$BASE/memory"
mkdir upper work root groups
mount -t cgroup2 cgroup2 groups
mkdir -p "groups/$NAME"
echo $$ >"groups/$NAME/cgroup.procs"
export ROOT=$PWD/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/upper,workdir=$PWD/work" root
exec unshare --pid --fork --kill-child --ipc --uts --cgroup sh -euc "$INSIDE"`;

const inside = `cd "$ROOT"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for name in null zero full random urandom tty; do touch "dev/$name"; mount --bind "/dev/$name" "dev/$name"; done
touch dev/console
mount --bind "$(tty)" dev/console
mkdir dev/pts dev/shm dev/mqueue dev/hugepages run/old
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mount -t devpts devpts dev/pts
mount -t tmpfs tmpfs dev/shm
sh -euc "$PLACE"
pivot_root . run/old
umount -l /run/old
mount --make-rshared /
exec env -i container=ops SYSTEMD_UNIT_PATH=/run/units SYSTEMD_GENERATOR_PATH=/run/none /lib/systemd/systemd \\
  --system "--unit=$NAME.target" --show-status=no --log-target=console --log-color=no`;

/** Removes the control groups that systemd made. */
const removeGroups = `mount -t cgroup2 cgroup2 "$BASE/memory"
find "$BASE/memory/$NAME" -depth -type d -exec rmdir {} +`;

/** Targets that services refer to. */
const targets = ["basic", "multi-user", "network-online", "shutdown", "sysinit"];

/** Process 1 of the machine, as a process of this one; null when it does not run. */
function findFirstProcess(name: string): number | null {
  const found = readdirSync("/proc").find((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(
        `/lib/systemd/systemd\0--system\0--unit=${name}.target\0`,
      );
    } catch {
      return false;
    }
  });
  return found === undefined ? null : Number(found);
}

/**
 * Boots a real systemd that starts a unit. Needs root and the Debian package systemd.
 * `[Symbol.asyncDispose]` ends it and all that it started.
 */
export async function bootSystemd({ folder, units, files, links, mounts }: Machine) {
  const name = `ops-${basename(folder).toLowerCase()}`;
  const console = join(folder, "console.log");
  const own = join(folder, "units");
  for (const path of [join(folder, "memory"), own]) mkdirSync(path);
  for (const target of targets) writeFileSync(join(own, `${target}.target`), "[Unit]\nDefaultDependencies=no\n");
  writeFileSync(join(own, `${name}.target`), `[Unit]\nDefaultDependencies=no\nWants=${basename(units[0] ?? "")}\n`);
  const place = [
    `mkdir run/units && cp "${own}"/* ${units.map((unit) => `"${unit}"`).join(" ")} run/units/`,
    ...mounts.flatMap(([from, to]) => [
      `mkdir -p "$(dirname ".${to}")"; if [ -d "${from}" ]; then mkdir -p ".${to}"; else rm -f ".${to}"; touch ".${to}"; fi`,
      `mount --bind "${from}" ".${to}"`,
    ]),
    ...links.map(([path, target]) => `mkdir -p "$(dirname ".${path}")"; ln -sfn "${target}" ".${path}"`),
    ...files.map(
      ({ path }, index) => `mkdir -p "$(dirname ".${path}")"; cp -p "${join(folder, `file-${index}`)}" ".${path}"`,
    ),
  ];
  for (const [index, { text, mode }] of files.entries()) writeFileSync(join(folder, `file-${index}`), text, { mode });
  const env = {
    PATH: process.env["PATH"],
    BASE: folder,
    NAME: name,
    INSIDE: inside,
    PLACE: place.join("\n"),
    BOOT: boot,
  };
  const isolate = 'exec unshare --mount --propagation private sh -euc "$BOOT"';
  // script(1) gives it a terminal: systemd takes nothing else for its console.
  const child: ChildProcess = spawn("script", ["--quiet", "--flush", "--command", isolate, console], {
    env,
    stdio: "ignore",
  });
  const ended = once(child, "close");
  const log = () => readFileSync(console, "utf8");
  const within = (...command: readonly string[]) => {
    const pid = findFirstProcess(name);
    if (pid === null) throw new Error(`systemd does not run: ${log()}`);
    const enter = ["--target", String(pid), "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--root", "--wd"];
    return execFileSync("nsenter", [...enter, "env", "SYSTEMD_UNIT_PATH=/run/units", ...command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  };
  const dispose = async () => {
    const pid = findFirstProcess(name);
    if (pid !== null) process.kill(pid, "SIGKILL");
    else child.kill("SIGKILL");
    await ended;
    await until(() => findFirstProcess(name) === null);
    execFileSync("unshare", ["--mount", "--propagation", "private", "sh", "-euc", removeGroups], { env });
  };
  try {
    await until(() => findFirstProcess(name) !== null || child.exitCode !== null);
    if (child.exitCode !== null) throw new Error(`systemd does not start: ${log()}`);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    /** Runs a command in the machine, as root; returns its output, throws if it fails. */
    within,
    /** What systemd and its services wrote to the console. */
    log,
    [Symbol.asyncDispose]: dispose,
  };
}

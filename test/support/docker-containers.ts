import { readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { callDocker } from "../../script/services/docker-api.ts";
import { type Container, type ContainerRef, toContainerKey } from "../../src/containers/container.ts";
import type { ContainerSource } from "../../src/containers/source.ts";
import { until } from "./until.ts";

export interface ContainerSpec {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: readonly string[];
  readonly cmd?: readonly string[];
  readonly image?: string;
  readonly hostname?: string;
  readonly tty?: boolean;
  /** "0.0.0.0:18080:80" */
  readonly publish?: string;
  readonly healthCmd?: string;
  readonly binds?: readonly string[];
  readonly restartPolicy?: string;
  readonly stopTimeout?: number;
  readonly stopSignal?: string;
  readonly memory?: number;
  /** Share of one CPU that it may use, in periods of 10 ms: so its use is even. */
  readonly cpu?: number;
  /** Options of the log driver json-file. */
  readonly logOptions?: Readonly<Record<string, string>>;
  /** @default "bridge" with a published port, else "none" */
  readonly network?: string;
}

/** Ends at SIGTERM, which process 1 of a container ignores unless it traps it. */
const obedient = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];

/** Creates a container as `docker create` would; answers its full id. */
export async function createContainer(socketPath: string, spec: ContainerSpec): Promise<string> {
  const [hostIp, hostPort, port] = spec.publish?.split(":") ?? [];
  const published = port ? `${port}/tcp` : null;
  const { Id } = (await callDocker(socketPath, "POST", `/containers/create?name=${spec.name}`, {
    Image: spec.image ?? "ops-sample:latest",
    Labels: spec.labels ?? {},
    Env: spec.env ?? [],
    Cmd: spec.cmd ?? obedient,
    Hostname: spec.hostname,
    Tty: spec.tty ?? false,
    StopTimeout: spec.stopTimeout ?? 1,
    StopSignal: spec.stopSignal,
    ExposedPorts: published ? { [published]: {} } : {},
    Healthcheck: spec.healthCmd
      ? { Test: ["CMD-SHELL", spec.healthCmd], Interval: 200_000_000, Timeout: 1_000_000_000, Retries: 1 }
      : undefined,
    HostConfig: {
      NetworkMode: spec.network ?? (published ? "bridge" : "none"),
      PortBindings: published ? { [published]: [{ HostIp: hostIp, HostPort: hostPort }] } : {},
      Binds: spec.binds ?? [],
      Memory: spec.memory ?? 0,
      ...(spec.cpu === undefined ? {} : { CpuPeriod: 10_000, CpuQuota: spec.cpu * 10_000 }),
      RestartPolicy: { Name: spec.restartPolicy ?? "no" },
      ...(spec.logOptions && { LogConfig: { Type: "json-file", Config: spec.logOptions } }),
    },
  })) as { Id: string };
  return Id;
}

/**
 * Pauses a container. On cgroup v1 runc gives up where it cannot freeze a busy group in time: then
 * again.
 */
export async function pauseContainer(socketPath: string, id: string): Promise<void> {
  await until(() =>
    callDocker(socketPath, "POST", `/containers/${id}/pause`).then(
      () => true,
      (error: Error) => {
        if (error.message.includes("unable to freeze")) return false;
        throw error;
      },
    ),
  );
}

/**
 * Starts a container. Where its shell traps a signal, answers when it does: before that, process 1
 * ignores the signal.
 */
export async function startContainer(socketPath: string, spec: ContainerSpec): Promise<string> {
  const id = await createContainer(socketPath, spec);
  await callDocker(socketPath, "POST", `/containers/${id}/start`);
  const trapped = /trap '[^']*' ([A-Z0-9]+)/.exec((spec.cmd ?? obedient).join(" "))?.[1];
  if (trapped) await untilTraps(socketPath, id, `SIG${trapped}` as NodeJS.Signals);
  return id;
}

async function untilTraps(socketPath: string, id: string, signal: NodeJS.Signals): Promise<void> {
  await until(async () => {
    const { State } = (await callDocker(socketPath, "GET", `/containers/${id}/json`)) as ContainerState;
    return !State.Running || traps(State.Pid, signal);
  });
}

interface ContainerState {
  readonly State: { readonly Pid: number; readonly Running: boolean };
}

/**
 * Whether a container's process has a handler for a signal: the bit of its number in SigCgt of
 * proc(5). runc, which becomes that process, has handlers of its own.
 */
function traps(pid: number, signal: NodeJS.Signals): boolean {
  const file = `/proc/${pid}/status`;
  const status = statSync(file, { throwIfNoEntry: false }) ? readFileSync(file, "utf8") : "";
  const caught = /^SigCgt:\t([0-9a-f]+)$/m.exec(status)?.[1];
  if (caught === undefined || /^Name:\trunc/m.test(status)) return false;
  return ((BigInt(`0x${caught}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n;
}

export async function stopContainer(socketPath: string, id: string): Promise<void> {
  await callDocker(socketPath, "POST", `/containers/${id}/stop?t=1`);
}

/** Kills it, and starts it anew at once. */
export async function restartContainer(socketPath: string, id: string): Promise<void> {
  await callDocker(socketPath, "POST", `/containers/${id}/restart?t=0`);
}

/**
 * Starts a container that writes to its log and ends; answers its full id after its end. Docker
 * loses all output of one that ends before its pipes have been opened, as happens within
 * milliseconds on a busy machine: then again, up to ten times.
 */
export async function runContainer(socketPath: string, spec: ContainerSpec): Promise<string> {
  for (let attempt = 0; attempt < 10; attempt += 1) {
    const id = await startContainer(socketPath, spec);
    await callDocker(socketPath, "POST", `/containers/${id}/wait`);
    const { LogPath } = (await callDocker(socketPath, "GET", `/containers/${id}/json`)) as { LogPath: string };
    if ((statSync(LogPath, { throwIfNoEntry: false })?.size ?? 0) > 0) return id;
    await removeContainers(socketPath, [id]);
  }
  throw new Error(`The container ${spec.name} has written nothing`);
}

export async function tagImage(socketPath: string, repo: string, tag: string): Promise<void> {
  await callDocker(socketPath, "POST", `/images/ops-sample:latest/tag?repo=${encodeURIComponent(repo)}&tag=${tag}`);
}

/** Removes what a test made, running or not. */
export async function removeContainers(socketPath: string, ids: readonly string[]): Promise<void> {
  await Promise.allSettled(ids.map((id) => callDocker(socketPath, "DELETE", `/containers/${id}?force=1&v=1`)));
}

/**
 * The rows of these containers in the source's lists, hidden ones too; null for one that is in
 * none.
 */
export async function findRows(source: ContainerSource, refs: readonly ContainerRef[]): Promise<(Container | null)[]> {
  const signal = soon();
  const lists = [(await source.list(signal)).containers, await source.listRetired(signal)];
  const rows = new Map(lists.flat().map((row) => [toContainerKey(row), row]));
  return refs.map((ref) => rows.get(toContainerKey(ref)) ?? null);
}

/** A signal that ends a test's call before the test's own deadline. */
export function soon(ms = 45_000): AbortSignal {
  return AbortSignal.timeout(ms);
}

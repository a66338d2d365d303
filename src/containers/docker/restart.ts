import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { hostname } from "node:os";
import { mostStopSeconds } from "../../audit/ledger.ts";
import { createSharedBudget } from "../../lib/budget/budget.ts";
import { OpsError } from "../../lib/errors.ts";
import type { ContainerRef } from "../container.ts";
import { protectedLabel } from "../kamal/labels.ts";
import { toContainer } from "../kamal/mapping.ts";
import type { ContainerInspection, ContainerSource, MarkedContainer, Restarted, RestartPlace } from "../source.ts";
import type { Engine, EngineCalls, Inspection } from "./engine/engine.ts";
import { readEvents } from "./engine/events.ts";

/** Docker's own default between SIGTERM and SIGKILL, seconds. */
const defaultStopTimeout = 10;
/**
 * Deadline for opening the engine's past events: its last 256, none from before its own start.
 * `Starts` has those that we received.
 */
const eventsTimeoutMs = 2000;
/** Past events come at once: what has not come by then does not exist, milliseconds. */
const pastEventsMs = 1000;

type Caller = NonNullable<Parameters<ContainerSource["inspectNow"]>[1]>;

/** What a restart needs of an engine. */
type RestartingEngine = EngineCalls & Pick<Engine, "known" | "limits" | "starts">;

interface Restarter {
  /** As ContainerSource.restart. */
  restart(engine: RestartingEngine, ref: ContainerRef, stopSeconds: number, check?: () => void): Promise<Restarted>;
  /** As ContainerSource.inspectNow. */
  inspect(engine: RestartingEngine, ref: ContainerRef, caller?: Caller): Promise<ContainerInspection>;
  /** As ContainerSource.markRestart. */
  mark(engine: RestartingEngine, ref: ContainerRef): Promise<MarkedContainer>;
  /** As ContainerSource.locate. */
  locate(engines: readonly EngineCalls[], place: RestartPlace): Promise<string | null>;
  restartedSince(engine: RestartingEngine, ref: ContainerRef, since: Date, until: Date): Promise<boolean>;
  /** Waits for the restarts in flight. */
  settle(): Promise<void>;
}

/**
 * Restarts each container once at a time: Docker would run concurrent calls one after the other. No
 * caller can cancel the call, because Docker completes it anyway. A restart is stop, then start:
 * another inspection finds how a failed one ended.
 */
export function createRestarter(graceMs: number): Restarter {
  const running = new Map<string, Promise<Restarted>>();
  let self: ReturnType<typeof readSelf> | null = null;
  let machine: ReturnType<typeof readMachine> | null = null;

  const run = async (
    engine: RestartingEngine,
    { fullId }: ContainerRef,
    t: number,
    check: () => void,
  ): Promise<Restarted> => {
    // It has its own deadline.
    const { context } = await engine.known(new AbortController().signal);
    check();
    const dockerStatus = await engine
      .ask(t * 1000 + graceMs, (signal) => engine.client.restart(fullId, { t }, signal))
      .catch(async (error: unknown) => {
        throw await toOutcome(error as OpsError, engine, fullId);
      });
    const { raw } = await engine.inspect(fullId).catch((error: unknown) => {
      throw unknown(engine, "restarted, but it cannot be asked how the container is", error, dockerStatus);
    });
    return { container: toContainer(raw, context), dockerStatus };
  };
  const inspect = async (
    engine: RestartingEngine,
    fullId: string,
    signal: AbortSignal,
    read: () => Promise<Inspection>,
  ) => {
    const check = await (self ??= readSelf());
    const { context } = await engine.known(signal);
    const { raw, stopTimeout } = await read();
    const labelled = raw.labels[protectedLabel] === "true";
    const protectedBy = check(fullId) ?? (labelled ? `label ${protectedLabel}` : null);
    return { raw, stopTimeout, inspection: { container: toContainer(raw, context), protectedBy } };
  };
  return {
    restart(engine, ref, stopSeconds, check = () => {}) {
      if (running.has(ref.fullId)) {
        return Promise.reject(new OpsError("restart_in_progress", "This container is being restarted already"));
      }
      const restart = run(engine, ref, stopSeconds, check).finally(() => running.delete(ref.fullId));
      running.set(ref.fullId, restart);
      return restart;
    },
    async inspect(engine, { fullId }, caller = createSharedBudget(new AbortController().signal)) {
      const { signal } = caller;
      const read = () => engine.limits.inspect.run(caller, () => engine.inspect(fullId, signal));
      return (await inspect(engine, fullId, signal, read)).inspection;
    },
    async mark(engine, { fullId }) {
      const { signal } = new AbortController();
      const read = () => engine.inspect(fullId);
      const { raw, stopTimeout, inspection } = await inspect(engine, fullId, signal, read);
      // After the inspection: what had started before is in neither.
      const { id, at } = await readEngine(engine);
      const { controlSocket } = engine.client;
      const mark = {
        engineId: id,
        at: new Date(at).toISOString(),
        startedAt: raw.startedAt || null,
        stopSeconds: toStopTimeout(stopTimeout),
        socket: controlSocket === null ? null : `${await (machine ??= readMachine())} ${controlSocket}`,
      };
      return { ...inspection, mark };
    },
    async locate(engines, { engineId, fullId }) {
      const found = await Promise.allSettled(engines.map((engine) => isEngineOf(engine, engineId, fullId)));
      const index = found.findIndex((one) => one.status === "fulfilled" && one.value);
      if (index >= 0) return engines[index]?.name ?? null;
      const failed = found.find((one) => one.status === "rejected");
      if (failed) throw failed.reason;
      return null;
    },
    async restartedSince(engine, { fullId }, since, until) {
      if (engine.starts.hasRestarted(fullId, since, until)) return true;
      const filters = JSON.stringify({ type: ["container"], container: [fullId], event: ["restart", "start"] });
      const query = { since: (since.getTime() / 1000).toFixed(3), filters };
      return hasRestarted(
        await engine.ask(eventsTimeoutMs, (signal) => engine.client.openEvents(query, signal)),
        until,
      );
    },
    async settle() {
      await Promise.allSettled(running.values());
    },
  };
}

/**
 * Deadline of `GET /info`, ms: an engine with slow plugins takes long for it, and it is not needed
 * for the restart.
 */
const infoTimeoutMs = 2000;

/**
 * The id and the clock of an engine. A filter in front of it may forbid `GET /info`: then every
 * answer has the time, in whole seconds.
 */
async function readEngine(engine: EngineCalls): Promise<{ readonly id: string | null; readonly at: number }> {
  try {
    return await engine.ask(infoTimeoutMs, (signal) => engine.client.info(signal));
  } catch {
    return { id: null, at: await engine.ask(infoTimeoutMs, (signal) => engine.client.time(signal)) };
  }
}

/**
 * Whether this is the engine of a restart: it has its id or, where it says none or another one, its
 * container.
 */
async function isEngineOf(engine: EngineCalls, engineId: string | null, fullId: string): Promise<boolean> {
  const { id } = engineId === null ? { id: null } : await readEngine(engine);
  if (engineId !== null && id === engineId) return true;
  return engine.inspect(fullId).then(
    () => true,
    (error: unknown) => {
      if (error instanceof OpsError && error.code === "container_not_found") return false;
      throw error;
    },
  );
}

/**
 * Whether the events have both a restart and a start: Docker sends `restart` last, Podman first.
 * They are read as an open-ended stream, because for a past period Podman (5.4) omits a random
 * part.
 */
async function hasRestarted(stream: IncomingMessage, until: Date): Promise<boolean> {
  const seen = new Set<string>();
  const isSeen = () => seen.has("restart") && seen.has("start");
  const timer = setTimeout(() => stream.destroy(), pastEventsMs);
  const reading = readEvents(stream, ({ action, time }) => {
    if (Date.parse(time) <= until.getTime()) seen.add(action);
    if (isSeen()) stream.destroy();
  });
  // We end it, or the engine does; what was seen counts.
  await reading.catch(() => {});
  clearTimeout(timer);
  return isSeen();
}

/**
 * The container's own value, 0 to 60 s. Always sent: without it Podman kills at once, and a
 * negative one waits for ever.
 */
function toStopTimeout(stopTimeout: Inspection["stopTimeout"] | undefined): number {
  return Math.round(Math.min(mostStopSeconds, Math.max(0, stopTimeout ?? defaultStopTimeout)));
}

async function toOutcome(failure: OpsError, engine: EngineCalls, fullId: string): Promise<OpsError> {
  if (failure.code === "docker_timeout")
    return unknown(engine, "the restart did not end in time; it may still go on", failure);
  if (isCutOff(failure) || hasProxyFailed(failure))
    return unknown(engine, "the engine was lost during the restart", failure);
  if (failure.code !== "docker_error") return failure;
  try {
    const { raw } = await engine.inspect(fullId);
    const message = `Docker engine ${engine.name}: the restart failed and the container was left ${raw.state}`;
    const { cause, upstreamStatus } = failure;
    return new OpsError("docker_error", message, { cause, upstream: `docker:${engine.name}`, upstreamStatus });
  } catch {
    return unknown(
      engine,
      "the restart failed, and it cannot be asked how the container is",
      failure,
      failure.upstreamStatus,
    );
  }
}

/** Errors of a connection, also of one that was open: its keep-alive finds a lost network. */
const cutOffCodes: ReadonlySet<unknown> = new Set([
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
  "ECONNABORTED",
]);

/**
 * A proxy answers with these when the engine could not be reached, and when it broke off after it
 * had received the call.
 */
function hasProxyFailed({ upstreamStatus }: OpsError): boolean {
  return upstreamStatus === 502 || upstreamStatus === 503;
}

/** The connection broke after the engine may have received the call. */
function isCutOff(error: OpsError): boolean {
  const { code, syscall } = (error.cause ?? {}) as { code?: unknown; syscall?: unknown };
  return syscall !== "connect" && cutOffCodes.has(code);
}

function unknown(engine: EngineCalls, what: string, cause: unknown, upstreamStatus?: number): OpsError {
  const options = { cause, upstream: `docker:${engine.name}`, upstreamStatus };
  return new OpsError("restart_unknown", `Docker engine ${engine.name}: ${what}`, options);
}

/**
 * Why a container must not be restarted from here: this process runs in it, or may do so. Else
 * null.
 */
type SelfCheck = (fullId: string) => string | null;

/** Null for a file that cannot be read. */
type Read = (path: string) => Promise<string | null>;

/** Docker and Podman each put one of these files into every container. */
const marks = ["/.dockerenv", "/run/.containerenv"];

/**
 * Finds our own container from the files that Docker mounts (`/etc/hostname` ...), the cgroup, and
 * the host name that Docker makes up. Outside a container nothing matches. Inside one with its own
 * host name, a hidden cgroup and other files mounted over those, it cannot be found: then it may be
 * any container, and none is restarted.
 */
export async function readSelf(read: Read = readIfThere, host = hostname()): Promise<SelfCheck> {
  const [mounts, cgroup] = await Promise.all([read("/proc/self/mountinfo"), read("/proc/self/cgroup")]);
  const ids = new Set(findIds(mounts ?? "", cgroup ?? ""));
  const prefix = /^[0-9a-f]{12}$/.test(host) ? host : null;
  const isContained = (await Promise.all(marks.map(read))).some((mark) => mark !== null);
  if (isContained && ids.size === 0 && prefix === null) {
    return () => "the gateway runs in a container but does not know in which one";
  }
  const isSelf = (fullId: string) => ids.has(fullId) || (prefix !== null && fullId.startsWith(prefix));
  return (fullId) => (isSelf(fullId) ? "the gateway itself runs in it" : null);
}

function findIds(mounts: string, cgroup: string): string[] {
  // On the host itself, mountinfo also lists mounts of other containers: only these three files are
  // ours.
  const own = mounts.split("\n").filter((line) => / \/etc\/(hostname|hosts|resolv\.conf) /.test(line));
  const ids = own.map((line) => /\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf|userdata)/.exec(line)?.[1]);
  const groups = cgroup
    .split("\n")
    .map((line) => /(?:\/|docker-|libpod-)([0-9a-f]{64})(?:\.scope)?(?:\/|$)/.exec(line)?.[1]);
  return [...ids, ...groups].filter((id) => id !== undefined);
}

/** What all processes and containers of a machine have in common, and no other machine has. */
async function readMachine(): Promise<string> {
  return (await readIfThere("/proc/sys/kernel/random/boot_id"))?.trim() ?? hostname();
}

async function readIfThere(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(() => null);
}

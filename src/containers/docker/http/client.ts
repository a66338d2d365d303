import type { IncomingMessage } from "node:http";
import type { ClockOffset } from "../../../lib/clock-skew.ts";
import type { ObserveCall } from "../../../lib/upstream-call.ts";
import type { EngineAddress } from "../address.ts";
import type { Query } from "./connect.ts";
import { AnswerError } from "./errors.ts";
import { readJson } from "./json.ts";
import { createLink, readText } from "./link.ts";

/** All that the gateway ever reads at `/v1.NN/containers/{id}/`. */
type Action = "json" | "stats" | "logs";

/** Larger answers are rejected: 4 MiB hold a list of about 5,000 containers. */
const maxAnswerBytes = 4 << 20;

/**
 * Typed client of one engine: fixed methods and paths, full ids only, negotiated version, bounded
 * answers.
 */
export interface EngineClient {
  /**
   * `GET /_ping`: the version that the engine and we both speak, as "1.45". Cached until `forget`.
   */
  negotiate(signal: AbortSignal): Promise<string>;
  /** Known from the same answer. */
  isPodman(signal: AbortSignal): Promise<boolean>;
  /** `GET /_ping`, each time. */
  ping(signal: AbortSignal): Promise<string>;
  /**
   * `GET /info`: the engine's own id, null where it makes a new one up each time (Podman), and its
   * time, unix ms.
   */
  info(signal: AbortSignal): Promise<{ readonly id: string | null; readonly at: number }>;
  /** Its time, unix ms, in whole seconds: the `Date` of `GET /_ping`. */
  time(signal: AbortSignal): Promise<number>;
  /** How far the engine's clock is ahead of ours, by its last answers; null until it answered. */
  clock(): ClockOffset | null;
  listContainers(signal: AbortSignal): Promise<unknown>;
  /** The same list, reduced to the container with this name. */
  listNamed(name: string, signal: AbortSignal): Promise<unknown>;
  /** `GET /images/json`: images with a label `service`. */
  listImages(signal: AbortSignal): Promise<unknown>;
  /** `GET /images/{id}/json`, by full id (`sha256:...`). */
  inspectImage(id: string, signal: AbortSignal): Promise<unknown>;
  /** `GET /events`: resolves once the engine has subscribed us. */
  openEvents(query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /**
   * JSON of `GET /containers/{fullId}/{action}`. Rejects with StatusError, AnswerError or a Node.js
   * error.
   */
  call(fullId: string, action: Action, query: Query, signal: AbortSignal): Promise<unknown>;
  /** The same as a stream. */
  open(fullId: string, action: Action, query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /**
   * `POST /containers/{fullId}/restart`: resolves to the HTTP status of a success. Rejects as
   * `call`.
   */
  restart(fullId: string, query: Query, signal: AbortSignal): Promise<number>;
  /** One JSON call of an exec: GET when `body` is null, else POST. Rejects as `call`. */
  exec(path: string, body: object | null, signal: AbortSignal): Promise<unknown>;
  /** Starts an exec: its output, multiplexed. */
  openExec(execId: string, signal: AbortSignal): Promise<IncomingMessage>;
  /** Path of the Unix socket that restarts go through; null over a network. */
  readonly controlSocket: string | null;
  /**
   * Drops its connections once they are idle. The next call reads the TLS files and negotiates
   * again.
   */
  forget(): void;
  /** The same, for good: later calls reject. */
  close(): void;
}

/**
 * `control` receives restarts and execs, and nothing else; null to send them to `address`. `labels`
 * are read however many a container has.
 */
export function createEngineClient(
  address: EngineAddress,
  control: EngineAddress | null = null,
  observe?: ObserveCall,
  labels: ReadonlySet<string> = new Set(),
): EngineClient {
  const reads = createLink(address, observe);
  const writes = control ? createLink(control, observe) : reads;
  const controlled = control ?? address;

  const read = async (path: string, query: Query, signal: AbortSignal) =>
    readJson(await readText(await reads.send("GET", path, query, signal), maxAnswerBytes), labels, signal);
  return {
    negotiate: (signal) => reads.negotiate(signal),
    isPodman: (signal) => reads.isPodman(signal),
    ping: (signal) => reads.ping(signal),
    open: async (fullId, action, query, signal) => reads.send("GET", toPath(fullId, action), query, signal),
    openEvents: (query, signal) => reads.send("GET", "/events", query, signal),
    async info(signal) {
      const [answer, isPodman] = await Promise.all([read("/info", {}, signal), reads.isPodman(signal)]);
      const { ID, SystemTime } = (answer ?? {}) as { readonly ID?: unknown; readonly SystemTime?: unknown };
      const at = Date.parse(String(SystemTime));
      if (!Number.isFinite(at)) throw new AnswerError("unexpected response to GET /info");
      return { id: typeof ID === "string" && ID !== "" && ID.length <= 128 && !isPodman ? ID : null, at };
    },
    time: (signal) => reads.time(signal),
    clock: () => reads.clock(),
    listContainers: (signal) => read("/containers/json", { all: 1 }, signal),
    listNamed: (name, signal) =>
      read("/containers/json", { all: 1, filters: JSON.stringify({ name: [`^/?${escapeDots(name)}$`] }) }, signal),
    listImages: (signal) => read("/images/json", { filters: JSON.stringify({ label: ["service"] }) }, signal),
    async inspectImage(id, signal) {
      if (!/^sha256:[0-9a-f]{64}$/.test(id)) throw new TypeError("Not a full image id");
      return read(`/images/${id}/json`, {}, signal);
    },
    call: async (fullId, action, query, signal) => read(toPath(fullId, action), query, signal),
    async restart(fullId, query, signal) {
      const response = await writes.send("POST", toPath(fullId, "restart"), query, signal);
      await readText(response, maxAnswerBytes);
      return response.statusCode ?? 0;
    },
    async exec(path, body, signal) {
      const response = await writes.send(body ? "POST" : "GET", path, {}, signal, body ?? undefined);
      return readJson(await readText(response, maxAnswerBytes), labels, signal);
    },
    controlSocket: controlled.kind === "unix" ? controlled.socketPath : null,
    openExec: (execId, signal) =>
      writes.send("POST", `/exec/${execId}/start`, {}, signal, { Detach: false, Tty: false }),
    forget() {
      reads.forget();
      if (writes !== reads) writes.forget();
    },
    close() {
      reads.close();
      writes.close();
    },
  };
}

/** A container's name as a regular expression: it has no other special characters. */
function escapeDots(name: string): string {
  return name.replaceAll(/[^\w-]/g, String.raw`\$&`);
}

function toPath(fullId: string, action: Action | "restart"): string {
  if (!/^[0-9a-f]{64}$/.test(fullId)) throw new TypeError("Not a full container id");
  return `/containers/${fullId}/${action}`;
}

import type { IncomingMessage } from "node:http";
import type { ObserveCall } from "../../../lib/upstream-call.ts";
import type { EngineAddress } from "../address.ts";
import type { Query } from "./connect.ts";
import { createLink, parseJson, readText } from "./link.ts";

/** The only actions on `/v1.NN/containers/{id}/` that the gateway ever sends, besides exec. */
const methods = { json: "GET", stats: "GET", logs: "GET", restart: "POST" } as const;
type Action = keyof typeof methods;

/** Larger answers are rejected: 4 MiB hold a list of about 5,000 containers. */
const maxAnswerBytes = 4 << 20;

/** Typed client of one engine: fixed methods and paths, full ids only, negotiated version, bounded answers. */
export interface EngineClient {
  /** `GET /_ping`: the version that the engine and we both speak, as "1.45". Cached until `forget`. */
  negotiate(signal: AbortSignal): Promise<string>;
  /** `GET /_ping`, each time. */
  ping(signal: AbortSignal): Promise<string>;
  listContainers(signal: AbortSignal): Promise<unknown>;
  /** `GET /images/json`: images with a label `service`. */
  listImages(signal: AbortSignal): Promise<unknown>;
  /** `GET /images/{id}/json`, by full id (`sha256:...`). */
  inspectImage(id: string, signal: AbortSignal): Promise<unknown>;
  /** `GET /events`: resolves once the engine has subscribed us. */
  openEvents(query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /** JSON of `/containers/{fullId}/{action}`, null for an empty body (204). Rejects with StatusError, AnswerError or a Node.js error. */
  call(fullId: string, action: Action, query: Query, signal: AbortSignal): Promise<unknown>;
  /** The same as a stream. */
  open(fullId: string, action: Action, query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /** Resolves to the HTTP status of a success. Rejects as `call`. */
  restart(fullId: string, query: Query, signal: AbortSignal): Promise<number>;
  /** One JSON call of an exec: GET when `body` is null, else POST. Rejects as `call`. */
  exec(path: string, body: object | null, signal: AbortSignal): Promise<unknown>;
  /** Starts an exec: its output, multiplexed. */
  openExec(execId: string, signal: AbortSignal): Promise<IncomingMessage>;
  /** Drops its connections once they are idle. The next call reads the TLS files and negotiates again. */
  forget(): void;
  /** The same permanently: later calls reject. */
  close(): void;
}

/** `control` receives restarts and execs, and nothing else; null to send them to `address`. */
export function createEngineClient(
  address: EngineAddress,
  control: EngineAddress | null = null,
  observe?: ObserveCall,
): EngineClient {
  const reads = createLink(address, observe);
  const writes = control ? createLink(control, observe) : reads;

  const open = async (fullId: string, action: Action, query: Query, signal: AbortSignal) => {
    if (!/^[0-9a-f]{64}$/.test(fullId)) throw new TypeError("Not a full container id");
    const method = methods[action];
    return (method === "POST" ? writes : reads).send(method, `/containers/${fullId}/${action}`, query, signal);
  };
  const read = async (path: string, query: Query, signal: AbortSignal) =>
    parseJson(await readText(await reads.send("GET", path, query, signal), maxAnswerBytes));
  return {
    negotiate: (signal) => reads.negotiate(signal),
    ping: (signal) => reads.ping(signal),
    open,
    openEvents: (query, signal) => reads.send("GET", "/events", query, signal),
    listContainers: (signal) => read("/containers/json", { all: 1 }, signal),
    listImages: (signal) => read("/images/json", { filters: JSON.stringify({ label: ["service"] }) }, signal),
    async inspectImage(id, signal) {
      if (!/^sha256:[0-9a-f]{64}$/.test(id)) throw new TypeError("Not a full image id");
      return read(`/images/${id}/json`, {}, signal);
    },
    async call(fullId, action, query, signal) {
      const response = await open(fullId, action, query, signal);
      const text = await readText(response, maxAnswerBytes);
      return text === "" ? null : parseJson(text);
    },
    async restart(fullId, query, signal) {
      const response = await open(fullId, "restart", query, signal);
      await readText(response, maxAnswerBytes);
      return response.statusCode ?? 0;
    },
    async exec(path, body, signal) {
      const response = await writes.send(body ? "POST" : "GET", path, {}, signal, body ?? undefined);
      return parseJson(await readText(response, maxAnswerBytes));
    },
    openExec: (execId, signal) => writes.send("POST", `/exec/${execId}/start`, {}, signal, { Detach: false, Tty: false }),
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

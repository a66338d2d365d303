import type { IncomingMessage } from "node:http";
import type { ObserveCall } from "../../../lib/upstream-call.ts";
import type { EngineAddress } from "../address.ts";
import type { Query } from "./connect.ts";
import { createLink, parseJson, readText } from "./link.ts";

/** The only requests for a container that ever leave the gateway, by their path behind `/v1.NN/containers/`. */
const methods = { json: "GET", stats: "GET", logs: "GET", restart: "POST" } as const;
type Action = keyof typeof methods;

/** Answers larger than this are no answers: 4 MiB hold a list of about 5,000 containers. */
const maxAnswerBytes = 4 << 20;

/** Typed face of one engine: fixed methods and paths, full ids only, negotiated version, bounded answers. */
export interface EngineClient {
  /** `GET /_ping`: the version that the engine and we speak, as "1.45". Remembered until `forget`. */
  negotiate(signal: AbortSignal): Promise<string>;
  /** `GET /_ping`, each time. */
  ping(signal: AbortSignal): Promise<string>;
  listContainers(signal: AbortSignal): Promise<unknown>;
  /** `GET /images/json`: those with a label `service`. */
  listImages(signal: AbortSignal): Promise<unknown>;
  /** `GET /images/{id}/json`, by its full id (`sha256:...`). */
  inspectImage(id: string, signal: AbortSignal): Promise<unknown>;
  /** `GET /events`: resolves as soon as the engine has subscribed us. */
  openEvents(query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /** JSON of `/containers/{fullId}/{action}`, null when it has none (204). Rejects with StatusError, AnswerError or what node throws. */
  call(fullId: string, action: Action, query: Query, signal: AbortSignal): Promise<unknown>;
  /** The same as a stream. */
  open(fullId: string, action: Action, query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /** Resolves to the HTTP status of a success. Rejects as `call`. */
  restart(fullId: string, query: Query, signal: AbortSignal): Promise<number>;
  /** One call of an exec: `body` null is a GET. Rejects as `call`. */
  exec(path: string, body: object | null, signal: AbortSignal): Promise<unknown>;
  /** Starts an exec: its output, multiplexed. */
  openExec(execId: string, signal: AbortSignal): Promise<IncomingMessage>;
  /** Drops its connections once they are idle. The next call reads the TLS files and negotiates again. */
  forget(): void;
  /** The same for good: every call after it rejects. */
  close(): void;
}

/** `control` is where restarts go, and nothing else; null for `address`. */
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

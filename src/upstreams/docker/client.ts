import type { IncomingMessage } from "node:http";
import { type Connection, connect, type Query } from "./connect.ts";
import type { EngineAddress } from "./engine-options.ts";
import { parseJson, readStart, readText } from "./read-body.ts";
import { AnswerError, StatusError } from "./status-error.ts";

/** The only requests that ever leave the gateway, by their path behind `/v1.NN/containers/`. */
const methods = { json: "GET", stats: "GET", logs: "GET", restart: "POST" } as const;
type Action = keyof typeof methods;

/** Answers larger than this are no answers: 4 MiB hold a list of about 5,000 containers. */
const maxAnswerBytes = 4 << 20;
// One-shot stats came with 1.41; 1.45 is the newest that the integration tests run, and newer engines serve it unchanged.
const oldestApi = [1, 41] as const;
const newestApi = [1, 45] as const;

/** Typed face of one engine: fixed methods and paths, full ids only, negotiated version, bounded answers. */
export interface EngineClient {
  /** `GET /_ping`: the version that the engine and we speak, as "1.45". Remembered until `forget`. */
  negotiate(signal: AbortSignal): Promise<string>;
  listContainers(signal: AbortSignal): Promise<unknown>;
  /** JSON of `/containers/{fullId}/{action}`, null when it has none (204). Rejects with StatusError, AnswerError or what node throws. */
  call(fullId: string, action: Action, query: Query, signal: AbortSignal): Promise<unknown>;
  /** The same as a stream. */
  open(fullId: string, action: Action, query: Query, signal: AbortSignal): Promise<IncomingMessage>;
  /** Drops its connections once they are idle. The next call reads the TLS files and negotiates again. */
  forget(): void;
}

export function createEngineClient(address: EngineAddress): EngineClient {
  let connection: Promise<Connection> | null = null;
  let version: string | null = null;

  const send = async (method: "GET" | "POST", path: string, query: Query, signal: AbortSignal) => {
    connection ??= connect(address);
    const opening = connection;
    opening.catch(() => {
      if (connection === opening) connection = null;
    });
    const response = await sendOnce(await opening, method, path, query, signal);
    const { statusCode = 0 } = response;
    if (statusCode >= 200 && statusCode < 300) return response;
    throw new StatusError(statusCode, await readStart(response, 16 << 10));
  };
  const negotiate = async (signal: AbortSignal) => {
    if (version !== null) return version;
    const response = await send("GET", "/_ping", {}, signal);
    await readStart(response, 16 << 10);
    return (version = toVersion(response.headers["api-version"]));
  };
  const open = async (fullId: string, action: Action, query: Query, signal: AbortSignal) => {
    if (!/^[0-9a-f]{64}$/.test(fullId)) throw new TypeError("Not a full container id");
    return send(methods[action], `/v${await negotiate(signal)}/containers/${fullId}/${action}`, query, signal);
  };
  const forget = () => {
    version = null;
    const old = connection;
    connection = null;
    old?.then((opened) => opened.retire()).catch(() => {});
  };
  return {
    negotiate,
    open,
    async listContainers(signal) {
      const response = await send("GET", `/v${await negotiate(signal)}/containers/json`, { all: 1 }, signal);
      return parseJson(await readText(response, maxAnswerBytes));
    },
    async call(fullId, action, query, signal) {
      const response = await open(fullId, action, query, signal);
      const text = await readText(response, maxAnswerBytes);
      return text === "" ? null : parseJson(text);
    },
    forget,
  };
}

/** A kept connection may be closed by the engine just as we use it: reads are sent once more, a restart never. */
async function sendOnce(...[connection, method, path, query, signal]: [Connection, "GET" | "POST", string, Query, AbortSignal]) {
  try {
    return await connection.send(method, path, query, signal);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (method !== "GET" || signal.aborted || (code !== "ECONNRESET" && code !== "EPIPE")) throw error;
    return connection.send(method, path, query, signal);
  }
}

/** The older of the engine's newest version and ours. */
function toVersion(header: string | string[] | undefined): string {
  const match = /^(\d+)\.(\d+)$/.exec(String(header));
  if (!match) throw new AnswerError("it does not name its API version: is this really a Docker engine?");
  const theirs = [Number(match[1]), Number(match[2])] as const;
  if (isOlder(theirs, oldestApi))
    throw new AnswerError(`its API ${theirs.join(".")} is older than ${oldestApi.join(".")} (Docker 20.10)`);
  return (isOlder(theirs, newestApi) ? theirs : newestApi).join(".");
}

function isOlder(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

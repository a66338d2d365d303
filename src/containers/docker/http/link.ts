import type { IncomingMessage } from "node:http";
import { type ClockOffset, measureOffset, refineOffset } from "../../../lib/clock-skew.ts";
import type { CallFacts, CallSpan } from "../../../lib/tracing/tracing.ts";
import { type ObserveCall, observed, toHttpFacts, unobserved } from "../../../lib/upstream-call.ts";
import type { EngineAddress } from "../address.ts";
import { connect, type Connection, type Query } from "./connect.ts";
import { AnswerError, StatusError, toDockerError } from "./errors.ts";

// One-shot stats came with 1.41; 1.45 is the newest that the integration tests run, and newer
// engines serve it unchanged.
const oldestApi = [1, 41] as const;
const newestApi = [1, 45] as const;

/** One address that speaks the engines' protocol, in a version that both sides know. */
interface Link {
  /** `GET /_ping`, each time: the version as "1.45". */
  ping(signal: AbortSignal): Promise<string>;
  /** The version, cached until `forget`. */
  negotiate(signal: AbortSignal): Promise<string>;
  /** Known from the same answer. */
  isPodman(signal: AbortSignal): Promise<boolean>;
  /** The time of the other side, unix ms, in whole seconds: the `Date` of `GET /_ping`. */
  time(signal: AbortSignal): Promise<number>;
  /** How far its clock is ahead of ours, by its last answer; null until it answered. */
  clock(): ClockOffset | null;
  /** Sends one request below `/v1.NN`; rejects with StatusError for any status outside 2xx. */
  send(
    method: "GET" | "POST",
    path: string,
    query: Query,
    signal: AbortSignal,
    body?: object,
  ): Promise<IncomingMessage>;
  /**
   * Drops its connections once they are idle. The next call reads the TLS files and negotiates
   * again.
   */
  forget(): void;
  /** The same, for good: later calls open no connection. */
  close(): void;
}

export function createLink(address: EngineAddress, observe: ObserveCall = unobserved): Link {
  let connection: Promise<Connection> | null = null;
  let version: string | null = null;
  let isPodman = false;
  let clock: ClockOffset | null = null;
  let isClosed = false;

  const sendNow = async (span: CallSpan, ...[method, path, query, signal, body]: Parameters<Link["send"]>) => {
    if (isClosed) throw Object.assign(new Error("Closed"), { code: "ECANCELED" });
    connection ??= connect(address);
    const opening = connection;
    opening.catch(() => {
      if (connection === opening) connection = null;
    });
    const opened = await opening;
    const sentMs = Date.now();
    const response = await sendOnce(opened, method, path, query, signal, body);
    const { statusCode = 0, headers } = response;
    // A filter in front of it answers a refused call itself.
    const theirMs = Date.parse(headers.date ?? "");
    if (statusCode < 300) clock = refineOffset(clock, measureOffset({ theirMs, stepMs: 1000, sentMs }));
    span.answered(statusCode);
    if (statusCode >= 200 && statusCode < 300) return response;
    throw new StatusError(statusCode, await readStart(response, 16 << 10));
  };
  const send: Link["send"] = (...call) =>
    observed(
      { observe, upstream: "docker", signal: call[3], toCode, facts: () => toFacts(address, call[0], call[1]) },
      (span) => sendNow(span, ...call),
    );
  const askPing = async (signal: AbortSignal) => {
    const response = await send("GET", "/_ping", {}, signal);
    await readStart(response, 16 << 10);
    return response;
  };
  const ping = async (signal: AbortSignal) => {
    const response = await askPing(signal);
    isPodman = response.headers["libpod-api-version"] !== undefined;
    return (version = toVersion(response.headers["api-version"]));
  };
  const negotiate = async (signal: AbortSignal) => version ?? ping(signal);
  const forget = () => {
    version = null;
    const old = connection;
    connection = null;
    old?.then((opened) => opened.retire()).catch(() => {});
  };
  return {
    ping,
    negotiate,
    isPodman: async (signal) => negotiate(signal).then(() => isPodman),
    async time(signal) {
      const at = Date.parse((await askPing(signal)).headers.date ?? "");
      if (!Number.isFinite(at)) throw new AnswerError("no Date in the response to GET /_ping");
      return at;
    },
    clock: () => clock,
    send: async (method, path, query, signal, body) =>
      send(method, `/v${await negotiate(signal)}${path}`, query, signal, body),
    forget,
    close() {
      isClosed = true;
      forget();
    },
  };
}

/** Of a path, the version and the ids are values. */
function toFacts(address: EngineAddress, method: string, path: string): CallFacts {
  const template = path.replace(/^\/v\d+\.\d+(?=\/)/, "").replace(/(?:sha256:)?[0-9a-f]{64}/, "{id}");
  if (address.kind !== "unix") return toHttpFacts(method, template, { address: address.host, port: address.port });
  const { attributes, ...facts } = toHttpFacts(method, template, { address: address.socketPath });
  return { ...facts, attributes: { ...attributes, "network.transport": "unix" } };
}

/**
 * The engine may close an idle connection just as we use it: a GET is sent once more, a POST (a
 * restart) never.
 */
async function sendOnce(connection: Connection, ...call: Parameters<Connection["send"]>) {
  const [method, , , signal] = call;
  try {
    return await connection.send(...call);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (method !== "GET" || signal.aborted || (code !== "ECONNRESET" && code !== "EPIPE")) throw error;
    return connection.send(...call);
  }
}

/** The older of the engine's newest version and ours. */
function toVersion(header: string | string[] | undefined): string {
  const match = /^(\d+)\.(\d+)$/.exec(String(header));
  if (!match)
    throw new AnswerError("no API version in the response to GET /_ping: is this a Docker-compatible engine?");
  const theirs = [Number(match[1]), Number(match[2])] as const;
  if (isOlder(theirs, oldestApi))
    throw new AnswerError(`its API ${theirs.join(".")} is older than ${oldestApi.join(".")} (Docker 20.10)`);
  return (isOlder(theirs, newestApi) ? theirs : newestApi).join(".");
}

function isOlder(a: readonly [number, number], b: readonly [number, number]): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

/** A vanished container is no failure of its engine. */
function toCode(error: unknown): string | null {
  const { code } = toDockerError(error, "");
  return code === "container_not_found" ? null : code;
}

/** The whole body as text; rejects once it is larger than `maxBytes`. */
export async function readText(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new AnswerError(`its answer is larger than ${maxBytes >> 20} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * The start of a body: everything after `maxBytes` is discarded, and so is a body that breaks off.
 */
export async function readStart(response: IncomingMessage, maxBytes: number): Promise<string> {
  return readText(response, maxBytes).catch(() => "");
}

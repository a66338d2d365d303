import { readFile } from "node:fs/promises";
import { Agent as HttpAgent, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { inspect } from "node:util";
import type { EngineAddress } from "../address.ts";
import { SshAgent } from "./ssh.ts";

/** The part of docker-modem that we use; dockerode types it as any. */
interface Modem {
  dial(options: object, callback: (error: Error | null, response: IncomingMessage) => void): void;
  buildRequest(options: object, ...rest: unknown[]): void;
}

export interface Connection {
  /** Sends one request; resolves with the response's head whatever its status. */
  send(
    method: "GET" | "POST",
    path: string,
    query: Query,
    signal: AbortSignal,
    body?: object,
  ): Promise<IncomingMessage>;
  /** Lets requests in flight end, then closes their connections. */
  retire(): void;
}

export type Query = Readonly<Record<string, string | number>>;

// Each followed log uses one, up to 500. Callers limit the other calls, which must not wait behind
// those.
const maxSockets = 600;
// With a hundred engines, each idle connection costs tens of kilobytes.
const maxFreeSockets = 4;
// docker-modem reads the body of an unsuccessful answer without any limit, so every status counts
// as a success.
const anyStatus = new Proxy({}, { get: () => true });

/**
 * A dockerode over a pool of persistent connections. Reads the TLS files. Loads dockerode here, at
 * first use: it costs 66 ms.
 */
export async function connect(address: EngineAddress): Promise<Connection> {
  const tls = address.kind === "tcp" && address.tls ? await readTls(address.tls) : null;
  const agent = createAgent(address, tls);
  const { default: Docker } = await import("dockerode");
  const modem = createModem(() => new Docker(toOptions(address, agent, tls)).modem);
  // A redirect would bypass our connection, our deadline and the engine's address. And docker-modem
  // formats every request's options in full, agent and sockets included, for a debug line that
  // nobody reads: tens of milliseconds for each call without our own formatter.
  const build = modem.buildRequest.bind(modem);
  modem.buildRequest = (options, ...rest) =>
    build({ ...options, maxRedirects: 0, [inspect.custom]: () => "request" }, ...rest);
  return {
    send: (method, path, query, signal, body = {}) =>
      new Promise((resolve, reject) => {
        // docker-modem appends the query to a path that ends in a question mark, and leaves the
        // mark when there is no query.
        const target = Object.keys(query).length > 0 ? `${path}?` : path;
        const call = { path: target, method, isStream: true, statusCodes: anyStatus, abortSignal: signal };
        // `_body` keeps docker-modem from sending the query again as a JSON body.
        modem.dial({ ...call, options: { _query: query, _body: body } }, (error, response) =>
          error ? reject(error) : resolve(response),
        );
      }),
    retire: () => retire(agent),
  };
}

function createAgent(address: EngineAddress, tls: TlsFiles | null): HttpAgent {
  if (address.kind === "ssh") return new SshAgent(address);
  return tls
    ? new HttpsAgent({ keepAlive: true, maxSockets, maxFreeSockets, ...tls })
    : new HttpAgent({ keepAlive: true, maxSockets, maxFreeSockets });
}

/** `agent.destroy` would also cut requests in flight, and with them a restart. */
function retire(agent: HttpAgent): void {
  if (agent instanceof SshAgent) return agent.retire();
  (agent as { keepAlive?: boolean }).keepAlive = false;
  for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
}

/**
 * docker-modem always reads DOCKER_HOST and DOCKER_CERT_PATH, and throws when they make no sense.
 */
function createModem(create: () => unknown): Modem {
  try {
    return create() as Modem;
  } catch (error) {
    throw Object.assign(new Error("docker-modem", { cause: error }), { code: "DOCKER_ENV" });
  }
}

interface TlsFiles {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

async function readTls(paths: { readonly ca: string; readonly cert: string; readonly key: string }): Promise<TlsFiles> {
  try {
    const [ca, cert, key] = await Promise.all([readFile(paths.ca), readFile(paths.cert), readFile(paths.key)]);
    return { ca, cert, key };
  } catch (error) {
    throw Object.assign(new Error("TLS files", { cause: error }), { code: "TLS_FILES" });
  }
}

/**
 * Every option is set, also to undefined: docker-modem takes missing ones from DOCKER_HOST and
 * similar variables.
 */
function toOptions(address: EngineAddress, agent: HttpAgent, tls: TlsFiles | null) {
  const none = {
    username: undefined,
    password: undefined,
    timeout: undefined,
    connectionTimeout: undefined,
    version: undefined,
  };
  const shared = { ...none, ca: tls?.ca, cert: tls?.cert, key: tls?.key, agent, pathPrefix: "/", headers: {} };
  const protocol = tls ? ("https" as const) : ("http" as const);
  if (address.kind === "unix")
    return { ...shared, protocol, socketPath: address.socketPath, host: undefined, port: undefined };
  // The agent connects; this address is a placeholder.
  if (address.kind === "ssh") return { ...shared, protocol, host: "http://docker", port: 80, socketPath: undefined };
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return { ...shared, protocol, host: `${protocol}://${host}`, port: address.port, socketPath: undefined };
}

import type { Agent, Dispatcher } from "undici";
import type * as z from "zod";
import { type ObserveCall, observed, unobserved } from "../../../domain/upstream-call.ts";
import { OpsError, toOpsError } from "../../../errors.ts";
import { abortable } from "../../../domain/abortable.ts";

export interface RabbitmqClient {
  /** One GET below /api, its answer checked. @throws OpsError queues_unavailable, its upstreamStatus set when the API answered */
  get<Schema extends z.ZodType>(path: string, schema: Schema, signal: AbortSignal): Promise<z.infer<Schema>>;
  close(): Promise<void>;
}

interface ClientOptions {
  /** Name of the source, for errors. */
  readonly source: string;
  /** http(s)://user:password@host:15672, perhaps with a path prefix. */
  readonly url: string;
  /** Longest answer, bytes. @default 16 MB */
  readonly maxBytes?: number;
  readonly observe?: ObserveCall | undefined;
}

/** The management API through undici's `request`, which neither follows redirects nor inflates bodies. Credentials go into a header: no error can quote them. */
export function createRabbitmqClient({
  source,
  url,
  maxBytes = 16 * 1024 * 1024,
  observe = unobserved,
}: ClientOptions): RabbitmqClient {
  const { origin, base, headers } = parseAddress(url);
  const fail = (message: string, options: { cause?: unknown; upstreamStatus?: number } = {}) =>
    new OpsError("queues_unavailable", message, { upstream: `queues:${source}`, ...options });
  let agent: Promise<Agent> | undefined;
  const ask = async (path: string, signal: AbortSignal) => {
    signal.throwIfAborted();
    const dispatcher = await (agent ??= connect());
    const { statusCode, body } = await dispatcher.request({ origin, path: `${base}/api${path}`, method: "GET", headers, signal });
    return { statusCode, text: await readText(body, maxBytes) };
  };
  const get: RabbitmqClient["get"] = async (path, schema, signal) => {
    const { statusCode, text } = await abortable(ask(path, signal), signal).catch((error: unknown) => {
      throw fail(explain(error), { cause: error, ...(error instanceof TooLargeError && { upstreamStatus: 200 }) });
    });
    if (statusCode !== 200) throw fail(explainStatus(statusCode, text), { upstreamStatus: statusCode });
    const result = schema.safeParse(parseJson(text));
    if (!result.success) throw fail("The address of RabbitMQ does not answer as its management API does");
    return result.data;
  };
  return {
    get: (path, schema, signal) => observed({ observe, upstream: "rabbitmq", signal, toCode }, () => get(path, schema, signal)),
    close: async () => {
      await (await agent)?.destroy();
    },
  };
}

/** undici takes 140 ms to load: that is for the first question, not for the start of the process. */
async function connect(): Promise<Agent> {
  const { Agent } = await import("undici");
  return new Agent({ connections: 4, keepAliveTimeout: 4000, connect: { timeout: 2000 } });
}

/** Userinfo becomes a header. */
export function parseAddress(url: string): { origin: string; base: string; headers: Record<string, string> } {
  const { origin, pathname, username, password } = new URL(url);
  const headers: Record<string, string> = {
    accept: "application/json",
    "accept-encoding": "identity",
    "user-agent": "wallet-core-ops",
  };
  if (username || password) {
    headers["authorization"] = `Basic ${Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64")}`;
  }
  return { origin, base: pathname.replace(/\/+$/, ""), headers };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % in a password
  }
}

/** Its own words are not passed on; a code of ours says what to do. */
function explainStatus(status: number, text: string): string {
  const { reason } = (parseJson(text) ?? {}) as { reason?: unknown };
  if (status === 401 && typeof reason === "string" && /management user|monitor user/i.test(reason)) {
    return "The RabbitMQ user may not read the management API: give it the tag monitoring (rabbitmqctl set_user_tags)";
  }
  if (status === 401 && typeof reason === "string" && /virtual host/i.test(reason)) {
    return "The RabbitMQ user may not see this virtual host: give it empty permissions there (rabbitmqctl set_permissions)";
  }
  if (status === 401) return "RabbitMQ refused the login: check the user and the password in RABBITMQ_URL";
  if (status === 404) return "RabbitMQ does not have this virtual host, or the address is not its management API";
  return `RabbitMQ's management API answered ${status}`;
}

function explain(error: unknown): string {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  if (error instanceof TooLargeError) return "RabbitMQ's answer is too large: read fewer queues (vhost, include)";
  if (name === "TimeoutError" || code === "UND_ERR_CONNECT_TIMEOUT") return "RabbitMQ did not answer in time";
  if (name === "AbortError") return "Gave up waiting for RabbitMQ: the request has ended";
  return "RabbitMQ's management API cannot be reached: check RABBITMQ_URL, and that the plugin rabbitmq_management is enabled";
}

class TooLargeError extends Error {}

async function readText(body: Dispatcher.ResponseData["body"], maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new TooLargeError();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const toCode = (error: unknown) => toOpsError(error).code;

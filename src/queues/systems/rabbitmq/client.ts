import type { Agent } from "undici";
import * as z from "zod";
import { abortable } from "../../../lib/abort.ts";
import { createSharedBudget } from "../../../lib/budget/budget.ts";
import { parseJsonSteps } from "../../../lib/budget/json-parse.ts";
import { type Steps, takeSteps } from "../../../lib/budget/steps.ts";
import { OpsError, toOpsError } from "../../../lib/errors.ts";
import { parseJson, readBody, toBasicCredentials } from "../../../lib/http-client.ts";
import type { CallSpan } from "../../../lib/tracing/tracing.ts";
import { explainSocket } from "../../../lib/socket-errors.ts";
import { type ObserveCall, observed, toApiFacts, unobserved } from "../../../lib/upstream-call.ts";
import { UpstreamReply } from "../../../lib/upstream-reply.ts";

export interface RabbitmqClient {
  /**
   * Sends one GET below /api and validates the response. @throws OpsError queues_unavailable, with
   * upstreamStatus when the API answered
   */
  get<Schema extends z.ZodType>(path: string, schema: Schema, signal: AbortSignal): Promise<z.infer<Schema>>;
  close(): Promise<void>;
}

interface ClientOptions {
  /** Name of the source, for errors. */
  readonly source: string;
  /** http(s)://user:password@host:15672, optionally with a path prefix. */
  readonly url: string;
  /** Longest response, bytes. @default 16 MB */
  readonly maxBytes?: number;
  readonly observe?: ObserveCall | undefined;
}

/**
 * Calls the management API with undici's `request`, which neither follows redirects nor
 * decompresses bodies. Credentials go into a header, so that no error can quote them.
 */
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
  const ask = async (path: string, signal: AbortSignal, span: CallSpan) => {
    signal.throwIfAborted();
    const dispatcher = await (agent ??= connect());
    const { statusCode, body } = await dispatcher.request({
      origin,
      path: `${base}/api${path}`,
      method: "GET",
      headers: { ...headers, ...span.headers },
      signal,
    });
    span.answered(statusCode);
    return { statusCode, text: (await readBody(body, maxBytes, () => new TooLargeError())).toString() };
  };
  const get = async <Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    signal: AbortSignal,
    span: CallSpan,
  ): Promise<z.infer<Schema>> => {
    const { statusCode, text } = await abortable(ask(path, signal, span), signal).catch((error: unknown) => {
      throw fail(explain(error), { cause: error, ...(error instanceof TooLargeError && { upstreamStatus: 200 }) });
    });
    if (statusCode !== 200) {
      const cause = new UpstreamReply(toReason(text));
      throw fail(explainStatus(statusCode, text), { cause, upstreamStatus: statusCode });
    }
    const answer = await takeSteps(parseAnswer(schema, text), createSharedBudget(signal));
    if (answer === null) throw fail("The address of RabbitMQ does not answer as its management API does");
    return answer.data;
  };
  return {
    get(path, schema, signal) {
      const facts = () => {
        const asked = new URL(`${base}/api${path}`, origin);
        // The virtual host is the only part of a path that the broker chose.
        return toApiFacts("GET", asked, asked.pathname.replace(/(?<=\/api\/queues\/).+/, "{vhost}"));
      };
      return observed({ observe, upstream: "rabbitmq", signal, toCode, facts }, (span) =>
        get(path, schema, signal, span),
      );
    },
    close: async () => {
      await (await agent)?.destroy();
    },
  };
}

/** How many elements of a list are checked in one piece. */
const pieceLength = 500;

/** The answer as the schema describes it; null if it does not match. */
export function* parseAnswer<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
): Steps<{ readonly data: z.infer<Schema> } | null> {
  const json = yield* parseJsonSteps(text);
  if (!(schema instanceof z.ZodArray) || !Array.isArray(json)) {
    const { success, data } = schema.safeParse(json);
    return success ? { data } : null;
  }
  const all: unknown[] = [];
  for (let at = 0; at < json.length; at += pieceLength) {
    yield;
    const { success, data } = schema.safeParse(json.slice(at, at + pieceLength));
    if (!success) return null;
    for (const item of data as readonly unknown[]) all.push(item);
  }
  return { data: all as z.infer<Schema> };
}

/** Loads undici (140 ms) on the first request, not at the start of the process. */
async function connect(): Promise<Agent> {
  const { Agent } = await import("undici");
  return new Agent({ connections: 4, keepAliveTimeout: 4000, connect: { timeout: 2000 } });
}

/** Splits the URL; its credentials become a header. */
export function parseAddress(url: string): { origin: string; base: string; headers: Record<string, string> } {
  const { origin, pathname } = new URL(url);
  const credentials = toBasicCredentials(new URL(url));
  const headers: Record<string, string> = {
    accept: "application/json",
    "accept-encoding": "identity",
    "user-agent": "wallet-core-ops",
  };
  if (credentials !== "") headers["authorization"] = `Basic ${credentials}`;
  return { origin, base: pathname.replace(/\/+$/, ""), headers };
}

/** RabbitMQ's own reasons are a few words. */
const longestReason = 100_000;

/** The reason that RabbitMQ gives for a refusal; "" for any other answer. */
function toReason(text: string): string {
  if (text.length > longestReason) return "";
  const { reason } = (parseJson(text) ?? {}) as { readonly reason?: unknown };
  return typeof reason === "string" ? reason : "";
}

/** Explains a status in our own words; RabbitMQ's text is not passed on. */
function explainStatus(status: number, text: string): string {
  const reason = toReason(text);
  if (status === 401 && /management user|monitor user/i.test(reason)) {
    return "The RabbitMQ user may not read the management API: give it the tag monitoring (rabbitmqctl set_user_tags)";
  }
  if (status === 401 && /virtual host/i.test(reason)) {
    return "The RabbitMQ user may not see this virtual host: give it empty permissions there (rabbitmqctl set_permissions)";
  }
  if (status === 401)
    return "RabbitMQ refused the login: check the user and the password in WALLET_CORE_OPS_RABBITMQ_URL";
  if (status === 404)
    return "RabbitMQ does not have this virtual host, or the address is not its management API: check WALLET_CORE_OPS_RABBITMQ_URL";
  return `RabbitMQ's management API answered ${status}`;
}

function explain(error: unknown): string {
  const { name, code } = (error ?? {}) as { name?: unknown; code?: unknown };
  if (error instanceof TooLargeError) return "RabbitMQ's answer is too large: read fewer queues (vhost, include)";
  if (name === "TimeoutError" || code === "UND_ERR_CONNECT_TIMEOUT") return "RabbitMQ did not answer in time";
  if (name === "AbortError") return "Gave up waiting for RabbitMQ: the request has ended";
  const reason = explainSocket(error);
  return `RabbitMQ's management API cannot be reached: ${reason === null ? "" : `${reason}: `}check WALLET_CORE_OPS_RABBITMQ_URL, and that the plugin rabbitmq_management is enabled`;
}

class TooLargeError extends Error {}

const toCode = (error: unknown) => toOpsError(error).code;

const text = z.string().max(1000);
/**
 * A count from the broker; a queue that is down may have none. An invalid value counts as missing,
 * so that one odd queue does not hide the others.
 */
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).nullish().catch(null);
const rate = z
  .object({ avg_rate: z.number().nonnegative().nullish().catch(null) })
  .nullish()
  .catch(null);
const table = z.record(z.string(), z.unknown()).nullish().catch(null);

/** A queue's current counts, without statistics. */
const queueTotals = z.object({
  name: text,
  vhost: text,
  type: z.string().nullish().catch(null),
  state: z.string().nullish().catch(null),
  exclusive: z.boolean().nullish().catch(null),
  auto_delete: z.boolean().nullish().catch(null),
  arguments: table,
  messages: count,
  messages_ready: count,
  messages_unacknowledged: count,
});
export type QueueTotals = z.infer<typeof queueTotals>;

/** The same queue in the broker's statistics, up to 10 s old. */
const queueStats = z.object({
  name: text,
  vhost: text,
  /** Absent where statistics are off, or do not have the queue yet. */
  messages: count,
  consumers: count,
  /** Seconds since 1970, set by the publisher. */
  head_message_timestamp: count,
  effective_policy_definition: table,
  message_stats: z
    .object({
      ack: count,
      deliver_no_ack: count,
      get_no_ack: count,
      ack_details: rate,
      deliver_no_ack_details: rate,
      get_no_ack_details: rate,
    })
    .nullish()
    .catch(null),
});
export type QueueStats = z.infer<typeof queueStats>;

function page<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item).max(1000), page_count: z.number().int().nonnegative().max(1_000_000) });
}

const binding = z.object({
  source: text,
  vhost: text,
  destination: text,
  destination_type: text,
  routing_key: z.string(),
});
export type Binding = z.infer<typeof binding>;
const exchange = z.object({ name: text, vhost: text, type: text });
export type Exchange = z.infer<typeof exchange>;

const overview = z.object({
  rates_mode: z.string().nullish().catch(null),
  disable_stats: z.boolean().nullish().catch(null),
});

/**
 * The responses of the management API that are read. Source: "HTTP API Reference" of the management
 * plugin, and RabbitMQ 4.0.5 itself.
 */
export const answers = {
  totals: page(queueTotals),
  stats: page(queueStats),
  bindings: z.array(binding),
  exchanges: z.array(exchange),
  overview,
  /**
   * `uptime` in milliseconds. A node that has not reported yet is an empty list: the API writes an
   * object without fields that way.
   */
  nodes: z.array(z.union([z.object({ uptime: count }), z.tuple([])])),
  /** The nodes, with what distinguishes a node from another of the same name. */
  identities: z.array(z.union([z.object({ name: text, os_pid: text, uptime: z.number() }), z.tuple([])])),
} as const;

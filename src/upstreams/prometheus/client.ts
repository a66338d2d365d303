import type { Agent, Dispatcher } from "undici";
import { parseAnswer, type Vector } from "./answer.ts";
import { PrometheusError, toPrometheusError } from "./failure.ts";

interface PrometheusClient {
  /** One instant query at Prometheus' own now. @throws PrometheusError for everything but a vector */
  query(promql: string, signal: AbortSignal): Promise<Vector>;
  close(): Promise<void>;
}

interface ClientOptions {
  /** http(s) base URL; may carry a path prefix and `user:password@`. */
  readonly url: string;
  /** Total deadline of one query, milliseconds: connect, headers and body together. */
  readonly timeoutMs: number;
}

const maxBytes = 4 * 1024 * 1024;

/**
 * Prometheus' HTTP API through undici's `request`, which, unlike fetch, neither follows redirects nor inflates bodies: an answer of
 * 4 MB is 4 MB. @throws TypeError when the URL is not http(s)
 */
export function createPrometheusClient({ url, timeoutMs }: ClientOptions): PrometheusClient {
  const { endpoint, headers } = parseTarget(url);
  // undici takes 140 ms to load: that is for the first query, not for the start of the process.
  let agent: Promise<Agent> | undefined;
  const connect = async () => {
    const { Agent } = await import("undici");
    return new Agent({ connections: 4, keepAliveTimeout: 4_000, connect: { timeout: timeoutMs } });
  };
  return {
    query: async (promql, signal) => {
      const deadline = AbortSignal.timeout(timeoutMs);
      try {
        agent ??= connect();
        const dispatcher = await agent;
        const { statusCode, body } = await dispatcher.request({
          origin: endpoint.origin,
          path: endpoint.pathname,
          method: "POST",
          headers,
          body: new URLSearchParams({ query: promql, timeout: `${timeoutMs}ms` }).toString(),
          signal: AbortSignal.any([signal, deadline]),
        });
        return parseAnswer(statusCode, await readText(body));
      } catch (error) {
        if (signal.aborted && !deadline.aborted) throw new PrometheusError("abandoned", "", error);
        throw toPrometheusError(error, deadline, timeoutMs);
      }
    },
    close: async () => {
      await (await agent)?.destroy();
    },
  };
}

/** The address of the query API, and the headers of each query; userinfo becomes a header, so that no error or log can quote it. */
export function parseTarget(url: string): { endpoint: URL; headers: Record<string, string> } {
  const endpoint = new URL(url);
  if (!/^https?:$/.test(endpoint.protocol)) throw new TypeError("The Prometheus URL must start with http:// or https://");
  const { username, password } = endpoint;
  endpoint.username = endpoint.password = endpoint.search = endpoint.hash = "";
  endpoint.pathname = `${endpoint.pathname.replace(/\/+$/, "")}/api/v1/query`;
  const headers: Record<string, string> = {
    accept: "application/json",
    "accept-encoding": "identity",
    "content-type": "application/x-www-form-urlencoded",
    "user-agent": "wallet-core-ops",
  };
  if (username || password) {
    headers["authorization"] = `Basic ${Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64")}`;
  }
  return { endpoint, headers };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % in a password
  }
}

async function readText(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new PrometheusError("too_large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

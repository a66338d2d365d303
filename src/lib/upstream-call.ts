import { decodePercent } from "./http-client.ts";
import type { CallFacts, CallSpan, SpanAttributes, TraceCall } from "./tracing/tracing.ts";

export const upstreams = ["docker", "postgres", "prometheus", "victorialogs", "rabbitmq", "redis", "deploy"] as const;
export type Upstream = (typeof upstreams)[number];

/**
 * Receives each call that was sent to an upstream: seconds to its answer, and its error code, null
 * on success. A streamed answer counts from its start. A call that its caller gave up before the
 * answer is not reported.
 */
export interface ObserveCall {
  (upstream: Upstream, seconds: number, code: string | null): void;
  /** Begins the span of a call; absent where nothing is traced. */
  readonly trace?: TraceCall;
}

/** For callers without metrics. */
export const unobserved: ObserveCall = () => {};

/** For calls that are not traced. */
export const untraced: CallSpan = { headers: {}, answered() {}, end() {} };

interface CallOptions {
  readonly observe: ObserveCall;
  readonly upstream: Upstream;
  /**
   * Aborts the call, either by a deadline (a failure of the upstream) or because nobody waits any
   * more (no failure).
   */
  readonly signal: AbortSignal;
  /** Null when the upstream did its part: the requested thing does not exist. */
  readonly toCode: (error: unknown) => string | null;
  /** For the span; called only where calls are traced. */
  readonly facts: () => CallFacts;
}

export async function observed<T>(
  { observe, upstream, signal, toCode, facts }: CallOptions,
  call: (span: CallSpan) => Promise<T>,
): Promise<T> {
  const begin = performance.now();
  const span = observe.trace?.(facts()) ?? untraced;
  const report = (code: string | null) => {
    observe(upstream, (performance.now() - begin) / 1000, code);
    span.end(code, false);
  };
  try {
    const answer = await call(span);
    report(null);
    return answer;
  } catch (error) {
    if (isGivenUp(signal)) span.end(null, true);
    else report(toCode(error));
    throw error;
  }
}

function isGivenUp({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof Error && /^(?:TimeoutError|DeadlineError)$/.test(reason.name));
}

interface Server {
  readonly address: string;
  readonly port?: number | undefined;
}

const toServer = ({ address, port }: Server): SpanAttributes => ({ "server.address": address, "server.port": port });

/**
 * Facts of an HTTP request. `template`: its path with the name of each value in braces, so that
 * there are few different texts.
 */
export function toHttpFacts(method: string, template: string, server: Server): CallFacts {
  return {
    name: `${method} ${template}`,
    kind: "client",
    attributes: { "http.request.method": method, "url.template": template, ...toServer(server) },
  };
}

/**
 * The same for an http(s) API, by the URL of the request without its query. `template`: given where
 * its path holds values; then the URL is left out.
 */
export function toApiFacts(
  method: string,
  { origin, hostname, port, protocol, pathname }: URL,
  template = pathname,
): CallFacts {
  const { attributes, ...facts } = toHttpFacts(method, template, {
    address: hostname,
    port: Number(port) || (protocol === "https:" ? 443 : 80),
  });
  return { ...facts, attributes: { ...attributes, "url.full": template === pathname ? origin + pathname : undefined } };
}

/**
 * Facts of a database call. `operation`: our word for the action; `url`: names the server and the
 * database.
 */
export function toDatabaseFacts(
  system: "postgresql" | "redis",
  operation: string,
  url: string,
  batchSize?: number,
): CallFacts {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const namespace = decodePercent(pathname.slice(1)) || (system === "redis" ? "0" : undefined);
  // A socket's folder is a parameter of libpq's URLs.
  const address = hostname || (searchParams.get("host") ?? "localhost");
  return {
    name: namespace === undefined ? operation : `${operation} ${namespace}`,
    kind: "client",
    attributes: {
      "db.system.name": system,
      "db.operation.name": operation,
      "db.namespace": namespace,
      "db.operation.batch.size": batchSize !== undefined && batchSize > 1 ? batchSize : undefined,
      ...toServer({ address, port: Number(port) || (system === "redis" ? 6379 : 5432) }),
    },
  };
}

import pLimit from "p-limit";
import type { Agent } from "undici";
import { createSharedBudget } from "../lib/budget/budget.ts";
import { type Steps, takeSteps } from "../lib/budget/steps.ts";
import { OpsError, toOpsError } from "../lib/errors.ts";
import { parseApiUrl, readBody } from "../lib/http-client.ts";
import type { HistoryRange } from "../lib/range.ts";
import type { CallSpan } from "../lib/tracing/tracing.ts";
import { type ObserveCall, observed, toApiFacts, unobserved } from "../lib/upstream-call.ts";
import { type Matrix, parseAnswer, parseMatrix, type Vector } from "./answer.ts";
import { PrometheusError, toPrometheusError } from "./failure.ts";

export interface PrometheusClient {
  /** One instant query at Prometheus' own now. @throws PrometheusError for anything but a vector */
  query(promql: string, signal: AbortSignal): Promise<Vector>;
  /**
   * One range query, at most 10 MB. At most two run at a time; instant queries never wait for them.
   * @throws PrometheusError for anything but a matrix, OpsError invalid_request for an answer that
   * is too large
   */
  queryRange(promql: string, range: HistoryRange, signal: AbortSignal): Promise<Matrix>;
  close(): Promise<void>;
}

interface ClientOptions {
  /** http(s) base URL; may carry a path prefix and `user:password@`. */
  readonly url: string;
  /** Total deadline of one query, milliseconds: connect, headers and body together. */
  readonly timeoutMs: number;
  /** The same for a range query, including its wait in the queue. @default 5000 */
  readonly rangeTimeoutMs?: number | undefined;
  readonly observe?: ObserveCall | undefined;
}

/** A query to the API. */
interface ApiQuery<T> {
  readonly path: string;
  readonly form: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  readonly parse: (status: number, body: string) => Steps<T>;
}

/** Runs a query when allowed. */
type Turn = <T>(exchange: () => Promise<T>) => Promise<T>;

const maxBytes = 4 * 1024 * 1024;
/**
 * Enough for 100,000 rows of containers (`defaultLimits` of src/lib/budget/budget.ts), with four
 * numbers each.
 */
const maxRangeBytes = 10 * 1024 * 1024;

/**
 * Prometheus' HTTP API through undici's `request`. Unlike fetch, that neither follows redirects nor
 * inflates bodies: an answer of 4 MB is 4 MB. @throws TypeError when the URL is not http(s)
 */
export function createPrometheusClient(options: ClientOptions): PrometheusClient {
  const { url, timeoutMs, rangeTimeoutMs = 5_000, observe = unobserved } = options;
  const { endpoint, headers } = parseTarget(url);
  const limit = pLimit(2);
  // undici takes 140 ms to load: the first query pays for it, not the start of the process.
  let agent: Promise<Agent> | undefined;
  const connect = async () => {
    const { Agent } = await import("undici");
    return new Agent({ connections: 4, keepAliveTimeout: 4_000, connect: { timeout: timeoutMs } });
  };
  /** `run` starts the exchange when allowed; the deadline includes that wait. */
  const ask = async <T>(query: ApiQuery<T>, run: Turn, span: CallSpan): Promise<T> => {
    const { path, form, signal } = query;
    const deadline = AbortSignal.timeout(query.timeoutMs);
    const either = AbortSignal.any([signal, deadline]);
    try {
      return await run(async () => {
        either.throwIfAborted();
        agent ??= connect();
        const { statusCode, body } = await (
          await agent
        ).request({
          origin: endpoint.origin,
          path,
          method: "POST",
          headers: { ...headers, ...span.headers },
          body: new URLSearchParams({ ...form, ...asPrometheus, timeout: `${query.timeoutMs}ms` }).toString(),
          signal: either,
        });
        span.answered(statusCode);
        const bytes = await readBody(body, query.maxBytes, () => new PrometheusError("too_large"));
        return takeSteps(query.parse(statusCode, bytes.toString()), createSharedBudget(either));
      });
    } catch (error) {
      if (signal.aborted && !deadline.aborted) throw new PrometheusError("abandoned", "", error);
      throw toPrometheusError(error, deadline, query.timeoutMs);
    }
  };
  const measured = <T>(query: ApiQuery<T>, call: (span: CallSpan) => Promise<T>) => {
    const facts = () => toApiFacts("POST", new URL(query.path, endpoint));
    return observed({ observe, upstream: "prometheus", signal: query.signal, toCode, facts }, call);
  };
  return {
    query: (promql, signal) => {
      const query = {
        path: endpoint.pathname,
        form: { query: promql },
        timeoutMs,
        maxBytes,
        signal,
        parse: parseAnswer,
      };
      return measured(query, (span) => ask(query, atOnce, span));
    },
    queryRange: (promql, range, signal) => {
      const { from, step, steps } = range;
      const query: ApiQuery<Matrix> = {
        path: `${endpoint.pathname}_range`,
        form: { query: promql, start: `${from + step}`, end: `${from + step * steps}`, step: `${step}` },
        timeoutMs: rangeTimeoutMs,
        maxBytes: maxRangeBytes,
        signal,
        parse: (status, body) => parseMatrix(status, body, range),
      };
      return measured(query, (span) => ask(query, limit, span).catch(refuseLarge));
    },
    close: async () => {
      await (await agent)?.destroy();
    },
  };
}

const atOnce: Turn = (exchange) => exchange();
const toCode = (error: unknown) => toOpsError(error).code;

/** Prometheus did answer: the caller requested too much. */
function refuseLarge(error: unknown): never {
  if (!(error instanceof PrometheusError && error.kind === "too_large")) throw error;
  const message = "The history is larger than 10 MB: choose a longer step, or a shorter range";
  throw new OpsError("invalid_request", message, { cause: error });
}

/**
 * Otherwise VictoriaMetrics leaves out the last 30 s, and moves the ends of a range to multiples of
 * its step. Others ignore it.
 */
const asPrometheus = { latency_offset: "1ms", nocache: "1" };

/**
 * The address of the query API, and the headers of each query. Throws TypeError when it is not
 * http(s).
 */
export function parseTarget(url: string) {
  return parseApiUrl(url, "The Prometheus URL", "/api/v1/query", "application/json");
}

import { lookup } from "node:dns/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerHistorySource } from "../containers/stats/history.ts";
import type { HostReport, HostSource, Thresholds } from "../hosts/host.ts";
import { createSharedBudget } from "../lib/budget/budget.ts";
import { type Steps, takeSteps } from "../lib/budget/steps.ts";
import { createCache, createKeyedCache } from "../lib/cache.ts";
import { OpsError } from "../lib/errors.ts";
import { createChangeLog, type Logger, silentLogger } from "../lib/logger.ts";
import type { HistoryRange } from "../lib/range.ts";
import { unescapeName } from "../lib/redact/names.ts";
import { formatCount } from "../facts/format.ts";
import type { ObserveCall } from "../lib/upstream-call.ts";
import { quoteReply, UpstreamReply } from "../lib/upstream-reply.ts";
import type { Matrix } from "./answer.ts";
import { createPrometheusClient } from "./client.ts";
import { PrometheusError } from "./failure.ts";
import { toContainerHistories, toContainerRangeQuery, toHostHistories } from "./history.ts";
import { hostQuery, toHostRangeQuery } from "./query.ts";
import { toHostReport } from "./report.ts";

export interface HostSourceOptions {
  /** http(s) base URL; may carry a path prefix and `user:password@`. */
  readonly url: string;
  /** Shares, 0..1. */
  readonly thresholds: Thresholds;
  readonly logger: Logger;
  /**
   * Whether somebody configured the URL. If nobody did, and its host name has never had an address,
   * there is no Prometheus: the error is `unconfigured`. @default true
   */
  readonly isGiven?: boolean;
  /** Total deadline of one query, milliseconds. @default 3000 */
  readonly timeoutMs?: number;
  /** The same for a range query. @default 5000 */
  readonly rangeTimeoutMs?: number;
  /**
   * How long a report, or the failure to get one, is returned to all callers, milliseconds.
   * @default 1000
   */
  readonly ttlMs?: number;
  readonly observe?: ObserveCall;
  /** Called with each report that was read. */
  readonly onReport?: (report: HostReport) => Steps<void>;
}

/** The data from Prometheus: hosts, now and in the past, and the past of containers. */
export interface PrometheusSource extends HostSource, ContainerHistorySource {}

/**
 * The metrics in Prometheus: one POST for all hosts and metrics, at most once in `ttlMs`, and one
 * per range query. Callers with the same query at the same time share it. Rejects with
 * prometheus_unavailable, whose message gives the reason. @throws TypeError when the URL is not
 * http(s)
 */
export function createHostSource(options: HostSourceOptions): PrometheusSource {
  const { url, logger, thresholds, isGiven = true, timeoutMs = 3_000, rangeTimeoutMs, ttlMs = 1000, observe } = options;
  const client = createPrometheusClient({ url, timeoutMs, rangeTimeoutMs, observe });
  const watchReports = createWatch(logger);
  const watchHistory = createWatch(logger);
  const read = async (signal: AbortSignal): Promise<HostReport> => {
    const vector = await watchReports(async () => {
      const answer = await client.query(hostQuery, signal);
      return { ...answer, report: await takeSteps(toHostReport(answer, thresholds), createSharedBudget(signal)) };
    });
    if (options.onReport) await takeSteps(options.onReport(vector.report), createSharedBudget(signal));
    return vector.report;
  };
  let mayBeNone = !isGiven;
  const settle = async (signal: AbortSignal): Promise<Settled> => {
    try {
      const report = await read(signal);
      mayBeNone = false;
      return { report, error: null };
    } catch (error) {
      if (signal.aborted) throw error;
      return { report: null, error: mayBeNone && isUnknownHost(error) ? toUnconfigured(url, error) : error };
    }
  };
  const settled = createCache(settle, ttlMs, ttlMs);
  const readRange = createKeyedCache<RangeQuestion, Matrix>(
    ({ promql, range: { from, step, steps } }) => `${from} ${step} ${steps} ${promql}`,
    ({ promql, range }, signal) => watchHistory(() => client.queryRange(promql, range, signal)),
  );
  const ranges = (question: RangeQuestion, signal: AbortSignal) =>
    readRange(question, signal).catch(asAbandoned(signal));
  return {
    async report(signal) {
      const { report, error } = await settled(signal).catch(asAbandoned(signal));
      if (report === null) throw error;
      return report;
    },
    reportCached: () => settled.cached()?.report ?? null,
    async history(range, instances, signal) {
      const promql = toHostRangeQuery(range.step, instances.map(unescapeName));
      return toHostHistories(range, await ranges({ promql, range }, signal), createSharedBudget(signal));
    },
    async containerHistory(range, containers, signal) {
      const promql = toContainerRangeQuery(containers.map(({ name }) => name));
      const matrix = await ranges({ promql, range }, signal);
      return toContainerHistories(range, containers, matrix, createSharedBudget(signal));
    },
    close: () => client.close(),
  };
}

/** A report, or the error of its read. */
type Settled =
  | { readonly report: HostReport; readonly error: null }
  | { readonly report: null; readonly error: unknown };

interface RangeQuestion {
  readonly promql: string;
  readonly range: HistoryRange;
}

/** Logs changes of the state of one kind of query. */
function createWatch(logger: Logger) {
  const change = createChangeLog();
  return async <T extends { readonly warnings: readonly string[] }>(ask: () => Promise<T>): Promise<T> => {
    try {
      const answer = await ask();
      const { warnings } = answer;
      change(warnings.join("\n"), () => {
        if (warnings.length === 0) logger.info({ upstream: "prometheus" }, "Prometheus answers again");
        else logger.warn({ upstream: "prometheus", warnings }, "Prometheus answered with warnings");
      });
      return answer;
    } catch (error) {
      if (error instanceof PrometheusError && error.kind !== "abandoned") {
        const fields = { upstream: "prometheus", kind: error.kind, cause: causeOf(error) };
        change(error.message, () => logger.warn(fields, error.message));
      }
      throw error;
    }
  };
}

/** The cause of a failure, only for our log: a connection error, never text of Prometheus. */
function causeOf({ cause }: PrometheusError): string | undefined {
  return cause instanceof Error && !(cause instanceof UpstreamReply) ? cause.message : undefined;
}

/** The error for a caller that left while it waited: the kind `abandoned`. */
function asAbandoned(signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    throw signal.aborted ? new PrometheusError("abandoned", "", error) : error;
  };
}

const toUnconfigured = (url: string, cause: unknown) =>
  new OpsError("prometheus_unavailable", `Prometheus is not configured: ${url} does not resolve here`, {
    cause,
    upstream: "prometheus",
    unconfigured: true,
  });

function isUnknownHost(error: unknown): boolean {
  const cause = error instanceof PrometheusError ? error.cause : null;
  return cause instanceof Error && "code" in cause && ["ENOTFOUND", "EAI_AGAIN"].includes(String(cause.code));
}

const variable = "WALLET_CORE_OPS_PROMETHEUS_URL";

/**
 * One line of `cli check`: the hosts, or the fault and its remedy. `isGiven`: whether the URL was
 * configured; else a host name that does not resolve means that there is no Prometheus. Rejects
 * only for a URL that is not http(s).
 */
export async function probePrometheus({ isGiven = true, ...options }: Omit<HostSourceOptions, "logger">): Promise<{
  readonly ok: boolean;
  readonly detail: string;
  readonly isConfigured?: boolean;
}> {
  const source = createHostSource({ ...options, logger: silentLogger });
  try {
    const { hosts } = await source.report(new AbortController().signal);
    const down = hosts.filter((host) => host.status === "down").map((host) => host.name);
    const count = formatCount(hosts.length, "host");
    return { ok: true, detail: down.length > 0 ? `${count}, down: ${down.join(", ")}` : count };
  } catch (error) {
    if (!isGiven && !(await isKnownHost(options.url))) {
      const detail = `not configured, ${options.url} does not resolve here: set WALLET_CORE_OPS_PROMETHEUS_URL to a Prometheus that scrapes node-exporters`;
      return { ok: true, isConfigured: false, detail };
    }
    if (!(error instanceof PrometheusError)) return { ok: false, detail: "unknown error" };
    const { message, cause, remedy } = error;
    const detail = [message, quoteReply(cause) ?? [], remedy].flat().join(": ");
    return { ok: false, detail: detail.includes(variable) ? detail : `${detail} (${variable})` };
  } finally {
    await source.close();
  }
}

/** Whether the host name of a URL resolves, within a second. */
async function isKnownHost(url: string): Promise<boolean> {
  const resolved = lookup(new URL(url).hostname).then(
    () => true,
    () => false,
  );
  return Promise.race([resolved, sleep(1000, false, { ref: false })]);
}

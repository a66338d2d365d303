import { type Container, toUninspected } from "../containers/container.ts";
import { composeProject } from "../containers/kamal/origin.ts";
import type { ContainerRules } from "../containers/kamal/rules.ts";
import { createLineCleaner, maxReadBytes } from "../containers/logs/clean.ts";
import { toNext } from "../containers/logs/history/collect.ts";
import {
  type HistoryQuery,
  type HistoryRange,
  type HistorySelector,
  type LogHistory,
  mostRemoved,
} from "../containers/logs/history/log-history.ts";
import { removedStatus, toRemovedContainer } from "../containers/logs/history/removed.ts";
import type { LogLine, LogStream } from "../containers/logs/log.ts";
import { createSharedBudget } from "../lib/budget/budget.ts";
import { createKeyedCache } from "../lib/cache.ts";
import { createChangeLog, type Logger } from "../lib/logger.ts";
import { escapeName } from "../lib/redact/names.ts";
import { countKeyRest } from "../lib/redact/sanitize.ts";
import { formatCount } from "../facts/format.ts";
import { parseLogTime, toLogTimestamp } from "../lib/time.ts";
import type { ObserveCall } from "../lib/upstream-call.ts";
import { type Answer, createVictoriaLogsClient, type Row, type VictoriaLogsClient } from "./client.ts";
import { LogHistoryError } from "./failure.ts";
import { labelPrefix, ownTimeQuery, toContainersQuery, toLabelsQuery, toLinesQuery } from "./query.ts";

export interface VictoriaLogsOptions {
  /** http(s) base URL; may carry a path prefix and `user:password@`. */
  readonly url: string;
  readonly rules: ContainerRules;
  readonly logger: Logger;
  /** Total deadline of one query, milliseconds. @default 4000 */
  readonly timeoutMs?: number;
  readonly observe?: ObserveCall;
}

/** Most lines of one query, and of one time. */
const most = { lines: 1000, linesOfOneTime: 20_000 };

/**
 * Logs of Docker containers in VictoriaLogs, with the fields that Vector's source docker_logs
 * writes. Callers with the same query at the same time share it. Queries only on calls. @throws
 * TypeError when the URL is not http(s)
 */
export function createLogHistory({ rules, logger, ...options }: VictoriaLogsOptions): LogHistory {
  const client = createVictoriaLogsClient(options);
  const query = createKeyedCache<string, Answer>((logsql) => logsql, watchQueries(client, logger));
  return {
    async read(wanted, signal) {
      const answer = await query(toLinesQuery(wanted, most.lines), signal);
      const lines = await toLines(answer.rows, wanted, signal);
      const isWhole = !answer.isCut && answer.rows.length < most.lines;
      const edge = (wanted.from === "newest" ? lines[0] : lines.at(-1))?.timestamp;
      if (isWhole || edge === undefined) return { lines, rest: null, bytes: answer.bytes };
      // Some lines of the last time may be missing.
      const complete = lines.filter(({ timestamp }) => timestamp !== edge);
      if (complete.length > 0) return { lines: complete, rest: toRest(wanted, edge, false), bytes: answer.bytes };
      const moment = { ...wanted, since: edge, before: toNext(edge) };
      const all = await query(toLinesQuery(moment, most.linesOfOneTime), signal);
      if (all.isCut || all.rows.length >= most.linesOfOneTime) throw new LogHistoryError("too_many");
      return { lines: await toLines(all.rows, moment, signal), rest: toRest(wanted, edge, true), bytes: all.bytes };
    },
    async listContainers(selector, signal) {
      return listContainers(query, rules, selector, signal);
    },
    close: () => client.close(),
  };
}

/**
 * The range that is left once everything beyond a time was read, with or without that time itself.
 */
function toRest({ since, before, from }: HistoryQuery, edge: string, isRead: boolean): HistoryRange | null {
  const rest =
    from === "newest"
      ? { since, before: isRead ? edge : toNext(edge) }
      : { since: isRead ? toNext(edge) : edge, before };
  return rest.since < rest.before ? rest : null;
}

/** The text that VictoriaLogs stores for an entry without one (`-defaultMsgValue`). */
const noText = "missing _msg field;";

/**
 * The cleaned lines, oldest first. @throws LogHistoryError for rows that do not answer the query
 */
async function toLines(
  rows: readonly Row[],
  { fullId, from, since, before }: HistoryQuery,
  signal: AbortSignal,
): Promise<readonly LogLine[]> {
  const budget = createSharedBudget(signal);
  const entries = rows.map(({ _time = "", _msg = "", stream: written, container_id: id }) => {
    if (id !== fullId) throw new LogHistoryError("not_logs", "lines of another container");
    const stream: LogStream = written === "stderr" ? "stderr" : "stdout";
    return {
      timestamp: toLogTimestamp(parseLogTime(_time, 0) ?? "0"),
      stream,
      text: _msg.startsWith(noText) ? "" : _msg,
    };
  });
  const ordered = from === "newest" ? entries.toReversed() : entries;
  const isWrong = ordered.some(
    ({ timestamp }, at) => timestamp < (ordered[at - 1]?.timestamp ?? since) || timestamp >= before,
  );
  if (isWrong) throw new LogHistoryError("not_logs", "times out of order");
  ordered.sort((a, b) => compare(a.timestamp, b.timestamp) || compare(a.stream, b.stream) || compare(a.text, b.text));
  const clean = { stdout: createLineCleaner(), stderr: createLineCleaner() };
  const toTexts = (stream: LogStream) => ordered.filter((one) => one.stream === stream).map(({ text }) => text);
  const keyRest = { stdout: countKeyRest(toTexts("stdout")), stderr: countKeyRest(toTexts("stderr")) };
  const lines: LogLine[] = [];
  for (const [at, { timestamp, stream, text }] of ordered.entries()) {
    const wait = budget.turn();
    if (wait) await wait;
    const last = ordered[at - 1];
    const isOfKey = keyRest[stream] > 0;
    keyRest[stream] -= 1;
    // Shippers may send an entry twice.
    if (last && last.timestamp === timestamp && last.stream === stream && last.text === text) continue;
    const isCut = Buffer.byteLength(text) > maxReadBytes;
    const shown = isCut ? Buffer.from(text).toString("utf8", 0, maxReadBytes) : text;
    lines.push({ timestamp, stream, ...clean[stream](isOfKey ? "[redacted]" : shown, isCut) });
  }
  return lines;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

type Query = (logsql: string, signal: AbortSignal) => Promise<Answer>;

async function listContainers(
  query: Query,
  rules: ContainerRules,
  selector: HistorySelector,
  signal: AbortSignal,
): Promise<readonly Container[]> {
  const ofVersion = ["org.opencontainers.image.version", "org.opencontainers.image.revision"];
  const labels = [
    ...new Set([
      "service",
      "role",
      "destination",
      composeProject,
      ...ofVersion,
      ...rules.core.flatMap((one) => [...one.keys()]),
    ]),
  ];
  const { rows } = await query(toContainersQuery(selector, labels, mostRemoved), signal);
  const byId = Map.groupBy(
    rows.filter(({ container_id: id = "" }) => /^[0-9a-f]{64}$/.test(id)),
    ({ container_id: id = "" }) => id,
  );
  const consistent = await findConsistent(query, selector, [...byId.keys()], labels, signal);
  return [...byId].map(([fullId, [first = {}]]) =>
    toRemovedContainer(
      toUninspected({
        engine: escapeName(first["host"] ?? ""),
        fullId,
        name: escapeName(first["container_name"] ?? ""),
        labels: Object.fromEntries(
          labels.flatMap((label) => {
            const value = first[labelPrefix + label];
            return value ? [[label, escapeName(value)]] : [];
          }),
        ),
        state: removedStatus,
        image: escapeName(first["image"] ?? ""),
        createdAt: first["container_created_at"] ?? "",
        // Entries of one container contradict each other: its environment is unknown.
        variables: consistent.has(fullId) ? {} : null,
      }),
      rules,
    ),
  );
}

/**
 * Those whose entries all have the same labels: a selected entry may belong to a container that
 * other entries attribute differently.
 */
async function findConsistent(
  query: Query,
  range: HistoryRange,
  ids: readonly string[],
  labels: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  // A query of a hundred ids has 7 kB.
  const chunks = Array.from({ length: Math.ceil(ids.length / 100) }, (_, index) =>
    ids.slice(index * 100, index * 100 + 100),
  );
  const found = await Promise.all(
    chunks.map(async (chunk) => {
      const limit = 2 * chunk.length + 1;
      const { rows } = await query(toLabelsQuery(range, chunk, labels, limit), signal);
      const byId = Map.groupBy(rows, ({ container_id: id = "" }) => id);
      return rows.length < limit ? chunk.filter((id) => byId.get(id)?.length === 1) : [];
    }),
  );
  return new Set(found.flat());
}

/** Logs changes of the state. */
function watchQueries(client: VictoriaLogsClient, logger: Logger): Query {
  const change = createChangeLog();
  return async (logsql, signal) => {
    try {
      const answer = await client.query(logsql, signal);
      change("", () => logger.info({ upstream: "victorialogs" }, "The log history answers again"));
      return answer;
    } catch (error) {
      if (error instanceof LogHistoryError) {
        const cause = error.cause instanceof Error ? error.cause.message : undefined;
        change(error.message, () => logger.warn({ upstream: "victorialogs", kind: error.kind, cause }, error.message));
      }
      throw error;
    }
  };
}

/**
 * One line of `cli check`: how many Kamal containers wrote in the last day, or the fault and its
 * remedy; and warnings about how logs are shipped.
 */
export async function probeLogHistory(options: Omit<VictoriaLogsOptions, "logger">): Promise<{
  readonly ok: boolean;
  readonly detail: string;
  readonly warnings?: readonly string[];
}> {
  const client = createVictoriaLogsClient(options);
  const query: Query = (logsql, signal) => client.query(logsql, signal);
  const { signal } = new AbortController();
  try {
    const since = toLogTimestamp(String(Math.floor(Date.now() / 1000) - 86_400));
    const before = toLogTimestamp(String(Math.floor(Date.now() / 1000) + 60));
    const selector = { since, before, role: null, names: [], service: null };
    const containers = await listContainers(query, options.rules, selector, signal);
    const { rows } = await query(ownTimeQuery, signal);
    const own = containers.filter(({ kind }) => kind === "core").length;
    const count =
      containers.length < mostRemoved
        ? formatCount(containers.length, "container")
        : `${mostRemoved} or more containers`;
    const warnings = [
      ...(containers.length === 0
        ? [
            "no entry of the last day has the fields container_id and label.role, so no container is found: ship the logs as docs/containers.md shows",
          ]
        : []),
      ...(rows.length > 0
        ? ["entries have a field timestamp, so _time may not be the engine's time: set _time_field=timestamp"]
        : []),
    ];
    return { ok: true, detail: `${count} of Kamal in the last day, ${own} of the product`, warnings };
  } catch (error) {
    const remedy = error instanceof LogHistoryError ? `: ${error.remedy}` : "";
    return { ok: false, detail: `${error instanceof Error ? error.message : "unknown error"}${remedy}` };
  } finally {
    await client.close();
  }
}

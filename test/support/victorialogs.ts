import type { ServerResponse } from "node:http";
import { type LogEntry, type LogsQuery, parseLogsQuery, runLogsQuery } from "./logsql.ts";
import { startAnswering } from "./answering.ts";

export interface VictoriaLogsStandIn extends AsyncDisposable {
  readonly url: string;
  entries: LogEntry[];
  /** The queries so far. */
  readonly queries: readonly LogsQuery[];
  /** The number of requests, answered or not. */
  asked(): number;
  /** Answers the next requests in place of the stand-in; null ends that. */
  misbehave: ((response: ServerResponse) => unknown) | null;
}

/**
 * Answers `POST /select/logsql/query` as VictoriaLogs does (docs/victorialogs/querying/README.md
 * and app/vlselect/logsql/logsql.go of VictoriaMetrics/VictoriaLogs): a line of JSON for each
 * entry, empty fields left out, times without ending zeros, 400 with a text for what is no LogsQL.
 */
export async function startVictoriaLogs(entries: readonly LogEntry[] = []): Promise<VictoriaLogsStandIn> {
  const queries: LogsQuery[] = [];
  const state = { entries: [...entries], misbehave: null as VictoriaLogsStandIn["misbehave"] };
  const server = await startAnswering((response, { method, path, body, headers }) => {
    if (state.misbehave) return state.misbehave(response);
    const form = new URLSearchParams(body);
    const isForm = headers["content-type"] === "application/x-www-form-urlencoded";
    if (method !== "POST" || path !== "/select/logsql/query" || !isForm)
      return response.writeHead(404).end("unsupported path");
    if ([...form.keys()].toSorted().join() !== "query,timeout") return response.writeHead(400).end("unexpected args");
    try {
      const query = parseLogsQuery(form.get("query") ?? "");
      queries.push(query);
      const rows = runLogsQuery(query, state.entries);
      response.writeHead(200, { "content-type": "application/stream+json", "vl-request-duration-seconds": "0.001" });
      return response.end(rows.map((row) => `${JSON.stringify(toShown(row))}\n`).join(""));
    } catch (error) {
      return response.writeHead(400, { "content-type": "text/plain; charset=utf-8" }).end((error as Error).message);
    }
  });
  return Object.assign(state, {
    url: server.url,
    queries,
    asked: () => server.received.length,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  });
}

function toShown({ _time, ...row }: LogEntry): LogEntry {
  return _time === undefined ? row : { _time: _time.replace(/\.?0+Z$/, "Z"), ...row };
}

/** An entry of a container of Kamal as Vector ships it. */
export function vectorEntry(change: Readonly<Record<string, string>>): LogEntry {
  return {
    _stream: "{}",
    _stream_id: "0000000000000000e934a84adb05276890d7f7bfcadabe92",
    container_created_at: "2026-01-13T09:40:00.229156667Z",
    container_id: "a".repeat(64),
    container_name: "wallet-core-web-v1",
    host: "web-1",
    image: "ghcr.io/schoolable/wallet-core:v1",
    "label.role": "web",
    "label.service": "wallet-core",
    source_type: "docker_logs",
    stream: "stdout",
    ...change,
  };
}

import type { HistoryQuery, HistoryRange, HistorySelector } from "../containers/logs/history/log-history.ts";
import type { LogFilter } from "../containers/logs/log.ts";
import { unescapeName } from "../lib/redact/names.ts";

/*
 * LogsQL. Texts appear only inside string literals and times come from `toLogTimestamp`, so nothing
 * that a client or a container wrote is read as a query.
 * Source: https://docs.victoriametrics.com/victorialogs/logsql/, sections "String literals", "Exact
 * filter", "Multi-exact filter", "Regexp filter", "Time filter" and "Pipes".
 */

/**
 * A string literal. It uses Go's escapes, which include all that JSON writes for well-formed text.
 */
export function quote(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/**
 * The fields of Vector's source docker_logs (its src/sources/docker_logs/mod.rs), with labels
 * flattened by VictoriaLogs.
 */
const fields = {
  id: "container_id",
  name: "container_name",
  createdAt: "container_created_at",
  image: "image",
  host: "host",
};
export const labelPrefix = "label.";

/**
 * Queries one container's lines by its id, from one end of the range. Does not filter by the text
 * of a search: redaction, and the level of a line, depend on the lines before it.
 */
export function toLinesQuery({ fullId, from, filter, ...range }: HistoryQuery, limit: number): string {
  const filters = [toTimeFilter(range), `${fields.id}:=${quote(fullId)}`, toStreamFilter(filter)];
  const order = `sort by (_time)${from === "newest" ? " desc" : ""}`;
  return `${filters.filter((one) => one !== null).join(" ")} | fields _time, _msg, stream, ${fields.id} | ${order} | limit ${limit}`;
}

/** Queries the containers of a selection, each with these labels, the newest first. */
export function toContainersQuery(
  { role, names, service, ...range }: HistorySelector,
  labels: readonly string[],
  limit: number,
): string {
  const roleField = quote(`${labelPrefix}role`);
  const filters = [
    toTimeFilter(range),
    // Every Kamal app has this label.
    role === null ? `${roleField}:*` : `${roleField}:=${quote(unescapeName(role))}`,
    names.length === 0 ? null : `${fields.name}:in(${names.map(quote).join(",")})`,
    service === null ? null : `${quote(`${labelPrefix}service`)}:=${quote(unescapeName(service))}`,
  ];
  const by = [...Object.values(fields), ...labels.map((label) => quote(labelPrefix + label))].join(", ");
  return `${filters.filter((one) => one !== null).join(" ")} | uniq by (${by}) | sort by (${fields.createdAt}) desc | limit ${limit}`;
}

/** Queries the values of these labels on the entries of each of these containers. */
export function toLabelsQuery(
  range: HistoryRange,
  ids: readonly string[],
  labels: readonly string[],
  limit: number,
): string {
  const by = [fields.id, ...labels.map((label) => quote(labelPrefix + label))].join(", ");
  return `${toTimeFilter(range)} ${fields.id}:in(${ids.map(quote).join(",")}) | uniq by (${by}) | limit ${limit}`;
}

/**
 * Queries one entry of the last day that still has its own time field: `_time` is then the time of
 * its arrival.
 */
export const ownTimeQuery = `_time:1d ${fields.id}:* timestamp:* | fields _time | limit 1`;

function toTimeFilter({ since, before }: HistoryRange): string {
  return `_time:[${since}, ${before})`;
}

/** Vector writes stdout, stderr, or console for a terminal, which engines send as stdout. */
function toStreamFilter({ stream }: LogFilter): string | null {
  return stream === "stderr" ? `stream:=${quote("stderr")}` : null;
}

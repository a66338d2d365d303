import { cutMark } from "../containers/logs/clean.ts";
import type { HistoryQuery, HistoryRange, HistorySelector } from "../containers/logs/history/log-history.ts";
import type { LogFilter } from "../containers/logs/log.ts";
import { redactionMarks } from "../lib/redact/secrets.ts";

/*
 * LogsQL. Texts are only ever inside of string literals and times come from `toLogTimestamp`, so nothing that a client or a container wrote is read as a query.
 * Source: https://docs.victoriametrics.com/victorialogs/logsql/, sections "String literals", "Exact filter", "Multi-exact filter", "Regexp filter", "Time filter" and "Pipes".
 */

/** A string literal. It has the escapes of Go's, which include all that JSON writes for well-formed text. */
export function quote(text: string): string {
  return JSON.stringify(text.toWellFormed());
}

/** The fields of Vector's source docker_logs (its src/sources/docker_logs/mod.rs), with labels flattened by VictoriaLogs. */
const fields = { id: "container_id", name: "container_name", createdAt: "container_created_at", image: "image", host: "host" };
export const labelPrefix = "label.";

/** Asks for the time, text and stream of one container's lines, from one end of the range. */
export function toLinesQuery({ fullId, from, filter, ...range }: HistoryQuery, limit: number): string {
  const filters = [toTimeFilter(range), `${fields.id}:=${quote(fullId)}`, toStreamFilter(filter), toMessageFilter(filter)];
  const order = `sort by (_time)${from === "newest" ? " desc" : ""}`;
  return `${filters.filter((one) => one !== null).join(" ")} | fields _time, _msg, stream | ${order} | limit ${limit}`;
}

/** Asks for the containers of a selection, each with these labels, the newest first. */
export function toContainersQuery(
  { role, names, service, ...range }: HistorySelector,
  labels: readonly string[],
  limit: number,
): string {
  const roleField = quote(`${labelPrefix}role`);
  const filters = [
    toTimeFilter(range),
    // Each app of Kamal has this label.
    role === null ? `${roleField}:*` : `${roleField}:=${quote(role)}`,
    names.length === 0 ? null : `${fields.name}:in(${names.map(quote).join(",")})`,
    service === null ? null : `${quote(`${labelPrefix}service`)}:=${quote(service)}`,
  ];
  const by = [...Object.values(fields), ...labels.map((label) => quote(labelPrefix + label))].join(", ");
  return `${filters.filter((one) => one !== null).join(" ")} | uniq by (${by}) | sort by (${fields.createdAt}) desc | limit ${limit}`;
}

/** Asks for one entry of the last day that has still a time of its own: then `_time` is that of its arrival. */
export const ownTimeQuery = `_time:1d ${fields.id}:* timestamp:* | fields _time | limit 1`;

function toTimeFilter({ since, before }: HistoryRange): string {
  return `_time:[${since}, ${before})`;
}

/** Vector writes stdout, stderr, or console for a terminal, which engines send as stdout. */
function toStreamFilter({ stream }: LogFilter): string | null {
  return stream === "stderr" ? `stream:=${quote("stderr")}` : null;
}

/**
 * Selects each line that may have the text when it is cleaned. Cleaning removes and replaces characters that are not plain, so lines with any of them are selected too. It
 * also writes marks: a text that may be found in or at one cannot be looked for. The gateway tests each line that it gets.
 */
export function toMessageFilter({ search, ignoreCase = false }: LogFilter): string | null {
  if (search === undefined || mayTouchMark(search, ignoreCase)) return null;
  const unplain = String.raw`[^\t -~]`;
  const text = ignoreCase ? search.toLowerCase() : search;
  const isPlain = /^[\t -~]*$/.test(text);
  const literal = text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
  return `_msg:~${quote(isPlain ? `(?${ignoreCase ? "i" : ""}:${literal})|${unplain}` : unplain)}`;
}

function mayTouchMark(search: string, ignoreCase: boolean): boolean {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const text = fold(search);
  return [...redactionMarks, cutMark].map(fold).some((mark) => {
    if (mark.includes(text) || text.includes(mark)) return true;
    const lengths = Array.from({ length: Math.min(mark.length, text.length) }, (_, index) => index + 1);
    return lengths.some((length) => text.endsWith(mark.slice(0, length)) || text.startsWith(mark.slice(-length)));
  });
}

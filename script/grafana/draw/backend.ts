import { type Field, fillTimes, infinityHeaders, toInfinityFields, toWide } from "./infinity.ts";
import type { Target } from "../model.ts";

/** What Grafana's server asks. */
export interface Upstreams {
  /** The gateway's, without a trailing slash. */
  readonly url: string;
  /** With the scope ops:read. */
  readonly token: string;
  /** One that scrapes the gateway. */
  readonly prometheusUrl: string;
}

/** The body of Grafana's POST /api/ds/query. */
export interface QueryBody {
  readonly from: string;
  readonly to: string;
  readonly queries: readonly (Target & { readonly intervalMs: number; readonly maxDataPoints: number })[];
}

interface Frame {
  readonly schema: { readonly refId: string; readonly fields: readonly object[]; readonly meta?: object };
  readonly data: { readonly values: readonly (readonly unknown[])[] };
}

type Result =
  | { readonly status: 200; readonly frames: readonly Frame[] }
  | { readonly status: number; readonly error: string };

/** How often Prometheus scrapes, by provisioning/datasources: `timeInterval`. */
const scrapeSeconds = 15;

/**
 * What Grafana's server answers to POST /api/ds/query: it runs the Go parts of Infinity and of the
 * Prometheus datasource.
 */
export async function answerQueries(
  upstreams: Upstreams,
  body: QueryBody,
): Promise<{ results: Record<string, Result> }> {
  const range = { from: Number(body.from), to: Number(body.to) };
  const results = await Promise.all(
    body.queries.map(async (query) => {
      const isInfinity = query.datasource.type === "yesoreyeram-infinity-datasource";
      const answer = isInfinity ? askInfinity(upstreams, query, range) : askPrometheus(upstreams, query, range);
      const result = answer.then(
        (frames): Result => ({ status: 200, frames }),
        (error: unknown): Result => ({ status: 500, error: (error as Error).message }),
      );
      return [query.refId, await result] as const;
    }),
  );
  return { results: Object.fromEntries(results) };
}

interface Range {
  /** Milliseconds of Unix time, as `to`. */
  readonly from: number;
  readonly to: number;
}

function toFrame(refId: string, fields: readonly Field[], displayName?: string): Frame {
  const schema = fields.map(({ name, type, labels }) => ({
    name,
    type,
    ...(labels && { labels }),
    ...(displayName !== undefined && type === "number" && { config: { displayNameFromDS: displayName } }),
  }));
  return { schema: { refId, fields: schema }, data: { values: fields.map(({ values }) => values) } };
}

async function askInfinity({ url, token }: Upstreams, query: Target, { from, to }: Range): Promise<Frame[]> {
  const options = query["url_options"] as { method: string; body_content_type: string; body_graphql_query: string };
  const text = fillTimes(options.body_graphql_query, new Date(from), new Date(to));
  const response = await fetch(url + String(query["url"]), {
    method: options.method,
    headers: infinityHeaders(token, options.body_content_type),
    body: JSON.stringify({ query: text, variables: null }),
  });
  const answer = await response.text();
  if (response.status >= 400) {
    throw new Error(
      `unsuccessful HTTP response code. status code : ${response.status} ${response.statusText}: ${answer}`,
    );
  }
  const fields = toInfinityFields(query, JSON.parse(answer));
  return [toFrame(query.refId, query["format"] === "timeseries" ? toWide(fields) : fields)];
}

interface PrometheusAnswer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: readonly {
      readonly metric: Readonly<Record<string, string>>;
      readonly value?: readonly [number, string];
      readonly values?: readonly (readonly [number, string])[];
    }[];
  };
}

/**
 * By the rules of Grafana's Prometheus datasource: the step, `$__rate_interval`, ends at whole
 * steps, and names of series.
 */
async function askPrometheus(
  { prometheusUrl }: Upstreams,
  query: QueryBody["queries"][number],
  range: Range,
): Promise<Frame[]> {
  const step = Math.max(scrapeSeconds, Math.round(query.intervalMs / 1000));
  const rate = Math.max(step + scrapeSeconds, 4 * scrapeSeconds);
  const expr = String(query["expr"])
    .replaceAll(/\$(?:__rate_interval\b|\{__rate_interval\})/g, `${rate}s`)
    .replaceAll(/\$(?:__interval\b|\{__interval\})/g, `${step}s`)
    .replaceAll(/\$(?:__range\b|\{__range\})/g, `${Math.round((range.to - range.from) / 1000)}s`);
  const isNow = query["instant"] === true;
  const [start, end] = [range.from, range.to].map((at) => Math.floor(at / 1000 / step) * step);
  const times = isNow
    ? { time: String(range.to / 1000) }
    : { start: String(start), end: String(end), step: String(step) };
  const body = new URLSearchParams({ query: expr, ...times });
  const response = await fetch(`${prometheusUrl}/api/v1/${isNow ? "query" : "query_range"}`, { method: "POST", body });
  const answer = (await response.json()) as PrometheusAnswer;
  if (answer.status !== "success") throw new Error(answer.error ?? answer.status);
  return (answer.data?.result ?? []).map(({ metric, value, values = value ? [value] : [] }) =>
    toFrame(
      query.refId,
      [
        { name: "Time", type: "time", values: values.map(([time]) => time * 1000) },
        { name: "Value", type: "number", labels: metric, values: values.map(([, text]) => Number(text)) },
      ],
      toSeriesName(query["legendFormat"], metric),
    ),
  );
}

/** The template `{{label}}`; without one, the metric with its labels. */
function toSeriesName(template: unknown, metric: Readonly<Record<string, string>>): string {
  if (typeof template === "string" && template !== "" && template !== "__auto") {
    return template.replaceAll(/\{\{\s*(.+?)\s*\}\}/g, (_, name: string) => metric[name] ?? "");
  }
  const { __name__: name = "", ...labels } = metric;
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return `${name}{${pairs.join(", ")}}`;
}

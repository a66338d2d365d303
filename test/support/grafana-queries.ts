import { expect } from "vitest";
import { fillTimes, infinityHeaders, proxyHeaders } from "../../script/grafana/draw/infinity.ts";
import type { Target } from "../../script/grafana/model.ts";
import type { DataFrame } from "./grafana-data.ts";
import { lastHour } from "./grafana-panel.ts";
import { toFrames, toInfinityFrame } from "./grafana-frames.ts";

interface Place {
  /** The gateway's. */
  readonly url: string;
  /** What provisioning/datasources gives to Infinity. */
  readonly token: string;
  readonly prometheusUrl: string;
}

/** Values of the dashboard's variables; null is "All", which has our `allValue`. */
export type Chosen = Readonly<Record<string, string | readonly string[] | null>>;

/**
 * What the browser fills in: `$name`, `${name}`, `${name:json}`, `${name:doublequote}` and
 * `${name:singlequote}`; not what is no variable of the dashboard.
 */
export function interpolate(text: string, chosen: Chosen): string {
  return text.replace(
    /\$\{(\w+)(?::(\w+))?\}|\$(\w+)/g,
    (whole, braced: string | undefined, format: string | undefined, plain) => {
      const name = braced ?? String(plain);
      if (!Object.hasOwn(chosen, name)) return whole;
      const value = chosen[name] ?? null;
      if (value === null) return "null";
      if (format === "singlequote")
        return [value]
          .flat()
          .map((one) => `'${one}'`)
          .join(",");
      if (format === "doublequote")
        return [value]
          .flat()
          .map((one) => JSON.stringify(one))
          .join(",");
      // One value is not quoted, a list is.
      return format === "json" && typeof value !== "string" ? JSON.stringify(value) : [value].flat().join("|");
    },
  );
}

/**
 * Sends a query of a panel or an alert rule as its plugin would, and gives the frames that the
 * plugin would make.
 */
export async function ask(place: Place, target: Target, chosen: Chosen = {}, hours = 6): Promise<DataFrame[]> {
  const { type } = target.datasource;
  if (type === "yesoreyeram-infinity-datasource") return [await askInfinity(place, target, chosen, hours)];
  if (type === "simpod-json-datasource") return askJson(place, target, chosen);
  return askPrometheus(place, target, chosen);
}

async function askInfinity({ url, token }: Place, target: Target, chosen: Chosen, hours: number): Promise<DataFrame> {
  const options = target["url_options"] as { method: string; body_content_type: string; body_graphql_query: string };
  const to = new Date();
  const query = fillTimes(
    interpolate(options.body_graphql_query, chosen),
    new Date(to.getTime() - hours * 3_600_000),
    to,
  );
  expect(query).not.toMatch(/\$[{\w]/);
  const response = await fetch(url + String(target["url"]), {
    method: options.method,
    headers: infinityHeaders(token, options.body_content_type),
    body: JSON.stringify({ query, variables: null }),
  });
  const text = await response.text();
  expect(response.status, `${query}\n${text}`).toBe(200);
  const answer = JSON.parse(text) as { errors?: unknown };
  expect(answer.errors, query).toBeUndefined();
  return toInfinityFrame(
    { ...target, filterExpression: interpolate(String(target["filterExpression"]), chosen) },
    answer,
  );
}

async function askJson({ url, token }: Place, target: Target, chosen: Chosen): Promise<DataFrame[]> {
  const payload = JSON.parse(interpolate(String(target["payload"]), chosen)) as object;
  const scopedVars = Object.fromEntries(
    Object.entries(chosen).map(([name, value]) => [name, { text: "All", value: value ?? [] }]),
  );
  const response = await fetch(`${url}/grafana/query`, {
    method: "POST",
    headers: proxyHeaders(token),
    body: JSON.stringify(lastHour([{ ...target, payload }], { scopedVars })),
  });
  const text = await response.text();
  expect(response.status, text).toBe(200);
  const items = JSON.parse(text) as { schema: { refId: string; meta?: { notices?: unknown } } }[];
  for (const { schema } of items) expect(schema.meta?.notices ?? [], text).toEqual([]);
  return toFrames(items);
}

interface PrometheusAnswer {
  readonly status: string;
  readonly error?: string;
  readonly data?: {
    readonly result: { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] }[];
  };
}

async function askPrometheus({ prometheusUrl }: Place, target: Target, chosen: Chosen): Promise<DataFrame[]> {
  const query = interpolate(String(target["expr"]), chosen).replaceAll("$__rate_interval", "1m");
  expect(query).not.toContain("$");
  const now = Date.now() / 1000;
  const isNow = target["instant"] === true;
  const times = isNow ? { time: String(now) } : { start: String(now - 60), end: String(now), step: "5" };
  const body = new URLSearchParams({ query, ...times });
  const response = await fetch(`${prometheusUrl}/api/v1/${isNow ? "query" : "query_range"}`, { method: "POST", body });
  const answer = (await response.json()) as PrometheusAnswer;
  expect(answer.status, `${query}\n${answer.error ?? ""}`).toBe("success");
  return toFrames(
    (answer.data?.result ?? []).map(({ metric, value, values = value ? [value] : [] }) => ({
      refId: target.refId,
      fields: [
        { name: "time", type: "time", values: values.map(([time]) => time * 1000) },
        { name: "value", type: "number", labels: metric, values: values.map(([, text]) => Number(text)) },
      ],
    })),
  );
}

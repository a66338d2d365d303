import { dimensions, payloads } from "../../src/grafana/filters.ts";
import { grafanaPath, grafanaRoutes } from "../../src/grafana/handler.ts";
import { metrics } from "../../src/grafana/metrics.ts";
import { mcpPath } from "../../src/mcp/metadata.ts";
import { tools } from "../../src/mcp/tools.ts";
import { metricsPath } from "../../src/metrics/handler.ts";
import { basePath, type Endpoint, endpoints } from "../../src/rest/endpoints.ts";
import type { ArgumentValues, GeneratedDocument, Values } from "./generated-documents.ts";

/** One request. */
export interface Question {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Whether it only reads, may change something, or has an answer without an end. */
  readonly manner: "read" | "act" | "follow";
  /** Whether it has no optional parameters. */
  readonly isPlain: boolean;
}

type Asked = Pick<Question, "method" | "path"> &
  Partial<Omit<Question, "body">> & { readonly body?: object | undefined };

function toQuestion({ body, headers, ...asked }: Asked): Question {
  const text = body === undefined ? null : JSON.stringify(body);
  return {
    manner: "read",
    isPlain: true,
    ...asked,
    headers: { "content-type": "application/json", ...headers },
    body: text,
  };
}

const manners = { query: "read", mutation: "act", subscription: "follow" } as const;

/** A generated document as a request to /graphql. */
export function toGraphqlQuestion({ operation, text: query, isPlain }: GeneratedDocument): Question {
  const accept = operation === "subscription" ? "text/event-stream" : "application/graphql-response+json";
  return toQuestion({
    method: "POST",
    path: "/graphql",
    headers: { accept },
    body: { query },
    manner: manners[operation],
    isPlain,
  });
}

function getValues(name: string, values: Values): ArgumentValues {
  const found = values[name];
  if (!found) throw new Error(`${name} has no value: add it to the values of the test`);
  return found;
}

/**
 * Every endpoint of the contract: plain, and with each parameter, of our own and other
 * environments; as JSON and as text.
 */
export function generateRestQuestions(values: Values): readonly Question[] {
  const all: readonly Endpoint[] = endpoints;
  return all.flatMap(({ method, path, params, text, deprecated }) => {
    const { own, foreign = [] } = path.includes(":name") ? getValues("name", values) : { own: [""] };
    const manner = method !== "GET" || deprecated !== undefined ? "act" : "read";
    const toOne = (name: unknown, query = "", headers = {}): Question =>
      toQuestion({
        method,
        headers,
        manner: query === "?follow=true" ? "follow" : manner,
        path: `${basePath}${path.replace(":name", String(name))}${query}`,
        isPlain: name === own[0] && query === "" && Object.keys(headers).length === 0,
      });
    const withParams = params.flatMap((param) => {
      const { own: some, foreign: others = [] } = getValues(param.name, values);
      return [...some, ...others].map((value) =>
        param.in === "header"
          ? toOne(own[0], "", { [param.name]: String(value) })
          : toOne(own[0], `?${param.name}=${encodeURIComponent(String(value))}`),
      );
    });
    const accepts = ["application/problem+json", ...(text ? ["text/plain"] : [])];
    return [
      ...[...own, ...foreign].map((name) => toOne(name)),
      ...accepts.flatMap((accept) => [own[0], ...foreign].map((name) => toOne(name, "", { accept }))),
      ...withParams,
    ];
  });
}

/**
 * Every route of Grafana's datasource, for every metric, dimension and field of the query builder.
 */
export function generateGrafanaQuestions(
  values: Values,
  range: { readonly from: string; readonly to: string },
): readonly Question[] {
  const toChoices = (name: string) => {
    const { own, foreign = [] } = getValues(name, values);
    return [...own, ...foreign];
  };
  const bodies: Readonly<Record<string, () => readonly object[]>> = {
    "/metrics": () => [{}],
    "/search": () => [{}],
    "/tag-keys": () => [{}],
    "/metric-payload-options": () => payloads.map(({ name }) => ({ name, metric: "containers", payload: {} })),
    "/variable": () => [...dimensions.map(({ name }) => name), "metrics"].map((target) => ({ payload: { target } })),
    "/tag-values": () => dimensions.map(({ name: key }) => ({ key })),
    "/query": () =>
      metrics.flatMap(({ name: target, payloads: own }) => {
        const narrowed = own.flatMap((name) => toChoices(name).map((value) => ({ [name]: value })));
        return [{}, ...narrowed].map((payload) => ({
          range,
          maxDataPoints: 5,
          targets: [{ refId: "A", target, payload }],
        }));
      }),
  };
  const posts = grafanaRoutes.flatMap((route) => {
    const toBodies = bodies[route];
    if (!toBodies) throw new Error(`The route ${route} of Grafana has no body: add it to the test`);
    return toBodies().map((body) =>
      toQuestion({
        method: "POST",
        path: `${grafanaPath}${route}`,
        body,
        isPlain: !JSON.stringify(body).includes('"payload":{"'),
      }),
    );
  });
  return [toQuestion({ method: "GET", path: grafanaPath }), ...posts];
}

/** One call of a tool at /mcp, as a client of the current protocol sends it. */
export function toMcpQuestion(
  name: string,
  args: object,
  more: Partial<Pick<Question, "manner" | "isPlain">> = {},
): Question {
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": { name: "matrix", version: "1" },
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  return toQuestion({
    method: "POST",
    path: mcpPath,
    headers: {
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": name,
    },
    body: { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: args, _meta: meta } },
    ...more,
  });
}

/** What a tool cannot do without, where its schema does not say it. */
const toolNeeds: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  read_logs: { role: "web", env: "staging" },
  search_logs: { text: "wrote" },
  explain_failure: { queue: "ownmark-payouts" },
};
/** The argument that another one stands in place of. */
const insteadOf: Readonly<Record<string, string>> = { names: "role", regex: "text" };

/**
 * Every tool of /mcp: with what it needs, and with each further argument, of our own and other
 * environments.
 */
export function generateMcpQuestions(values: Values): readonly Question[] {
  return tools.flatMap(({ name, args: { shape }, isAction }) => {
    const needed = Object.entries(shape).filter(([, type]) => !type.safeParse(undefined).success);
    const base = {
      ...Object.fromEntries(needed.map(([arg]) => [arg, getValues(`mcp.${arg}`, values).own[0]])),
      ...toolNeeds[name],
    };
    const manner = isAction ? "act" : "read";
    const single = Object.keys(shape).flatMap((arg) => {
      const { own, foreign = [] } = getValues(`mcp.${arg}`, values);
      const { [insteadOf[arg] ?? ""]: _, ...others } = base as Readonly<Record<string, unknown>>;
      return [...own, ...foreign].map((value) =>
        toMcpQuestion(name, { ...others, [arg]: value }, { manner, isPlain: false }),
      );
    });
    return [toMcpQuestion(name, base, { manner, isPlain: true }), ...single];
  });
}

/** /metrics in both formats; and paths, bodies and methods that do not exist. */
export function generateOtherQuestions(): readonly Question[] {
  const get = (path: string, headers = {}) => toQuestion({ method: "GET", path, headers });
  const post = (path: string, body: object) => toQuestion({ method: "POST", path, body });
  return [
    get(metricsPath),
    get(`${metricsPath}?stats=1`),
    get(`${metricsPath}?stats=1`, { accept: "application/openmetrics-text" }),
    get(`${basePath}/openapi.json`),
    ...["/", `${basePath}/nothing`, `${grafanaPath}/nothing`, "/graphql?query=%7Bnothing%7D"].map((path) => get(path)),
    post("/graphql", { query: "{ containers { nothing } }" }),
    post("/graphql", {
      query: "query ($env: Environment) { containers(env: $env) { name } }",
      variables: { env: "nowhere" },
    }),
    post(`${grafanaPath}/query`, { targets: [{ refId: "A", target: "nothing" }] }),
    post(`${basePath}/containers`, {}),
  ];
}

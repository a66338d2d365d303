import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { ErrorCode } from "../errors.ts";
import {
  ContainerDocument,
  ContainerHealthCheckDocument,
  ContainerLogsDocument,
  ContainerRestartDocument,
  ContainersDocument,
  type ContainersQuery,
  DeployInfoDocument,
  HostsDocument,
  QueuesDocument,
} from "../generated/rest.ts";
import { type Param, booleanParam, choiceParam, integerParam, textParam } from "./params.ts";
import { type Pick, deployInfo, field, restarted, spread, whole } from "./picks.ts";

/** Where the contract lives. */
export const basePath = "/api/v1/admin/ops";

/** One documented endpoint: a fixed document and how its answer becomes the body. */
export interface Endpoint<Data = unknown, Variables = unknown> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly summary: string;
  readonly document: TypedDocumentNode<Data, Variables>;
  readonly params: readonly Param[];
  readonly pick: Pick<Data>;
  /** Codes beside unauthorized, forbidden, invalid_request and internal. */
  readonly errors: readonly ErrorCode[];
  readonly headers?: (data: Partial<Data>) => Readonly<Record<string, string>>;
  /** The body as lines of text, for `Accept: text/plain`. */
  readonly text?: (body: unknown) => string;
  readonly deprecated?: true;
}

const accessories = booleanParam("include_accessories", {
  variable: "includeAccessories",
  description: "Also Kamal's accessories: redis, prometheus, grafana, rabbitmq, outpost ...",
});
const env = choiceParam("env", ["staging", "production"], { description: "Only this environment" });
const stats = booleanParam("include_stats", {
  variable: "includeStats",
  description: "Add cpu_pct and mem_pct from Docker stats",
});
const reason = textParam("reason", 200, { description: "Why, for the audit record" });
const engine = textParam("engine", 255, { description: "The engine to look on, where several run a container of this name" });
const logParams = [
  accessories,
  engine,
  integerParam("tail", { minimum: 1, maximum: 5000, fallback: 200 }, { description: "How many of the newest matching lines" }),
  textParam("since", 64, { description: "From this time on: RFC 3339, unix seconds, or a duration back from now (10m)" }),
  textParam("until", 64, { description: "Up to this time, as since" }),
  choiceParam("stream", ["stdout", "stderr"], { description: "Only this stream" }),
  textParam("search", 200, { description: "Only lines that contain this text, case-sensitive" }),
  choiceParam("follow", ["false"], { description: "Answers are finite: an endless one is refused" }),
];

const engineErrors = ["docker_unavailable", "docker_forbidden", "docker_timeout", "docker_error"] as const;
const oneErrors = ["container_not_found", "container_ambiguous", ...engineErrors] as const;
const restartErrors = [...oneErrors, "restart_disabled", "restart_in_progress", "restart_unknown", "audit_unavailable"] as const;
const restart = {
  document: ContainerRestartDocument,
  params: [accessories, engine, reason],
  pick: restarted(),
  errors: restartErrors,
} as const;

/** Every endpoint of the contract. A new one is a line here and a document in schema/rest/. */
export const endpoints = [
  row({
    method: "GET",
    path: "/containers",
    summary: "Containers of the service",
    document: ContainersDocument,
    params: [env, accessories, stats],
    pick: field("containers"),
    headers: enginesHeader,
    errors: engineErrors,
  }),
  row({
    method: "GET",
    path: "/containers/:name",
    summary: "One container, with its stats",
    document: ContainerDocument,
    params: [accessories, engine],
    pick: field("container"),
    errors: oneErrors,
  }),
  row({
    method: "GET",
    path: "/containers/:name/logs",
    summary: "Its newest log lines",
    document: ContainerLogsDocument,
    params: logParams,
    pick: spread("container", "logs"),
    text: toLines,
    errors: oneErrors,
  }),
  row({
    method: "GET",
    path: "/containers/:name/health-check",
    summary: "What its last health probe said",
    document: ContainerHealthCheckDocument,
    params: [accessories, engine],
    pick: spread("container", "healthCheck"),
    errors: oneErrors,
  }),
  row({ method: "POST", path: "/containers/:name/restart", summary: "Restart it", ...restart }),
  row({ method: "GET", path: "/containers/:name/restart", summary: "Restart it; use POST", deprecated: true, ...restart }),
  row({
    method: "GET",
    path: "/queues",
    summary: "Queue depths, rates and recent job errors",
    document: QueuesDocument,
    params: [],
    pick: whole("queues", "errors"),
    errors: ["queues_unavailable", "postgres_unavailable"],
  }),
  row({
    method: "GET",
    path: "/hosts",
    summary: "CPU and memory of the hosts, with alert flags",
    document: HostsDocument,
    params: [],
    pick: whole("hosts", "thresholds", "updated_at"),
    errors: ["prometheus_unavailable"],
  }),
  row({
    method: "GET",
    path: "/deploy-info",
    summary: "What was deployed last",
    document: DeployInfoDocument,
    params: [],
    pick: deployInfo(),
    errors: ["deploy_info_missing", "deploy_info_invalid", "deploy_info_unreadable"],
  }),
] as const;

/** Forgets the types of a row once they have been checked against each other. */
function row<Data, Variables>(endpoint: Endpoint<Data, Variables>): Endpoint {
  return endpoint as Endpoint;
}

/** `X-Ops-Engines`: an RFC 9651 list, `"web-1", "web-2";error=docker_timeout`. */
function enginesHeader({ engines }: Partial<ContainersQuery>): Readonly<Record<string, string>> {
  const items = (engines ?? []).map(({ name, error }) => `"${name}"${error ? `;error=${error.code}` : ""}`);
  return { "x-ops-engines": items.join(", ") };
}

function toLines(body: unknown): string {
  const { lines } = body as { lines: readonly { readonly message: string }[] };
  return lines.map(({ message }) => `${message}\n`).join("");
}

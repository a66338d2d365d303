import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { DocumentNode } from "graphql";
import {
  ContainerDocument,
  ContainerHealthCheckDocument,
  ContainerLogsDocument,
  ContainerLogsFollowDocument,
  ContainerRestartDocument,
  ContainersDocument,
  type ContainersQuery,
  DeployInfoDocument,
  HostsDocument,
  QueuesDocument,
} from "../generated/rest.ts";
import type { ErrorCode } from "../lib/errors.ts";
import { booleanParam, choiceParam, headerParam, integerParam, type Param, textParam, wordParam } from "./params.ts";
import { deployInfo, field, type Pick, spread, whole } from "./picks.ts";

/** Base path of the contract. */
export const basePath = "/api/v1/admin/ops";

/** One documented endpoint: a fixed document, and how its answer becomes the body. */
export interface Endpoint<Data = unknown, Variables = unknown> {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly summary: string;
  readonly document: TypedDocumentNode<Data, Variables>;
  readonly params: readonly Param[];
  readonly pick: Pick<Data>;
  /** Codes besides unauthorized, forbidden, invalid_request and internal. */
  readonly errors: readonly ErrorCode[];
  readonly headers?: (data: Partial<Data>) => Readonly<Record<string, string>>;
  /** Whether the body is a list of containers, and each of its rows depends on its container alone. */
  readonly isOfRows?: (variables: Readonly<Record<string, unknown>>) => boolean;
  /** The body as lines of text, for `Accept: text/plain`. */
  readonly text?: (body: unknown) => string;
  /** The subscription behind `follow=true`. */
  readonly follow?: DocumentNode;
  readonly deprecated?: true;
}

const accessories = booleanParam("include_accessories", {
  variable: "includeAccessories",
  description:
    "Also Kamal's accessories: redis, prometheus, grafana, rabbitmq, outpost ... A token for every environment also gets containers that are not part of the product",
});
const env = choiceParam("env", ["staging", "production"], { description: "Only this environment" });
const stats = booleanParam("include_stats", {
  variable: "includeStats",
  description: "Add cpu_pct and mem_pct from Docker stats",
});
const reason = textParam("reason", 200, { description: "Why, for the audit record" });
const engine = textParam("engine", 255, { description: "The engine, where several run a container of this name" });
const logParams = [
  accessories,
  engine,
  integerParam(
    "tail",
    { minimum: 0, maximum: 5000, fallback: 200 },
    { description: "How many of the newest matching lines; 0 only with follow" },
  ),
  textParam("since", 64, { description: "From this time on: RFC 3339, unix seconds, or a duration back from now (10m)" }),
  textParam("until", 64, { description: "Up to this time, as since" }),
  choiceParam("stream", ["stdout", "stderr"], { description: "Only this stream" }),
  textParam("search", 200, { description: "Only lines that contain this text, case-sensitive unless ignore_case" }),
  textParam("search_regex", 200, {
    variable: "searchRegex",
    description: "Only lines that match this regular expression (RE2), case-sensitive unless ignore_case",
  }),
  booleanParam("ignore_case", {
    variable: "ignoreCase",
    description: "search and search_regex ignore case",
  }),
  choiceParam("level", ["trace", "debug", "info", "warn", "error", "fatal"], {
    description: "Only lines of this level or a more severe one. Lines without a level are included unless level_strict",
  }),
  booleanParam("level_strict", { variable: "levelStrict", description: "level also excludes lines without a level" }),
  booleanParam("download", { description: "Return the lines as a text file" }),
  booleanParam("follow", {
    description:
      "Stream these lines, then new ones, also after restarts: server-sent events, or plain lines with Accept: text/plain",
  }),
];

const restartParams = [
  headerParam("Idempotency-Key", 255, {
    variable: "idempotencyKey",
    description: "Repeating the key with the same token returns the same answer for 24 hours, without a second restart",
  }),
  wordParam("wait", "healthy", {
    variable: "waitHealthy",
    description: "Answer only once it is healthy, has failed its health check, or wait_seconds have passed",
  }),
  integerParam(
    "wait_seconds",
    { minimum: 1, maximum: 300, fallback: 60 },
    { variable: "waitSeconds", description: "How long to wait for its health check, seconds" },
  ),
  booleanParam("dry_run", { variable: "dryRun", description: "Restart nothing: report what would happen" }),
];

const engineErrors = ["docker_unavailable", "docker_forbidden", "docker_timeout", "docker_error"] as const;
const oneErrors = ["container_not_found", "container_ambiguous", ...engineErrors] as const;
const restartErrors = [
  ...oneErrors,
  "restart_disabled",
  "restart_protected",
  "restart_in_progress",
  "idempotency_key_reused",
  "restart_cooldown",
  "restart_budget",
  "restart_busy",
  "restart_unknown",
  "audit_unavailable",
] as const;
const restart = {
  document: ContainerRestartDocument,
  params: [accessories, engine, reason, ...restartParams],
  pick: field("restartContainer"),
  errors: restartErrors,
} as const;

/** Every endpoint of the contract. To add one: a row here and a document in schema/rest/. */
export const endpoints = [
  row({
    method: "GET",
    path: "/containers",
    summary: "Containers of the service",
    document: ContainersDocument,
    params: [env, accessories, stats],
    pick: field("containers"),
    isOfRows: ({ includeStats }) => includeStats !== true,
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
    headers: enginesHeader,
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
    follow: ContainerLogsFollowDocument,
    errors: [...oneErrors, "rate_limited"],
  }),
  row({
    method: "GET",
    path: "/containers/:name/health-check",
    summary: "Result of its last health check, or of a new one",
    document: ContainerHealthCheckDocument,
    params: [accessories, engine, booleanParam("probe", { description: "Run its health check now, inside the container" })],
    pick: spread("container", "healthCheck"),
    headers: enginesHeader,
    errors: [...oneErrors, "health_exec_disabled", "audit_unavailable"],
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

/** Erases the types of a row after they have been checked against each other. */
function row<Data, Variables>(endpoint: Endpoint<Data, Variables>): Endpoint {
  return endpoint as Endpoint;
}

/** `X-Ops-Engines`: an RFC 9651 list, `"web-1";age=0.3, "web-2";age=12.1;error=docker_timeout`; age in seconds, see `Engine.ageSeconds`. */
function enginesHeader({ engines }: { readonly engines?: ContainersQuery["engines"] }): Readonly<Record<string, string>> {
  const items = (engines ?? []).map(({ name, age_seconds: age, error }) => {
    const parts = [`"${name}"`, age === null ? null : `age=${age.toFixed(1)}`, error && `error=${error.code}`];
    return parts.filter((part) => part !== null).join(";");
  });
  return { "x-ops-engines": items.join(", ") };
}

function toLines(body: unknown): string {
  const { lines } = body as { lines: readonly { readonly message: string }[] };
  return lines.map(({ message }) => `${message}\n`).join("");
}

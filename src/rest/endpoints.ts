import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import type { DocumentNode } from "graphql";
import {
  ContainerDocument,
  ContainerHealthCheckDocument,
  ContainerLogsDocument,
  ContainerLogsFollowDocument,
  ContainerRestartDocument,
  ContainersDocument,
  DeployInfoDocument,
  HostsDocument,
  QueuesDocument,
} from "../generated/rest.ts";
import { logLevels } from "../containers/logs/level.ts";
import type { EngineNow } from "../graphql/containers/engines-now.ts";
import { type ErrorCode, OpsError } from "../lib/errors.ts";
import { booleanParam, choiceParam, headerParam, integerParam, type Param, textParam, wordParam } from "./params.ts";
import { deployInfo, field, type Pick, spread, spreadWithout, whole } from "./picks.ts";

/** Base path of the contract. */
export const basePath = "/api/v1/admin/ops";

/** What a body alone may not say: which parts of the answer failed. Described in openapi.ts. */
export type OwnHeader = "X-Ops-Engines" | "X-Ops-History-Error";

/** One documented endpoint: a fixed document, and how its answer becomes the body. */
export interface Endpoint<Data = unknown, Variables = unknown> {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Its name in OpenAPI: what generated clients call it. */
  readonly operationId: string;
  /** One of `tags`. */
  readonly tag: keyof typeof tags;
  readonly summary: string;
  /**
   * What a reader of OpenAPI needs besides the summary: when it fails, which scopes it needs.
   * Markdown.
   */
  readonly description: string;
  readonly document: TypedDocumentNode<Data, Variables>;
  readonly params: readonly Param[];
  readonly pick: Pick<Data>;
  /**
   * Name of the body's schema where it is neither that of its GraphQL type nor that of the
   * document.
   */
  readonly answer?: string;
  /** Codes besides unauthorized, forbidden, invalid_request and internal. */
  readonly errors: readonly ErrorCode[];
  /** Values of its own headers; null for none. */
  readonly headers?: {
    readonly [Name in OwnHeader]?: (data: Partial<Data>, engines: () => readonly EngineNow[]) => string | null;
  };
  /**
   * Whether the body is a list of containers, and each of its rows depends on its container alone.
   */
  readonly isOfRows?: (variables: Readonly<Record<string, unknown>>) => boolean;
  /** The body as lines of text, for `Accept: text/plain`. */
  readonly text?: (body: unknown) => string;
  /** The subscription behind `follow=true`. */
  readonly follow?: DocumentNode;
  /** Since when it is deprecated: a date, UTC. */
  readonly deprecated?: string;
}

/** The groups of endpoints, with their descriptions in OpenAPI. */
export const tags = {
  containers: "What runs, what it logs, whether it is healthy, and restarts.",
  queues: "How much waits, how fast it is processed, what fails and why.",
  hosts: "CPU, memory, disk and network, from Prometheus and node-exporter.",
  deploys: "What was deployed last, from deploy_info.json.",
} as const;

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
    {
      description:
        "How many of the newest matching lines; 0 only with follow. A stream with since and without tail has all lines from then on",
    },
  ),
  textParam("since", 64, {
    description: "From this time on: RFC 3339, unix seconds, or a duration back from now (10m)",
  }),
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
  choiceParam("level", logLevels, {
    description:
      "Only lines of this level or a more severe one. Lines without a level are included unless level_strict",
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
  tag: "containers",
  document: ContainerRestartDocument,
  params: [accessories, engine, reason, ...restartParams],
  pick: field("restartContainer"),
  errors: restartErrors,
} as const;

const restartHelp =
  "Restarts one container and answers with its state. Beyond the limits (one at a time, a cooldown for each container, a budget for each token) it is refused with `Retry-After`. `dry_run=true` restarts nothing. It is written into the audit record first: no record, no restart.";

/** Every endpoint of the contract. To add one: a row here and a document in schema/rest/. */
export const endpoints = [
  row({
    method: "GET",
    path: "/containers",
    operationId: "listContainers",
    tag: "containers",
    summary: "Containers of the service",
    description:
      "Core containers (web, runner, worker ...). A role without a running container shows its newest stopped one. `X-Ops-Engines` names each engine, with its error if it failed: its containers are missing then. Needs `ops:read`.",
    document: ContainersDocument,
    params: [env, accessories, stats],
    pick: field("containers"),
    isOfRows: ({ includeStats }) => includeStats !== true,
    headers: { "X-Ops-Engines": toEnginesHeader },
    errors: engineErrors,
  }),
  row({
    method: "GET",
    path: "/containers/:name",
    operationId: "getContainer",
    tag: "containers",
    summary: "One container, with its stats",
    description:
      "By its exact name. Kamal runs the same name on every host: `engine` says which one is meant, else the answer is `container_ambiguous`. Needs `ops:read`.",
    answer: "ContainerWithStats",
    document: ContainerDocument,
    params: [accessories, engine],
    pick: field("container"),
    headers: { "X-Ops-Engines": toEnginesHeader },
    errors: oneErrors,
  }),
  row({
    method: "GET",
    path: "/containers/:name/logs",
    operationId: "getContainerLogs",
    tag: "containers",
    summary: "Its newest log lines",
    description:
      "The newest lines that match, oldest first, with secrets redacted. As lines of text with `Accept: text/plain` or `download=true`, where `X-Ops-History-Error` says that lines of the log history are missing; as an endless stream with `follow=true`. Needs `ops:read` and `ops:logs`.",
    document: ContainerLogsDocument,
    params: logParams,
    pick: spreadWithout("container", "logs", "history_error"),
    headers: { "X-Ops-History-Error": ({ container }) => container?.logs?.history_error?.code ?? null },
    text: toLines,
    follow: ContainerLogsFollowDocument,
    errors: [...oneErrors, "rate_limited", "log_history_unavailable"],
  }),
  row({
    method: "GET",
    path: "/containers/:name/health-check",
    operationId: "getContainerHealthCheck",
    tag: "containers",
    summary: "Result of its last health check, or of a new one",
    description:
      "What the engine recorded of it. With `probe=true` the check runs now, inside the container, and is written into the audit record; that needs `WALLET_CORE_OPS_HEALTH_EXEC=on` and `ops:operate`. Needs `ops:read`.",
    document: ContainerHealthCheckDocument,
    params: [
      accessories,
      engine,
      booleanParam("probe", { description: "Run its health check now, inside the container" }),
    ],
    pick: spread("container", "healthCheck"),
    headers: { "X-Ops-Engines": toEnginesHeader },
    errors: [...oneErrors, "health_exec_disabled", "audit_unavailable"],
  }),
  row({
    method: "POST",
    path: "/containers/:name/restart",
    operationId: "restartContainer",
    summary: "Restart it",
    description: `${restartHelp} Needs \`ops:operate\`.`,
    ...restart,
  }),
  row({
    method: "GET",
    path: "/containers/:name/restart",
    operationId: "restartContainerByGet",
    summary: "Restart it; use POST",
    description: `Deprecated: a GET must not change anything. Use POST, which takes the same parameters. ${restartHelp} Needs \`ops:operate\`.`,
    deprecated: "2026-11-24",
    ...restart,
  }),
  row({
    method: "GET",
    path: "/queues",
    operationId: "getQueues",
    tag: "queues",
    summary: "Queue depths, rates and recent job errors",
    description:
      "Depth, `processed_per_sec` over 5 minutes, `failures_last_hour` over 60 minutes, and the newest 50 groups of errors. BullMQ and asynq store the text of a job's last failed attempt only, so a `count` of their errors lacks the earlier attempts that `failures_last_hour` has. A source that failed is named in `sources`; the others are complete. Needs `ops:read`.",
    document: QueuesDocument,
    params: [],
    pick: whole("queues", "errors"),
    errors: ["queues_unavailable", "postgres_unavailable"],
  }),
  row({
    method: "GET",
    path: "/hosts",
    operationId: "getHosts",
    tag: "hosts",
    summary: "CPU and memory of the hosts, with alert flags",
    description:
      "`alert` is true at or above a threshold (85 % by default), and for a host that is down. Needs `ops:read`.",
    document: HostsDocument,
    params: [],
    pick: whole("hosts", "thresholds", "updated_at"),
    errors: ["prometheus_unavailable"],
  }),
  row({
    method: "GET",
    path: "/deploy-info",
    operationId: "getDeployInfo",
    tag: "deploys",
    summary: "What was deployed last",
    description:
      "As the deploy wrote it into deploy_info.json; other strings of that file are returned too. `stale` is there, and true, while the file is invalid and this is the last good version. Needs `ops:read`.",
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

/**
 * An RFC 9651 list, `"web-1";age=0.3, "web-2";age=12.1;error=docker_timeout`; age in seconds, see
 * `Engine.ageSeconds`.
 */
function toEnginesHeader(_data: unknown, engines: () => readonly EngineNow[]): string {
  const items = engines().map(({ name, ageSeconds: age, code }) => {
    const parts = [`"${name}"`, age === null ? null : `age=${age.toFixed(1)}`, code && `error=${code}`];
    return parts.filter((part) => part !== null).join(";");
  });
  return items.join(", ");
}

function toLines(body: unknown): string {
  const { lines, history_error: failure } = body as {
    readonly lines: readonly { readonly message: string }[];
    readonly history_error?: { readonly code: ErrorCode; readonly message: string };
  };
  // Text without a line would say that there are none.
  if (failure && lines.length === 0) throw new OpsError(failure.code, failure.message);
  return lines.map(({ message }) => `${message}\n`).join("");
}

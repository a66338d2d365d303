import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { maySee, type Principal } from "../auth/principal.ts";
import type { TokenEnd } from "../auth/token.ts";
import { MetricsDocument, type MetricsQuery } from "../generated/metrics.ts";
import type { Execute } from "../graphql/execute.ts";
import { createRowMemo } from "../graphql/compiled/row-memo.ts";
import type { Caller } from "../graphql/sources.ts";
import { toEncoding, toWeights } from "../http/compression.ts";
import type { EdgeReply, EdgeRequest } from "../http/surface.ts";
import { checkSize } from "../lib/budget/json.ts";
import { mapSteps, type Steps, takeSteps } from "../lib/budget/steps.ts";
import type { DatabaseClock } from "../lib/clock-skew.ts";
import { type ErrorCode, OpsError } from "../lib/errors.ts";
import { containerTable, engineTable, writeContainer } from "./containers.ts";
import { deployInfoTable, deployTable } from "./deploys.ts";
import {
  contentTypes,
  type Family,
  fill,
  type Filled,
  type Format,
  joinRows,
  type Table,
  toLabels,
  toText,
  type WrittenRow,
} from "./exposition.ts";
import { hostReportTable, hostTable } from "./hosts.ts";
import type { Instruments } from "./instruments.ts";
import { problemTable, toProblemRows, uncheckedTable } from "./problems.ts";
import { queueSourceTable, queueTable, toQueueRows, toSourceRows } from "./queues.ts";

/** The only path of the metrics. */
export const metricsPath = "/metrics";

/**
 * Limit of one scrape. Its tables have their own limits (`maxRows`) and are about 7 MB when full.
 * Losing all metrics would be worse than a large answer.
 */
const mostBytes = 16_000_000;

/** The query of a scrape; register it with `execute`. */
export const metricsDocument = MetricsDocument;

/** An authenticated scrape. */
type MetricsRequest = Caller & Pick<EdgeRequest, "method" | "query" | "headers">;

/**
 * Answers a scrape with what its token may see. Containers' stats need `stats=1`, because
 * requesting them keeps their sampler running. A lost upstream loses only its own families. Rejects
 * with method_not_allowed, forbidden or invalid_request.
 */
export function createMetricsHandler(
  execute: Execute,
  instruments: Pick<Instruments, "collect">,
  tokenEnds: () => readonly TokenEnd[],
  databaseClocks: () => readonly DatabaseClock[] = () => [],
): (request: MetricsRequest) => Promise<EdgeReply> {
  const memo = createRowMemo<WrittenRow | null>();
  return async (request) => {
    if (request.method !== "GET")
      throw new OpsError("method_not_allowed", "Use GET", { headers: { allow: "GET, HEAD" } });
    if (!request.principal.scopes.has("ops:read"))
      throw new OpsError("forbidden", "This token lacks the scope ops:read");
    const stats = parseStats(request.query);
    // Samples are new at each scrape.
    const rows = stats ? null : memo.begin();
    const { data, errors } = await execute(metricsDocument, { stats }, request).run(rows?.select);
    const found = data?.containers;
    // Without the list there is nothing to finish, whatever was selected before it failed.
    const written = found && (rows?.finish(found, writeContainer) ?? mapSteps(found, writeContainer));
    const containers = written ? await takeSteps(written, request.budget) : [];
    const databases = maySee(request.principal, null) ? databaseClocks() : [];
    const ends = toVisibleEnds(tokenEnds(), request.principal);
    const tables = await takeSteps(toTables({ data: data ?? {}, errors, containers, databases, ends }), request.budget);
    const families = [
      ...tables.flatMap((table) => table.families),
      toDropped(tables.map(({ dropped }) => dropped)),
      ...instruments.collect().filter(({ name }) => maySee(request.principal, null) || !ofAllTokens.test(name)),
    ];
    const format = toFormat(request.headers.accept);
    await request.budget.turn();
    const body = checkSize(toText(families, format), mostBytes);
    request.budget.hold(body.length);
    // Prometheus asks for it: a scrape of thousands of containers has megabytes, and a twentieth of
    // that compressed.
    const isZipped = toEncoding(request.headers["accept-encoding"], ["gzip"]) === "gzip";
    return {
      status: 200,
      headers: {
        "content-type": contentTypes[format],
        vary: "Accept, Accept-Encoding",
        ...(isZipped && { "content-encoding": "gzip" }),
      },
      body: isZipped ? await promisify(gzip)(body, { level: 1 }) : body,
      route: metricsPath,
    };
  };
}

/**
 * Counts of requests, upstream calls and entries of the record cover all environments: only for
 * tokens of every environment.
 */
const ofAllTokens = /^ops_(?:http|upstream|audit)_/;

interface Scraped {
  readonly data: Partial<MetricsQuery>;
  readonly errors: readonly OpsError[];
  readonly containers: readonly (WrittenRow | null)[];
  readonly databases: readonly DatabaseClock[];
  readonly ends: readonly TokenEnd[];
}

function* toTables({ data, errors, containers, databases, ends }: Scraped): Steps<readonly Filled[]> {
  const { engines = null, hosts = null, hostsUpdatedAt = null, deployInfo = null } = data;
  const deploys = deployInfo && [deployInfo];
  return [
    yield* fill(upstreamTable, toUpstreamRows(data, errors)),
    yield* fill(engineTable, engines),
    yield* joinRows(
      containerTable,
      containers.filter((row) => row !== null),
    ),
    yield* fill(queueSourceTable, toSourceRows(data)),
    yield* fill(queueTable, toQueueRows(data)),
    yield* fill(hostTable, hosts),
    yield* fill(hostReportTable, hostsUpdatedAt === null ? null : [hostsUpdatedAt]),
    yield* fill(deployTable, deploys),
    yield* fill(deployInfoTable, deploys),
    yield* fill(problemTable, toProblemRows(data)),
    yield* fill(uncheckedTable, data.problems ? [data.problems] : null),
    yield* fill(clockTable, toClockRows(engines ?? [], databases)),
    yield* fill(tokenTable, ends),
  ];
}

function toDropped(dropped: readonly Filled["dropped"][]): Family {
  const samples = dropped.map(({ prefix, series }) => ({ labels: toLabels({ family: prefix }), value: series }));
  const help = "Series that were left out of this scrape, as there are more than the limit of their families.";
  return { name: "ops_metrics_dropped_series", help, type: "gauge", samples };
}

/** Reads `stats`; other parameters are ignored, as everywhere. */
function parseStats(query: string): boolean {
  const values = new URLSearchParams(query).getAll("stats");
  const [value = "0"] = values;
  if (values.length > 1 || !/^(?:true|false|1|0)$/.test(value)) {
    throw new OpsError("invalid_request", "stats must be true, false, 1 or 0, once");
  }
  return value === "1" || value === "true";
}

/**
 * Prometheus names OpenMetrics; clients that do not name it, or prefer text, get the older format,
 * which all can read.
 */
function toFormat(accept = ""): Format {
  const weights = toWeights(accept);
  const open = weights.get("application/openmetrics-text") ?? 0;
  const text = weights.get("text/plain") ?? weights.get("text/*") ?? weights.get("*/*") ?? 0;
  return open > 0 && open >= text ? "openmetrics" : "text";
}

interface UpstreamRow {
  readonly upstream: string;
  /** Null when this token may not see it, or when there is nothing to read. */
  readonly up: boolean | null;
}

const upstreamTable: Table<UpstreamRow> = {
  prefix: "ops_upstream",
  maxRows: 10,
  labels: ({ upstream }) => toLabels({ upstream }),
  columns: [
    [
      "ops_upstream_up",
      "Whether its families could be read for this scrape: docker and queues where any engine or source answers. " +
        "Absent where the token may not see them, no database or broker is configured, or no deploy_info.json is there.",
      "up",
    ],
  ],
};

type Part = readonly [upstream: string, field: "containers" | "queues" | "hosts" | "deployInfo", codes: RegExp];

const parts: readonly Part[] = [
  ["docker", "containers", /^docker_/],
  ["queues", "queues", /^(?:queues?|postgres|schema)_/],
  ["prometheus", "hosts", /^prometheus_/],
  ["deploy", "deployInfo", /^deploy_info_(?:invalid|unreadable)$/],
];

/** Codes that are no outage. */
const quiet: ReadonlySet<ErrorCode> = new Set(["forbidden", "deploy_info_missing"]);

/**
 * Whether each upstream could be read, from its field: when that is null, its code is among the
 * errors.
 */
export function toUpstreamRows(data: Partial<MetricsQuery>, errors: readonly OpsError[]): readonly UpstreamRow[] {
  const isQuiet = errors.some(({ code }) => quiet.has(code));
  return parts.map(([upstream, field, codes]) => {
    const answer = data[field];
    if (answer) return { upstream, up: isFresh(data, field) };
    const own = errors.filter(({ code }) => codes.test(code));
    const isAbsent = own.length === 0 ? isQuiet : own.every(({ unconfigured }) => unconfigured);
    return { upstream, up: isAbsent ? null : false };
  });
}

/** Remembered data is no answer. Null for a token that may see no engine. */
function isFresh({ engines, deployInfo }: Partial<MetricsQuery>, field: Part[1]): boolean | null {
  if (field === "deployInfo") return !deployInfo?.stale;
  if (field !== "containers" || !engines) return true;
  return engines.length === 0 ? null : engines.some(({ ok }) => ok);
}

const tokenTable: Table<TokenEnd> = {
  prefix: "ops_token",
  maxRows: 200,
  labels: ({ kid, subject }) => toLabels({ kid, subject }),
  columns: [
    [
      "ops_token_expires_timestamp_seconds",
      "When a token of the tokens file ends, unix time. A token limited to some environments sees its own alone.",
      ({ expiresAt }) => expiresAt / 1000,
    ],
  ],
};

interface ClockRow {
  readonly upstream: string;
  readonly name: string;
  readonly skew: number | null;
}

const clockTable: Table<ClockRow> = {
  prefix: "ops_clock",
  maxRows: 210,
  labels: ({ upstream, name }) => toLabels({ upstream, name }),
  columns: [
    [
      "ops_clock_skew_seconds",
      "How far the clock of an engine (upstream docker) or of a database (postgres) is ahead of the gateway's, as far as that is certain. Absent while it does not answer.",
      "skew",
    ],
  ],
};

function toClockRows(
  engines: NonNullable<MetricsQuery["engines"]>,
  databases: readonly DatabaseClock[],
): readonly ClockRow[] {
  return [
    ...engines.map(({ name, ok, clockSkewSeconds }) => ({
      upstream: "docker",
      name,
      skew: ok ? clockSkewSeconds : null,
    })),
    ...databases.map(({ name, clockSkew: skew }) => ({ upstream: "postgres", name, skew })),
  ];
}

/**
 * The token expiries that a caller may see, earliest first. A token limited to some environments
 * sees only its own.
 */
function toVisibleEnds(ends: readonly TokenEnd[], principal: Principal): readonly TokenEnd[] {
  const isOwn = ({ kid }: TokenEnd) => principal.auth === "tokens_file" && kid === principal.kid;
  return ends.filter((end) => maySee(principal, null) || isOwn(end)).toSorted((a, b) => a.expiresAt - b.expiresAt);
}

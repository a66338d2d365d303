import { defaultHotRatio } from "../facts/host.ts";
import { isAbsolute, resolve } from "node:path";
import type { OidcOptions } from "../auth/oidc.ts";
import type { ContainerRules } from "../containers/kamal/rules.ts";
import { parseEnvironment } from "../lib/environment.ts";
import { parseDestinations, parseSelectors, parseServices } from "./containers.ts";
import { listPlaces, type Places, type PlaceUrls } from "../queues/places.ts";
import { type EngineConfig, isDecodable, parseEngines } from "./engines.ts";
import { parsePlaces } from "./places.ts";
import { ConfigError, createReader } from "./reader.ts";
import { readServer, type ServerConfig } from "./server.ts";
import { prefix } from "./variables.ts";

export interface Config extends ServerConfig {
  readonly auth: {
    readonly token: string | null;
    readonly tokensFile: string | null;
    readonly jwt: { readonly jwksUrl: string; readonly issuer: string; readonly audience: string } | null;
    /**
     * How people sign in to the console with the issuer of those tokens; null: with a token that
     * they paste.
     */
    readonly oidc: OidcOptions | null;
  };
  readonly containers: ContainerRules;
  /** Environment of what names none: queues, hosts, deploy info. */
  readonly env: "staging" | "production" | null;
  readonly engines: readonly EngineConfig[];
  /** Where the cgroup files of this machine are, for containers' statistics. */
  readonly cgroupRoot: string;
  readonly databaseUrl: PlaceUrls;
  /**
   * URLs of roles that may change jobs; used only for that. Where databases have names, the names
   * are those of `databaseUrl`.
   */
  readonly controlDatabaseUrl: PlaceUrls;
  /** URLs with credentials; null when not configured. */
  readonly brokers: Places["brokers"];
  /** Text of QUEUES_FILE, and its path for messages. The queue layer validates it. */
  readonly queuesFile: { readonly path: string; readonly text: string } | null;
  readonly prometheusUrl: string;
  /** URL of a VictoriaLogs with the logs of containers; null when not configured. */
  readonly logHistoryUrl: string | null;
  readonly thresholds: { readonly cpu: number; readonly mem: number };
  readonly deployInfoPath: string;
  /**
   * Whether these parts were configured. Without it their default holds, and there may be none.
   * `product`: SERVICE or CORE.
   */
  readonly given: { readonly product: boolean; readonly prometheusUrl: boolean; readonly deployInfoPath: boolean };
  /** Path of the audit log that Kamal writes on its servers; null when not configured. */
  readonly kamalAuditLog: string | null;
  readonly restart: boolean;
  /** Whether jobs may be retried and discarded. If so, `controlDatabaseUrl` is set. */
  readonly jobs: boolean;
  readonly healthExec: boolean;
  readonly restartLimits: { readonly cooldownMs: number; readonly budgetPerHour: number };
  /** Whether agents may use /mcp, and whether tokens with ops:operate may act there. */
  readonly mcp: { readonly on: boolean; readonly actions: boolean };
  readonly auditFile: string;
  /**
   * Where heads of the record are noted outside of it: the absolute path of a file, or an https
   * URL; null: only in the log.
   */
  readonly auditAnchor: string | null;
  /**
   * URL of the database that several gateways share for the record and the limits of actions, in
   * place of `auditFile`, and for what they observe; null: this one is alone.
   */
  readonly stateUrl: string | null;
  /** How long what gateways observe is retained in that database, days. */
  readonly stateDays: number;
  /** Where /metrics is served without a token, to this machine only; null for nowhere. */
  readonly metricsAddress: LoopbackAddress | null;
}

/**
 * Parses the environment into a Config. Throws one ConfigError with every mistake: unknown
 * `WALLET_CORE_OPS_*` names, unreadable files, bad values. Empty values count as unset. Reads files
 * only through `readFile`.
 */
export function parseConfig(
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => string,
): Config {
  const reader = createReader(env, readFile);
  const { issues, read, text, check, list } = reader;
  const token = check(
    "TOKEN",
    null,
    (value) => (/^[A-Za-z0-9._~+/-]{16,4096}=*$/.test(value) ? value : null),
    "at least 16 characters of A-Z a-z 0-9 . _ ~ + / -",
  );
  const tokensFile = text("TOKENS_FILE");
  const oidcClient = text("OIDC_CLIENT_ID");
  const oidcScope = text("OIDC_SCOPE");
  const jwt = toJwt(text("JWKS_URL"), text("JWT_ISSUER"), text("JWT_AUDIENCE"), issues);
  if (issues.length === 0 && token === null && tokensFile === null && jwt === null) {
    issues.push(
      `no token is configured: set ${prefix}TOKENS_FILE (make an entry with \`wallet-core-ops token\`), ${prefix}TOKEN or ${prefix}JWKS_URL`,
    );
  }
  const queuesPath = text("QUEUES_FILE");
  const queuesText = queuesPath === null ? null : read("QUEUES_FILE", queuesPath);
  const config: Config = {
    ...readServer(reader, "wallet-core-ops"),
    auth: { token, tokensFile, jwt, oidc: toOidc(jwt, oidcClient, oidcScope, issues) },
    containers: {
      services: list("SERVICE", parseServices) ?? ["wallet-core"],
      core: list("CORE", parseSelectors) ?? [],
      destinations: list("DESTINATIONS", parseDestinations) ?? new Map(),
    },
    env: check("ENV", null, parseEnvironment, "staging or production"),
    engines: toEngines(text("DOCKER_HOSTS") ?? "unix:///var/run/docker.sock", issues),
    cgroupRoot: check(
      "CGROUP_ROOT",
      "/sys/fs/cgroup",
      (value) => (isAbsolute(value) ? value : null),
      "an absolute path",
    ),
    databaseUrl: list("DATABASE_URL", toDatabases),
    controlDatabaseUrl: list("CONTROL_DATABASE_URL", toDatabases),
    brokers: {
      rabbitmq: list("RABBITMQ_URL", toRabbitmqs),
      redis: list("REDIS_URL", toRedises),
    },
    queuesFile: queuesPath !== null && queuesText !== null ? { path: queuesPath, text: queuesText } : null,
    prometheusUrl: check(
      "PROMETHEUS_URL",
      "http://prometheus:9090",
      url(["http:", "https:"]),
      "an http:// or https:// URL",
    ),
    logHistoryUrl: check("LOG_HISTORY_URL", null, url(["http:", "https:"]), "an http:// or https:// URL"),
    thresholds: {
      cpu: check("CPU_THRESHOLD", defaultHotRatio, threshold, "a number from 0 to 1"),
      mem: check("MEM_THRESHOLD", defaultHotRatio, threshold, "a number from 0 to 1"),
    },
    deployInfoPath: text("DEPLOY_INFO_PATH") ?? "./deploy_info.json",
    given: {
      product: Boolean(env[`${prefix}SERVICE`] || env[`${prefix}CORE`]),
      prometheusUrl: Boolean(env[`${prefix}PROMETHEUS_URL`] || env[`${prefix}PROMETHEUS_URL_FILE`]),
      deployInfoPath: Boolean(env[`${prefix}DEPLOY_INFO_PATH`]),
    },
    kamalAuditLog: text("KAMAL_AUDIT_LOG"),
    restart: check("RESTART", false, onOff, "on or off"),
    jobs: check("JOBS", false, onOff, "on or off"),
    healthExec: check("HEALTH_EXEC", false, onOff, "on or off"),
    restartLimits: {
      cooldownMs: 1000 * check("RESTART_COOLDOWN", 60, wholeNumber(0, 3600), "seconds, 0 to 3600"),
      budgetPerHour: check("RESTART_BUDGET", 10, wholeNumber(1, 10_000), "a whole number, 1 to 10000"),
    },
    mcp: { on: check("MCP", false, onOff, "on or off"), actions: check("MCP_ACTIONS", false, onOff, "on or off") },
    auditFile: text("AUDIT_FILE") ?? "./audit.jsonl",
    auditAnchor: check("AUDIT_ANCHOR", null, anchorTarget, "the absolute path of a file, or an https:// URL"),
    stateUrl: check("STATE_URL", null, postgres, postgresForm),
    stateDays: check("STATE_DAYS", 90, wholeNumber(1, 3650), "days, 1 to 3650"),
    metricsAddress: check("METRICS_ADDRESS", null, parseLoopback, loopbackForm),
  };
  if (config.auditAnchor === resolve(config.auditFile)) {
    issues.push(`${prefix}AUDIT_ANCHOR and ${prefix}AUDIT_FILE are the same file: heads would break the record`);
  }
  if (
    config.jobs &&
    config.controlDatabaseUrl === null &&
    !issues.some((issue) => issue.includes("CONTROL_DATABASE_URL"))
  ) {
    issues.push(
      `${prefix}JOBS is on: set ${prefix}CONTROL_DATABASE_URL to the URL of a role that may change the job tables`,
    );
  }
  if (!issues.some((issue) => issue.includes("DATABASE_URL"))) issues.push(...checkControlNames(config));
  if (config.mcp.actions && !config.mcp.on) issues.push(`${prefix}MCP_ACTIONS needs ${prefix}MCP=on`);
  if (issues.length > 0) throw new ConfigError(issues);
  return config;
}

const encoded = "percent-encoded where a name or password has one of : / ? # @ %";
const postgresForm = `a postgres:// URL, ${encoded}`;
const postgres = url(["postgres:", "postgresql:"], isPostgres);

const toDatabases = placesOf(postgres, postgresForm, "postgres");
const toRabbitmqs = placesOf(url(["http:", "https:"]), "the http:// or https:// URL of the management API", "http");
const toRedises = placesOf(url(["redis:", "rediss:"], isRedis), `a redis:// or rediss:// URL, ${encoded}`, "redis");

function placesOf(toUrl: (text: string) => string | null, expected: string, scheme: string) {
  const example = [`${scheme}://..`, `${scheme}://..`] as const;
  return (text: string, fail: (problem: string) => void) => parsePlaces(text, { toUrl, expected, example }, fail);
}

/** A role that may change jobs is that of a database that is read, by its name. */
function checkControlNames({
  databaseUrl,
  controlDatabaseUrl,
}: Pick<Config, "databaseUrl" | "controlDatabaseUrl">): readonly string[] {
  if (controlDatabaseUrl === null) return [];
  const [read, control] = [listPlaces(databaseUrl), listPlaces(controlDatabaseUrl)].map((places) =>
    places.flatMap(({ name }) => name ?? []),
  ) as [string[], string[]];
  const variable = `${prefix}CONTROL_DATABASE_URL`;
  if (read.length > 0 && control.length === 0)
    return [`${variable} must name its databases as ${prefix}DATABASE_URL does: ${read.join(", ")}`];
  const unknown = control.filter((name) => !read.includes(name));
  if (unknown.length === 0) return [];
  const has = read.length === 0 ? "has no names" : `has ${read.join(", ")}`;
  return [`${variable} names ${unknown.join(", ")}: ${prefix}DATABASE_URL ${has}`];
}

function anchorTarget(value: string): string | null {
  return isAbsolute(value) ? value : url(["https:"])(value);
}

function threshold(value: string): number | null {
  return /^(0?\.\d+|[01](\.0+)?)$/.test(value) ? Number(value) : null;
}

function onOff(value: string): boolean | null {
  return value === "on" ? true : value === "off" ? false : null;
}

function wholeNumber(minimum: number, maximum: number): (value: string) => number | null {
  return (value) =>
    /^\d{1,9}$/.test(value) && Number(value) >= minimum && Number(value) <= maximum ? Number(value) : null;
}

function url(
  protocols: readonly string[],
  isUsable: (url: URL) => boolean = () => true,
): (value: string) => string | null {
  return (value) => {
    const parsed = /^\w+:\/\//.test(value) ? URL.parse(value) : null;
    return parsed && protocols.includes(parsed.protocol) && isUsable(parsed) ? value : null;
  };
}

/** pg decodes these parts; it takes a lone % literally. */
function isPostgres({ username, password, pathname }: URL): boolean {
  return [username, password, pathname].every((part) => isDecodable(part.replaceAll(/%(?![\da-f]{2})/gi, "%25")));
}

/** ioredis decodes these parts. The path is a database number. */
function isRedis({ username, password, pathname }: URL): boolean {
  return [username, password].every(isDecodable) && /^\/?\d{0,9}$/.test(pathname);
}

function toJwt(
  jwksUrl: string | null,
  issuer: string | null,
  audience: string | null,
  issues: string[],
): Config["auth"]["jwt"] {
  if (jwksUrl === null && issuer === null && audience === null) return null;
  if (jwksUrl === null || issuer === null || audience === null) {
    issues.push(`${prefix}JWKS_URL, ${prefix}JWT_ISSUER and ${prefix}JWT_AUDIENCE must be set together`);
    return null;
  }
  if (!URL.canParse(jwksUrl) || new URL(jwksUrl).protocol !== "https:")
    issues.push(`${prefix}JWKS_URL must be an https:// URL`);
  return { jwksUrl, issuer, audience };
}

/** The scopes that the console can use, and a refresh token. */
const defaultScope = "openid offline_access ops:read ops:logs ops:operate";

function toOidc(
  jwt: Config["auth"]["jwt"],
  clientId: string | null,
  scope: string | null,
  issues: string[],
): OidcOptions | null {
  if (clientId === null) {
    if (scope !== null) issues.push(`${prefix}OIDC_SCOPE needs ${prefix}OIDC_CLIENT_ID`);
    return null;
  }
  if (jwt === null) {
    issues.push(`${prefix}OIDC_CLIENT_ID needs ${prefix}JWKS_URL, ${prefix}JWT_ISSUER and ${prefix}JWT_AUDIENCE`);
    return null;
  }
  if (URL.parse(jwt.issuer)?.protocol !== "https:")
    issues.push(`${prefix}JWT_ISSUER must be an https:// URL for ${prefix}OIDC_CLIENT_ID`);
  return { issuer: jwt.issuer, audience: jwt.audience, clientId, scope: scope ?? defaultScope };
}

function toEngines(list: string, issues: string[]): readonly EngineConfig[] {
  const { engines, problems } = parseEngines(list);
  issues.push(...problems.map((problem) => `${prefix}DOCKER_HOSTS: ${problem}`));
  return engines;
}

/** An address that only this machine reaches. */
interface LoopbackAddress {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

const loopbackForm =
  "a loopback address with a port, such as 127.0.0.1:9464 or [::1]:9464: what it serves needs no token";

/**
 * `127.0.0.1:9464`, `[::1]:9464` or `localhost:9464`; null for anything else, also for a port
 * alone.
 */
export function parseLoopback(text: string): LoopbackAddress | null {
  const [, name = "", digits = ""] = /^(localhost|127(?:\.\d{1,3}){3}|\[::1\]):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (name === "" || port > 65_535 || name.split(".").some((part) => Number(part) > 255)) return null;
  // A resolver may map "localhost" to another address.
  return { host: name === "localhost" ? "127.0.0.1" : name.replace(/[[\]]/g, ""), port };
}

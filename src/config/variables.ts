import { toNearest } from "../lib/text.ts";

export const prefix = "WALLET_CORE_OPS_";

/**
 * The variables, without prefix. `secret` ones may also be given as `<NAME>_FILE`, the path of a
 * file with the value.
 */
export const variables = {
  HOST: {},
  PORT: {},
  TOKEN: { secret: true },
  TOKENS_FILE: {},
  JWKS_URL: {},
  JWT_ISSUER: {},
  JWT_AUDIENCE: {},
  OIDC_CLIENT_ID: {},
  OIDC_SCOPE: {},
  TRUSTED_PROXIES: {},
  SERVICE: {},
  CORE: {},
  DESTINATIONS: {},
  ENV: {},
  DOCKER_HOSTS: {},
  CGROUP_ROOT: {},
  DATABASE_URL: { secret: true },
  CONTROL_DATABASE_URL: { secret: true },
  RABBITMQ_URL: { secret: true },
  REDIS_URL: { secret: true },
  QUEUES_FILE: {},
  PROMETHEUS_URL: { secret: true },
  LOG_HISTORY_URL: { secret: true },
  CPU_THRESHOLD: {},
  MEM_THRESHOLD: {},
  DEPLOY_INFO_PATH: {},
  KAMAL_AUDIT_LOG: {},
  RESTART: {},
  JOBS: {},
  HEALTH_EXEC: {},
  MCP: {},
  MCP_ACTIONS: {},
  RESTART_COOLDOWN: {},
  RESTART_BUDGET: {},
  AUDIT_FILE: {},
  AUDIT_ANCHOR: { secret: true },
  STATE_URL: { secret: true },
  STATE_DAYS: {},
  METRICS_ADDRESS: {},
  REGIONS: {},
  LOG_LEVEL: {},
} as const satisfies Record<string, { secret?: true }>;

export type Variable = keyof typeof variables;

/**
 * One line for each variable with our prefix that is not ours, with the known names that may be
 * meant. Values are never shown.
 */
export function findUnknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = Object.entries(variables).flatMap(([name, options]) =>
    "secret" in options ? [name, `${name}_FILE`] : [name],
  );
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.includes(name.slice(prefix.length)))
    .map((name) => `${name} is unknown: ${suggest(name.slice(prefix.length), known)}`);
}

function suggest(text: string, known: readonly string[]): string {
  const near = toNearest(text, known);
  // A file is meant only where one is written.
  const meant = /FILE/i.test(text)
    ? near
    : near.filter((name) => !near.includes(name.replace(/_FILE$/, "")) || !name.endsWith("_FILE"));
  const [last, ...others] = meant.map((name) => prefix + name).toReversed();
  if (last === undefined) return "remove it; `wallet-core-ops check --help` lists the known ones";
  return `did you mean ${others.length === 0 ? last : `${others.toReversed().join(", ")} or ${last}`}?`;
}

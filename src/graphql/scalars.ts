import { logLevels } from "../containers/logs/level.ts";
import { environments } from "../lib/environment.ts";
import { isRealTime } from "../lib/time.ts";
import type { Builder } from "./builder.ts";

/** Scalars and enums. Enum values are the contract's own words, so REST and GraphQL spell them alike. */
export function addScalars(builder: Builder) {
  builder.scalarType("DateTime", {
    description:
      "A point in time, RFC 3339 in UTC, with seconds (log lines: nanoseconds). As an argument also RFC 3339 with an offset, a date, or epoch milliseconds, " +
      "as a number or as text: what Grafana's macros make.",
    serialize: (value) => value,
    parseValue: parseDateTime,
  });
  return {
    environment: builder.enumType("Environment", {
      description: "Where something belongs. Kamal destinations are mapped to it by the configuration.",
      values: environments,
    }),
    kind: builder.enumType("ContainerKind", {
      description: "Whether a container is part of the product.",
      values: {
        core: { description: "A role of a configured service (web, runner, worker), or what the configuration selects." },
        accessory: { description: "Deployed beside it: redis, prometheus, grafana, rabbitmq, the proxy ..." },
        other: { description: "Not of the product: another service's, or nobody's. Only tokens of every environment see it." },
      } as const,
    }),
    health: builder.enumType("Health", {
      description: "Docker's health status; `none` without a health check and for a container that is not running.",
      values: ["healthy", "unhealthy", "starting", "none"] as const,
    }),
    stream: builder.enumType("LogStream", {
      description: "Where a log line was written; `stdout` for containers with a terminal.",
      values: ["stdout", "stderr"] as const,
    }),
    logLevel: builder.enumType("LogLevel", {
      description: "How severe a log line is, by what it says itself (JSON logs, logfmt, common prefixes).",
      values: logLevels,
    }),
    hostStatus: builder.enumType("HostStatus", {
      description: "Whether the node-exporter of a host answers Prometheus.",
      values: ["up", "down"] as const,
    }),
  };
}

export type Scalars = ReturnType<typeof addScalars>;

const rfc3339 = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?([Zz]|[+-]\d\d:\d\d))?$/;
const epochMs = /^\d{1,15}(?:\.\d+)?$/;
/** A smaller number means seconds, or a year: as milliseconds it would be before March 1973. */
const leastEpochMs = 1e11;
/** The end of the year 9999: later years have no RFC 3339. */
const lastMs = Date.UTC(10_000, 0, 1) - 1;

/**
 * A DateTime argument as RFC 3339 in UTC with milliseconds: from RFC 3339 with any offset, a date (its first moment in UTC), or epoch milliseconds as number or
 * text. Throws a TypeError for anything else, a day that does not exist, numbers before March 1973 (epoch seconds), and times before 1970 or after 9999.
 */
export function parseDateTime(value: unknown): string {
  const ms = parseMs(value);
  if (!(ms >= 0 && ms <= lastMs)) throw new TypeError("DateTime must be RFC 3339 or epoch milliseconds");
  return new Date(ms).toISOString();
}

function parseMs(value: unknown): number {
  if (typeof value === "number" || (typeof value === "string" && epochMs.test(value))) {
    return Number(value) >= leastEpochMs ? Math.floor(Number(value)) : Number.NaN;
  }
  if (typeof value !== "string") return Number.NaN;
  const match = rfc3339.exec(value);
  if (!match) return Number.NaN;
  const [, date = "", time = "00:00:00"] = match;
  if (!isRealTime(`${date}T${time}`)) return Number.NaN;
  return Date.parse(value.replace(" ", "T").toUpperCase());
}

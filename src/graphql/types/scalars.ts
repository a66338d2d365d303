import { environments } from "../../domain/environment.ts";
import { logLevels } from "../../domain/log-level.ts";
import type { Builder } from "../builder.ts";
import { parseDateTime } from "../date-time.ts";

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

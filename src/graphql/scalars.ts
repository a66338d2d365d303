import type { LogLevel } from "../containers/logs/level.ts";
import type { Environment } from "../lib/environment.ts";
import { isRealTime } from "../lib/time.ts";
import type { Builder } from "./builder.ts";

/**
 * The values of an enum, by their descriptions, in either case. GraphQL names them in capitals.
 * Their values are the words of our code, of REST and of Grafana, which never serialise enums
 * (execute.ts).
 */
export function toEnumValues<const Word extends string>(descriptions: Readonly<Record<Word, string>>) {
  const values = Object.entries<string>(descriptions).map(([value, description]) => [
    value.toUpperCase(),
    { value: value.toLowerCase(), description },
  ]);
  return Object.fromEntries(values) as {
    [Name in Word as Uppercase<Name>]: { value: Lowercase<Name>; description: string };
  };
}

/** Scalars, and the enums that several types use. */
export function addScalars(builder: Builder) {
  builder.scalarType("DateTime", {
    description:
      "A point in time, RFC 3339 in UTC, with seconds (log lines: nanoseconds). " +
      "Arguments may also be RFC 3339 with an offset, a date, or epoch milliseconds " +
      "as a number or text, which Grafana's macros produce.",
    serialize: (value) => value,
    parseValue: parseDateTime,
  });
  return {
    environment: builder.enumType("Environment", {
      description: "Where something belongs. Kamal destinations are mapped to it by the configuration.",
      values: toEnumValues<Environment>({
        staging: "Where releases are tested first.",
        production: "What customers use.",
      }),
    }),
    kind: builder.enumType("ContainerKind", {
      description: "Whether a container is part of the product.",
      values: toEnumValues({
        core: "A role of a configured service (web, runner, worker), or a container that the configuration selects.",
        accessory: "Deployed beside the product: redis, prometheus, grafana, rabbitmq, the proxy ...",
        other:
          "Not part of the product: it belongs to another service, or to " +
          "none. Only tokens for every environment see it.",
      }),
    }),
    health: builder.enumType("Health", {
      description: "Docker's health status.",
      values: toEnumValues({
        healthy: "Its last check succeeded.",
        unhealthy: "Its last checks failed, as many as its `retries` setting.",
        starting: "It started recently, and no check has succeeded yet.",
        none: "It has no health check, or is not running.",
      }),
    }),
    stream: builder.enumType("LogStream", {
      description: "Where a log line was written.",
      values: toEnumValues({
        stdout: "Standard output; for a container with a terminal, all its output.",
        stderr: "Standard error.",
      }),
    }),
    logLevel: builder.enumType("LogLevel", {
      description: "Severity that a log line states (JSON logs, logfmt, common prefixes).",
      values: toEnumValues<LogLevel>({
        trace: "The finest detail: trace, verbose, finest.",
        debug: "For developers: debug, fine.",
        info: "Normal operation: info, notice, log, success.",
        warn: "May need attention: warn, warning.",
        error: "Something failed: err, error, severe.",
        fatal: "Most severe: crit, alert, emerg, fatal, panic.",
      }),
    }),
    hostStatus: builder.enumType("HostStatus", {
      description: "Whether the node-exporter of a host answers Prometheus.",
      values: toEnumValues({ up: "It answers.", down: "It does not answer: the last two scrapes failed." }),
    }),
  };
}

export type Scalars = ReturnType<typeof addScalars>;

const rfc3339 = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?([Zz]|[+-]\d\d:\d\d))?$/;
const epochMs = /^\d{1,15}(?:\.\d+)?$/;
/**
 * A smaller number would mean seconds, or a year: as milliseconds it would be before March 1973.
 */
const leastEpochMs = 1e11;
/** The end of the year 9999: later years have no RFC 3339. */
const lastMs = Date.UTC(10_000, 0, 1) - 1;

/**
 * A DateTime argument as RFC 3339 in UTC with milliseconds: from RFC 3339 with any offset, a date
 * (its first moment in UTC), or epoch milliseconds as number or text. Throws a TypeError for
 * anything else, a day that does not exist, numbers before March 1973 (epoch seconds), and times
 * before 1970 or after 9999.
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

import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { decodePercent } from "../lib/http-client.ts";
import type { TracingOptions } from "../lib/tracing/tracing.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether and how traces are sent, by the standard variables of OpenTelemetry ("OpenTelemetry
 * Environment Variable Specification", "OTLP Exporter Configuration"); null without an endpoint.
 * They are read here, and not by the SDK from the process, so that mistakes are refused at start,
 * and secrets are known and may come from a file. Of an exporter's variables, the one for traces
 * alone comes first. Pushes a line for each mistake, without its value.
 */
export function readTracing(
  env: Environment,
  readFile: (path: string) => string,
  serviceName: string,
  issues: string[],
): TracingOptions | null {
  const isOff = /^true$/i.test(env["OTEL_SDK_DISABLED"] ?? "");
  if (isOff || !(env["OTEL_EXPORTER_OTLP_ENDPOINT"] || env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"])) return null;
  const fail = (name: string, problem: string): null => {
    issues.push(`${name} ${problem}`);
    return null;
  };
  const check = <T>(name: string, fallback: T, parse: (value: string) => T | null, expected: string): T => {
    const value = env[name] || null;
    return value === null ? fallback : (parse(value) ?? fail(name, `must be ${expected}`) ?? fallback);
  };
  const toExporterName = (name: string) =>
    env[`OTEL_EXPORTER_OTLP_TRACES_${name}`] ? `OTEL_EXPORTER_OTLP_TRACES_${name}` : `OTEL_EXPORTER_OTLP_${name}`;
  const read = (name: string): string | null => {
    const path = env[name] || null;
    try {
      return path === null ? null : readFile(path);
    } catch (error) {
      return fail(name, `cannot be read (${(error as NodeJS.ErrnoException).code ?? "error"})`);
    }
  };
  const readHeaders = (name: string): Readonly<Record<string, string>> => {
    const file = read(`${name}_FILE`);
    if (file !== null && env[name]) fail(name, `and ${name}_FILE are both set: keep one`);
    const value = file?.trim() || env[name];
    return (value ? parseHeaders(value) : {}) ?? fail(name, `must be ${pairsForm}`) ?? {};
  };

  const exporter = check("OTEL_TRACES_EXPORTER", "otlp", oneOf("otlp", "none"), "otlp or none");
  const endpoint = toExporterName("ENDPOINT");
  const url = check(
    endpoint,
    "",
    (value) => toTracesUrl(value, endpoint.includes("TRACES")),
    "an http:// or https:// URL",
  );
  const protocols = ["http/protobuf", "http/json"] as const;
  const sampler = check("OTEL_TRACES_SAMPLER", "always_on", oneOf(...samplers), `one of ${samplers.join(", ")}`);
  const tlsNames = ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"].map(toExporterName);
  const [ca = null, cert = null, key = null] = tlsNames.map(read);
  const checkPem = (name: string, isValid: () => unknown) => {
    try {
      isValid();
    } catch {
      fail(toExporterName(name), "is not a file in PEM that fits");
    }
  };
  if (ca !== null) checkPem("CERTIFICATE", () => new X509Certificate(ca));
  if (cert !== null) checkPem("CLIENT_CERTIFICATE", () => createSecureContext({ cert }));
  if (key !== null) checkPem("CLIENT_KEY", () => createSecureContext({ key, ...(cert !== null && { cert }) }));
  const count = (name: string, fallback: number, most: number, expected: string) =>
    check(
      name,
      fallback,
      (value) => (/^[1-9]\d{0,5}$/.test(value) && Number(value) <= most ? Number(value) : null),
      expected,
    );
  const countMs = (name: string, fallback: number) => count(name, fallback, 999_999, "milliseconds, 1 to 999999");
  const attributes = check("OTEL_RESOURCE_ATTRIBUTES", {}, parsePairs, pairsForm);
  const options: TracingOptions = {
    url,
    protocol: check(
      toExporterName("PROTOCOL"),
      "http/protobuf",
      oneOf(...protocols),
      `${protocols.join(" or ")}: grpc is not supported, and receivers take HTTP on port 4318`,
    ),
    compression: check(toExporterName("COMPRESSION"), "none", oneOf("none", "gzip"), "none or gzip"),
    headers: { ...readHeaders("OTEL_EXPORTER_OTLP_HEADERS"), ...readHeaders("OTEL_EXPORTER_OTLP_TRACES_HEADERS") },
    timeoutMs: countMs(toExporterName("TIMEOUT"), 10_000),
    batch: {
      delayMs: countMs("OTEL_BSP_SCHEDULE_DELAY", 5000),
      size: count("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 2048, "a number from 1 to 2048"),
      timeoutMs: countMs("OTEL_BSP_EXPORT_TIMEOUT", 30_000),
    },
    tls: { ca, cert, key },
    serviceName: env["OTEL_SERVICE_NAME"] || attributes["service.name"] || serviceName,
    attributes,
    sampler: {
      kind: sampler.replace(/^parentbased_/, "") as TracingOptions["sampler"]["kind"],
      followsSender: sampler.startsWith("parentbased_"),
      ratio: sampler.endsWith("ratio")
        ? check(
            "OTEL_TRACES_SAMPLER_ARG",
            1,
            (value) => (/^(?:0?\.\d+|[01](?:\.0+)?)$/.test(value) ? Number(value) : null),
            "a number from 0 to 1",
          )
        : 1,
    },
  };
  return exporter === "none" ? null : options;
}

const samplers = ["always_on", "always_off", "traceidratio"].flatMap((name) => [name, `parentbased_${name}`]);

const pairsForm = "a comma list of name=value, percent-encoded where a value has one of , ; = %";

function oneOf<T extends string>(...values: readonly T[]): (value: string) => T | null {
  return (value) => values.find((known) => known === value) ?? null;
}

/**
 * The endpoint of all signals is a base to which traces add their path; that of traces is used as
 * it is.
 */
function toTracesUrl(value: string, isOfTraces: boolean): string | null {
  const url = /^https?:\/\//.test(value) ? URL.parse(value) : null;
  if (!url) return null;
  if (!isOfTraces) url.pathname = `${url.pathname.replace(/\/$/, "")}/v1/traces`;
  return url.href;
}

/** `team=wallet,tier=core`, by the form of W3C Baggage; null where it has another form. */
function parsePairs(text: string): Readonly<Record<string, string>> | null {
  const pairs: Record<string, string> = {};
  for (const part of text.split(",").filter((entry) => entry.trim() !== "")) {
    const [, name, value] = /^\s*([^\s=]+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined) return null;
    pairs[decodePercent(name)] = decodePercent(value);
  }
  return pairs;
}

function parseHeaders(text: string): Readonly<Record<string, string>> | null {
  const pairs = parsePairs(text);
  return pairs && Object.entries(pairs).every(isHeader) ? pairs : null;
}

function isHeader([name, value]: readonly [string, string]): boolean {
  return /^[!#$%&'*+.^_`|~\w-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Config, parseConfig } from "../../src/config/config.ts";
import { parseFleetConfig } from "../../src/config/fleet.ts";
import { ConfigError } from "../../src/config/reader.ts";
import { toSecrets } from "../../src/config/secrets.ts";
import { createAuthority } from "../support/docker-certificates.ts";

const token = { WALLET_CORE_OPS_TOKEN: "canary-token-0123456789" };
const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
const folder = mkdtempSync(join(tmpdir(), "ops-tracing-"));
const paths = createAuthority(folder).issue("client", "clientAuth");
const [pem, cert, key] = [paths.ca, paths.cert, paths.key].map((path) => readFileSync(path, "utf8")) as [
  string,
  string,
  string,
];
rmSync(folder, { recursive: true });
const files: Record<string, string> = {
  "/headers": "authorization=Bearer%20file-canary\n",
  "/ca.pem": pem,
  "/cert.pem": cert,
  "/key.pem": key,
  "/text.pem": "canary",
};
const readFile = (path: string): string => {
  const text = files[path];
  if (text === undefined) throw Object.assign(new Error(), { code: "ENOENT" });
  return text;
};
const parse = (env: Record<string, string>): Config => parseConfig({ ...token, ...env }, readFile);
const read = (env: Record<string, string>) => parse({ ...endpoint, ...env }).tracing;

function issuesOf(env: Record<string, string>): readonly string[] {
  try {
    read(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.issues;
    throw error;
  }
  return [];
}

describe("configuration of traces", () => {
  it("there are none without an endpoint, or where they are switched off", () => {
    expect(parse({ OTEL_SERVICE_NAME: "x", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }).tracing).toBeNull();
    expect(parse({ OTEL_EXPORTER_OTLP_ENDPOINT: "" }).tracing).toBeNull();
    expect(read({ OTEL_SDK_DISABLED: "True" })).toBeNull();
    expect(read({ OTEL_TRACES_EXPORTER: "none" })).toBeNull();
  });

  it("an endpoint alone has the defaults of the specification", () => {
    expect(read({})).toEqual({
      url: "http://collector:4318/v1/traces",
      protocol: "http/protobuf",
      compression: "none",
      headers: {},
      timeoutMs: 10_000,
      batch: { delayMs: 5000, size: 512, timeoutMs: 30_000 },
      tls: { ca: null, cert: null, key: null },
      serviceName: "wallet-core-ops",
      attributes: {},
      sampler: { kind: "always_on", followsSender: false, ratio: 1 },
    });
    const fleet = parseFleetConfig({ ...endpoint, WALLET_CORE_OPS_REGIONS: "eu=https://ops.example" }, readFile);
    expect(fleet.tracing?.serviceName).toBe("wallet-core-ops-fleet");
  });

  it("the path of traces is added to the common endpoint alone", () => {
    expect(read({ OTEL_EXPORTER_OTLP_ENDPOINT: "https://c.example/otlp/" })?.url).toBe(
      "https://c.example/otlp/v1/traces",
    );
    expect(read({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://c.example/x" })?.url).toBe("https://c.example/x");
  });

  it("variables for traces come before those for all signals", () => {
    const found = read({
      OTEL_EXPORTER_OTLP_TIMEOUT: "5000",
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "700",
      OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      OTEL_EXPORTER_OTLP_CERTIFICATE: "/ca.pem",
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "/cert.pem",
      OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: "/key.pem",
      OTEL_EXPORTER_OTLP_HEADERS: "a=1, b=2%2C3",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "b=own",
    });
    expect(found).toMatchObject({
      timeoutMs: 700,
      protocol: "http/json",
      compression: "gzip",
      tls: { ca: pem, cert, key },
    });
    expect(found?.headers).toEqual({ a: "1", b: "own" });
  });

  it("the service's name comes from its variable, then the attributes", () => {
    const attributes = "service.name=by-attribute,team=a%3Db,note=a=b";
    expect(read({ OTEL_RESOURCE_ATTRIBUTES: attributes })?.serviceName).toBe("by-attribute");
    const both = read({ OTEL_RESOURCE_ATTRIBUTES: attributes, OTEL_SERVICE_NAME: "own" });
    expect(both).toMatchObject({ serviceName: "own", attributes: { team: "a=b", note: "a=b" } });
  });

  it("a sampler decides by itself, or as the sender did", () => {
    expect(read({ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" })?.sampler).toEqual({
      kind: "traceidratio",
      followsSender: false,
      ratio: 0.25,
    });
    expect(read({ OTEL_TRACES_SAMPLER: "parentbased_always_off", OTEL_TRACES_SAMPLER_ARG: "x" })?.sampler).toEqual({
      kind: "always_off",
      followsSender: true,
      ratio: 1,
    });
  });

  it("headers and passwords are secrets, also from a file", () => {
    const { tracing } = parse({ ...endpoint, OTEL_EXPORTER_OTLP_HEADERS_FILE: "/headers" });
    expect(tracing?.headers).toEqual({ authorization: "Bearer file-canary" });
    const secrets = toSecrets(
      parse({
        OTEL_EXPORTER_OTLP_ENDPOINT: "https://ops:url-canary@c.example",
        OTEL_EXPORTER_OTLP_HEADERS: "x-key=key-canary",
      }),
    );
    expect(secrets).toEqual(expect.arrayContaining(["url-canary", "key-canary"]));
  });

  it("each mistake is one line without its value", () => {
    const bad = {
      OTEL_EXPORTER_OTLP_ENDPOINT: "canary:4317",
      OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
      OTEL_EXPORTER_OTLP_COMPRESSION: "canary",
      OTEL_EXPORTER_OTLP_TIMEOUT: "10s",
      OTEL_EXPORTER_OTLP_HEADERS: "canary",
      OTEL_EXPORTER_OTLP_CERTIFICATE: "/text.pem",
      OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: "/text.pem",
      OTEL_EXPORTER_OTLP_CLIENT_KEY: "/canary",
      OTEL_BSP_SCHEDULE_DELAY: "canary",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "0",
      OTEL_BSP_EXPORT_TIMEOUT: "-1",
      OTEL_TRACES_EXPORTER: "canary",
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "2",
      OTEL_RESOURCE_ATTRIBUTES: "canary",
    };
    const issues = issuesOf(bad);
    expect(new Set(issues.map((issue) => issue.split(" ")[0]))).toEqual(
      new Set(Object.keys(bad).filter((name) => name !== "OTEL_TRACES_SAMPLER")),
    );
    expect(issues.join("\n")).not.toContain("canary");
    expect(issuesOf({ OTEL_EXPORTER_OTLP_HEADERS: "a=1", OTEL_EXPORTER_OTLP_HEADERS_FILE: "/headers" })).toEqual([
      "OTEL_EXPORTER_OTLP_HEADERS and OTEL_EXPORTER_OTLP_HEADERS_FILE are both set: keep one",
    ]);
    expect(issuesOf({ OTEL_EXPORTER_OTLP_HEADERS: "a=x%0Ay" })).toHaveLength(1);
  });
});

import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { printOpenApi } from "../../src/gateway.ts";
import { endpoints } from "../../src/rest/endpoints.ts";
import { sampleContainer } from "../support/containers.ts";
import { sampleHost } from "../support/hosts.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { assertFitsOpenApi } from "../support/openapi.ts";
import { createRest } from "../support/rest.ts";

const document = JSON.parse(readFileSync("schema/openapi.json", "utf8"));
const operations: [string, string, any][] = Object.entries<object>(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]): [string, string, any] => [method.toUpperCase(), path, operation]),
);
const name = "wallet-core-staging-web-latest";
const { sources } = createMemorySources(
  {
    containers: [sampleContainer()],
    hosts: [
      sampleHost(),
      sampleHost({ name: "down", status: "down", cpuUtil: null, memUtil: null, alert: true, reason: "down" }),
    ],
    queueSources: [
      {
        name: "jobs",
        metrics: [{ name: "payouts", source: "jobs", depth: 4, processedPerSec: 1.2, failuresLastHour: 1 }],
        errors: [
          { queue: "payouts", source: "jobs", jobId: "1", error: "x", timestamp: "2026-01-13T09:41:10Z", count: 1 },
        ],
      },
    ],
  },
  { restartEnabled: true },
);

describe("openapi.json", () => {
  it("is the committed text, and is served", async () => {
    expect(printOpenApi()).toBe(readFileSync("schema/openapi.json", "utf8"));
    expect((await createRest(sources).get("/openapi.json")).body).toBe(printOpenApi());
  });

  it("is compressed, and not sent again to a client that has it", async () => {
    const { call } = createRest(sources);
    const gzip = { "accept-encoding": "gzip" };
    const { raw, headers } = await call("GET", "/openapi.json", "", undefined, undefined, gzip);
    expect(gunzipSync(raw).toString()).toBe(printOpenApi());
    const again = { ...gzip, "if-none-match": headers?.["etag"] };
    expect(await call("GET", "/openapi.json", "", undefined, undefined, again)).toMatchObject({
      status: 304,
      body: "",
    });
  });

  it.each(endpoints.map((endpoint) => [endpoint.method, endpoint.path] as const))(
    "fits the answer of %s %s",
    async (method, template) => {
      const path = template.replace(":name", name);
      const { body, status } = await createRest(sources).call(method, path, "include_stats=true");
      expect(() => assertFitsOpenApi(method, template, status, JSON.parse(body))).not.toThrow();
    },
  );

  it("names each operation once, in a described group", () => {
    expect(operations.map(([, , { operationId }]) => operationId)).toEqual([
      "listContainers",
      "getContainer",
      "getContainerLogs",
      "getContainerHealthCheck",
      "restartContainer",
      "restartContainerByGet",
      "getQueues",
      "getHosts",
      "getDeployInfo",
    ]);
    const groups = document.tags.map((tag: { name: string }) => tag.name);
    expect([...new Set(operations.flatMap(([, , { tags }]) => tags))]).toEqual(groups);
    expect(document.servers).toEqual([{ url: "/", description: expect.any(String) }]);
    expect(document.info.license).toEqual({ name: "MIT", identifier: "MIT" });
  });

  it("marks as deprecated what answers with Deprecation, and no other", async () => {
    for (const [method, path, operation] of operations) {
      const asked = path.replace("/api/v1/admin/ops", "").replace("{name}", name);
      const { headers, status } = await createRest(sources).call(method, asked);
      expect([path, status]).toEqual([path, 200]);
      const isDeprecated = headers?.["deprecation"] !== undefined;
      expect(isDeprecated).toBe(operation.operationId === "restartContainerByGet");
      expect(operation.deprecated ?? false).toBe(isDeprecated);
      expect(Object.keys(operation.responses["200"].headers).includes("Deprecation")).toBe(isDeprecated);
    }
  });

  it.each(operations)("has an example of the answer of %s %s that fits", (method, path, { responses }) => {
    const { example } = responses["200"].content["application/json"];
    const template = path.replace("/api/v1/admin/ops", "").replace("{name}", ":name");
    expect(() => assertFitsOpenApi(method, template, 200, example)).not.toThrow();
  });

  it("has 304 for what answers with an ETag, and for no other", async () => {
    for (const [method, path, { operationId, responses }] of operations) {
      const asked = path.replace("/api/v1/admin/ops", "").replace("{name}", name);
      const { headers } = await createRest(sources).call(method, asked);
      const hasTag = headers?.["etag"] !== undefined;
      expect([operationId, "304" in responses, "ETag" in responses["200"].headers]).toEqual([
        operationId,
        hasTag,
        hasTag,
      ]);
    }
  });

  it("has the codes of each status", () => {
    const responses = Object.fromEntries(
      operations.map(([, , operation]) => [operation.operationId, operation.responses]),
    );
    expect(responses["getDeployInfo"]["404"].description).toBe("deploy_info_missing");
    expect(responses["getContainerLogs"]["429"].description).toBe("rate_limited");
    expect(responses["getHosts"]["503"].description).toBe("overloaded, auth_unavailable, prometheus_unavailable");
  });

  it("detects a missing, a mistyped and a null field", async () => {
    const { queues: answered } = JSON.parse((await createRest(sources).get("/queues")).body);
    const [queue] = answered;
    const fits = (queues: unknown) => () =>
      assertFitsOpenApi("GET", "/queues", 200, { queues, errors: [], sources: [] });
    expect(fits(answered)).not.toThrow();
    expect(fits([{ ...queue, depth: "1" }])).toThrow("depth");
    const { failures_last_hour: _, ...incomplete } = queue;
    expect(fits([incomplete])).toThrow("failures_last_hour");
    expect(fits([{ ...queue, state: "fine" }])).toThrow("state");
    expect(fits(null)).toThrow("must be array");
  });
});

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
        errors: [{ queue: "payouts", source: "jobs", jobId: "1", error: "x", timestamp: "2026-01-13T09:41:10Z", count: 1 }],
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
    expect(await call("GET", "/openapi.json", "", undefined, undefined, again)).toMatchObject({ status: 304, body: "" });
  });

  it.each(endpoints.map((endpoint) => [endpoint.method, endpoint.path] as const))(
    "fits the answer of %s %s",
    async (method, template) => {
      const path = template.replace(":name", name);
      const { body, status } = await createRest(sources).call(method, path, "include_stats=true");
      expect(() => assertFitsOpenApi(method, template, status, JSON.parse(body))).not.toThrow();
    },
  );

  it("detects a missing, a mistyped and a null field", async () => {
    const { queues: answered } = JSON.parse((await createRest(sources).get("/queues")).body);
    const [queue] = answered;
    const fits = (queues: unknown) => () => assertFitsOpenApi("GET", "/queues", 200, { queues, errors: [], sources: [] });
    expect(fits(answered)).not.toThrow();
    expect(fits([{ ...queue, depth: "1" }])).toThrow("depth");
    const { failures_last_hour: _, ...incomplete } = queue;
    expect(fits([incomplete])).toThrow("failures_last_hour");
    expect(fits([{ ...queue, state: "fine" }])).toThrow("state");
    expect(fits(null)).toThrow("must be array");
  });
});

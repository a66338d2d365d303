import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { basePath, endpoints } from "../../src/rest/endpoints.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

const memory = createMemorySources({ containers: [sampleContainer()] }, { restartEnabled: true });
const name = sampleContainer().name;
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(memory.sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

const documented = endpoints.map(({ path }) => basePath + path.replace(":name", name));
const others = [
  basePath,
  `${basePath}/openapi.json`,
  `${basePath}/nothing`,
  "/graphql",
  "/graphql?query=%7Bhosts%7Bname%7D%7D",
  "/metrics",
  "/",
  "/health",
];
const paths = [...new Set([...documented, ...others])];
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

function call(method: string, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(gateway.url);
    request(
      { host: "127.0.0.1", port, method, path, headers: { "content-type": "application/json", ...headers } },
      (response) => {
        response.resume().once("end", () => resolve(response.statusCode ?? 0));
      },
    )
      .once("error", reject)
      .end(method === "POST" ? '{"query":"{ hosts { name } }"}' : undefined);
  });
}

describe("a request without a valid token", () => {
  it.each(paths)("%s is 401 for every method, and no upstream is asked", async (path) => {
    const wrong = { authorization: "Bearer wrong-token-0123456789" };
    const statuses = await Promise.all(
      methods.flatMap((method) => [call(method, path, {}), call(method, path, wrong)]),
    );
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect(memory.calls).toEqual({});
  });

  it("has no token in its query, cookies or other headers", async () => {
    const path = `${basePath}/containers`;
    expect(await call("GET", `${path}?access_token=${token}`, {})).toBe(401);
    expect(await call("GET", path, { cookie: `token=${token}` })).toBe(401);
    expect(await call("GET", path, { "x-api-key": token })).toBe(401);
    expect(memory.calls).toEqual({});
    expect(await call("GET", path, { authorization: `Bearer ${token}` })).toBe(200);
    expect(memory.calls).toEqual({ list: 1 });
  });

  it("opens only health, readiness and the console, which hold no data", async () => {
    expect(await call("GET", "/healthz", {})).toBe(200);
    expect(await call("GET", "/readyz", {})).toBe(200);
    expect(await call("GET", "/graphql", { accept: "text/html" })).toBe(200);
    expect(memory.calls).toEqual({ list: 1 });
  });
});

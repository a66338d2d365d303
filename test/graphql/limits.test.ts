import { getIntrospectionQuery } from "graphql";
import { serverAudits } from "graphql-http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeToken } from "../../src/http/make-token.ts";
import { createMemorySources, sampleContainer } from "../support/memory-sources.ts";
import { graphqlHeaders, startGateway, token } from "../support/gateway.ts";

const containers = Array.from({ length: 30 }, (_, index) => sampleContainer({ name: `wallet-core-staging-web-${index}` }));
const memory = createMemorySources({ containers });
const reader = makeToken({
  subject: "reader",
  scopes: ["ops:read"],
  environments: ["staging", "production"],
  expiresAt: new Date(Date.now() + 3_600_000),
});
const folder = mkdtempSync(join(tmpdir(), "ops-limits-"));
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  const tokensFile = join(folder, "tokens.json");
  writeFileSync(tokensFile, JSON.stringify([reader.entry]));
  gateway = await startGateway(memory.sources, { tokensFile });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const nested = (depth: number): string => (depth === 0 ? "{ name }" : `{ deploy { containers ${nested(depth - 1)} } }`);
const fragments = Array.from(
  { length: 12 },
  (_, level) => `fragment F${level} on Query { ${`...F${level + 1} `.repeat(2)} }`,
).join(" ");

describe("limits of the public door", () => {
  it.each([
    ["depth", `{ containers ${nested(4)} }`],
    ["depth through a field named like introspection", `{ __schema: containers ${nested(4)} }`],
    ["aliases", `{ ${Array.from({ length: 16 }, (_, index) => `a${index}: containers { name }`).join(" ")} }`],
    ["directives", `{ containers ${"@include(if: true) ".repeat(21)} { name } }`],
    ["tokens", `{ containers { ${"name ".repeat(1000)} } }`],
    ["root fields", `{ ${"containers { name } ".repeat(21)} }`],
    ["complexity of lists in lists", "{ containers { deploy { containers { deploy { containers { stats { cpuPct } } } } } } }"],
    ["fields behind fragments", `{ ...F0 } ${fragments} fragment F12 on Query { containers { name } }`],
    [
      "logs of every container beside a field that costs less than nothing",
      '{ logs(role: "x", tail: -2000000000) { truncated } containers { logs(tail: 5000) { lines { message } } } }',
    ],
    [
      "the same with a page of less than nothing",
      "{ auditLog(first: -100000) { seq } containers { logs(tail: 5000) { lines { message } } } }",
    ],
    [
      "logs of as many containers as there are, that ten would have had",
      "{ containers { name logs(tail: 4000) { lines { message } } } }",
    ],
    ["logs of every container", "{ containers { logs(tail: 5000) { lines { message } } } }"],
  ])("%s", async (_what, query) => {
    const before = { ...memory.calls };
    const { status, body } = await gateway.query(query);
    expect(status).toBe(400);
    expect(JSON.stringify(body.errors)).toMatch(/query_too_complex|GRAPHQL_PARSE_FAILED/);
    expect(body.data ?? null).toBeNull();
    expect(memory.calls).toEqual(before);
  });

  it("lets through what a dashboard asks", async () => {
    const { status } = await gateway.query(`{
      containers(includeAccessories: true) { id name role status health version stats { cpuPct memPct } deploy { currentTag } hostMetrics { cpuUtil } }
      queues { name depth processedPerSec failuresLastHour errors(first: 5) { error count timestamp } }
      hosts { name cpuUtil memUtil alert } deployInfo { currentTag containers { name } } }`);
    expect(status).toBe(200);
  });

  it("shows the schema only to who may introspect, and no names to others", async () => {
    const ask = async (query: string, bearer: string) => {
      const headers = { ...graphqlHeaders, authorization: `Bearer ${bearer}` };
      return gateway.fetch("/graphql", { method: "POST", body: JSON.stringify({ query }), headers });
    };
    expect((await ask(getIntrospectionQuery(), token)).status).toBe(200);
    for (const query of [
      getIntrospectionQuery(),
      '{ __type(name: "Container") { name } }',
      "{ a: __schema { queryType { name } } }",
    ]) {
      const refused = await ask(query, reader.token);
      expect(refused.status).toBe(400);
      expect(await refused.text()).toContain("ops:introspect");
    }
    expect(await (await ask("{ __typename }", reader.token)).json()).toEqual({ data: { __typename: "Query" } });
    expect(await (await ask("{ container }", reader.token)).text()).not.toContain("Did you mean");
    expect(await (await ask("{ contianers { name } }", reader.token)).text()).not.toContain("containers");
  });
});

describe("GraphQL over HTTP", () => {
  it("passes the whole server audit", async () => {
    const audits = serverAudits({
      url: `${gateway.url}/graphql`,
      fetchFn: (url: string, init: RequestInit = {}) => {
        const headers = new Headers(init.headers);
        headers.set("authorization", `Bearer ${token}`);
        return fetch(url, { ...init, headers });
      },
    });
    const results = await Promise.all(audits.map((audit) => audit.fn()));
    const missed = results.filter((result) => result.status !== "ok").map(({ name, status }) => `${status} ${name}`);
    expect(missed).toEqual([]);
    expect(results).toHaveLength(61);
  });
});

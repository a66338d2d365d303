import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OpsError } from "../../../src/lib/errors.ts";
import { sampleContainer } from "../../support/containers.ts";
import { startGateway } from "../../support/gateway.ts";
import { createMemorySources } from "../../support/memory-sources.ts";

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  const { sources } = createMemorySources({
    containers: [sampleContainer()],
    hosts: new OpsError("prometheus_unavailable", "Prometheus does not answer"),
    deploy: new OpsError("deploy_info_missing", "There is no deploy_info.json"),
  });
  gateway = await startGateway(sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

function lastHour(): string {
  return `from: ${Date.now() - 3_600_000}, to: ${Date.now() + 600_000}`;
}

/** As Infinity sends it. */
const infinity = { "content-type": "application/json", accept: "application/json;q=0.9,text/plain" };

async function ask(query: string, { headers = {}, search = "" } = {}) {
  const body = JSON.stringify({ query, variables: null });
  const response = await gateway.fetch(`/graphql${search}`, {
    method: "POST",
    body,
    headers: { ...infinity, ...headers },
  });
  return { status: response.status, body: await response.json() };
}
const strict = { "x-ops-strict": "1" };

describe("the status of an answer with errors", () => {
  it("is 200 by default", async () => {
    expect((await ask("{ hosts { name } }")).status).toBe(200);
    expect((await ask("{ hosts { name } }", { headers: { "x-ops-strict": "0" }, search: "?strict=10" })).status).toBe(
      200,
    );
  });

  it.each([
    ["an upstream that is down", "{ hosts { name } }", 503],
    ["what is not there", "{ deployInfo { currentTag } }", 404],
    ["the upstream, where both are", "{ deployInfo { currentTag } hosts { name } }", 503],
    ["a container that is not there", '{ container(name: "x") { name } }', 404],
    ["a field that does not exist", "{ nothing }", 400],
    ["a broken document", "{ hosts {", 400],
    ["a variable that is missing", "query ($from: DateTime!) { queueDepth(from: $from, to: $from) { time } }", 400],
    ["hosts that nobody could count", `{ upCounts(${lastHour()}, kinds: [HOST]) { up } }`, 503],
    ["the same, of a past", '{ upCounts(from: "2026-01-01", to: "2026-01-02") { up } }', 503],
    [
      "hosts beside what could be counted",
      `{ upCounts(${lastHour()}) { up } upCountKinds(${lastHour()}) { kind } }`,
      200,
    ],
    ["no error", "{ containers { name } }", 200],
  ])("strict: that of %s", async (_what, query, status) => {
    const usual = await ask(query);
    for (const given of [{ headers: strict }, { search: "?strict=1" }, { search: "?a=b&strict=1" }]) {
      const answer = await ask(query, given);
      expect(answer.status).toBe(status);
      expect(answer.body).toEqual(usual.body);
    }
  });

  it("applies to GET too", async () => {
    const query = `?query=${encodeURIComponent("{ hosts { name } }")}`;
    expect((await gateway.fetch(`/graphql${query}`)).status).toBe(200);
    expect((await gateway.fetch(`/graphql${query}&strict=1`)).status).toBe(503);
    const response = await gateway.fetch(`/graphql${query}`, { headers: strict });
    expect(response.status).toBe(503);
    expect((await response.json()).errors[0].extensions.code).toBe("prometheus_unavailable");
    expect((await gateway.fetch(`/graphql?query=${encodeURIComponent("{ __typename }")}&strict=1`)).status).toBe(200);
  });
});

describe("the health request of Infinity", () => {
  it.each(["/healthz", `/graphql?query=${encodeURIComponent("{ __typename }")}`])(
    "%s: exactly 200, with a body",
    async (path) => {
      const response = await gateway.fetch(path);
      expect(response.status).toBe(200);
      expect(await response.text()).not.toBe("");
    },
  );
});

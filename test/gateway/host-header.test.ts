import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startGateway, token } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(createMemorySources().sources);
});
afterAll(() => gateway[Symbol.asyncDispose]());

function ask(host: string): Promise<readonly [status: number | undefined, text: string]> {
  const headers = { host, authorization: `Bearer ${token}`, "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const asked = request(`${gateway.url}/graphql`, { method: "POST", headers, setHost: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve([response.statusCode, text]));
    });
    asked.on("error", reject).end(JSON.stringify({ query: "{ __typename }" }));
  });
}

test.each(["a, b", "a b", "[", "a:99999", "%", "<x>", "1.2.3.999", ""])(
  "the invalid Host %j changes no answer",
  async (host) => {
    expect(await ask(host)).toEqual([200, '{"data":{"__typename":"Query"}}']);
  },
);

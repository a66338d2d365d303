import { afterAll, beforeAll, expect, test } from "vitest";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources, sampleContainer } from "../support/memory-sources.ts";
import { subscribe } from "../support/subscribe.ts";
import { createTokens } from "../support/tokens.ts";

const tokens = createTokens({ reader: { scopes: ["ops:read"] } });
const { sources } = createMemorySources({ containers: [sampleContainer({ name: "web" })] });
const secret = new Error("password=hunter2");
const failing = { ...sources, containers: { ...sources.containers, stats: () => Promise.reject(secret) } };
let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  gateway = await startGateway(failing, { tokensFile: tokens.file });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

async function first(query: string, variables?: Record<string, unknown>) {
  const subscribed = subscribe(gateway.url, tokens.of("reader"), query, variables);
  await expect.poll(() => subscribed.messages.length, { timeout: 5000 }).toBeGreaterThan(0);
  await subscribed.leave();
  return subscribed.messages[0];
}

const withFlag = `subscription One($core: Boolean! = false, $named: Boolean = true, $env: Environment = staging) {
  containers(env: $env, includeAccessories: $core) { ...Rows changed { id @include(if: $core) name @include(if: $named) } } }
  fragment Rows on ContainersChange { kind: __typename changed { state: status env } }`;

test("variables that are not sent have their defaults, also those that may not be null", async () => {
  const row = { state: "running", env: "staging" };
  const all = { kind: "ContainersChange" };
  expect(await first(withFlag)).toEqual({ data: { containers: { ...all, changed: [{ ...row, name: "web" }] } } });
  expect(await first(withFlag, { core: true, named: false })).toEqual({
    data: { containers: { ...all, changed: [{ ...row, id: expect.stringMatching(/^[0-9a-f]{12}$/) }] } },
  });
});

test("a variable that does not fit is a request error, and no field is run", async () => {
  const response = await first(withFlag, { core: "yes" });
  expect(response).toEqual({ errors: [expect.objectContaining({ message: expect.stringContaining('"$core"') })] });
});

test("one document with several operations runs the one that was named", async () => {
  const query = `subscription A { containers { snapshot } } subscription B { containers { changed { name } } }`;
  for (const [operationName, data] of [
    ["A", { snapshot: true }],
    ["B", { changed: [{ name: "web" }] }],
  ] as const) {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${tokens.of("reader")}`,
        accept: "text/event-stream",
        "content-type": "application/json",
      },
      body: JSON.stringify({ query, operationName }),
    });
    let text = "";
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      if (text.includes("data: {")) break;
    }
    expect(JSON.parse(/data: (\{.*\})/.exec(text)?.[1] ?? "null")).toEqual({ data: { containers: data } });
  }
});

test("what hangs on a row and fails is null, with its path, its code and no more than the caller may know", async () => {
  const message = await first(`subscription { containers { changed { name stats { cpuPct } } } }`);
  expect(message).toEqual({
    data: { containers: { changed: [{ name: "web", stats: null }] } },
    errors: [
      expect.objectContaining({
        message: "Internal error",
        path: ["containers", "changed", 0, "stats"],
        extensions: expect.objectContaining({ code: "internal" }),
      }),
    ],
  });
  expect(JSON.stringify(message)).not.toContain("hunter2");
});

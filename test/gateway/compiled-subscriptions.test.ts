import { afterAll, beforeAll, expect, test } from "vitest";
import { toContainerId } from "../../src/graphql/refs.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { subscribe } from "../support/subscribe.ts";
import { createTokens } from "../support/tokens.ts";

const tokens = createTokens({ reader: { scopes: ["ops:read"] } });
const container = sampleContainer({ name: "web" });
const { sources } = createMemorySources({ containers: [container] });
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

const withFlag = `subscription One($core: Boolean! = false, $named: Boolean = true, $env: Environment = STAGING) {
  containers(env: $env, includeAccessories: $core) { ...Rows changed { id @include(if: $core) name @include(if: $named) } } }
  fragment Rows on ContainersChange { kind: __typename changed { state: status env } }`;

test("variables that are not sent have their defaults, non-null ones too", async () => {
  const row = { state: "running", env: "STAGING" };
  const all = { kind: "ContainersChange" };
  expect(await first(withFlag)).toEqual({ data: { containers: { ...all, changed: [{ ...row, name: "web" }] } } });
  expect(await first(withFlag, { core: true, named: false })).toEqual({
    data: { containers: { ...all, changed: [{ ...row, id: toContainerId(container) }] } },
  });
});

test("a variable that does not fit is a request error; no field runs", async () => {
  const response = await first(withFlag, { core: "yes" });
  expect(response).toEqual({ errors: [expect.objectContaining({ message: expect.stringContaining('"$core"') })] });
});

/** The data of the first message, as text: an object would not show all of its keys. */
async function firstData(body: object): Promise<string> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tokens.of("reader")}`,
      accept: "text/event-stream",
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  let text = "";
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (text.includes("data: {")) break;
  }
  return /data: (\{.*\})/.exec(text)?.[1] ?? "";
}

test("a document with several operations runs the named one", async () => {
  const query = `subscription A { containers { snapshot } } subscription B { containers { changed { name } } }`;
  expect(await firstData({ query, operationName: "A" })).toBe('{"data":{"containers":{"snapshot":true}}}');
  expect(await firstData({ query, operationName: "B" })).toBe('{"data":{"containers":{"changed":[{"name":"web"}]}}}');
});

test.each([
  ["subscription { __proto__: containers { snapshot } }", '{"data":{"__proto__":{"snapshot":true}}}'],
  [
    "subscription { containers { __proto__: changed { __proto__: name status } } }",
    '{"data":{"containers":{"__proto__":[{"__proto__":"web","status":"running"}]}}}',
  ],
  [
    "subscription { containers { ...Rows } } fragment Rows on ContainersChange { changed { ... { __proto__: status } } }",
    '{"data":{"containers":{"changed":[{"__proto__":"running"}]}}}',
  ],
])("the name __proto__ is one like any other: %s", async (query, data) => {
  expect(await firstData({ query })).toBe(data);
});

test.each(["subscription", "query"])("a variable $__proto__ of a %s is a request error", async (kind) => {
  const query = `${kind} ($__proto__: Boolean! = true) { containers(includeAccessories: $__proto__) { __typename } }`;
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tokens.of("reader")}`,
      "content-type": "application/json",
      "x-ops-strict": "1",
    },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = await response.json();
  expect([response.status, data, errors[0].message]).toEqual([
    400,
    undefined,
    'A variable cannot have the name "$__proto__".',
  ]);
});

test("a failing field of a row is null, with its path and public code", async () => {
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

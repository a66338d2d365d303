import { parse } from "graphql";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createSchema } from "../../src/graphql/schema.ts";
import { hasOnlyRows } from "../../src/graphql/inputs.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { subscribe } from "../support/subscribe.ts";
import { createTokens } from "../support/tokens.ts";

const tokens = createTokens({
  all: { scopes: ["ops:read"] },
  other: { scopes: ["ops:read"] },
  staging: { scopes: ["ops:read"], environments: ["staging"] },
});
const [web, production] = [sampleContainer({ name: "web" }), sampleContainer({ name: "db", env: "production" })];
const memory = createMemorySources({ containers: [web, production] });
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(memory.sources, { tokensFile: tokens.file });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

const patient = { timeout: 20_000 };
const document = (fields: string) => `subscription { containers { changed { ${fields} } removed { name } ended } }`;

test("subscribers of one document share its messages, others have theirs", async () => {
  const stringify = vi.spyOn(JSON, "stringify");
  const open = (holder: Parameters<typeof tokens.of>[0], fields: string) =>
    subscribe(gateway.url, tokens.of(holder), document(fields));
  const subscribed = [
    open("all", "name status"),
    open("other", "name status"),
    open("staging", "name status"),
    open("all", "name env"),
    open("staging", "name deploy { currentTag }"),
  ];
  const messages = () => subscribed.map((each) => each.of("containers"));
  await expect.poll(() => messages().map(({ length }) => length), patient).toEqual([1, 1, 1, 1, 1]);
  stringify.mockClear();
  memory.setContainers([
    { ...web, status: "paused" },
    { ...production, status: "exited" },
  ]);
  await expect.poll(() => messages().map(({ length }) => length), patient).toEqual([2, 2, 2, 2, 2]);
  const common = { removed: [], ended: null };
  const [both, paused] = [
    [
      { name: "db", status: "exited" },
      { name: "web", status: "paused" },
    ],
    [{ name: "web", status: "paused" }],
  ];
  const envs = [
    { name: "db", env: "PRODUCTION" },
    { name: "web", env: "STAGING" },
  ];
  expect(messages().map(([, message]) => message)).toEqual([
    { ...common, changed: both },
    { ...common, changed: both },
    { ...common, changed: paused },
    { ...common, changed: envs },
    { ...common, changed: [{ name: "web", deploy: null }] },
  ]);
  // One text for the first two.
  const texts = stringify.mock.results.map(({ value }) => String(value));
  expect(texts.filter((text) => text.includes('"status":"exited"}') && text.startsWith('{"data"'))).toHaveLength(1);
  stringify.mockRestore();
  await Promise.all(subscribed.map((each) => each.leave()));
});

/** The status, type and text of a stream up to its first message, or to its end. */
async function read(body: object): Promise<string> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${tokens.of("other")}`,
      accept: "text/event-stream",
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  let text = "";
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (/^data: .*\n\n/m.test(text)) break;
  }
  // Yoga writes an event in two parts, the last of which may not have come.
  return `${response.status} ${response.headers.get("content-type")}\n${text.replace(/event: complete[^]*/, "")}`;
}

test.each([
  { query: "subscription { containers { snapshot changed { name ports } engines { name ok error { code } } ended } }" },
  { query: "subscription { containers { changed { name deploy { currentTag } cpuPct } } }" },
  { query: "subscription A { containers { snapshot } } subscription B { containers { ended } }", operationName: "B" },
  { query: "subscription ($a: Boolean!) { containers(includeAccessories: $a) { snapshot } }", variables: { a: true } },
  { query: "subscription ($a: Boolean!) { containers(includeAccessories: $a) { snapshot } }", variables: { a: 7 } },
  { query: "subscription { containers(env: STAGING) { __proto__: snapshot } }" },
  { query: 'subscription { containerLogs(name: "web") { lines { message } } }' },
  { query: 'subscription { containerLogs(name: "none") { lines { message } } }' },
  { query: 'subscription { logs(role: "none") { ended } }' },
  { query: "subscription { nothing }" },
  { query: "{ hosts { name } }" },
])("%j begins the same on both doors", async (body) => {
  const first = await read(body);
  expect(await read(body)).toBe(first);
});

test.each([
  ["subscription { containers { changed { id name env } engines { name ok error { code } } } }", true],
  ["subscription A { containers { ...F } } fragment F on ContainersChange { changed { name } }", true],
  ["subscription ($name: String!) { containerLogs(name: $name) { lines { level message } ended } }", true],
  ["subscription { containers { changed { cpuPct } } }", false],
  ["subscription { containers { changed { deploy { currentTag } } } }", false],
  ["subscription { containers { engines { ageSeconds } } }", false],
  ["subscription { containers { changed { observedAt } } }", false],
  ["subscription ($no: Boolean!) { containers { changed { name env @skip(if: $no) } } }", false],
  [
    "subscription ($no: Boolean!) { containers { ...F } } fragment F on ContainersChange { ended @skip(if: $no) }",
    false,
  ],
])("%s depends on its event alone: %j", (text, expected) => {
  expect(hasOnlyRows(createSchema(), parse(text), null)).toBe(expected);
});

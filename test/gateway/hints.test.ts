import { afterAll, beforeAll, expect, it } from "vitest";
import { basePath } from "../../src/rest/endpoints.ts";
import { sampleContainer } from "../support/containers.ts";
import { startGateway } from "../support/gateway.ts";
import { createMemorySources } from "../support/memory-sources.ts";
import { runCommand } from "../support/terminal-run.ts";
import { createTokens } from "../support/tokens.ts";

const engine = (name: string, env: "staging" | "production") => ({ name, env, ok: true, error: null });
const { sources } = createMemorySources(
  {
    containers: [
      sampleContainer({ name: "web", engine: "s1", env: "staging" }),
      sampleContainer({ name: "redis", role: "redis", engine: "s1", env: "staging", kind: "accessory" }),
      sampleContainer({ name: "cache", role: "cache", engine: "p1", env: "production", kind: "accessory" }),
    ],
    engines: [engine("s1", "staging"), engine("p1", "production")],
  },
  { restartEnabled: true },
);
const tokens = createTokens({
  all: { scopes: ["ops:read", "ops:logs", "ops:operate"] },
  staging: { scopes: ["ops:read", "ops:logs", "ops:operate"], environments: ["staging"] },
  reader: { scopes: ["ops:read"] },
  logs: { scopes: ["ops:logs"] },
});
type Holder = Parameters<typeof tokens.of>[0];
let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  gateway = await startGateway(sources, { tokensFile: tokens.file });
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
});

async function ask(holder: Holder, path: string, init: RequestInit = {}): Promise<any> {
  const headers = { authorization: `Bearer ${tokens.of(holder)}`, "content-type": "application/json" };
  return (await gateway.fetch(path, { ...init, headers })).json();
}

/** The error of a REST path, or of a GraphQL query, as `code: message`. */
async function refuse(holder: Holder, question: string): Promise<string> {
  if (question.startsWith("/")) {
    const [path = "", method = "GET"] = question.split(" ");
    const { error } = await ask(holder, basePath + path, { method });
    return `${error?.code}: ${error?.message}`;
  }
  const { errors } = await ask(holder, "/graphql", { method: "POST", body: JSON.stringify({ query: question }) });
  return `${errors?.[0]?.extensions.code}: ${errors?.[0]?.message}`;
}

const none = "container_not_found: No such container";
const only = (...names: readonly string[]) => `: there is no engine of this name, only ${names.join(", ")}`;

it.each([
  "/containers/web?engine=typo",
  "/containers/web/logs?engine=typo",
  "/containers/web/health-check?engine=typo",
  "/containers/web/restart?engine=typo POST",
  '{ container(name: "web", engine: "typo") { name } }',
  '{ logs(name: "web", engine: "typo") { truncated } }',
  'mutation { restartContainer(name: "web", engine: "typo") { restarted } }',
])("a wrong engine is answered with those that the token may see: %s", async (question) => {
  expect(await refuse("all", question)).toBe(none + only("s1", "p1"));
  expect(await refuse("staging", question)).toBe(none + only("s1"));
  // One that the token may not see is refused like one that does not exist.
  expect(await refuse("staging", question.replace("typo", "p1"))).toBe(none + only("s1"));
});

it("a list of a wrong engine is refused, not empty", async () => {
  const list = '{ containers(engine: "p1") { name } }';
  expect(await refuse("staging", list)).toBe("invalid_request: engine must be a configured engine: s1");
  expect(await ask("all", "/graphql", { method: "POST", body: JSON.stringify({ query: list }) })).toEqual({
    data: { containers: [] },
  });
});

const hint = ": it is an accessory; include_accessories=true (in GraphQL includeAccessories: true) finds it";

it.each([
  "/containers/redis",
  "/containers/redis/logs",
  "/containers/redis/health-check",
  "/containers/redis/restart POST",
  '{ container(name: "redis") { name } }',
  '{ logs(name: "redis") { truncated } }',
])("an accessory is explained to who may see it: %s", async (question) => {
  expect(await refuse("all", question)).toBe(none + hint);
  expect(await refuse("staging", question)).toBe(none + hint);
  expect(await refuse("all", question.replace("redis", "cache"))).toBe(none + hint);
  expect(await refuse("staging", question.replace("redis", "cache"))).toBe(none);
});

it("the advised parameter finds it", async () => {
  expect(await ask("staging", `${basePath}/containers/redis?include_accessories=true`)).toMatchObject({
    name: "redis",
  });
});

it.each<[Holder, string, string]>([
  ["reader", "/containers/web/logs", "ops:logs"],
  ["reader", "/containers/web/restart POST", "ops:operate"],
  ["logs", "/containers", "ops:read"],
  ["logs", "/queues", "ops:read"],
  ["reader", '{ container(name: "web") { logs { truncated } } }', "ops:logs"],
  ["reader", 'mutation { restartContainer(name: "web") { restarted } }', "ops:operate"],
  ["reader", "{ auditLog { nodes { subject } } }", "ops:operate"],
  ["reader", "{ __schema { queryType { name } } }", "ops:introspect"],
])("the scope that %s lacks is named: %s", async (holder, question, scope) => {
  expect(await refuse(holder, question)).toBe(`forbidden: This token lacks the scope ${scope}`);
});

it.each<[Holder, string[], string]>([
  ["reader", ["logs", "web"], "ops:logs"],
  ["reader", ["audit-log"], "ops:operate"],
  ["logs", ["ps"], "ops:read"],
])("the terminal names the scope that %s lacks: %j", async (holder, args, scope) => {
  const { code, err } = await runCommand(gateway.url, args, { token: tokens.of(holder) });
  expect([code, err]).toEqual([1, expect.stringContaining(`This token lacks the scope ${scope} (forbidden)`)]);
});

it.each([
  [["ps", "--engine", "typo"], "engine must be a configured engine: s1, p1"],
  [["logs", "web", "--engine", "typo"], "engine must be a configured engine: s1, p1"],
  [["restart", "web", "--engine", "typo", "--yes"], "engine must be a configured engine: s1, p1"],
  [["restart", "redis", "--yes"], "redis is not a core container, and only core containers can be restarted here"],
])("the terminal says what is wrong with %j", async (args, message) => {
  const { code, err } = await runCommand(gateway.url, args, { token: tokens.of("all") });
  expect([code, err]).toEqual([1, expect.stringContaining(message)]);
});

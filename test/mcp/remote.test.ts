import { expect, it } from "vitest";
import { createClient } from "../../src/client/client.ts";
import { createSchema } from "../../src/graphql/schema.ts";
import { toAnswer } from "../../src/mcp/answer.ts";
import { createRemoteAsk } from "../../src/mcp/remote.ts";
import { parseArgs, ToolFailure } from "../../src/mcp/tool.ts";
import { tools } from "../../src/mcp/tools.ts";
import { startGateway, token } from "../support/gateway.ts";
import { connectMcp } from "../support/mcp.ts";
import { createWorld } from "../support/world.ts";

const startWorld = () => startGateway(createWorld({ env: "staging", halves: ["staging"] }).sources);
const find = (name: string) => tools.find((tool) => tool.name === name) as (typeof tools)[number];
const { signal } = new AbortController();

it.each([
  ["problems", { env: "staging" }],
  ["list_containers", { usage: true }],
  ["read_logs", { role: "web", env: "staging", level: "error", stream: "stderr" }],
  ["search_logs", { regex: "wr.te" }],
  ["queues", {}],
  ["errors", {}],
  ["explain_failure", { queue: "ownmark-payouts" }],
  ["deploys", {}],
  ["verdict", {}],
  ["timeline", { kinds: ["deploy", "oom_kill"], from: "2026-01-01T00:00:00Z" }],
  ["hosts", {}],
  ["preview_restart", { name: "ownmark-web" }],
])("%s over HTTP has the answer that it has inside the gateway", async (name, args) => {
  await using gateway = await startWorld();
  await using client = await connectMcp(gateway.url, "2026-07-28");
  const ask = createRemoteAsk(createSchema(), createClient({ url: gateway.url, token }))(signal);
  const tool = find(name);
  const remote = toAnswer(tool, await tool.run(parseArgs(tool, args) as never, ask));
  const inside = await client.call(name, args);
  const toText = (value: unknown) =>
    JSON.stringify(value)
      .replaceAll(/u:[0-9a-f]{8}/g, "u:")
      // Two calls may lie on both sides of a second.
      .replaceAll(/"now":"[^"]*"/g, "")
      .replaceAll(/it last answered [^"]*? ago/g, "");
  expect(toText(remote.structuredContent)).toBe(toText(inside.structuredContent));
});

it("an error of the gateway is the failure of the tool", async () => {
  await using gateway = await startWorld();
  const ask = createRemoteAsk(createSchema(), createClient({ url: gateway.url, token }))(signal);
  const failure = find("read_logs").run({ names: ["nowhere"], tail: 5 } as never, ask);
  await expect(failure).rejects.toEqual(new ToolFailure({ code: "container_not_found", message: "No such container" }));
  const lost = createRemoteAsk(createSchema(), createClient({ url: "http://127.0.0.1:1", token, retries: 0 }))(signal);
  await expect(find("hosts").run({} as never, lost)).rejects.toMatchObject({ fault: { code: "unreachable" } });
});

import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as EarlierClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as EarlierTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tools } from "../../src/mcp/tools.ts";
import { runCli } from "../support/cli-process.ts";
import { startGateway, token } from "../support/gateway.ts";
import { agent, generations, type Generation, toClient } from "../support/mcp.ts";
import { createWorld } from "../support/world.ts";

let gateway: Awaited<ReturnType<typeof startGateway>>;
beforeAll(async () => {
  // The door over HTTP is shut: this one needs none.
  gateway = await startGateway(createWorld({ env: "staging", halves: ["staging"] }).sources, { mcp: null });
});
afterAll(() => gateway[Symbol.asyncDispose]());

async function connect(generation: Generation, ...more: readonly string[]) {
  const program = {
    command: process.execPath,
    args: ["src/cli.ts", "mcp", ...more],
    env: { PATH: process.env["PATH"] ?? "", OPS_URL: gateway.url, OPS_TOKEN: token },
  };
  if (generation === "2026-07-28") {
    const client = new Client(agent, { versionNegotiation: { mode: { pin: generation } } });
    await client.connect(new StdioClientTransport(program));
    return toClient(client, generation);
  }
  const client = new EarlierClient(agent);
  await client.connect(new EarlierTransport(program));
  return toClient(client, generation);
}

describe.each(generations)("over stdio a client of %s", (generation) => {
  it("reads with the token of the context, and has no tools that act", async () => {
    await using client = await connect(generation);
    expect((await client.list()).map(({ name }) => name)).toEqual(
      tools.flatMap(({ name, isAction }) => (isAction ? [] : name)),
    );
    const { structuredContent } = await client.call("explain_failure", { queue: "ownmark-payouts" });
    expect(structuredContent).toMatchObject({ job: { state: "failed" }, container: { health: "healthy" } });
    expect((await client.call("problems", { env: "nowhere" })).isError).toBe(true);
  });

  it("acts where it may, with its name in the record", async () => {
    await using client = await connect(generation, "--actions");
    const args = { name: "ownmark-floating", reason: `stuck ${generation}`, idempotency_key: `key-${generation}` };
    expect((await client.list()).map(({ name }) => name)).toContain("restart");
    const { isError, content } = await client.call("restart", args);
    expect([isError, content]).toEqual([undefined, expect.anything()]);
    const { body } = await gateway.query("{ auditLog(first: 1) { nodes { outcome reason agent } } }");
    expect(body.data.auditLog.nodes).toEqual([{ outcome: "ok", reason: args.reason, agent: "night-shift 3.1" }]);
  });
});

it("without a gateway it says so on stderr, and nothing on stdout", async () => {
  expect(await runCli(["mcp"], { OPS_CONFIG: "/nonexistent/contexts.json" })).toMatchObject({
    code: 78,
    out: "",
    err: expect.stringContaining("No gateway is chosen"),
  });
});

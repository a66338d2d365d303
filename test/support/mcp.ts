import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as EarlierClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as EarlierTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { token } from "./gateway.ts";

/** The two generations of the official client. */
export const generations = ["2026-07-28", "2025-11-25"] as const;
export type Generation = (typeof generations)[number];

/** What a tool answered. */
interface CallResult {
  readonly content: readonly { readonly type: string; readonly text: string }[];
  readonly structuredContent?: Readonly<Record<string, any>>;
  readonly isError?: boolean;
}

export interface McpClient extends AsyncDisposable {
  readonly version: string;
  readonly instructions: string;
  list(): Promise<readonly { readonly name: string }[]>;
  call(name: string, args?: object): Promise<CallResult>;
}

/** The name by which the clients introduce themselves. */
export const agent = { name: "night-shift", version: "3.1" };

/**
 * A client as an agent has it, of one generation of the protocol, connected to the gateway at
 * `url`.
 */
export async function connectMcp(url: string, generation: Generation, own: string = token): Promise<McpClient> {
  const requestInit = { headers: { authorization: `Bearer ${own}`, "user-agent": "earlier/1.0 (test)" } };
  const endpoint = new URL(`${url}/mcp`);
  if (generation === "2026-07-28") {
    const client = new Client(agent, { versionNegotiation: { mode: { pin: generation } } });
    await client.connect(new StreamableHTTPClientTransport(endpoint, { requestInit }));
    return toClient(client, generation);
  }
  const client = new EarlierClient(agent);
  await client.connect(new EarlierTransport(endpoint, { requestInit }));
  return toClient(client, generation);
}

interface AnyClient {
  getInstructions(): string | undefined;
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  callTool(call: object): Promise<unknown>;
  close(): Promise<void>;
}

export function toClient(client: AnyClient, version: string): McpClient {
  return {
    version,
    instructions: client.getInstructions() ?? "",
    list: async () => (await client.listTools()).tools,
    call: async (name, args = {}) => (await client.callTool({ name, arguments: args })) as CallResult,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

/** A marked text of an answer: what is inside all its fences, and what is outside. */
export function splitFences(text: string): { readonly inside: string; readonly outside: string } {
  const [, nonce] = /<u:([0-9a-f]{8})>/.exec(text) ?? [];
  if (nonce === undefined) return { inside: "", outside: text };
  const fence = new RegExp(`<u:${nonce}>(.*?)</u:${nonce}>`, "gs");
  const inside = [...text.matchAll(fence)].map((match) => match[1]).join("\n");
  return { inside, outside: text.replaceAll(fence, "") };
}

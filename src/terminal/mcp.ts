import { createClient, Viewer } from "../client/client.ts";
import { createSchema } from "../graphql/schema.ts";
import { parseAgent } from "../http/exchange.ts";
import { serveStdio, StdioServerTransport } from "../mcp/protocol.ts";
import { createRemoteAsk } from "../mcp/remote.ts";
import { createMcpServer } from "../mcp/server.ts";
import { defineCommand } from "./command.ts";
import { readToken } from "./contexts.ts";

export const mcpCommand = defineCommand(
  {
    name: "mcp",
    summary: "serve the Model Context Protocol on stdin and stdout, for agents",
    about: `An agent starts it and uses its tools, those of /mcp, with the rights of the context's token. The gateway needs no setting for it.
It ends when stdin ends.`,
    options: {
      actions: { type: "boolean", about: "also offer restart and retry_group, if the token has ops:operate" },
    },
    examples: [["claude mcp add ops -- wallet-core-ops mcp --context staging", "For Claude Code"]],
  },
  async (session, { actions = false }) => {
    const { stdio, readFile, stop } = session.context;
    const place = session.place();
    let agent: string | null = null;
    const client = createClient({ url: place.url, token: () => readToken(place, readFile), agent: () => agent });
    const createAsk = createRemoteAsk(createSchema(), client);
    let isOperator: Promise<boolean> | undefined;
    const mayAct = async () => {
      if (!actions) return false;
      isOperator ??= client.query(Viewer).then(({ viewer }) => viewer.scopes.includes("ops:operate"));
      return isOperator.catch(() => false);
    };
    const server = serveStdio(
      () =>
        createMcpServer({
          createAsk: (call) => {
            agent = parseAgent(call.agent) ?? "wallet-core-ops mcp";
            return createAsk(AbortSignal.any([call.signal, stop]));
          },
          mayAct,
          toUnexpected: (error) => {
            session.note(`error: ${(error as Error).message}`);
            return { code: "internal", message: "Internal error" };
          },
        }),
      {
        transport: new StdioServerTransport(stdio.stdin, stdio.stdout),
        onerror: ({ message }) => session.note(message),
      },
    );
    await new Promise<void>((resolve) => {
      for (const event of ["end", "close", "error"]) stdio.stdin.once(event, () => resolve());
      stop.addEventListener("abort", () => resolve(), { once: true });
    });
    await server.close();
    return stop.aborted ? 130 : 0;
  },
);

import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { createGateway } from "../../src/gateway.ts";
import { createEdge } from "../../src/http/server.ts";
import { createLogger } from "../../src/lib/logger.ts";
import { createMemorySources } from "../../test/support/memory-sources.ts";
import { containers, reportTo, token } from "./sample.ts";

// With `FRESH=1` every request gets new objects, so that nothing can be cached.
const memory = createMemorySources({ containers }).sources;
const fresh = {
  ...memory,
  containers: {
    ...memory.containers,
    listCached: () => null,
    inspect: async (...args: Parameters<typeof memory.containers.inspect>) => {
      const rows = await memory.containers.inspect(...args);
      return rows.map((row) => (row instanceof Error || row === null ? row : { ...row }));
    },
  },
};
const sources = process.env["FRESH"] === "1" ? fresh : memory;

const logger = createLogger("info");
const authenticator = createAuthenticator({ token, logger });
const edge = createEdge({ ...createGateway(sources, logger), authenticator, logger });
reportTo((await edge.listen("127.0.0.1", 0)).port);

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
    list: async (...args: Parameters<typeof memory.containers.list>) => {
      const { containers: rows, engines } = await memory.containers.list(...args);
      return { containers: rows.map((row) => ({ ...row })), engines };
    },
  },
};
const sources = process.env["FRESH"] === "1" ? fresh : memory;

const logger = createLogger("info");
const authenticator = createAuthenticator({ token, logger });
const edge = createEdge({ ...createGateway(sources, logger), authenticator, logger });
reportTo((await edge.listen("127.0.0.1", 0)).port);

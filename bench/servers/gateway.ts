import { createGateway } from "../../src/gateway.ts";
import { createAuthenticator } from "../../src/http/auth.ts";
import { createEdge } from "../../src/http/node-server.ts";
import { createLogger } from "../../src/logger.ts";
import { createMemorySources } from "../../test/support/memory-sources.ts";
import { containers, reportTo, token } from "./sample.ts";

const logger = createLogger("info");
const authenticator = createAuthenticator({ token, logger });
const edge = createEdge({ ...createGateway(createMemorySources({ containers }).sources, logger), authenticator, logger });
reportTo((await edge.listen("127.0.0.1", 0)).port);

import process from "node:process";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { createFleet } from "../../src/fleet/fleet.ts";
import { createGateway } from "../../src/gateway.ts";
import { createEdge } from "../../src/http/server.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { sampleContainer } from "./containers.ts";
import { sampleHost } from "./hosts.ts";
import { createMemorySources } from "./memory-sources.ts";

/**
 * A gateway with sign-in, and a fleet over it, in a process of their own. After each request the parent asks for the most CPU time that the event loop was held in one
 * piece, and by how much the heap grew.
 */
const limits = { streamsPerToken: 10_000, streams: 10_000, streamBurst: 1e9, failedAuthBurst: 1e9, limitPerToken: 100 };
const [token = "", tokensFile = ""] = process.argv.slice(2);
const memory = createMemorySources({
  containers: Array.from({ length: 3 }, (_, index) => sampleContainer({ name: `web-${index}` })),
  hosts: [sampleHost()],
});
const signIn = {
  invite: async () => ({ authorizationEndpoint: "https://a", clientId: "a", scope: "openid", resource: null }),
  exchange: async () => ({ accessToken: "a", refreshToken: null, expiresIn: 1 }),
};
const authenticator = createAuthenticator({ token, tokensFile, logger: silentLogger });
const gateway = createGateway(memory.sources, silentLogger, { mcp: { actions: true, issuer: null }, signIn });
const edge = createEdge({ ...gateway, authenticator, logger: silentLogger, limits });
const { port } = await edge.listen("127.0.0.1", 0);
const regions = [{ name: "eu", url: `http://127.0.0.1:${port}` }];
const fleet = createFleet({ regions, logger: silentLogger });
const front = createEdge({ ...fleet, logger: silentLogger, limits });
const { port: fleetPort } = await front.listen("127.0.0.1", 0);

/** The most CPU time of this thread between two rounds of the event loop, ms, without the share of other processes. */
let [longest, last, heap, most] = [0, process.threadCpuUsage(), 0, 0];
function watch(): void {
  look();
  setTimeout(watch, 1);
}
function look(): void {
  const { user, system } = process.threadCpuUsage(last);
  longest = Math.max(longest, (user + system) / 1000);
  most = Math.max(most, process.memoryUsage().heapUsed);
  last = process.threadCpuUsage();
}

/** CPU time of a fixed piece of work, ms: how fast this machine is. */
function probe(): number {
  const before = process.threadCpuUsage();
  const words = Array.from({ length: 20_000 }, (_, index) => `name-${(index * 7919) % 20_011}`);
  words.sort();
  JSON.parse(JSON.stringify(words));
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

watch();
process.on("message", (asked) => {
  if (asked === "begin" || asked === "begin without garbage") {
    if (asked !== "begin") globalThis.gc?.();
    heap = process.memoryUsage().heapUsed;
    last = process.threadCpuUsage();
    [longest, most] = [0, 0];
    process.send?.(null);
  } else if (asked === "probe") process.send?.(probe());
  else {
    look();
    process.send?.({ cpuMs: longest, bytes: Math.max(0, most - heap) });
    longest = 0;
  }
});
process.once("disconnect", () => process.exit());
process.send?.({ port, fleetPort });

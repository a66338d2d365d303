import process from "node:process";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import type { Container, ContainerRef } from "../../src/containers/container.ts";
import { createContainerSource } from "../../src/containers/docker/source.ts";
import type { DeployRecord } from "../../src/deploys/deploy.ts";
import { createFleet } from "../../src/fleet/fleet.ts";
import { createGateway } from "../../src/gateway.ts";
import { createEdge } from "../../src/http/server.ts";
import type { ReadBudget } from "../../src/lib/budget/budget.ts";
import { silentLogger } from "../../src/lib/logger.ts";
import { formatRfc3339 } from "../../src/lib/time.ts";
import { toEntry, toTimelineContainer } from "../../src/timeline/timeline.ts";
import { sampleContainer } from "./containers.ts";
import { sampleRecord } from "./deploys.ts";
import { rulesOf } from "./docker-facts.ts";
import { hang, startFakeEngine } from "./docker-fake.ts";
import { sampleHost } from "./hosts.ts";
import { createMemorySources } from "./memory-sources.ts";
import { probe, watchPieces } from "./pieces.ts";

/**
 * A gateway with sign-in, and a fleet over it, in a process of their own. After each request the
 * parent asks for the most CPU time that the event loop was held in one piece, and by how much the
 * heap grew.
 */
const limits = { streamsPerToken: 10_000, streams: 10_000, streamBurst: 1e9, failedAuthBurst: 1e9, limitPerToken: 100 };
const [token = "", tokensFile = ""] = process.argv.slice(2);
/** A large product: more costs more only where an answer has more rows. */
const containers = Array.from({ length: 2000 }, (_, index) => toContainer(index));
const engineNames = new Set(containers.map(({ engine }) => engine));
const memory = createMemorySources({
  containers,
  engines: [...engineNames].map((name) => ({ name, ok: true, error: null })),
  hosts: [sampleHost()],
  deployLogs: (["history", "kamal_audit"] as const).map((origin) => ({
    origin,
    records: Array.from({ length: 1000 }, (_, index) => toDeploy(origin, index)),
    skipped: 0,
    complete: true,
    error: null,
  })),
});
for (const kind of ["container_death", "health", "oom_kill", "restart"] as const) {
  for (const [index, container] of containers.slice(0, 1000).entries()) {
    const { service, destination, env } = container;
    const entry = { kind, time: toTime(index), message: kind, service, destination, env };
    memory.sources.timeline.add(toEntry({ ...entry, container: toTimelineContainer(container) }));
  }
}

/** An engine that takes every question about statistics and answers none. */
const silentEngine = await startFakeEngine();
silentEngine.on("/stats", hang);
const hanging = createContainerSource({
  engines: [silentEngine.options],
  rules: rulesOf("wallet-core"),
  logger: silentLogger,
  cgroupRoot: null,
});
let isHanging = false;
const sources = {
  ...memory.sources,
  containers: {
    ...memory.sources.containers,
    stats: (refs: readonly ContainerRef[], budget: ReadBudget) =>
      isHanging
        ? hanging.stats(
            refs.map((_, index) => ({ engine: "fake", fullId: index.toString(16).padStart(64, "0") })),
            budget,
          )
        : memory.sources.containers.stats(refs, budget),
  },
};

/** An hour each after the other. */
function toTime(index: number): string {
  return formatRfc3339(Date.UTC(2025, 0, 1) + index * 3_600_000);
}

/**
 * Half of them are releases of one role on one engine, which are compared with each other; the
 * others are of many groups, and some of them changed lately.
 */
function toContainer(index: number): Container {
  const createdAt = index % 4 === 0 ? formatRfc3339(Date.now() - 900_000) : toTime(index);
  const common = { name: `web-${index}`, createdAt, startedAt: createdAt, commitSha: "" };
  if (index % 2 === 1) {
    const ended = { status: "exited", finishedAt: formatRfc3339(Date.parse(createdAt) + 5000) } as const;
    return sampleContainer({ ...common, version: `v${index}`, ...(index % 8 === 1 && ended) });
  }
  const [service, engine, version] = [`service-${index % 400}`, `engine-${index % 20}`, `v${index % 7}`];
  return sampleContainer({
    ...common,
    service,
    engine,
    version,
    replaced: index % 26 === 0,
    health: index % 10 ? "healthy" : "unhealthy",
  });
}

function toDeploy(origin: "history" | "kamal_audit", index: number): DeployRecord {
  const [tag, deployedAt] = [`v${index}`, toTime(index)];
  return sampleRecord({ origin, tag, version: tag, previousTag: `v${index - 1}`, deployedAt });
}

const signIn = {
  invite: async () => ({ authorizationEndpoint: "https://a", clientId: "a", scope: "openid", resource: null }),
  exchange: async () => ({ accessToken: "a", refreshToken: null, expiresIn: 1 }),
};
const authenticator = createAuthenticator({ token, tokensFile, logger: silentLogger });
const gateway = createGateway(sources, silentLogger, { mcp: { actions: true, issuer: null }, signIn });
const edge = createEdge({ ...gateway, authenticator, logger: silentLogger, limits });
const { port } = await edge.listen("127.0.0.1", 0);
const regions = [{ name: "eu", url: `http://127.0.0.1:${port}` }];
const fleet = createFleet({ regions, logger: silentLogger });
const front = createEdge({ ...fleet, logger: silentLogger, limits });
const { port: fleetPort } = await front.listen("127.0.0.1", 0);

const pieces = watchPieces();
function answer(question: string): unknown {
  if (question === "begin" || question === "begin without garbage") {
    if (question !== "begin") globalThis.gc?.();
    pieces.begin();
    return null;
  }
  if (question === "probe") return probe();
  if (question.startsWith("hang")) return void (isHanging = question === "hang");
  return pieces.end();
}

process.on("message", ({ number, question }: { readonly number: number; readonly question: string }) =>
  process.send?.({ number, answer: answer(question) }),
);
process.once("disconnect", () => void silentEngine[Symbol.asyncDispose]().then(() => process.exit()));
process.send?.({ number: 0, answer: { port, fleetPort } });

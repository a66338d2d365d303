import { once } from "node:events";
import { createAuthenticator } from "./auth/authenticator.ts";
import { loopbackAuthenticator } from "./auth/loopback.ts";
import { createSignIn } from "./auth/oidc.ts";
import type { Config } from "./config/config.ts";
import { createGateway } from "./gateway.ts";
import { toUrl } from "./http/listen.ts";
import { createEdge } from "./http/server.ts";
import type { Logger } from "./lib/logger.ts";
import { closePatterns } from "./lib/pattern/pattern.ts";
import type { Tracing } from "./lib/tracing/tracing.ts";
import { createInstruments } from "./metrics/instruments.ts";
import { createSources, type OpenSources } from "./sources.ts";

/**
 * Serves until `stop` aborts, then finishes requests in flight, closes the upstreams and resolves.
 * Throws ConfigError and TokensFileError before it listens, and the system's error when the address
 * is not available.
 */
export async function serve(
  config: Config,
  logger: Logger,
  stop: AbortSignal,
  tracing: Tracing | null = null,
): Promise<void> {
  const { token, tokensFile, jwt, oidc } = config.auth;
  const authenticator = createAuthenticator({
    logger,
    token: token ?? undefined,
    tokensFile: tokensFile ?? undefined,
    jwt: jwt ?? undefined,
  });
  const instruments = createInstruments(tracing, () => sources.anchors.state());
  const sources: OpenSources = createSources(config, logger, instruments.observeCall);
  const gateway = createGateway(sources, logger, {
    instruments,
    tokenEnds: authenticator.tokenEnds,
    signIn: oidc && createSignIn(oidc),
    mcp: config.mcp.on ? { actions: config.mcp.actions, issuer: jwt } : null,
    tracing,
  });
  const common = { logger, observe: instruments.observeRequest, tracing };
  const hasActions = config.restart || config.jobs || config.healthExec;
  const canAct = () => !hasActions || sources.record.canRecord();
  const edge = createEdge({ ...gateway, ...common, authenticator, trustedProxies: config.trustedProxies, canAct });
  const loopback = createEdge({ ...common, surfaces: [gateway.metrics], authenticator: loopbackAuthenticator });
  try {
    if (hasActions) {
      await recoverActions(sources);
      sources.record.start();
    }
    if (hasActions || config.auditAnchor !== null) sources.anchors.start();
    const { metricsAddress } = config;
    const metrics = metricsAddress && toUrl(await loopback.listen(metricsAddress.host, metricsAddress.port));
    const url = toUrl(await edge.listen(config.host, config.port));
    // A restart by name needs the last list of each engine, even of one that falls silent before
    // the first request.
    if (config.restart) void sources.containers.list(stop).catch(() => {});
    const fields = { url, restart: config.restart, jobs: config.jobs };
    logger.info(metrics === null ? fields : { ...fields, metrics }, "listening");
    if (!stop.aborted) await once(stop, "abort");
    logger.info({}, "draining");
    sources.drain();
    await Promise.all([edge.drain(() => sources.settle()), loopback.drain()]);
  } finally {
    await loopback.drain();
    authenticator.close();
    await sources.close();
    await closePatterns();
    await tracing?.close();
  }
  logger.info({}, "stopped");
}

/**
 * Logs once if the audit record is unavailable now. Restarts, probes and changes of jobs are then
 * refused later; reads go on.
 */
async function recoverActions({
  restarts,
  jobs,
  probes,
}: Pick<OpenSources, "restarts" | "jobs" | "probes">): Promise<void> {
  await restarts
    .recover()
    .then(() => jobs.recover())
    .then(() => probes.recover())
    .catch(() => {});
}

import type { Config } from "./config.ts";
import { createGateway } from "./gateway.ts";
import { createAuthenticator } from "./http/auth.ts";
import { createEdge } from "./http/node-server.ts";
import type { Logger } from "./logger.ts";
import { createSources } from "./sources.ts";

/**
 * Serves until `stop` aborts, then finishes what is in flight, closes the upstreams and resolves. Throws ConfigError and
 * TokensFileError before it listens, and the system's error when the address cannot be had.
 */
export async function serve(config: Config, logger: Logger, stop: AbortSignal): Promise<void> {
  const { token, tokensFile, jwt } = config.auth;
  const authenticator = createAuthenticator({
    logger,
    token: token ?? undefined,
    tokensFile: tokensFile ?? undefined,
    jwt: jwt ?? undefined,
  });
  const sources = createSources(config, logger);
  try {
    // A record that cannot be had now refuses the restarts later, and says so; reads go on.
    if (config.restart || config.jobs) await Promise.allSettled([sources.restarts.recover(), sources.jobs.recover()]);
    const edge = createEdge({ ...createGateway(sources, logger), authenticator, logger });
    const { address, port, family } = await edge.listen(config.host, config.port);
    logger.info(
      { url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`, restart: config.restart, jobs: config.jobs },
      "listening",
    );
    await aborted(stop);
    logger.info({}, "draining");
    await edge.drain();
    logger.info({}, "stopped");
  } finally {
    authenticator.close();
    await sources.close();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

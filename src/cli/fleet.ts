import { parseFleetConfig } from "../config/fleet.ts";
import { serveFleet } from "../fleet/serve.ts";
import { createCommand } from "./command.ts";
import { openLog } from "./tracing.ts";
import { untilStopped } from "./until-stopped.ts";

const usage = `usage: fleet

  Answers GraphQL for several regions at once, at /graphql, until SIGTERM, SIGINT or SIGHUP: each query goes to the gateways of all regions, with the
  caller's token. It takes no arguments: WALLET_CORE_OPS_REGIONS=eu=https://ops.eu.example,us=https://ops.us.example names the gateways,
  WALLET_CORE_OPS_HOST and WALLET_CORE_OPS_PORT its address.

  Exit codes: 0 stopped, 1 it could not start or failed, 2 usage, 78 configuration
`;

/** Serves a fleet until a signal. Exits 78, with one line per mistake, for a bad configuration. */
export const fleetCommand = createCommand({ usage }, ({ env, readFile, printError, stop }) =>
  untilStopped(printError, async () => {
    const config = parseFleetConfig(env, readFile);
    const { logger, tracing } = await openLog(config);
    await serveFleet(config, logger, stop, tracing);
  }),
);

import { parseConfig } from "../config/config.ts";
import { serve } from "../serve.ts";
import { createCommand } from "./command.ts";
import { openLog } from "./tracing.ts";
import { untilStopped } from "./until-stopped.ts";

const usage = `usage: serve

  Answers REST, GraphQL and the console until SIGTERM, SIGINT or SIGHUP, then finishes what is in flight. It takes no arguments: all is configured
  by WALLET_CORE_OPS_* (see README), its address by WALLET_CORE_OPS_HOST and WALLET_CORE_OPS_PORT.

  Exit codes: 0 stopped, 1 it could not start or failed, 2 usage, 78 configuration
`;

/** Serves until a signal. Exits 78, with one line per mistake, for a bad configuration. */
export const serveCommand = createCommand({ usage }, ({ env, readFile, printError, stop }) =>
  untilStopped(printError, async () => {
    const config = parseConfig(env, readFile);
    const { logger, tracing } = await openLog(config);
    await serve(config, logger, stop, tracing);
  }),
);

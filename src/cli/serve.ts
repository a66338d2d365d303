import { parseConfig } from "../config/config.ts";
import { createLogger } from "../lib/logger.ts";
import { serve } from "../serve.ts";
import { createCommand } from "./command.ts";
import { toConfigurationIssues } from "./configuration-issues.ts";

const usage = `usage: serve

  Answers REST, GraphQL and the console until SIGTERM, SIGINT or SIGHUP, then finishes what is in flight. It takes no arguments: all is configured
  by WALLET_CORE_OPS_* (see README), its address by WALLET_CORE_OPS_HOST and WALLET_CORE_OPS_PORT.

  Exit codes: 0 stopped, 1 it could not start or failed, 2 usage, 78 configuration
`;

/** Serves until a signal. Exits 78, with one line per mistake, for a bad configuration. */
export const serveCommand = createCommand({ usage }, async ({ env, readFile, printError, stop }) => {
  try {
    const config = parseConfig(env, readFile);
    await serve(config, createLogger(config.logLevel), stop);
    return 0;
  } catch (error) {
    const issues = toConfigurationIssues(error);
    if (issues) {
      printError(issues.join("\n"));
      return 78;
    }
    if (!isAboutAddress(error)) throw error;
    printError(`cannot start: ${error.message}`);
    return 1;
  }
});

/** HOST does not resolve, or the gateway cannot listen there. */
function isAboutAddress(error: unknown): error is Error {
  const { syscall } = error as NodeJS.ErrnoException;
  return syscall === "listen" || syscall === "getaddrinfo";
}

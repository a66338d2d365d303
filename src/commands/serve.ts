import { ConfigError, parseConfig } from "../config.ts";
import { TokensFileError } from "../http/token-entry.ts";
import { createLogger } from "../logger.ts";
import { serve } from "../serve.ts";
import type { Command } from "./command.ts";

/** Serves until a signal; 78 with one line for each mistake of the configuration. */
export const serveCommand: Command = async ({ env, readFile, printError, stop }) => {
  try {
    const config = parseConfig(env, readFile);
    await serve(config, createLogger(config.logLevel), stop);
    return 0;
  } catch (error) {
    if (error instanceof ConfigError || error instanceof TokensFileError) {
      printError(error instanceof ConfigError ? error.message : `WALLET_CORE_OPS_TOKENS_FILE: ${error.message}`);
      return 78;
    }
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== "listen" && code !== "ENOENT") throw error;
    printError(`cannot start: ${(error as Error).message}`);
    return 1;
  }
};

import { type Config, ConfigError, parseConfig } from "../config.ts";
import { TokensFileError, parseTokensFile } from "../http/token-entry.ts";
import { probeUpstreams } from "../probes.ts";
import type { Command, CommandContext } from "./command.ts";

/** Reads the configuration and asks each upstream once: one line each with reason and remedy. 0 when all is well, else 1. */
export const checkCommand: Command = async (context) => {
  const { print, printError } = context;
  const config = readConfig(context);
  if (!config) return 1;
  print("ok    configuration");
  printError("asking each upstream, at most 10 s ...");
  let failed = false;
  for (const pending of probeUpstreams(config)) {
    for (const { name, ok, detail, warnings } of await pending) {
      failed ||= !ok;
      print(`${ok ? "ok   " : "FAIL "} ${name}: ${detail}`);
      for (const warning of warnings) print(`warn  ${name}: ${warning}`);
    }
  }
  return failed ? 1 : 0;
};

function readConfig({ env, readFile, print }: CommandContext): Config | null {
  try {
    const config = parseConfig(env, readFile);
    const { tokensFile } = config.auth;
    if (tokensFile !== null) parseTokensFile(tokensFile, readFile(tokensFile), Date.now());
    return config;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!(error instanceof ConfigError || error instanceof TokensFileError || code !== undefined)) throw error;
    for (const line of message.split("\n")) print(`FAIL  configuration: ${line}`);
    return null;
  }
}

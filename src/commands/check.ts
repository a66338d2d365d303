import { parseConfig } from "../config.ts";
import { type Probe, probeUpstreams } from "../probes.ts";
import { type CommandContext, createCommand } from "./command.ts";
import { checkTokens } from "./check-tokens.ts";
import { toConfigurationIssues } from "./configuration.ts";

const usage = `usage: check

  Reads the configuration (WALLET_CORE_OPS_*, see README), asks each upstream once, at most 10 s, and prints one line each: ok, or FAIL with the reason
  and the remedy, or warn.

  Exit codes: 0 all is well, 1 something is not, 2 usage, 78 configuration
`;

/**
 * Reads the configuration and asks each upstream once: one line each with reason and remedy. 0 when all is well, 1 when something is not,
 * 78 when it is the configuration.
 */
export const checkCommand = createCommand({ usage }, async (context) => {
  const { print, printError } = context;
  const probes = startProbes(context);
  if (!probes) return 78;
  print("ok    configuration");
  printError("asking each upstream, at most 10 s ...");
  let failed = false;
  for (const pending of probes) {
    for (const { name, ok, detail, warnings } of await pending) {
      failed ||= !ok;
      if (detail !== null) print(`${ok ? "ok   " : "FAIL "} ${name}: ${detail}`);
      for (const warning of warnings) print(`warn  ${name}: ${warning}`);
    }
  }
  return failed ? 1 : 0;
});

/** Null, and its mistakes printed, when the configuration is wrong. */
function startProbes(context: CommandContext): readonly Promise<readonly Probe[]>[] | null {
  try {
    const config = parseConfig(context.env, context.readFile);
    const tokens = checkTokens(config.auth, context);
    return [Promise.resolve(tokens ? [tokens] : []), ...probeUpstreams(config)];
  } catch (error) {
    const issues = toConfigurationIssues(error);
    if (!issues) throw error;
    for (const issue of issues) context.print(`FAIL  configuration: ${issue}`);
    return null;
  }
}

import { ConfigError } from "../config.ts";
import { TokensFileError } from "../http/token-entry.ts";

/** The mistakes of the configuration that an error tells of, one line each; null when it tells of something else. */
export function toConfigurationIssues(error: unknown): readonly string[] | null {
  if (error instanceof ConfigError) return error.issues;
  if (error instanceof TokensFileError) return [`WALLET_CORE_OPS_TOKENS_FILE: ${error.message}`];
  return null;
}

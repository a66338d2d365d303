import { TokensFileError } from "../auth/tokens-file.ts";
import { ConfigError } from "../config/reader.ts";

/** The configuration mistakes in an error, one line each; null for another error. */
export function toConfigurationIssues(error: unknown): readonly string[] | null {
  if (error instanceof ConfigError) return error.issues;
  if (error instanceof TokensFileError) return [`WALLET_CORE_OPS_TOKENS_FILE: ${error.message}`];
  return null;
}

import type { CommandContext } from "./command.ts";

/**
 * WALLET_CORE_OPS_STATE_URL, or what the file of WALLET_CORE_OPS_STATE_URL_FILE has; null without
 * both. Throws the system's error.
 */
export function readStateUrl({ env, readFile }: Pick<CommandContext, "env" | "readFile">): string | null {
  const path = env["WALLET_CORE_OPS_STATE_URL_FILE"];
  return env["WALLET_CORE_OPS_STATE_URL"] || (path ? readFile(path).trim() : "") || null;
}

import type { CommandContext } from "./command.ts";

/**
 * WALLET_CORE_OPS_STATE_URL, or the content of the file that WALLET_CORE_OPS_STATE_URL_FILE names;
 * null without either. Throws the system's error.
 */
export function readStateUrl({ env, readFile }: Pick<CommandContext, "env" | "readFile">): string | null {
  const path = env["WALLET_CORE_OPS_STATE_URL_FILE"];
  return env["WALLET_CORE_OPS_STATE_URL"] || (path ? readFile(path).trim() : "") || null;
}

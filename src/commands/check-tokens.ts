import type { Config } from "../config.ts";
import { isInForce } from "../http/token-entry.ts";
import { readTokensFile } from "../http/tokens-file.ts";
import type { Probe } from "../probes.ts";
import type { CommandContext } from "./command.ts";

/** What the tokens file lets in now; null where there is none. Throws TokensFileError. */
export function checkTokens({ token, tokensFile, jwt }: Config["auth"], { readFile }: CommandContext): Probe | null {
  if (tokensFile === null) return null;
  const entries = [...readTokensFile(tokensFile, readFile).values()];
  const holding = entries.filter((entry) => isInForce(entry, Date.now())).length;
  const detail = `${holding} of ${entries.length} in force, ${tokensFile}`;
  const probe: Probe = { name: "tokens", ok: true, detail, warnings: [] };
  if (holding > 0) return probe;
  if (token !== null || jwt !== null)
    return { ...probe, warnings: ["only WALLET_CORE_OPS_TOKEN or WALLET_CORE_OPS_JWKS_URL let anybody in"] };
  return { ...probe, ok: false, detail: `${detail}: nobody can log in; make an entry with \`wallet-core-ops token\`` };
}

import type { Config } from "../config.ts";
import { toTimestamp } from "../domain/container-time.ts";
import { endsSoon, isInForce, type TokenEntry } from "../http/token-entry.ts";
import { readTokensFile } from "../http/tokens-file.ts";
import type { Probe } from "../probes.ts";
import type { CommandContext } from "./command.ts";

/** What the tokens file lets in now, and until when; null without a tokens file. Throws TokensFileError. */
export function checkTokens({ token, tokensFile, jwt }: Config["auth"], { readFile }: CommandContext): Probe | null {
  if (tokensFile === null) return null;
  const now = Date.now();
  const entries = [...readTokensFile(tokensFile, readFile).values()].toSorted((a, b) => a.expiresAt - b.expiresAt);
  const holding = entries.filter((entry) => isInForce(entry, now));
  const ends = holding.map((entry) => `; ${toName(entry)} ends ${toEnd(entry)}`).join("");
  const detail = `${holding.length} of ${entries.length} in force, ${tokensFile}${ends}`;
  const warnings = entries.flatMap((entry) => {
    if (entry.expiresAt <= now) return [`${toName(entry)} ended ${toEnd(entry)}: remove its entry`];
    if (!endsSoon(entry, now)) return [];
    return [`${toName(entry)} ends within 7 days, ${toEnd(entry)}: make the next one with \`wallet-core-ops token\``];
  });
  const probe: Probe = { name: "tokens", ok: true, detail, warnings };
  if (holding.length > 0) return probe;
  if (token !== null || jwt !== null) {
    return { ...probe, warnings: [...warnings, "only WALLET_CORE_OPS_TOKEN or WALLET_CORE_OPS_JWKS_URL let anybody in"] };
  }
  return { ...probe, ok: false, detail: `${detail}: nobody can log in; make an entry with \`wallet-core-ops token\`` };
}

function toName({ principal: { subject, kid } }: TokenEntry): string {
  return `${subject} (${kid})`;
}

function toEnd({ expiresAt }: TokenEntry): string {
  return toTimestamp(new Date(expiresAt).toISOString()) ?? "";
}

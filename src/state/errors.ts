import { describe, explainConnection, isNoConnectRight } from "../lib/postgres/errors.ts";

/** Why what gateways share cannot be read or written, and what to do. */
export function explainState(error: unknown): string {
  const { code } = describe(error);
  if (code === "3F000" || code === "42P01") return "its tables are missing: run `wallet-core-ops migrate`";
  if (code === "42703") return "its tables are of another version: run `wallet-core-ops migrate`";
  if (code === "42501" && !isNoConnectRight(error))
    return "the role of WALLET_CORE_OPS_STATE_URL may not write its tables";
  if (code === "25006" || code === "0A000") return "its database is read-only: a standby?";
  if (code === "TimeoutError" || code === "57014" || code === "55P03") return "PostgreSQL did not answer in time";
  if (code === "MissingHeadError") return "the row of its head is missing: run `wallet-core-ops audit verify`";
  if (code === "AlteredRowError") return `${(error as Error).message}: run \`wallet-core-ops audit verify\``;
  if (code === "NoEntryError" || code === "22P02")
    return "one of its rows is not an entry: run `wallet-core-ops audit verify`";
  return explainConnection(error, "WALLET_CORE_OPS_STATE_URL");
}

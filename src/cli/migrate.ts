import { migrateTables } from "../audit/postgres/probe.ts";
import { createCommand } from "./command.ts";
import { readStateUrl } from "./state-url.ts";

const usage = `usage: migrate

  Makes or changes the tables of WALLET_CORE_OPS_STATE_URL (or ..._FILE, a path), in a schema of their own, wallet_core_ops. Run it once before
  the first gateway of a new version starts; the ones of the version before it go on. Safe to run twice, and by several at once.

  Exit codes: 0 done, 1 failed, 2 usage, 78 configuration
`;

/**
 * Makes or changes the tables that several gateways share. Exits 0: done, 1: the database refused
 * it, 2: usage, 78: no database is configured.
 */
export const migrateCommand = createCommand({ usage }, async (context) => {
  const { print, printError } = context;
  const url = readStateUrl(context);
  if (url === null) {
    printError("FAIL  configuration: WALLET_CORE_OPS_STATE_URL is not set");
    return 78;
  }
  const { ok, message } = await migrateTables(url);
  print(`${ok ? "ok   " : "FAIL "} ${message}`);
  return ok ? 0 : 1;
});

import { describe } from "../../lib/postgres/errors.ts";
import type { Row } from "../../lib/postgres/pool.ts";
import { createCache } from "../../lib/cache.ts";
import { OpsError } from "../../lib/errors.ts";
import type { Database } from "../postgres/database.ts";
import { noSubject, toQueueError } from "../postgres/errors.ts";
import { AnswerLost, type ControlDatabase } from "./database.ts";

/**
 * The first statement needs a server that lets every role read its identifier, as PostgreSQL does;
 * copies of a server have the same one.
 */
const identities = [
  "select current_database() as name, system_identifier::text as server from pg_control_system()",
  "select current_database() as name, null as server",
] as const;

/** How long an answer is used, milliseconds. */
const knownMs = 60_000;

/**
 * Makes sure that jobs are changed in the database they are read from, because two URLs may have
 * been swapped. Rejects with operation_not_supported if the URLs lead to different databases, and
 * with the error of a database that cannot be asked. `place`: the name of the database; null
 * without one.
 */
export function createSameDatabase(
  read: Pick<Database, "read">,
  control: Pick<ControlDatabase, "run">,
  place: string | null,
): (signal: AbortSignal) => Promise<void> {
  const isSame = createCache(
    async (signal) => {
      const [shown, changed] = await Promise.all([
        identify((statement) => read.read(statement, signal)).catch((error: unknown) => {
          throw toQueueError(error, noSubject);
        }),
        identify(async (statement) => (await control.run([statement]))[0] ?? []).catch((error: unknown) => {
          // The statement only reads, so a lost answer changed nothing.
          throw error instanceof AnswerLost ? error.cause : error;
        }),
      ]);
      const isOther = (key: "name" | "server") => Boolean(shown[key] && changed[key] && shown[key] !== changed[key]);
      return !isOther("name") && !isOther("server");
    },
    knownMs,
    knownMs,
  );
  return async (signal) => {
    if (await isSame(signal)) return;
    const of = place === null ? "" : ` of ${place}`;
    const [changes, reads] = ["WALLET_CORE_OPS_CONTROL_DATABASE_URL", "WALLET_CORE_OPS_DATABASE_URL"];
    throw new OpsError(
      "operation_not_supported",
      `Nothing is changed: ${changes}${of} leads to another database than ${reads}`,
    );
  };
}

async function identify(ask: (statement: string) => Promise<readonly Row[]>): Promise<Row> {
  const [best, least] = identities;
  const rows = await ask(best).catch((error: unknown) => {
    if (!/^(?:42|0A)/.test(describe(error).code)) throw error;
    return ask(least);
  });
  return rows[0] ?? {};
}

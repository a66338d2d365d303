import type { Client } from "pg";
import { formatCount } from "../../lib/text.ts";
import { explainState } from "../../state/errors.ts";
import { migrate, newestVersion, readVersion } from "../../state/schema.ts";
import { parseAuditLine } from "../line.ts";
import { readForward, readTableHead } from "./statements.ts";
import { createTableCheck } from "./verify.ts";

interface Result {
  readonly ok: boolean;
  readonly message: string;
}

const connectMs = 5000;
const record = "the record of WALLET_CORE_OPS_STATE_URL";

/** `run` on a connection of its own. Never rejects: says why it failed, and what to do. */
async function withClient(url: string, run: (client: Client) => Promise<Result>): Promise<Result> {
  const { Client: PgClient } = await import("pg");
  try {
    const client = new PgClient({
      connectionString: url,
      connectionTimeoutMillis: connectMs,
      application_name: "wallet-core-ops-state",
    });
    client.on("error", () => {});
    try {
      await client.connect();
      return await run(client);
    } finally {
      await client.end();
    }
  } catch (error) {
    return { ok: false, message: explainState(error) };
  }
}

/** Makes or changes the tables. */
export function migrateTables(url: string): Promise<Result> {
  return withClient(url, async (client) => {
    const { before, after } = await migrate(client);
    const was = before === after ? "as before" : before === 0 ? "new" : `was ${before}`;
    return { ok: true, message: `schema wallet_core_ops: version ${after}, ${was}` };
  });
}

/** Checks the whole hash chain. */
export function verifyTable(url: string): Promise<Result> {
  return withClient(url, async (client) => {
    const read = async (after: number, count: number) =>
      (await client.query<{ line: string }>(readForward, [after, count])).rows.map(({ line }) => line);
    // First: gateways may append meanwhile.
    const { seq, hash } = await readTableHead(client);
    const { problem, lastSeq } = await createTableCheck(read)();
    const last = parseAuditLine((await read(seq - 1, 1))[0] ?? "")?.record;
    const end =
      seq > (lastSeq ?? 0)
        ? `seq ${seq} is missing`
        : seq > 0 && last?.hash !== hash
          ? `seq ${seq} is not the one that was written`
          : null;
    const fault = problem ?? end;
    return fault === null
      ? { ok: true, message: `${record}, head seq ${seq} hash ${hash}` }
      : { ok: false, message: `${record}: ${fault}` };
  });
}

/** One line of `cli check`: the head of the record, or why it cannot be written and the remedy. Never rejects. */
export async function probeState(
  url: string,
): Promise<{ readonly ok: boolean; readonly detail: string; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const { ok, message } = await withClient(url, async (client) => {
    const version = await readVersion(client);
    if (version < newestVersion) {
      const which = `its tables are of version ${version}, not ${newestVersion}`;
      warnings.push(`${which}: what gateways observe is not shared; run \`wallet-core-ops migrate\``);
    }
    const { seq, gateways } = await readTableHead(client);
    const owners = gateways === 0 ? "" : `, ${formatCount(gateways, "gateway")} with open actions`;
    return { ok: true, message: `PostgreSQL, ${seq === 0 ? "no entry yet" : `head seq ${seq}`}${owners}` };
  });
  return { ok, detail: ok ? message : `nothing can be restarted or changed: ${message}`, warnings };
}

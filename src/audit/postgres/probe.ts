import type { Client } from "pg";
import { createClock, readClock, warnOfSkew } from "../../lib/clock-skew.ts";
import { quoteRefusal } from "../../lib/postgres/errors.ts";
import { formatCount } from "../../facts/format.ts";
import { explainState } from "../../state/errors.ts";
import { migrate, newestVersion, readVersion } from "../../state/schema.ts";
import { rowsOf } from "../../state/database.ts";
import { createAnchorCheck } from "../anchors.ts";
import { type ChainHead, genesis } from "../line.ts";
import { countOwners, missingHead, readHead } from "./statements.ts";
import { createTableCheck, readTableState } from "./verify.ts";

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
    const refusal = quoteRefusal(error);
    return { ok: false, message: `${explainState(error)}${refusal === null ? "" : `: ${refusal}`}` };
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

/**
 * Checks the whole record, and that each anchor is in its chain. `partial`: its oldest entries were
 * removed on purpose.
 */
export function verifyTable(
  url: string,
  { partial = false, anchors = [] }: { readonly partial?: boolean; readonly anchors?: readonly ChainHead[] } = {},
): Promise<Result> {
  return withClient(url, async (client) => {
    let head: ChainHead | null = genesis;
    const read = async (after: number, count: number) => {
      const state = await readTableState(client, after, count);
      // That of the last reading, which the chain is compared with.
      head = state.head;
      return state;
    };
    const anchored = createAnchorCheck(anchors, partial);
    let times = "";
    const onTimes = (words: string) => void (times = words);
    const { problem } = await createTableCheck({ read, partial, anchors: anchored, onTimes })();
    if (problem !== null) return { ok: false, message: `${record}: ${problem}` };
    const { seq, hash } = head;
    return { ok: true, message: `${record}, head seq ${seq} hash ${hash}${anchored.note()}${times}` };
  });
}

/**
 * One line of `cli check`: the head of the record, or why it cannot be written and the remedy.
 * Never rejects.
 */
export async function probeSharedAudit(
  url: string,
): Promise<{ readonly ok: boolean; readonly detail: string; readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const { ok, message } = await withClient(url, async (client) => {
    const version = await readVersion(client);
    if (version < newestVersion) {
      const which = `its tables are of version ${version}, not ${newestVersion}`;
      warnings.push(`${which}: what gateways observe is not shared; run \`wallet-core-ops migrate\``);
    }
    const clock = createClock(0);
    await clock.measure(async () => (await rowsOf<{ now: number }>(client, readClock))[0]?.now);
    warnings.push(...warnOfSkew(clock.skew()));
    const [head] = await rowsOf<ChainHead>(client, readHead);
    if (!head) return { ok: false, message: missingHead };
    const { seq } = head;
    const gateways = (await rowsOf<{ gateways: number }>(client, countOwners))[0]?.gateways ?? 0;
    const owners = gateways === 0 ? "" : `, ${formatCount(gateways, "gateway")} with open actions`;
    return { ok: true, message: `PostgreSQL, ${seq === 0 ? "no entry yet" : `head seq ${seq}`}${owners}` };
  });
  return { ok, detail: ok ? message : `nothing can be restarted or changed: ${message}`, warnings };
}

import type { QueryResult } from "pg";
import { parseAuditLine, toAuditLine } from "../../src/audit/line.ts";

/**
 * Moves every entry of a record in PostgreSQL in time, ms, as if it had been written then: with
 * lines and hashes of its own.
 */
export async function shiftRecord(
  query: (text: string, values?: unknown[]) => Promise<Pick<QueryResult, "rows">>,
  ms: number,
): Promise<void> {
  const { rows } = await query("select seq::int, line from wallet_core_ops.entry order by seq");
  let head = { seq: 0, hash: "0".repeat(64) };
  const moved = (rows as readonly { readonly seq: number; readonly line: string }[]).map(({ seq, line }) => {
    const record = parseAuditLine(line)?.record;
    if (!record) throw new Error(`seq ${seq} is no entry`);
    const at = new Date(Date.parse(record.at) + ms);
    const made = toAuditLine(record, at, head, null, record.granted ?? 0);
    head = made.head;
    return { seq, at, line: made.line.trimEnd() };
  });
  // In one statement: gateways may read it meanwhile.
  await query(
    `with entered as (
       update wallet_core_ops.entry e set at = m.at, line = m.line
       from json_to_recordset($1) as m (seq bigint, at timestamptz, line text) where e.seq = m.seq
     ),
     rested as (update wallet_core_ops.rest set ended_at = ended_at + $2 * interval '1 ms')
     update wallet_core_ops.head set hash = $3 where seq = $4`,
    [JSON.stringify(moved), ms, head.hash, head.seq],
  );
}

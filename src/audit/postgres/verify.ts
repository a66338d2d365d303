import { formatRfc3339 } from "../../lib/time.ts";
import type { AuditChain } from "../audit.ts";
import { type ChainHead, createLineVerifier, parseAuditLine } from "../line.ts";

/** Entries that are read at a time. */
const batch = 2000;
/** After this time everything is checked again, ms: what was checked may have been changed since. */
const fullEveryMs = 600_000;
/** How long an answer stands, ms. */
const ttlMs = 1000;

/** Checks the hash chain of a record in a table: only what was appended since the last time, and everything again every ten minutes. `read`: the lines after a number. */
export function createTableCheck(read: (after: number, count: number) => Promise<readonly string[]>): () => Promise<AuditChain> {
  let [head, firstSeq, beganAtMs, answeredAtMs]: [ChainHead | null, number | null, number, number] = [null, null, 0, -ttlMs];
  let answer: AuditChain = { ok: null, firstSeq: null, lastSeq: null, checkedAt: null, problem: null };
  let running: Promise<AuditChain> | null = null;

  const check = async (): Promise<AuditChain> => {
    if (head === null || performance.now() - beganAtMs > fullEveryMs)
      [head, firstSeq, beganAtMs] = [null, null, performance.now()];
    for (;;) {
      const lines = await read(head?.seq ?? 0, batch);
      firstSeq ??= parseAuditLine(lines[0] ?? "")?.record.seq ?? null;
      const verifier = createLineVerifier(head);
      const problem = lines.reduce<string | null>((fault, line) => fault ?? verifier.push(`${line}\n`), null) ?? verifier.end();
      const checkedAt = formatRfc3339(Date.now());
      if (problem !== null) {
        const lastSeq = verifier.head()?.seq ?? null;
        // The next check begins again: the record may be repaired.
        head = null;
        return { ok: false, firstSeq, lastSeq, checkedAt, problem };
      }
      head = verifier.head();
      if (lines.length < batch) return { ok: true, firstSeq, lastSeq: head?.seq ?? null, checkedAt, problem: null };
    }
  };
  return async () => {
    if (performance.now() - answeredAtMs < ttlMs && answer.ok !== null) return answer;
    running ??= check().finally(() => (running = null));
    answer = await running;
    answeredAtMs = performance.now();
    return answer;
  };
}

import type { AuditRecord, KeyedIntent, OpenIntent } from "../../domain/audit.ts";
import { readEntriesBackward } from "./lines.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * What the processes before this one have left, oldest first, of the newest `scanLimit` entries. What stayed `unknown` for an hour stays so:
 * engines do not remember.
 */
export async function findUnfinished(path: string, scanLimit: number) {
  /** By the `seq` of their intent. The newest one is met first, and counts. */
  const outcomes = new Map<number, AuditRecord>();
  const open: OpenIntent[] = [];
  const keyed: KeyedIntent[] = [];
  let scanned = 0;
  for await (const { record } of readEntriesBackward(path)) {
    if (record.intent !== null) {
      if (!outcomes.has(record.intent)) outcomes.set(record.intent, record);
    } else {
      const outcome = outcomes.get(record.seq) ?? null;
      const ageMs = Date.now() - Date.parse(record.at);
      if (!outcome || (!isSettled(outcome) && ageMs < hourMs)) open.push({ intent: record, told: outcome !== null });
      if (record.keyHash !== null && ageMs < dayMs) keyed.push({ intent: record, outcome });
    }
    if (++scanned >= scanLimit) break;
  }
  return { open: open.toReversed(), keyed: keyed.toReversed() };
}

/** What was settled is told with a detail. */
function isSettled({ outcome, detail }: AuditRecord): boolean {
  return outcome !== "unknown" || (detail?.startsWith("settled") ?? false);
}

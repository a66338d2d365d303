import { OpsError } from "../../src/lib/errors.ts";
import type { SharedEntry, TimelineStore } from "../../src/timeline/shared.ts";

/** What happens to the next exchange: it fails, or its answer is lost after it was made. */
type Fault = "fails" | "is lost" | null;

/** The table of gateways, in memory. */
export function createTimelineTables() {
  const rows: (SharedEntry & { seq: number })[] = [];
  let [seq, fault] = [0, null as Fault];
  const away = () => new OpsError("postgres_unavailable", "The shared state cannot be read: away");
  const store: TimelineStore = {
    async read(after) {
      if (fault === "fails") throw away();
      const first = rows.find((row) => row.seq > after);
      return { entries: first ? [first] : [], seq: first?.seq ?? after, isWhole: !first };
    },
    async exchange({ after, lastKey, choose }) {
      const now = fault;
      fault = null;
      if (now === "fails") throw away();
      if (seq < after || rows.some((row) => row.seq === after && row.key !== lastKey)) return null;
      const written = await choose(rows.filter((row) => row.seq > after));
      for (const { key, entry } of written) {
        const at = rows.findIndex((row) => row.key === key);
        if (at >= 0) rows.splice(at, 1);
        // As a database returns it: another object.
        rows.push({ seq: ++seq, key, entry: structuredClone(entry) });
      }
      if (now === "is lost") throw away();
      return seq;
    },
  };
  return {
    store,
    rows,
    fail: (next: Fault) => void (fault = next),
    /** As a failover to a standby that was behind. */
    loseEnd(count: number) {
      rows.splice(rows.length - count);
      seq = rows.at(-1)?.seq ?? 0;
    },
  };
}

import { failureGroupsLimit, jobIdsPerError } from "../../../domain/queue.ts";
import { type Measure, type Measured, type MeasuredQueues, addUp } from "./measures.ts";
import type { Row } from "./pool.ts";

/** Adds what a part of the rows was measured to have. */
export function addMeasured(sums: Map<string, Measured>, { measured: part }: MeasuredQueues): void {
  for (const [queue, measured] of part) {
    const sum: Partial<Record<Measure, number | null>> = { ...sums.get(queue) };
    for (const [measure, value] of Object.entries(measured) as [Measure, number | null][]) {
      sum[measure] = addUp(measure, sum[measure] ?? null, value);
    }
    sums.set(queue, sum);
  }
}

/** Groups of failures as `groupFailures` returns them, with the times of their jobs. */
interface Group {
  readonly row: Row;
  /** Newest first: id, and when it failed in seconds. */
  readonly jobs: readonly (readonly [id: string, at: number])[];
}

/** Failures that come part by part. */
export interface FailureSums {
  add(rows: readonly Row[]): void;
  /** As `groupFailures` returns them. */
  rows(): readonly Row[];
}

/** Adds groups of the same queue, text and worker. Remembers twice as many groups as a source may return, the newest ones of each queue. */
export function createFailureSums(): FailureSums {
  let groups = new Map<string, Group>();
  const shrink = (limit: number) => {
    if (groups.size > limit) groups = new Map(pickFairly([...groups]).slice(0, failureGroupsLimit));
  };
  return {
    add(rows) {
      for (const row of rows) {
        const key = JSON.stringify([row["queue"], row["error"], row["worker"]]);
        const before = groups.get(key);
        const next = toGroup(row);
        groups.set(key, before ? merge(before, next) : next);
      }
      shrink(2 * failureGroupsLimit);
    },
    rows() {
      shrink(failureGroupsLimit);
      return [...groups.values()].map(({ row, jobs }) => ({ ...row, job_ids: JSON.stringify(jobs.map(([id]) => id)) }));
    },
  };
}

function toGroup(row: Row): Group {
  const ids = JSON.parse(row["job_ids"] ?? "[]") as string[];
  const times = JSON.parse(row["job_times"] ?? "[]") as number[];
  return { row, jobs: ids.map((id, index) => [id, times[index] ?? 0]) };
}

function merge(a: Group, b: Group): Group {
  const text = (group: Group, key: string) => group.row[key] ?? "";
  const attempts = [a, b].map(({ row }) => row["attempts"] ?? null).filter((value) => value !== null);
  const [firstAt] = [text(a, "first_at"), text(b, "first_at")].toSorted();
  const lastAt = [text(a, "last_at"), text(b, "last_at")].toSorted()[1];
  return {
    row: {
      ...a.row,
      n: String(Number(text(a, "n")) + Number(text(b, "n"))),
      attempts: attempts.length === 0 ? null : String(Math.max(...attempts.map(Number))),
      first_at: firstAt ?? "",
      last_at: lastAt ?? "",
    },
    jobs: [...a.jobs, ...b.jobs].toSorted(([, one], [, other]) => other - one).slice(0, jobIdsPerError),
  };
}

/** The newest group of each queue first, then the second of each, and so on: none hides another. */
function pickFairly(groups: readonly [string, Group][]): [string, Group][] {
  const seen = new Map<string, number>();
  const placed = groups
    .toSorted(([, a], [, b]) => compare(b.row["last_at"] ?? "", a.row["last_at"] ?? ""))
    .map((entry) => {
      const queue = entry[1].row["queue"] ?? "";
      const place = seen.get(queue) ?? 0;
      seen.set(queue, place + 1);
      return { entry, place };
    });
  return placed.toSorted((a, b) => a.place - b.place).map(({ entry }) => entry);
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

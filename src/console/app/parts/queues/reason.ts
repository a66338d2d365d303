import type { JobRowFragment } from "../../../../generated/console.ts";
import { formatEnum } from "../../../../facts/format.ts";

type JobState = NonNullable<JobRowFragment["state"]>;

const allowed: Readonly<Record<"retry" | "discard", readonly JobState[]>> = {
  retry: ["FAILED", "RETRYING", "CANCELLED"],
  // A running one: some systems ask its worker to stop.
  discard: ["AVAILABLE", "SCHEDULED", "RETRYING", "BLOCKED", "RUNNING"],
};

/**
 * Why a job's state refuses an action; null where it may be possible, or is unknown. `kind`: of its
 * source.
 */
export function whyNotChanged(
  action: "retry" | "discard",
  state: JobState | null | undefined,
  kind: string | undefined,
): string | null {
  if (!state || allowed[action].includes(state)) return null;
  // Only a table's failed jobs have a status for those that were given up.
  if (action === "discard" && state === "FAILED")
    return kind === "table"
      ? null
      : "The job has failed for good and will not be tried again: there is nothing to discard";
  return `The job is ${formatEnum(state)}: there is nothing to ${action}`;
}

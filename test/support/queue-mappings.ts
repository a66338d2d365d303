/** The README's mapping of a runner's table in a QUEUES_FILE. */
export const runnerMapping = {
  name: "runner",
  kind: "table" as const,
  table: "public.runner_jobs",
  queue: { column: "type" },
  id: "id",
  status: "status",
  waiting: ["pending"],
  active: ["running"],
  done: ["done"],
  failed: ["failed"],
  run_at: "run_at",
  finished_at: "finished_at",
  error: "last_error",
};

/** A table that is one queue, as the README's payouts. */
export function toQueueMapping(name: string) {
  return {
    name,
    kind: "table" as const,
    table: `public.${name}`,
    queue: { name },
    id: "id",
    status: "state",
    waiting: ["queued"],
    done: ["paid"],
    failed: ["rejected"],
    finished_at: "settled_at",
    error: "failure",
  };
}

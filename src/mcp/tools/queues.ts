import { ErrorsDocument, QueuesDocument } from "../../generated/mcp.ts";
import { compareQueues, hasSampledNumbers, queueNumberNames, toQueueNumber } from "../../facts/queue.ts";
import { describeOwners } from "../../queues/owners.ts";
import { defineTool, need } from "../tool.ts";
import { env, name } from "./args.ts";
import { toPartFaults } from "./containers.ts";

/** The numbers that agents get, by their short names. */
const numbers = queueNumberNames.flatMap((field) => {
  const { tool, unit } = toQueueNumber(field);
  return tool === undefined ? [] : [{ key: tool, name: field, unit }];
});

export const queues = defineTool({
  name: "queues",
  description: "Queues of jobs, those in trouble first. depth: jobs that wait. Then errors.",
  args: { queue: name.optional(), source: name.optional(), env },
  list: "queues",
  row: {
    name: "string",
    source: "string",
    service: "string",
    state: "string",
    ...Object.fromEntries(numbers.map(({ key, unit }) => [key, unit === "count" ? "integer" : "number"] as const)),
    sampled: "boolean",
    paused: "boolean",
  },
  facts: {},
  narrow: "queue, source or env",
  documents: [QueuesDocument],
  async run({ queue, source, env: where }, ask) {
    const { data, errors } = await ask(QueuesDocument, { env: where });
    const found = need(data.queues, errors).filter(
      (one) => (queue === undefined || one.name === queue) && (source === undefined || one.source === source),
    );
    return {
      rows: found.toSorted(compareQueues).map((one) => ({
        name: one.name,
        source: one.source,
        service: one.owners && describeOwners(one.owners),
        state: one.state,
        ...Object.fromEntries(numbers.map(({ key, name: field }) => [key, one[field]])),
        sampled: hasSampledNumbers(one) || null,
        paused: one.paused || null,
      })),
      errors: [...errors, ...toPartFaults(data.queueSources)],
    };
  },
});

const jobsShown = 3;

export const errors = defineTool({
  name: "errors",
  description: "Failed jobs of the last hour, grouped by error (fingerprint), newest first. Then explain_failure.",
  args: { env, queue: name.optional() },
  list: "errors",
  row: {
    fingerprint: "string",
    error: "string",
    count: "integer",
    first: "string",
    last: "string",
    queues: "object[]",
    releases: "object[]",
    jobs: "object[]",
  },
  facts: {},
  narrow: "env or queue",
  documents: [ErrorsDocument],
  async run({ env: where, queue }, ask) {
    const { data, errors: faults } = await ask(ErrorsDocument, { env: where });
    const groups = need(data.errorGroups, faults).filter(
      (group) => queue === undefined || group.queues.some((one) => one.name === queue),
    );
    return {
      rows: groups.map((group) => ({
        fingerprint: group.fingerprint,
        error: group.error,
        count: group.count,
        first: group.firstSeen,
        last: group.lastSeen,
        queues: group.queues.slice(0, 5),
        releases: group.releases.filter(({ version }) => version !== null).slice(0, 5),
        jobs: group.jobs.slice(0, jobsShown).map(({ jobId, ...job }) => ({ job_id: jobId, ...job })),
      })),
      errors: faults,
    };
  },
});

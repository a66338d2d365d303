import { compareQueues, isQueueInTrouble, toQueueTone } from "../../facts/queue.ts";
import { Queues, type QueuesQuery } from "../../client/client.ts";
import { describeOwners } from "../../queues/owners.ts";
import { formatDuration, formatEnum, formatNumber, formatRate } from "../../facts/format.ts";
import { defineList } from "../list.ts";

type Row = NonNullable<QueuesQuery["queues"]>[number];

export const queuesCommand = defineList({
  name: "queues",
  summary: "queues of jobs, what is in trouble first",
  args: "[NAME...]",
  about: "A tilde marks numbers that are sampled, not counted.",
  options: {
    source: { type: "string", value: "NAME", about: "only of this source" },
    trouble: {
      type: "boolean",
      short: "t",
      about: "only those that are stalled, failing, behind, without workers or of unknown state",
    },
  },
  examples: [["wallet-core-ops queues --trouble", "What is stuck"]],
  columns: [
    { head: "QUEUE", text: ({ name }: Row) => name, mayCut: "middle", least: 18 },
    { head: "STATE", text: ({ state }) => formatEnum(state), tone: ({ state }) => toQueueTone(state) },
    { head: "WAITING", text: (row) => sampled(row, formatNumber(row.depth)), isNumber: true },
    { head: "OLDEST", text: ({ oldestAgeSeconds }) => formatDuration(oldestAgeSeconds), isNumber: true },
    { head: "RUNNING", text: ({ active }) => formatNumber(active), isNumber: true },
    { head: "WORKERS", text: ({ workers }) => formatNumber(workers), isNumber: true, drop: 2 },
    { head: "RATE", text: (row) => sampled(row, formatRate(row.processedPerSec), row.processedPerSec), isNumber: true },
    {
      head: "FAILED 1H",
      text: (row) => sampled(row, formatNumber(row.failuresLastHour), row.failuresLastHour),
      tone: ({ failuresLastHour }) => (failuresLastHour ? "warn" : "plain"),
      isNumber: true,
    },
    { head: "DRAIN", text: ({ drainSeconds }) => formatDuration(drainSeconds), isNumber: true, drop: 1 },
    { head: "SOURCE", text: ({ source }) => source, mayCut: true, drop: 3 },
    { head: "SERVICE", text: ({ owners }) => describeOwners(owners), mayCut: true, isWide: true },
    { head: "RETRYING", text: ({ retrying }) => formatNumber(retrying), isNumber: true, isWide: true },
    { head: "DEFERRED", text: ({ deferred }) => formatNumber(deferred), isNumber: true, isWide: true },
    { head: "DEAD", text: ({ dead }) => formatNumber(dead), isNumber: true, isWide: true },
    { head: "ORPHANS", text: ({ orphans }) => formatNumber(orphans), isNumber: true, isWide: true },
    { head: "WAIT P95", text: ({ waitP95Seconds }) => formatDuration(waitP95Seconds), isNumber: true, isWide: true },
    { head: "RUN P95", text: ({ runP95Seconds }) => formatDuration(runP95Seconds), isNumber: true, isWide: true },
  ],
  nameOf: ({ name }) => name,
  empty: "No queues",
  read: async (client, { source, trouble }, asked, signal) => {
    const { data, errors } = await client.queryPartial(Queues, {}, { signal });
    const rows = (data.queues ?? [])
      .filter(
        (row) => (asked.length === 0 || asked.includes(row.name)) && (source === undefined || row.source === source),
      )
      .filter(({ state }) => !trouble || isQueueInTrouble(state))
      .toSorted(compareQueues);
    const notes = (data.queueSources ?? []).flatMap(({ name, ok, error }) =>
      ok ? [] : [`source ${name}: ${error?.message ?? "it cannot be asked"}`],
    );
    return { rows, errors, notes };
  },
});

/** A tilde marks numbers that are sampled, not counted. */
export function sampled({ exact }: Pick<Row, "exact">, text: string, value: number | null = 0): string {
  return exact || value === null ? text : `~${text}`;
}

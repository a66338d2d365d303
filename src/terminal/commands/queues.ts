import { toNumberColumns } from "../output/queue-columns.ts";
import {
  compareQueues,
  isQueueInTrouble,
  type QueueNumberName,
  queueNumberNames,
  toQueueTone,
  troubledQueueStates,
} from "../../facts/queue.ts";
import { Queues, type QueuesQuery } from "../../client/client.ts";
import { describeOwners } from "../../queues/owners.ts";
import { formatEnum } from "../../facts/format.ts";
import { defineList } from "../list.ts";

type Row = NonNullable<QueuesQuery["queues"]>[number];

const mainNumbers: readonly QueueNumberName[] = [
  "depth",
  "oldestAgeSeconds",
  "active",
  "workers",
  "processedPerSec",
  "failuresLastHour",
  "drainSeconds",
];
const wideNumbers = queueNumberNames.filter((name) => !mainNumbers.includes(name));

export const queuesCommand = defineList({
  name: "queues",
  summary: "queues, those in trouble first",
  args: "[NAME...]",
  about: "A tilde (~) marks numbers that are sampled, not counted.",
  options: {
    source: { type: "string", value: "NAME", about: "only of this source" },
    trouble: {
      type: "boolean",
      short: "t",
      about: `only those in trouble: ${troubledQueueStates.map(formatEnum).join(", ")}`,
    },
  },
  examples: [["wallet-core-ops queues --trouble", "What is stuck"]],
  columns: [
    { head: "QUEUE", text: ({ name }: Row) => name, mayCut: "middle", least: 18 },
    { head: "STATE", text: ({ state }) => formatEnum(state), tone: ({ state }) => toQueueTone(state) },
    ...toNumberColumns<Row>(mainNumbers, { workers: { drop: 2 }, drainSeconds: { drop: 1 } }),
    { head: "SOURCE", text: ({ source }) => source, mayCut: true, drop: 3 },
    { head: "SERVICE", text: ({ owners }) => describeOwners(owners), mayCut: true, isWide: true },
    ...toNumberColumns<Row>(wideNumbers, Object.fromEntries(wideNumbers.map((name) => [name, { isWide: true }]))),
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

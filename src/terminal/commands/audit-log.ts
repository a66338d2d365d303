import { toActionTone } from "../../facts/audit.ts";
import { AuditLog, type AuditLogQuery } from "../../client/client.ts";
import { formatClock, formatDay, formatText } from "../../facts/format.ts";
import { defineList } from "../list.ts";
import { toWhole } from "../options.ts";

type Row = NonNullable<NonNullable<AuditLogQuery["auditLog"]>["nodes"]>[number];

export const auditLogCommand = defineList({
  name: "audit-log",
  summary: "who changed what, newest first (needs ops:operate)",
  about:
    "Each change has one entry for its intent and one for its outcome. `audit verify`, on the gateway's machine, checks the whole record.",
  options: {
    first: { type: "string", value: "COUNT", default: "50", about: "the most rows, 1 to 500" },
    after: { type: "string", value: "CURSOR", about: "the next page: the value that the previous page printed" },
  },
  columns: [
    { head: "SEQ", text: ({ seq }: Row) => String(seq), isNumber: true, drop: 1 },
    { head: "TIME", text: ({ at }) => `${formatDay(at)} ${formatClock(at)}` },
    { head: "ACTION", text: ({ action }) => action },
    { head: "OUTCOME", text: ({ outcome }) => outcome, tone: ({ outcome }) => toActionTone(outcome) },
    { head: "ON", text: (row) => toSubject(row), mayCut: "middle", least: 16 },
    {
      head: "BY",
      text: ({ subject, agent }) => formatText(subject) + (agent === null ? "" : ` with ${agent}`),
      mayCut: true,
    },
    { head: "REASON", text: ({ reason }) => formatText(reason), mayCut: true, least: 12, drop: 2 },
    { head: "DETAIL", text: ({ detail }) => formatText(detail), isWide: true },
    { head: "ENV", text: ({ env }) => formatText(env), isWide: true },
  ],
  nameOf: ({ seq }) => String(seq),
  empty: "Nothing was done yet",
  read: async (client, { first, after }, _asked, signal) => {
    const { data, errors } = await client.queryPartial(
      AuditLog,
      { first: toWhole("first", first, 1, 500), after: after ?? null },
      { signal },
    );
    const { endCursor, hasNextPage } = data.auditLog?.pageInfo ?? {};
    return {
      rows: data.auditLog?.nodes ?? [],
      errors,
      notes: hasNextPage ? [`there are more: --after ${endCursor}`] : [],
    };
  },
});

function toSubject({ containerName, jobQueue, jobIds, jobSource }: Row): string {
  if (containerName !== "") return containerName;
  const jobs = jobIds.length === 1 ? `job ${jobIds[0]}` : `${jobIds.length} jobs`;
  return `${jobs} of ${jobQueue ?? jobSource ?? "?"}`;
}

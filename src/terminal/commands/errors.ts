import { Errors, type ErrorsQuery } from "../../client/client.ts";
import { formatAge, formatNumber } from "../../facts/format.ts";
import { toShortRelease } from "../../lib/short-release.ts";
import { defineList } from "../list.ts";
import { envOption, toEnv, toWhole } from "../options.ts";

type Row = NonNullable<ErrorsQuery["errorGroups"]>[number];

export const errorsCommand = defineList({
  name: "errors",
  summary: "errors of the jobs that failed in the last 60 minutes, newest first",
  about: "`retry` and `discard` take the value of GROUP.",
  options: {
    env: envOption,
    queue: { type: "string", value: "NAME", about: "only of this queue" },
    first: { type: "string", value: "COUNT", default: "50", about: "the most rows, 1 to 50" },
  },
  examples: [["wallet-core-ops errors -o wide", "Every error with its releases and queues"]],
  columns: [
    { head: "GROUP", text: ({ fingerprint }: Row) => fingerprint },
    {
      head: "COUNT",
      text: ({ count, complete }) => `${complete ? "" : "≥"}${formatNumber(count)}`,
      isNumber: true,
      tone: () => "bad",
    },
    { head: "LAST", text: ({ lastSeen }) => formatAge(lastSeen), isNumber: true },
    { head: "FIRST", text: ({ firstSeen }) => formatAge(firstSeen), isNumber: true, drop: 1 },
    { head: "QUEUES", text: ({ queues }) => queues.map(({ name }) => name).join(","), mayCut: true, least: 12 },
    { head: "ERROR", text: ({ error }) => error, mayCut: true, least: 30 },
    {
      head: "RELEASES",
      text: ({ releases }) =>
        releases.map(({ version, count }) => `${version === null ? "–" : toShortRelease(version)}:${count}`).join(","),
      isWide: true,
    },
    { head: "JOBS", text: ({ jobs }) => jobs.map(({ jobId }) => jobId).join(","), isWide: true },
  ],
  nameOf: ({ fingerprint }) => fingerprint,
  empty: "No job failed with an error in the last 60 minutes",
  read: async (client, { env, queue, first }, _asked, signal) => {
    const { data, errors } = await client.queryPartial(
      Errors,
      { env: toEnv(env), first: toWhole("first", first, 1, 50) },
      { signal },
    );
    const rows = (data.errorGroups ?? []).filter(
      ({ queues }) => queue === undefined || queues.some(({ name }) => name === queue),
    );
    return { rows, errors };
  },
});

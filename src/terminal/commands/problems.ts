import { noProblems, toSeverityTone } from "../../facts/problem.ts";
import { formatAge, formatEnum, formatText } from "../../facts/format.ts";
import { Problems, type ProblemsQuery } from "../../client/client.ts";
import { defineList } from "../list.ts";
import { envOption, toEnv } from "../options.ts";

type Row = NonNullable<ProblemsQuery["problems"]>["problems"][number];

export const problemsCommand = defineList({
  name: "problems",
  summary: "what is wrong now, worst first",
  about: "The rules are those of the console and the alerts. `explain NAME` says more about one thing.",
  options: { env: envOption },
  columns: [
    {
      head: "SEVERITY",
      text: ({ severity }: Row) => formatEnum(severity),
      tone: ({ severity }) => toSeverityTone(severity),
    },
    { head: "SINCE", text: ({ since }) => formatAge(since), isNumber: true },
    { head: "PROBLEM", text: ({ title }) => title, mayCut: "middle", least: 36 },
    { head: "EVIDENCE", text: ({ evidence }) => evidence.join("; "), mayCut: true, least: 16 },
    { head: "SERVICE", text: ({ service }) => formatText(service), isWide: true },
    { head: "DESTINATION", text: ({ destination }) => formatText(destination), isWide: true },
    { head: "RULE", text: ({ rule }) => rule, isWide: true },
    { head: "ALERT", text: ({ alert }) => alert ?? "–", isWide: true },
  ],
  nameOf: ({ container, queue, host, engine, deploy, source, id }) =>
    container?.name ?? queue?.name ?? host?.name ?? engine?.name ?? deploy?.tag ?? source ?? id,
  empty: noProblems,
  read: async (client, { env }, _asked, signal) => {
    const { data, errors } = await client.queryPartial(Problems, { env: toEnv(env) }, { signal });
    return {
      rows: data.problems?.problems ?? [],
      errors,
      notes: (data.problems?.gaps ?? []).map((gap) => `could not be checked: ${gap}`),
    };
  },
});

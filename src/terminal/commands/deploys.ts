import { deployNumbers, toDeployTone } from "../../facts/deploy.ts";
import { formatFact } from "../../facts/number.ts";
import { Deploys, type DeploysQuery } from "../../client/client.ts";
import { formatAge, formatEnum, formatText } from "../../facts/format.ts";
import { defineList } from "../list.ts";
import { envOption, toEnv, toWhole } from "../options.ts";

type Row = NonNullable<NonNullable<DeploysQuery["deploys"]>["nodes"]>[number];

export const deploysCommand = defineList({
  name: "deploys",
  summary: "deploys, newest first",
  options: {
    env: envOption,
    tag: { type: "string", value: "TAG", about: "only of this tag" },
    first: { type: "string", value: "COUNT", default: "20", about: "the most rows, 1 to 100" },
    after: { type: "string", value: "CURSOR", about: "the next page: the value that the previous page printed" },
  },
  columns: [
    { head: "TAG", text: ({ tag }: Row) => tag, mayCut: "middle", least: 24 },
    { head: "STATE", text: ({ state }) => formatEnum(state), tone: ({ state }) => toDeployTone(state) },
    { head: "AGE", text: ({ deployedAt }) => formatAge(deployedAt), isNumber: true },
    { head: "BY", text: ({ deployedBy }) => formatText(deployedBy), mayCut: true },
    { head: "ENV", text: ({ env }) => formatEnum(env) },
    { head: "SERVICE", text: ({ service }) => formatText(service), mayCut: true, least: 10, drop: 3 },
    { head: "DESTINATION", text: ({ destination }) => formatText(destination), drop: 1 },
    {
      head: deployNumbers.durationSeconds.label.toUpperCase(),
      text: ({ durationSeconds }) => formatFact(deployNumbers.durationSeconds, durationSeconds),
      isNumber: true,
      drop: 2,
    },
    { head: "COMMIT", text: ({ commitSha }) => formatText(commitSha.slice(0, 7)), drop: 4 },
    { head: "PREVIOUS", text: ({ previousTag }) => formatText(previousTag), isWide: true },
    { head: "VERSION", text: ({ version }) => version, isWide: true },
    { head: "DEPLOYED", text: ({ deployedAt }) => deployedAt, isWide: true },
  ],
  nameOf: ({ tag }) => tag,
  empty: "No deploys are known",
  read: async (client, { env, tag, first, after }, _asked, signal) => {
    const variables = {
      env: toEnv(env),
      tag: tag ?? null,
      first: toWhole("first", first, 1, 100),
      after: after ?? null,
    };
    const { data, errors } = await client.queryPartial(Deploys, variables, { signal });
    const { endCursor, hasNextPage } = data.deploys?.pageInfo ?? {};
    return {
      rows: data.deploys?.nodes ?? [],
      errors,
      notes: hasNextPage ? [`there are more: --after ${endCursor}`] : [],
    };
  },
});

import { Timeline, type TimelineKind, type TimelineQuery } from "../../client/client.ts";
import { formatClock, formatDay, formatEnum, formatText } from "../../facts/format.ts";
import { defineList } from "../list.ts";
import { envOption, toEnv, toWhole } from "../options.ts";

type Row = NonNullable<NonNullable<TimelineQuery["timeline"]>["nodes"]>[number];

const kinds = [
  "container_death",
  "deploy",
  "gap",
  "health",
  "host_alert",
  "oom_kill",
  "queue_state",
  "restart",
] as const;

export const timelineCommand = defineList({
  name: "timeline",
  summary: "what happened, newest first: deploys, restarts, deaths, changes of health, queues and hosts",
  options: {
    env: envOption,
    kind: {
      type: "string",
      short: "k",
      value: "KIND",
      choices: kinds,
      about: `only of this kind: ${kinds.join(", ")}`,
    },
    since: {
      type: "string",
      value: "TIME",
      default: "24h",
      about: "only events since then: 90m, 24h, 7d, or an RFC 3339 time",
    },
    until: { type: "string", value: "TIME", about: "up to when" },
    first: { type: "string", value: "COUNT", default: "50", about: "the most rows, 1 to 500" },
    after: { type: "string", value: "CURSOR", about: "the next page: the value that the previous page printed" },
  },
  columns: [
    { head: "TIME", text: ({ time }: Row) => `${formatDay(time)} ${formatClock(time)}` },
    { head: "KIND", text: ({ kind }) => formatEnum(kind) },
    { head: "MESSAGE", text: ({ message }) => message, mayCut: "middle", least: 40 },
    { head: "ENV", text: ({ env }) => formatEnum(env), drop: 1 },
    { head: "ENGINE", text: ({ engine }) => formatText(engine), isWide: true },
    { head: "WHO", text: ({ who }) => formatText(who), isWide: true },
  ],
  nameOf: ({ message }) => message,
  empty: "No events in this time, as far as the gateway knows",
  read: async (client, { env, kind, since, until, first, after }, _asked, signal) => {
    const { data, errors } = await client.queryPartial(
      Timeline,
      {
        env: toEnv(env),
        kinds: kind === undefined ? null : [kind.toUpperCase() as TimelineKind],
        from: since,
        to: until ?? null,
        first: toWhole("first", first, 1, 500),
        after: after ?? null,
      },
      { signal },
    );
    const { endCursor, hasNextPage } = data.timeline?.pageInfo ?? {};
    return {
      rows: data.timeline?.nodes ?? [],
      errors,
      notes: hasNextPage ? [`there are more: --after ${endCursor}`] : [],
    };
  },
});

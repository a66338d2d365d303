import { OpsError } from "../../lib/errors.ts";
import type { TimelineCoverage, TimelineEntry, TimelineKind } from "../../timeline/timeline.ts";
import { toOneEnvArg, toPage, toPageCost } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { parseTimeArg } from "../range.ts";
import { type Refs, toContainerId } from "../refs.ts";
import { parseDateTime, type Scalars, toEnumValues } from "../scalars.ts";

/** TimelineEntry and TimelineCoverage, and the query timeline. */
export function addTimeline(builder: Builder, refs: Refs, scalars: Scalars): void {
  const kind = builder.enumType("TimelineKind", {
    description: "What happened.",
    values: toEnumValues<TimelineKind>({
      deploy: "A deploy had ended.",
      restart: "Somebody restarted a container.",
      container_death: "A container ended, by itself or because it was stopped.",
      oom_kill: "A container ran out of memory.",
      health: "The health of a container changed.",
      queue_state: "The state of a queue changed; IDLE counts as OK.",
      host_alert: "A host became hot, went down, or is healthy again.",
      gap: "An engine was not heard for a while: events of its containers may be missing before this.",
    }),
  });
  const timelineEntry = builder.objectRef<TimelineEntry>("TimelineEntry").implement({
    description: "One thing that happened.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "What kind of thing." }),
      ...exposeAll(t, {
        "time: DateTime!": "When, as exact as it is known; of what is sampled, when it was first seen.",
        "after: DateTime": "Of what is sampled: when it was last seen otherwise. It happened in between. Else null.",
        "message: String!": "One line for people.",
        "service: String": "Service of the deploy, or of the container; null when unknown.",
        "destination: String": "Kamal's destination of the deploy, or of the container; null without one, or when unknown.",
        "env: Environment": "Environment; null when unknown.",
        "who: String": "Who deployed; who restarted, for tokens with ops:operate. Null when nobody is known.",
        "from: String": "Of a change: what was before; null when unknown.",
        "to: String": "Of a change: what is after it. Of a restart: its outcome in the audit record.",
        "host: String": "Name of the host.",
        "exitCode: Int": "Of CONTAINER_DEATH: the code that it ended with.",
        "requested: Boolean!": "Whether somebody asked for it: a container that was stopped, a restart.",
      }),
      container: t.string({
        nullable: true,
        description: "Name of the container then.",
        resolve: ({ container }) => container?.name ?? null,
      }),
      containerId: t.id({
        nullable: true,
        description: "As Container.id.",
        resolve: ({ container }) => container && toContainerId(container),
      }),
      engine: t.string({
        nullable: true,
        description: "Configured name of its engine; of a gap, the engine that was not heard.",
        resolve: ({ container, engine }) => container?.engine ?? engine,
      }),
      role: t.string({ nullable: true, description: "Its role.", resolve: ({ container }) => container?.role ?? null }),
      version: t.string({
        nullable: true,
        description: "The release that it ran.",
        resolve: ({ container }) => container?.version ?? null,
      }),
      queue: t.string({ nullable: true, description: "Name of the queue.", resolve: ({ queue }) => queue?.name ?? null }),
      source: t.string({
        nullable: true,
        description: "Configured name of the queue's source.",
        resolve: ({ queue }) => queue?.source ?? null,
      }),
    }),
  });
  const timelineCoverage = builder.objectRef<TimelineCoverage>("TimelineCoverage").implement({
    description: "From when on entries of one kind are known.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "Which kind." }),
      ...exposeAll(t, {
        "known: Boolean!": "False when nothing is known of it.",
        "since: DateTime": "Entries of before may be missing. Null with `known`: as far back as its record goes.",
        "sampled: Boolean!": "Whether it is only seen while somebody asks for it.",
        "note: String": "What is missing all the same.",
      }),
    }),
  });
  builder.queryField("timeline", (t) =>
    t.connection(
      {
        type: timelineEntry,
        nullable: true,
        complexity: toPageCost(400, size),
        description:
          "Deploys, restarts, ends and health of containers, states of queues and alerts of hosts in one order. Deploys and restarts are from records; the rest is " +
          "what this process has seen since it was started, the newest 1,000 of each kind. Newest first: 100 unless `first` or `last` says 1 to 500.",
        args: {
          from: t.arg.string({
            defaultValue: "24h",
            required: true,
            description:
              "RFC 3339, a date, unix seconds, epoch milliseconds (from 100000000000 on), or a duration back from now (6h).",
          }),
          to: t.arg.string({ description: "As `from`; now when absent." }),
          env: toOneEnvArg(t.arg, scalars),
          kinds: t.arg({ type: [kind], description: "Only these kinds; all when absent." }),
        },
        resolve: async (_root, { from, to, env, kinds, ...page }, { loaders }) => {
          const { nowMs } = loaders;
          const range = { from: parseMsArg("from", from, nowMs), to: to ? parseMsArg("to", to, nowMs) : nowMs };
          if (range.from > range.to) throw new OpsError("invalid_request", "from must not be after to");
          const { entries, coverage } = await loaders.timeline({ ...range, env: env ?? null, kinds: kinds ?? [] });
          return { ...(await toPage("timeline", entries, toPlace, page, size)), coverage };
        },
      },
      {
        name: "TimelineConnection",
        description: "A page of what happened in a range.",
        fields: (own) => ({
          truncated: own.boolean({
            description: "Whether the range has older entries than this page.",
            resolve: ({ pageInfo }) => pageInfo.hasNextPage,
          }),
          coverage: own.field({
            type: [timelineCoverage],
            complexity: { field: 1, multiplier: 0.1 },
            description: "For each kind that was asked for: from when on it is known.",
            resolve: ({ coverage }) => coverage,
          }),
        }),
      },
      { name: "TimelineEdge", description: "An entry of a page." },
    ),
  );
}

const size = { usual: 100, most: 500 };

function toPlace({ time, kind, to, host, engine, queue, container, service, destination, env }: TimelineEntry) {
  const about = container?.fullId ?? [service, destination, env];
  return { time, key: JSON.stringify([kind, to, host, engine, queue, about]) };
}

/** Accepts DateTime texts and log times: no text has different meanings in both. Throws invalid_request with the argument's name. */
function parseMsArg(name: string, text: string, nowMs: number): number {
  try {
    return Date.parse(parseDateTime(text));
  } catch {
    return Number(parseTimeArg(name, text, nowMs)) * 1000;
  }
}

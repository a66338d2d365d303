import { OpsError } from "../../lib/errors.ts";
import type { TimelineCoverage, TimelineEntry, TimelineKind } from "../../timeline/timeline.ts";
import {
  type Arg,
  checkFirst,
  first as firstArg,
  toCost,
  toDestinationArg,
  toOneEnvArg,
  toPage,
  toPageCost,
} from "../args.ts";
import { type Builder, exposeAll, type ObjectRef } from "../builder.ts";
import { parseTimeArg } from "../range.ts";
import { type Refs, toContainerId } from "../refs.ts";
import type { EntriesOf } from "../things.ts";
import { parseDateTime, type Scalars, toEnumValues } from "../scalars.ts";

/** TimelineEntry and TimelineCoverage, and the query timeline. */
export function addTimeline(builder: Builder, refs: Refs, scalars: Scalars): void {
  const kind = builder.enumType("TimelineKind", {
    description: "What happened.",
    values: toEnumValues<TimelineKind>({
      deploy: "A deploy ended.",
      restart: "Somebody restarted a container.",
      container_death: "A container ended, by itself or because it was stopped.",
      oom_kill: "A container ran out of memory.",
      health: "The health of a container changed.",
      queue_state: "The state of a queue changed; IDLE counts as OK.",
      host_alert: "A host crossed an alert threshold, went down, or recovered.",
      gap: "An engine was out of contact. Events of its containers may be missing before this.",
    }),
  });
  const timelineEntry = builder.objectRef<TimelineEntry>("TimelineEntry").implement({
    description: "One thing that happened.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "What happened." }),
      ...exposeAll(t, {
        "time: DateTime!": "When it happened, as exactly as known; for a sampled kind, when it was first seen.",
        "after: DateTime":
          "For a sampled kind: when the old state was last seen. The change " +
          "happened between then and `time`. Else null.",
        "message: String!": "One line of text for people.",
        "service: String": "Service of the deploy, or of the container; null when unknown.",
        "destination: String":
          "Kamal's destination of the deploy, or of the container; null without one, or when unknown.",
        "env: Environment": "Environment; null when unknown.",
        "who: String": "Who deployed or restarted; who restarted needs ops:operate. Null when unknown.",
        "from: String": "Of a change: the old value; null when unknown.",
        "to: String": "Of a change: the new value. Of a restart: its outcome in the audit record.",
        "host: String": "Name of the host.",
        "exitCode: Int": "Of CONTAINER_DEATH: the exit code; null when unknown.",
        "requested: Boolean!": "Whether it was requested, such as a stop or a restart of a container.",
      }),
      container: t.string({
        nullable: true,
        description: "Name of the container at that time.",
        resolve: ({ container }) => container?.name ?? null,
      }),
      containerId: t.id({
        nullable: true,
        description: "As Container.id.",
        resolve: ({ container }) => container && toContainerId(container),
      }),
      engine: t.string({
        nullable: true,
        description: "Configured name of its engine; for a GAP, the engine that was out of contact.",
        resolve: ({ container, engine }) => container?.engine ?? engine,
      }),
      role: t.string({ nullable: true, description: "Its role.", resolve: ({ container }) => container?.role ?? null }),
      version: t.string({
        nullable: true,
        description: "The release that it ran.",
        resolve: ({ container }) => container?.version ?? null,
      }),
      queue: t.string({
        nullable: true,
        description: "Name of the queue.",
        resolve: ({ queue }) => queue?.name ?? null,
      }),
      source: t.string({
        nullable: true,
        description: "Configured name of the queue's source.",
        resolve: ({ queue }) => queue?.source ?? null,
      }),
    }),
  });
  const timelineCoverage = builder.objectRef<TimelineCoverage>("TimelineCoverage").implement({
    description: "Since when entries of one kind are known.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "Which kind." }),
      ...exposeAll(t, {
        "known: Boolean!": "False when nothing is known of this kind.",
        "since: DateTime":
          "Earlier entries may be missing. If null while `known` is true, entries reach back as far as the record.",
        "sampled: Boolean!": "Whether it is observed only while clients request it.",
        "note: String": "What may still be missing; null when nothing.",
      }),
    }),
  });
  const toArgs = (arg: Arg) => ({
    from: arg.string({
      defaultValue: "24h",
      required: true,
      description:
        "RFC 3339, a date, unix seconds, epoch milliseconds (from 100000000000 on), or a duration back from now (6h).",
    }),
    to: arg.string({ description: "As `from`; now when absent." }),
    kinds: arg({ type: [kind], description: "Only these kinds; all when absent." }),
  });
  builder.queryField("timeline", (t) =>
    t.connection(
      {
        type: timelineEntry,
        nullable: true,
        complexity: toPageCost(400, size),
        description:
          "Deploys, restarts, ends and health changes of containers, state changes of queues and alerts of " +
          "hosts, newest first. Deploys and restarts come from records. The rest is what this process has " +
          "seen since its start, and what other gateways with the same database have seen: the newest " +
          "1,000 of each kind. Returns 100 entries, or 1 to 500 by `first` or `last`.",
        args: {
          ...toArgs(t.arg),
          env: toOneEnvArg(t.arg, scalars),
          destination: toDestinationArg(t.arg),
        },
        resolve: async (_root, { from, to, env, destination, kinds, ...page }, { loaders }) => {
          const { entries, coverage } = await loaders.timeline({
            ...toRange(from, to, loaders.nowMs),
            env: env ?? null,
            destination,
            kinds: kinds ?? [],
          });
          return { ...(await toPage("timeline", entries, toPlace, page, size)), coverage };
        },
      },
      {
        name: "TimelineConnection",
        description: "A page of the timeline.",
        fields: (own) => ({
          truncated: own.boolean({
            description: "Whether the range has older entries than this page.",
            resolve: ({ pageInfo }) => pageInfo.hasNextPage,
          }),
          coverage: own.field({
            type: [timelineCoverage],
            complexity: { field: 1, multiplier: 0.1 },
            description: "For each requested kind: since when its entries are known.",
            resolve: ({ coverage }) => coverage,
          }),
        }),
      },
      { name: "TimelineEdge", description: "An entry of a page." },
    ),
  );
  /** What happened to one thing. */
  const addTo = <Row extends object>(ref: ObjectRef<Row>, about: string, pick: (of: EntriesOf, row: Row) => Entries) =>
    builder.objectField(ref, "timeline", (t) =>
      t.field({
        type: [timelineEntry],
        nullable: true,
        complexity: ({ first }) => ({ field: 10, multiplier: toCost(first, 100) }),
        description: `${about}, newest first, as in the query \`timeline\`.`,
        args: {
          ...toArgs(t.arg),
          first: t.arg.int({ ...firstArg, defaultValue: 20 }),
        },
        resolve: async (row, { from, to, kinds, first }, { loaders }) => {
          checkFirst(first);
          const range = toRange(from, to, loaders.nowMs);
          const of = await loaders.timelineOf({ ...range, env: null, kinds: kinds ?? [] });
          return pick(of, row).slice(0, first);
        },
      }),
    );
  addTo(refs.container, "What happened to the containers of this name on its engine", (of, row) => of.container(row));
  addTo(refs.role, "What happened to its containers, including those that are gone", (of, row) => of.role(row));
  addTo(refs.queue, "Changes of its state", (of, row) => of.queue(row));
  addTo(refs.host, "Its alerts", (of, row) => of.host(row));
  addTo(refs.engine, "What happened to its containers, and when it was out of contact", (of, row) => of.engine(row));
  addTo(refs.deploy, "The deploys of its release, and what happened to that release's containers", (of, row) =>
    of.deploy(row),
  );
}

type Entries = readonly TimelineEntry[];

function toRange(from: string, to: string | null | undefined, nowMs: number) {
  const range = { from: parseMsArg("from", from, nowMs), to: to ? parseMsArg("to", to, nowMs) : nowMs };
  if (range.from > range.to) throw new OpsError("invalid_request", "from must not be after to");
  return range;
}

const size = { usual: 100, most: 500 };

function toPlace({ time, kind, to, host, engine, queue, container, service, destination, env }: TimelineEntry) {
  const about = container?.fullId ?? [service, destination, env];
  return { time, key: JSON.stringify([kind, to, host, engine, queue, about]) };
}

/**
 * Accepts DateTime texts and log times: no text has different meanings in both. Throws
 * invalid_request with the argument's name.
 */
function parseMsArg(name: string, text: string, nowMs: number): number {
  try {
    return Date.parse(parseDateTime(text));
  } catch {
    return Number(parseTimeArg(name, text, nowMs)) * 1000;
  }
}

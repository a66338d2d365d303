import { keepsRights } from "../../auth/principal.ts";
import type { RoleBatch, RoleNotice } from "../../containers/logs/role/lines.ts";
import { toProblem } from "../../lib/errors.ts";
import { toContainerArgs, toCost, toFollowArgs, toLogFilterArgs, toLoggedArgs, toLogPageArgs } from "../args.ts";
import { type Builder, counted, exposeAll } from "../builder.ts";
import { endedDescription, openLease } from "../context.ts";
import { type Refs, toContainerId } from "../refs.ts";
import { type Scalars, toEnumValues } from "../scalars.ts";
import { defaultTail, maxTail, toFollowOptions, toLogOptions } from "./options.ts";
import { toHistoryError, toPageFields } from "./page-fields.ts";
import { toPageTurn, toRoleCursor } from "./paging.ts";
import { followRoleLogs, readRoleLogs, type RoleLogs } from "./role-loader.ts";
import { needs } from "../scopes.ts";

/** Cost of a short list beside the lines, which count in the cost of the page. */
const few = { field: 1, multiplier: 0.1 } as const;

/** RoleLogPage and what it is made of, and the query logs. */
export function addRoleLogs(builder: Builder, refs: Refs, scalars: Scalars): void {
  const kind = builder.enumType("RoleLogKind", {
    description: "Kind of a line in a role's log.",
    values: toEnumValues({
      line: "A line that the container wrote.",
      marker: "Not a written line: the release of the container begins here.",
    }),
  });
  refs.logContainer.implement({
    description: "Where a line comes from.",
    fields: (t) => ({
      id: t.id({ description: "As Container.id.", resolve: toContainerId }),
      name: t.exposeString("name", { description: "As Container.name." }),
      engine: t.exposeString("engine", { description: "As Container.engine." }),
      service: t.exposeString("service", { nullable: true, description: "As Container.service." }),
      destination: t.exposeString("destination", { nullable: true, description: "As Container.destination." }),
      env: t.expose("env", { type: scalars.environment, nullable: true, description: "As Container.env." }),
      version: t.exposeString("version", { description: "The release that it runs, as Container.version." }),
    }),
  });
  refs.roleLogLine.implement({
    description: "One line of one of the containers of a role, or a marker between them.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "Whether the container wrote it." }),
      container: t.expose("container", {
        type: refs.logContainer,
        description: "The container that wrote it; for a marker, the first of the release.",
      }),
      ...exposeAll(t, {
        "timestamp: DateTime!":
          "As LogLine.timestamp. For a marker: when the container was created, in whole seconds, or later.",
        "message: String!": "As LogLine.message; for a marker, a sentence for people, which may change.",
      }),
      stream: t.expose("stream", {
        type: scalars.stream,
        nullable: true,
        description: "As LogLine.stream; null for a marker.",
      }),
      level: t.expose("level", {
        type: scalars.logLevel,
        nullable: true,
        description: "As LogLine.level; null for a marker.",
      }),
    }),
  });
  refs.roleLogPart.implement({
    description: "What one container contributed to a role's log.",
    fields: (t) => ({
      container: t.expose("container", { type: refs.logContainer, description: "The container." }),
      truncated: t.exposeBoolean("truncated", {
        description:
          "True when older matching lines of this container were left out because of `tail` or size, or " +
          "were not searched. A stopped container of an old release is read no further back than the page.",
      }),
      error: t.field({
        type: refs.problem,
        nullable: true,
        description: "Why it could not be read; null when it could.",
        resolve: ({ error }) => (error === null ? null : toProblem(error)),
      }),
    }),
  });
  const roleLogPage = builder.objectRef<RoleLogs>("RoleLogPage").implement({
    description:
      "Matching lines of the selected containers, oldest first: the newest " +
      "ones, or those around a time or next to another page.",
    fields: (t) => ({
      lines: t.expose("lines", {
        type: [refs.roleLogLine],
        complexity: counted,
        description: "By time, then by container. Lines of one container keep their written order.",
      }),
      truncated: t.exposeBoolean("truncated", {
        description: "True when older matching lines were left out because of `tail` or size.",
      }),
      containers: t.field({
        type: [refs.roleLogPart],
        complexity: few,
        description:
          "All selected containers, readable or not: those that `containers` shows, then the stopped ones " +
          "of old releases, then those that only the log history has, where the page reaches back to them.",
        resolve: ({ parts }) => parts,
      }),
      historyError: toHistoryError(t, refs),
      ...toPageFields(t, { toStart: ({ start }) => toRoleCursor(start), toEnd: ({ end }) => toRoleCursor(end) }),
      engines: t.expose("engines", {
        type: [refs.engine],
        complexity: few,
        description:
          "Whether each engine answers. Lines of containers on an engine that does not answer may be missing.",
      }),
    }),
  });
  builder.queryField("logs", (t) =>
    t.field({
      type: roleLogPage,
      nullable: true,
      extensions: needs("ops:logs"),
      complexity: ({ tail }) => ({ field: 500, multiplier: toCost(tail ?? defaultTail, maxTail) }),
      description:
        "The newest log lines of a role, or of containers by name, on all engines, merged by time; or " +
        "those around a time (`at`) or next to another page (`before`, `after`). Includes all its " +
        "containers that `containers` shows, the stopped ones of old releases that Kamal keeps, and " +
        "those that only the log history has. A marker shows where a release begins. Returns " +
        "container_not_found when there is no such container. Returns role_ambiguous, with the choices, " +
        "when several services or destinations run the role. Needs the scope ops:logs: logs may contain " +
        "secrets.",
      args: {
        ...toLoggedArgs(t.arg),
        ...toContainerArgs(t.arg, scalars),
        ...toLogFilterArgs(t.arg, scalars),
        ...toLogPageArgs(t.arg),
      },
      resolve: async (_root, args, context) => {
        const turn = toPageTurn(args);
        return readRoleLogs(context, args, await toLogOptions(args, 1, context), turn);
      },
    }),
  );
}

/** RoleLogBatch, and the subscription logs. */
export function addRoleLogFollow(builder: Builder, refs: Refs, scalars: Scalars): void {
  const notice = builder.enumType("RoleLogNoticeKind", {
    description:
      "What happened to one container of a followed role. A notice is sent at once; lines from before it may follow.",
    values: toEnumValues({
      joined: "It is followed from now on.",
      left: "It no longer belongs to the role. Everything that it wrote was read.",
      truncated:
        "Since `since`, or before it was detected, it wrote more than is sent at once (20,000 lines, 5 " +
        "MB; with `since` of all containers together). The oldest of these lines are missing, and " +
        "`dropped` counts them. Beyond 32 MB, or 5 seconds of counting, `dropped` is a lower bound.",
      unreadable: "Its log cannot be read. The gateway retries.",
      stopped: "It is not running.",
      resumed: "It runs again. The lines continue where they ended.",
      engine_lost: "Its engine does not answer. The gateway retries, and no line will be missing.",
    }),
  });
  const roleLogNotice = builder.objectRef<RoleNotice>("RoleLogNotice").implement({
    description: "What happened to one container of a followed role.",
    fields: (t) => ({
      notice: t.expose("notice", { type: notice, description: "What happened." }),
      container: t.expose("container", { type: refs.logContainer, description: "The container it happened to." }),
      error: t.field({
        type: refs.problem,
        nullable: true,
        description: "Why its log is unreadable; else null.",
        resolve: ({ error }) => (error === null ? null : toProblem(error)),
      }),
    }),
  });
  const roleLogBatch = builder.objectRef<RoleBatch>("RoleLogBatch").implement({
    description: "Lines of a followed role, delivered in one message.",
    fields: (t) => ({
      lines: t.expose("lines", {
        type: [refs.roleLogLine],
        description: "By time. A line that arrives more than half a second late is out of order. May be empty.",
      }),
      ...exposeAll(t, {
        "dropped: Int!":
          "Number of lines missing before these, matching or not filtered yet, because this client was " +
          "slower than others of the same logs, or a container's log is TRUNCATED.",
        "ended: String": endedDescription,
      }),
      notices: t.expose("notices", {
        type: [roleLogNotice],
        description: "What happened to its containers; usually empty.",
      }),
    }),
  });
  builder.subscriptionField("logs", (t) =>
    t.field({
      type: roleLogBatch,
      nullable: true,
      extensions: needs("ops:logs"),
      complexity: { field: 4000, multiplier: 1 },
      description:
        "Follows the logs of a role, or of containers by name, merged by time, half a second behind. " +
        "Sends the newest lines of its containers that `containers` shows (`since`: all from then on), " +
        "then new ones, across restarts, releases and replicas. For stopped containers of old releases " +
        "use the query `logs`. A marker shows where a release begins. Returns container_not_found when " +
        "there is no such container at the start; later there may be none. Returns role_ambiguous when " +
        "several services or destinations run the role, and answer_too_large for more than 200 running " +
        "containers. Needs the scope ops:logs.",
      args: { ...toLoggedArgs(t.arg), ...toContainerArgs(t.arg, scalars), ...toFollowArgs(t.arg, scalars) },
      subscribe: async (_root, args, context) => {
        const options = await toFollowOptions(args, context);
        return followRoleLogs(context, args, options, () => openLease(context, keepsRights(context.principal)));
      },
      resolve: (batch) => batch,
    }),
  );
}

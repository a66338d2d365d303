import { maySeeContainer, type Principal } from "../../auth/principal.ts";
import type { Container } from "../../containers/container.ts";
import type { LogBatch, LogPage } from "../../containers/logs/log.ts";
import { toCost, toFollowArgs, toLogFilterArgs, toLogPageArgs, toPlaceArgs } from "../args.ts";
import { type Builder, counted, exposeAll } from "../builder.ts";
import { openLease } from "../context.ts";
import type { Refs } from "../refs.ts";
import { type Scalars, toEnumValues } from "../scalars.ts";
import { defaultTail, maxTail, toFollowOptions, toLogOptions } from "./options.ts";
import { toLineCursor, toLinePoint, toPageSides, toPageTurn } from "./paging.ts";
import { toHistoryError, toPageFields } from "./page-fields.ts";
import { needs } from "../scopes.ts";

/** LogBatch, and the subscription containerLogs. */
export function addLogFollow(builder: Builder, refs: Refs, scalars: Scalars): void {
  const notice = builder.enumType("LogNotice", {
    description: "What happened to a followed log.",
    values: toEnumValues({
      stopped: "The container is not running. Lines continue at its next start.",
      resumed: "It runs again. The lines continue where they ended.",
      engine_lost: "Its engine does not answer. The gateway retries, and no line will be missing.",
      truncated:
        "Since `since` it wrote more than is sent at once (20,000 lines, 5 MB). The " +
        "oldest of these lines are missing, and `dropped` counts them. Beyond 32 MB, " +
        "or 5 seconds of counting, `dropped` is a lower bound.",
    }),
  });
  const logBatch = builder.objectRef<LogBatch>("LogBatch").implement({
    description: "Lines of a followed log, delivered in one message.",
    fields: (t) => ({
      lines: t.expose("lines", { type: [refs.logLine], description: "In the order they were written; may be empty." }),
      ...exposeAll(t, {
        "dropped: Int!":
          "Number of lines missing just before these, matching or not filtered yet, because this " +
          "client was slower than others of the same log, or the log is TRUNCATED.",
        "ended: String":
          "Why this is the last message (container_gone, expired after an hour, shutdown, " +
          "unauthorized, forbidden, slow_consumer); null while more follow.",
      }),
      notice: t.expose("notice", {
        type: notice,
        nullable: true,
        description: "What happened to the log; null when nothing did.",
      }),
    }),
  });
  builder.subscriptionField("containerLogs", (t) =>
    t.field({
      type: logBatch,
      nullable: true,
      extensions: needs("ops:logs"),
      complexity: { field: 2000, multiplier: 1 },
      description:
        "Follows the log of one container across its restarts: its newest lines " +
        "(`since`: all from then on), then new ones. Needs the scope ops:logs.",
      args: {
        name: t.arg.string({ required: true, description: "Exact name of the container." }),
        ...toPlaceArgs(t.arg),
        ...toFollowArgs(t.arg, scalars),
      },
      subscribe: async (_root, { name, includeAccessories, engine, ...args }, context) => {
        const { loaders, sources } = context;
        const options = await toFollowOptions(args, context);
        const container = await loaders.containers.one({ name, includeAccessories, engine });
        const mayGoOn = (now: Principal) => now.scopes.has("ops:logs") && maySeeContainer(now, container);
        return sources.containers.follow(container, options, openLease(context, mayGoOn));
      },
      resolve: (batch) => batch,
    }),
  );
}

/** A page of one container's log. */
interface ContainerLogs extends LogPage {
  readonly container: Container;
  /** Whether it is around a time. */
  readonly isAt: boolean;
}

/** LogPage and LogLine, and Container.logs. */
export function addLogs(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.logLine.implement({
    description: "One line that a container wrote. It is sanitised, and recognised secrets are redacted.",
    fields: (t) => ({
      timestamp: t.expose("timestamp", { type: "DateTime", description: "When the engine read it, with nanoseconds." }),
      stream: t.expose("stream", { type: scalars.stream, description: "Where it was written." }),
      level: t.expose("level", {
        type: scalars.logLevel,
        nullable: true,
        description:
          "Severity that the line states. Lines of a stack trace have the level of the first. Null when unknown.",
      }),
      message: t.exposeString("message", { description: "The line without its end; cut at 64 KiB." }),
    }),
  });
  const logPage = builder.objectRef<ContainerLogs>("LogPage").implement({
    description:
      "Matching lines of a container, oldest first: the newest ones, or those around a time or next to another page.",
    fields: (t) => ({
      lines: t.expose("lines", {
        type: [refs.logLine],
        complexity: counted,
        description: "In the order they were written.",
      }),
      truncated: t.exposeBoolean("truncated", {
        description: "True when older matching lines were left out because of `tail` or size.",
      }),
      historyError: toHistoryError(t, refs),
      ...toPageFields(t, {
        toStart: ({ container, start }) => toLineCursor(container, start),
        toEnd: ({ container, end }) => toLineCursor(container, end),
      }),
    }),
  });
  builder.objectField(refs.container, "logs", (t) =>
    t.field({
      type: logPage,
      nullable: true,
      extensions: needs("ops:logs"),
      complexity: ({ tail }) => ({ field: 100, multiplier: toCost(tail ?? defaultTail, maxTail) }),
      description:
        "Its newest log lines, or those around a time (`at`) or next to another page " +
        "(`before`, `after`). Needs the scope ops:logs: logs may contain secrets.",
      args: { ...toLogFilterArgs(t.arg, scalars), ...toLogPageArgs(t.arg) },
      resolve: async (container, args, context) => {
        const { loaders, budget } = context;
        const turn = toPageTurn(args);
        const options = await toLogOptions(args, 1, context);
        const around = turn && { ...toPageSides(turn, options.tail), point: toLinePoint(turn, container) };
        const page = await loaders.logs.read(container, around ? { ...options, around } : options);
        budget.text(page.lines.reduce((sum, { message }) => sum + message.length, 0));
        return { ...page, container, isAt: turn?.kind === "at" };
      },
    }),
  );
}

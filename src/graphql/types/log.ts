import type { Builder } from "../builder.ts";
import { maxTail, toLogOptions } from "../log-args.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "./scalars.ts";

/** LogPage and LogLine, and Container.logs. */
export function addLogs(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.logLine.implement({
    description: "One line that a container wrote, sanitised, and redacted as far as secrets can be recognised.",
    fields: (t) => ({
      timestamp: t.expose("timestamp", { type: "DateTime", description: "When the engine read it, with nanoseconds." }),
      stream: t.expose("stream", { type: scalars.stream, description: "Where it was written." }),
      level: t.expose("level", {
        type: scalars.logLevel,
        nullable: true,
        description:
          "How severe, as the line says; the lines of a stack trace have the level of their first. Null when nothing tells.",
      }),
      message: t.exposeString("message", { description: "The line without its end; cut at 64 KiB." }),
    }),
  });
  refs.logPage.implement({
    description: "The newest matching lines of a container, oldest first.",
    fields: (t) => ({
      lines: t.expose("lines", { type: [refs.logLine], description: "In the order they were written." }),
      truncated: t.exposeBoolean("truncated", {
        description: "True when older matching lines were left out, by `tail` or by size.",
      }),
    }),
  });
  builder.objectField(refs.container, "logs", (t) =>
    t.field({
      type: refs.logPage,
      nullable: true,
      authScopes: { logs: true },
      complexity: ({ tail }) => ({ field: 50 + Math.ceil((tail ?? 200) / 10), multiplier: 1 }),
      description: "Its newest log lines. Needs the scope ops:logs: logs may carry secrets.",
      args: {
        tail: t.arg.int({
          defaultValue: 200,
          required: true,
          description: `How many lines, 1 to ${maxTail}, after all filters.`,
        }),
        since: t.arg.string({ description: "From this time on: RFC 3339, unix seconds, or a duration back from now (10m, 2h)." }),
        until: t.arg.string({ description: "Up to this time, as `since`." }),
        stream: t.arg({ type: scalars.stream, description: "Only this stream." }),
        search: t.arg.string({ description: "Only lines that contain this text, case-sensitive; at most 200 characters." }),
        searchRegex: t.arg.string({
          description: "Only lines that match this regular expression (RE2, at most 200 characters); `(?i)` ignores case.",
        }),
        level: t.arg({ type: scalars.logLevel, description: "Only lines so severe, or more." }),
      },
      resolve: async (container, args, { sources, signal }) =>
        sources.containers.logs(container, await toLogOptions(args, 1), signal),
    }),
  );
}

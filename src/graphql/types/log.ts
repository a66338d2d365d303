import type { Builder } from "../builder.ts";
import { maxTail, toLogOptions } from "../log-args.ts";
import type { Refs } from "../refs.ts";
import { counted, toCost } from "./page-args.ts";
import { toLogFilterArgs, toUntilArg } from "./log-filter-args.ts";
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
      lines: t.expose("lines", {
        type: [refs.logLine],
        complexity: counted,
        description: "In the order they were written.",
      }),
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
      complexity: ({ tail }) => ({ field: 100, multiplier: toCost(tail ?? 200, maxTail) }),
      description: "Its newest log lines. Needs the scope ops:logs: logs may carry secrets.",
      args: { ...toLogFilterArgs(t.arg, scalars, 1), ...toUntilArg(t.arg) },
      resolve: async (container, args, context) => {
        const { loaders, budget } = context;
        const page = await loaders.logs.read(container, await toLogOptions(args, 1, context));
        budget.text(page.lines.reduce((sum, { message }) => sum + message.length, 0));
        return page;
      },
    }),
  );
}

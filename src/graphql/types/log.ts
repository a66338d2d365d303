import { parseLogTime } from "../../domain/log-time.ts";
import { OpsError } from "../../errors.ts";
import type { Builder } from "../builder.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "./scalars.ts";

const maxTail = 5000;

/** LogPage and LogLine, and Container.logs. */
export function addLogs(builder: Builder, refs: Refs, scalars: Scalars): void {
  refs.logLine.implement({
    description: "One line that a container wrote.",
    fields: (t) => ({
      timestamp: t.expose("timestamp", { type: "DateTime", description: "When the engine read it, with nanoseconds." }),
      stream: t.expose("stream", { type: scalars.stream, description: "Where it was written." }),
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
      },
      resolve: (container, { tail, since, until, stream, search }, { sources, signal }) => {
        if (tail < 1 || tail > maxTail) throw new OpsError("invalid_request", `tail must be from 1 to ${maxTail}`);
        if (search && search.length > 200) throw new OpsError("invalid_request", "search must have at most 200 characters");
        return sources.containers.logs(
          container,
          { tail, ...time("since", since), ...time("until", until), ...(stream && { stream }), ...(search && { search }) },
          signal,
        );
      },
    }),
  );
}

function time(name: "since" | "until", text: string | null | undefined): { since?: string; until?: string } {
  if (text === null || text === undefined || text === "") return {};
  const parsed = parseLogTime(text, Date.now());
  if (parsed === null) {
    throw new OpsError("invalid_request", `${name} must be a time (RFC 3339 or unix seconds) or a duration such as 10m`);
  }
  return { [name]: parsed };
}

import { maySee } from "../../domain/principal.ts";
import { OpsError } from "../../errors.ts";
import type { Builder } from "../builder.ts";
import { maxTail, toLogOptions } from "../log-args.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "./scalars.ts";

/** LogBatch, and the subscription containerLogs. */
export function addLogFollow(builder: Builder, refs: Refs, scalars: Scalars): void {
  const notice = builder.enumType("LogNotice", {
    description: "What happened to the source of a followed log.",
    values: {
      stopped: { description: "The container does not run; its next start is waited for." },
      resumed: { description: "It runs again; the lines go on where they ended." },
      engine_lost: { description: "Its engine cannot be asked; it is tried again, and no line will be missing." },
    } as const,
  });
  refs.logBatch.implement({
    description: "Lines of a followed log that came together.",
    fields: (t) => ({
      lines: t.expose("lines", { type: [refs.logLine], description: "In the order they were written; may be none." }),
      dropped: t.exposeInt("dropped", {
        description: "So many matching lines are missing just before these: this reader was slower than others of the same log.",
      }),
      notice: t.expose("notice", { type: notice, nullable: true, description: "What happened to its source, else null." }),
      ended: t.exposeString("ended", {
        nullable: true,
        description:
          "Why nothing comes after this (container_gone, shutdown, unauthorized, forbidden, slow_consumer); null while it goes on.",
      }),
    }),
  });
  builder.subscriptionField("containerLogs", (t) =>
    t.field({
      type: refs.logBatch,
      nullable: true,
      authScopes: { logs: true },
      complexity: { field: 100, multiplier: 1 },
      description:
        "Follows the log of one container, also over its restarts: its newest lines, then what it writes. Needs the scope ops:logs.",
      args: {
        name: t.arg.string({ required: true, description: "Exact name of the container." }),
        includeAccessories: t.arg.boolean({
          defaultValue: false,
          required: true,
          description: "Also find what Kamal runs beside the service.",
        }),
        engine: t.arg.string({ description: "Only this engine, by its configured name." }),
        tail: t.arg.int({
          defaultValue: 200,
          required: true,
          description: `How many of its newest matching lines come first, 0 to ${maxTail}.`,
        }),
        since: t.arg.string({
          description: "Those only from this time on: RFC 3339, unix seconds, or a duration back from now.",
        }),
        stream: t.arg({ type: scalars.stream, description: "Only this stream." }),
        search: t.arg.string({ description: "Only lines that contain this text, case-sensitive; at most 200 characters." }),
        searchRegex: t.arg.string({
          description: "Only lines that match this regular expression (RE2, at most 200 characters).",
        }),
        level: t.arg({ type: scalars.logLevel, description: "Only lines so severe, or more." }),
      },
      subscribe: async (_root, { name, includeAccessories, engine, ...args }, { loaders, sources, openStream }) => {
        const options = await toLogOptions(args, 0);
        const container = await loaders.containers.one({ name, includeAccessories, engine });
        if (!openStream) throw new OpsError("invalid_request", "Nothing can be followed here");
        const lease = openStream();
        lease.recheck((principal) => principal.scopes.has("ops:logs") && maySee(principal, container.env));
        return sources.containers.follow(container, options, lease.signal);
      },
      resolve: (batch) => batch,
    }),
  );
}

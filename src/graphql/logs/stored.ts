import { keepsRights } from "../../auth/principal.ts";
import { OpsError } from "../../lib/errors.ts";
import { toContainerArgs, toLineArgs, toLoggedArgs, toLogPageArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { openLease } from "../context.ts";
import type { Refs } from "../refs.ts";
import type { Scalars } from "../scalars.ts";
import { needs } from "../scopes.ts";
import { toLogOptions } from "./options.ts";
import { toHistoryError } from "./page-fields.ts";
import { readStoredLogs, type StoredLogs } from "./role-loader.ts";

/** StoredLogBatch, and the subscription storedLogs. */
export function addStoredLogs(builder: Builder, refs: Refs, scalars: Scalars): void {
  const batch = builder.objectRef<StoredLogs>("StoredLogBatch").implement({
    description: "Some of the stored lines of the selected containers.",
    fields: (t) => ({
      lines: t.expose("lines", {
        type: [refs.roleLogLine],
        description: "By time, then by container. Lines of one container keep their written order. May be empty.",
      }),
      ...exposeAll(t, {
        "completeSince: DateTime":
          "In the last message, where `newest` left out older lines: all " +
          "lines after this time were sent. Null otherwise.",
        "ended: String":
          "Why this is the last message: complete, or the reading was cut short (expired after an hour, " +
          "shutdown, unauthorized, forbidden, slow_consumer). Null while more follow.",
      }),
      containers: t.field({
        type: [refs.roleLogPart],
        description:
          "In the message that ends with complete: each container that was read; `truncated` where it " +
          "may have older lines, and the `error` that ended its reading. Else empty.",
        resolve: ({ parts }) => parts,
      }),
      engines: t.expose("engines", {
        type: [refs.engine],
        description: "In the same message: whether each engine answered at the start. Else empty.",
      }),
      historyError: toHistoryError(t, refs, "In the same message. "),
    }),
  });
  builder.subscriptionField("storedLogs", (t) => {
    const filterArgs = toLineArgs(t.arg, scalars);
    return t.field({
      type: batch,
      nullable: true,
      extensions: needs("ops:logs"),
      complexity: { field: 4000, multiplier: 1 },
      description:
        "Sends all lines that the query `logs` would find, oldest first, without a limit, then " +
        "completes. Reads each container's log once, no faster than the client reads, so a long " +
        "log costs far less than page by page. Lines that are written meanwhile may or may not be " +
        "sent. Returns container_not_found, role_ambiguous and answer_too_large as the " +
        "subscription `logs` does. Needs the scope ops:logs.",
      args: {
        ...toLoggedArgs(t.arg),
        ...toContainerArgs(t.arg, scalars),
        ...filterArgs,
        until: toLogPageArgs(t.arg).until,
        newest: t.arg.int({
          description:
            "Reads only this many of the newest entries of each container, before all filters; a line " +
            "of more than 16 KiB has several entries. At least 1. When absent: all.",
        }),
      },
      subscribe: async (_root, { newest = null, ...args }, context) => {
        if (newest !== null && newest < 1) throw new OpsError("invalid_request", "newest must be at least 1");
        const { tail: _tail, ...filter } = await toLogOptions({ ...args, tail: 1 }, 1, context);
        const open = () => openLease(context, keepsRights(context.principal));
        return readStoredLogs(context, args, { ...filter, newest }, open);
      },
      resolve: (message) => message,
    });
  });
}

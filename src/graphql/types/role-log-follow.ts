import { keepsRights } from "../../domain/principal.ts";
import { toProblem } from "../../errors.ts";
import type { Builder } from "../builder.ts";
import { endedDescription, openLease } from "../lease.ts";
import { followRoleLogs } from "../loaders/role-logs.ts";
import { toLogOptions } from "../log-args.ts";
import type { Refs } from "../refs.ts";
import { toContainerArgs } from "./container-args.ts";
import { toLogFilterArgs, toRoleArgs } from "./log-filter-args.ts";
import type { Scalars } from "./scalars.ts";

/** RoleLogBatch, and the subscription logs. */
export function addRoleLogFollow(builder: Builder, refs: Refs, scalars: Scalars): void {
  const notice = builder.enumType("RoleLogNoticeKind", {
    description: "What happened to one container of a followed role. It is told at once; lines of before may follow.",
    values: {
      joined: { description: "It is followed from now on." },
      left: { description: "It is none of the role any more, and all that it wrote was read." },
      truncated: {
        description:
          "It wrote more before it was found than is read at once (20,000 lines, 5 MB): the oldest of these are missing, and `dropped` counts " +
          "them; beyond 32 MB, or 5 seconds of counting, at least so many.",
      },
      unreadable: { description: "Its log cannot be read; it is tried again." },
      stopped: { description: "It does not run." },
      resumed: { description: "It runs again; the lines go on where they ended." },
      engine_lost: { description: "Its engine cannot be asked; it is tried again, and no line will be missing." },
    } as const,
  });
  refs.roleLogNotice.implement({
    description: "What happened to one container of a followed role.",
    fields: (t) => ({
      notice: t.expose("notice", { type: notice, description: "What happened." }),
      container: t.expose("container", { type: refs.logContainer, description: "To which one." }),
      error: t.field({
        type: refs.problem,
        nullable: true,
        description: "Why it is unreadable, else null.",
        resolve: ({ error }) => (error === null ? null : toProblem(error)),
      }),
    }),
  });
  refs.roleLogBatch.implement({
    description: "Lines of a followed role that came together.",
    fields: (t) => ({
      lines: t.expose("lines", {
        type: [refs.roleLogLine],
        description:
          "By time, as far as no line comes more than half a second later than others; what does comes out of order. May be none.",
      }),
      dropped: t.exposeInt("dropped", {
        description:
          "So many matching lines are missing before these: this reader was slower than others of the same logs, or a container is `truncated`.",
      }),
      notices: t.expose("notices", {
        type: [refs.roleLogNotice],
        description: "What happened to its containers; mostly nothing.",
      }),
      ended: t.exposeString("ended", {
        nullable: true,
        description: endedDescription,
      }),
    }),
  });
  builder.subscriptionField("logs", (t) =>
    t.field({
      type: refs.roleLogBatch,
      nullable: true,
      authScopes: { logs: true },
      complexity: { field: 4000, multiplier: 1 },
      description:
        "Follows the logs of a role, merged by time: the newest lines of its containers that `containers` shows, then what they write, over restarts, " +
        "releases and replicas, half a second behind (for what stopped ones of old releases wrote see the query). A marker stands where a release begins. container_not_found when the role has none at the beginning; " +
        "later it may. role_ambiguous when several services or destinations run it. Needs the scope ops:logs.",
      args: { ...toRoleArgs(t.arg), ...toContainerArgs(t.arg, scalars), ...toLogFilterArgs(t.arg, scalars, 0) },
      subscribe: async (_root, args, context) => {
        const options = await toLogOptions(args, 0, context);
        return followRoleLogs(context, args, options, () => openLease(context, keepsRights(context.principal)));
      },
      resolve: (batch) => batch,
    }),
  );
}

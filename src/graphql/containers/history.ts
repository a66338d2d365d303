import type { ContainerPoint } from "../../containers/stats/history.ts";
import { toHistoryRangeArgs } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import { toHistoryRange } from "../range.ts";
import type { Refs } from "../refs.ts";
import { toEnumValues } from "../scalars.ts";
import type { FoundHistory } from "./history-loader.ts";

/** ContainerHistory and ContainerPoint, and Container.history. */
export function addContainerHistory(builder: Builder, refs: Refs): void {
  const containerPoint = builder.objectRef<ContainerPoint>("ContainerPoint").implement({
    description: "What a container used at one time. Null where it is not known, and where it did not run.",
    fields: (t) =>
      exposeAll(t, {
        "time: DateTime!": "That time.",
        "cpuPct: Float": "As ContainerStats.cpuPct.",
        "memPct: Float": "As ContainerStats.memPct.",
        "restarts: Int": "As Container.restarts. Null from memory, which does not keep them.",
      }),
  });
  const origin = builder.enumType("HistoryOrigin", {
    description: "Where the past of a container is from.",
    values: toEnumValues({
      memory: "The gateway's own samples of the last 10 minutes, taken while somebody asks.",
      prometheus: "Prometheus, which scrapes the gateway's /metrics.",
    }),
  });
  const containerHistory = builder.objectRef<FoundHistory>("ContainerHistory").implement({
    description: "The past of a container.",
    fields: (t) => ({
      source: t.field({ type: origin, description: "Where it is from.", resolve: ({ history }) => history.source }),
      problem: t.field({
        type: refs.problem,
        nullable: true,
        description: "Why Prometheus could not be asked for what the memory lacks; null when it was, or need not be.",
        resolve: ({ problem }) => problem,
      }),
      stepSeconds: t.int({
        description: "Between two points: the step, or its next multiple that is no shorter than samples are apart.",
        resolve: ({ history }) => history.stepSeconds,
      }),
      since: t.field({
        type: "DateTime",
        nullable: true,
        description: "Points of before are null. Null when all of the range is known; its end when nothing is.",
        resolve: ({ history }) => history.since,
      }),
      points: t.field({
        type: [containerPoint],
        description: "Oldest first, up to the end of the range.",
        resolve: ({ history }) => [...history.points],
      }),
    }),
  });
  builder.objectField(refs.container, "history", (t) =>
    t.field({
      type: containerHistory,
      nullable: true,
      complexity: { field: 400, multiplier: 1 },
      description:
        "What ran under its name over a range, at most 11,000 points: from memory where that reaches back far enough, else from Prometheus " +
        "where it has scraped the gateway, else what the memory has.",
      args: toHistoryRangeArgs(t.arg),
      resolve: (container, args, { loaders }) =>
        loaders.containerHistory.history(toHistoryRange(args, loaders.nowMs)).load(container),
    }),
  );
}

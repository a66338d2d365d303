import type { Builder } from "../builder.ts";
import { toHistoryRange } from "../history-args.ts";
import type { Refs } from "../refs.ts";
import { toHistoryRangeArgs } from "./history-range-args.ts";

/** HostHistory and HostPoint, and Host.history. */
export function addHostHistory(builder: Builder, refs: Refs): void {
  refs.hostPoint.implement({
    description: "A host at one time. Null where it is not known, and where the host was down: never what it was before.",
    fields: (t) => ({
      time: t.expose("time", { type: "DateTime", description: "That time." }),
      up: t.exposeBoolean("up", {
        nullable: true,
        description: "Whether its exporter answered Prometheus; null where Prometheus did not ask it.",
      }),
      cpuUtil: t.exposeFloat("cpuUtil", {
        nullable: true,
        description: "As Host.cpuUtil, over the step that ends there: at least 5 minutes, at most an hour.",
      }),
      memUtil: t.exposeFloat("memUtil", { nullable: true, description: "As Host.memUtil." }),
      diskUtil: t.exposeFloat("diskUtil", { nullable: true, description: "As Host.diskUtil." }),
      load1: t.exposeFloat("load1", { nullable: true, description: "As Host.load1." }),
    }),
  });
  refs.hostHistory.implement({
    description: "The past of a host, from Prometheus.",
    fields: (t) => ({
      stepSeconds: t.exposeInt("stepSeconds", {
        description: "Between two points: the step, or its next multiple that is no shorter than Prometheus' scrape interval.",
      }),
      points: t.expose("points", { type: [refs.hostPoint], description: "Oldest first, up to the end of the range." }),
    }),
  });
  builder.objectField(refs.host, "history", (t) =>
    t.field({
      type: refs.hostHistory,
      nullable: true,
      complexity: { field: 400, multiplier: 1 },
      description:
        "Its utilisation over a range, at most 11,000 points: one question to Prometheus for all hosts that are selected. Null, with prometheus_unavailable, " +
        "when that does not answer; with invalid_request when all of it is larger than 10 MB.",
      args: toHistoryRangeArgs(t.arg),
      resolve: (host, args, { loaders }) => loaders.hosts.history(toHistoryRange(args, loaders.nowMs)).load(host.instance),
    }),
  );
}

import { type OpsError, toProblem } from "../../errors.ts";
import type { Builder } from "../builder.ts";
import { toAscending } from "../loaders/series-filter.ts";
import type { Refs } from "../refs.ts";
import { seriesComplexity, toRangeArgs } from "./series-args.ts";
import { type UpKind, type UpSample, loadUpCounts } from "./up-counts.ts";

interface UpCountKind {
  readonly kind: UpKind;
  readonly error: ReturnType<typeof toProblem> | null;
}

/** UpSample and UpCountKind, and how many of everything are up. */
export function addUpSeries(builder: Builder, refs: Refs): void {
  const kind = builder.enumType("UpKind", {
    description: "What is counted, and when it is up.",
    values: {
      host: { description: "Hosts that Prometheus knows: their exporter answers it." },
      engine: { description: "Configured container engines: they answer." },
      queue_source: { description: "Queue sources: their numbers could be read." },
      container: { description: "Core containers: running, not unhealthy, and their engine answers." },
    } as const,
  });
  const sample = builder.objectRef<UpSample>("UpSample").implement({
    description: "How many of a kind were up at one time.",
    fields: (t) => ({
      time: t.expose("time", { type: "DateTime", description: "That time." }),
      kind: t.expose("kind", { type: kind, description: "What is counted." }),
      up: t.exposeInt("up", { nullable: true, description: "How many of them are up; null when nobody could say." }),
      total: t.exposeInt("total", { nullable: true, description: "How many there are; null when nobody could say." }),
    }),
  });
  const countKind = builder.objectRef<UpCountKind>("UpCountKind").implement({
    description: "Whether one kind could be counted.",
    fields: (t) => ({
      kind: t.expose("kind", { type: kind, description: "Which." }),
      error: t.expose("error", {
        type: refs.problem,
        nullable: true,
        description: "Why not, now or in the past; null when it could.",
      }),
    }),
  });
  type Arg = Parameters<typeof toRangeArgs>[0];
  const toArgs = (arg: Arg) => ({ ...toRangeArgs(arg), kinds: arg({ type: [kind], description: "Only these kinds." }) });
  builder.queryField("upCounts", (t) =>
    t.field({
      type: [sample],
      nullable: true,
      complexity: seriesComplexity,
      description:
        "How many hosts, engines, queue sources and containers are up, ascending in time. The past is known of hosts alone, from Prometheus; of all kinds there is " +
        "one row for now, where the range reaches it. A kind that could not be counted has a row of nulls, and is in `upCountKinds`; null when none could.",
      args: toArgs(t.arg),
      resolve: async (_root, args, context) => {
        const { past, now } = await loadUpCounts(args, context);
        const worst = findWorst([...past, ...now].map(({ failure }) => failure));
        if (worst) throw worst;
        const present = now.flatMap(({ rows }) => rows);
        const earlier = past.flatMap(({ rows }) => rows).filter(({ time }) => time !== present[0]?.time);
        return toAscending(context.budget, () => [earlier, present]);
      },
    }),
  );
  builder.queryField("upCountKinds", (t) =>
    t.field({
      type: [countKind],
      nullable: true,
      complexity: seriesComplexity,
      description:
        "Which kinds could be counted, also when none could. Beside `upCounts` of the same arguments it asks nothing more of anybody.",
      args: toArgs(t.arg),
      resolve: async (_root, args, context) => {
        const { past, now } = await loadUpCounts(args, context);
        return [...Map.groupBy([...now, ...past], (answer) => answer.kind)].map(([of, answers]): UpCountKind => {
          const failed = answers.find(({ failure }) => failure !== null);
          return { kind: of, error: failed ? toProblem(failed.failure) : null };
        });
      },
    }),
  );
}

/** Where all failed: those of the gateway and its upstreams (5xx) before those of the request. */
function findWorst(failures: readonly (OpsError | null)[]): OpsError | null {
  const failed = failures.filter((failure) => failure !== null);
  if (failed.length < failures.length) return null;
  return failed.toSorted((a, b) => Math.floor(b.status / 100) - Math.floor(a.status / 100))[0] ?? null;
}

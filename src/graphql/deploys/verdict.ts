import { findLatest } from "../../deploys/state.ts";
import { verdictRules } from "../../deploys/verdict/rules.ts";
import type { DeployVerdict, JudgedError, QueueVerdict, QueueWindow, VerdictOutcome } from "../../deploys/verdict/types.ts";
import { toFailureRatio } from "../../deploys/verdict/verdict.ts";
import { OpsError } from "../../lib/errors.ts";
import { formatRfc3339, toUnixSeconds } from "../../lib/time.ts";
import { toFlagArg } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { Refs } from "../refs.ts";
import { toEnumValues } from "../scalars.ts";

const { leastJobs, alpha, leastRatioGrowth, leastTimedJobs, p95Factor, p95Seconds, unhealthyFactor, unhealthySeconds } =
  verdictRules;
const { leastErrors, leastErrorMinutes, errorLastsUntil, stoppedShare, stoppedSeconds } = verdictRules;

const p95Test = `Worse below ${alpha} divided by twice the queues that have enough jobs, where it grew ${p95Factor} times, and by ${p95Seconds} s, at least. Null with less than ${leastTimedJobs} jobs in a window, or without one of them.`;

/** DeployVerdict and its parts, Deploy.verdict, and the query latestDeploys, whose verdicts alerts use. */
export function addDeployVerdict(builder: Builder, refs: Refs): void {
  const outcome = builder.enumType("VerdictOutcome", {
    description: "How the time after a deploy compares with the time before it.",
    values: toEnumValues<VerdictOutcome>({
      clean: "Nothing is worse, and there was enough data.",
      regressed: "Something is worse.",
      not_enough_data: "Nothing is known to be worse, but there was not enough data.",
    }),
  });
  const queueWindow = builder.objectRef<QueueWindow>("QueueWindow").implement({
    description: "What ended in a queue in one window.",
    fields: (t) => ({
      ...exposeAll(t, {
        "succeeded: Int!": "Jobs that succeeded.",
        "failed: Int!": "Failures, as Queue.failuresLastHour counts them.",
        "waitP95Seconds: Float": "95 of 100 started sooner after they could; null when unknown.",
        "runP95Seconds: Float": "95 of 100 successes took no longer; null when unknown.",
        "depth: Int": "Jobs that could run at its end; null when unknown.",
        "oldestAgeSeconds: Float": "Since when the oldest of these could run, at its end; null without one, or when unknown.",
      }),
      failureRatio: t.float({ description: "Part of these that failed, 0..1; 0 without any.", resolve: toFailureRatio }),
    }),
  });
  const queueVerdict = builder.objectRef<QueueVerdict>("QueueVerdict").implement({
    description: `One queue before and after a deploy. It needs ${leastJobs} jobs that ended in each window. With so many before alone it has stopped, which is worse, where it is stalled or without workers now and the window, of ${stoppedSeconds} s or more, lasts until now; or where at most ${stoppedShare} of them ended after, more wait than before, and the oldest ${stoppedSeconds} s or longer. Not where it is paused.`,
    fields: (t) => ({
      ...exposeAll(t, {
        "queue: String!": "Name of the queue.",
        "source: String!": "Configured name of its source.",
        "pValue: Float": `Fisher's exact test, one-sided: the chance of so many failures after if nothing had changed. Worse below ${alpha} divided by the queues that have enough jobs, where the ratio grew by ${leastRatioGrowth} at least. Null without enough jobs.`,
        "waitPValue: Float": `The chance of so much growth of the 95th percentile of waiting, if nothing had changed and it scattered as a lognormal distribution's does. ${p95Test}`,
        "runPValue: Float": `As \`waitPValue\`, of running. ${p95Test}`,
        "reasons: [String!]!": "What is worse, or missing.",
      }),
      outcome: t.expose("outcome", { type: outcome, description: "Of this queue alone." }),
      before: t.expose("before", {
        type: queueWindow,
        nullable: true,
        description: "Null when its jobs of that time are not stored.",
      }),
      after: t.expose("after", { type: queueWindow, nullable: true, description: "As `before`." }),
    }),
  });
  const newError = builder.objectRef<JudgedError>("NewError").implement({
    description:
      "An error that no failure before the deploy had in the last hour, and none of another release's workers. Where rows do not name their workers, failures while the deploy lasted do not count.",
    fields: (t) => ({
      ...exposeAll(t, {
        "fingerprint: String!": "That of ErrorGroup.",
        "error: String!": "The newest of its texts, secrets redacted.",
        "queues: [String!]!": "Names of the queues that it hit.",
        "minutes: Int!": "In how many different minutes that was, at most.",
        "share: Float": "Its part of what ended after the deploy in these queues, 0..1; null when that is not known.",
        "pValue: Float!":
          "The chance that it never came before, if it came at one rate (conditional binomial test); failures of one minute count as one.",
        "regressed: Boolean!": `Whether that is below ${alpha} divided by the number of new errors, it came ${leastErrors} times and in ${leastErrorMinutes} minutes at least, the last time not longer ago than ${errorLastsUntil} of the time since the first, and \`share\` is ${leastRatioGrowth} at least, or not known.`,
      }),
      count: t.int({
        description:
          "How often it came since the deploy had ended; by workers of the release, since it began. At least: of those of one text that came before that too, only the last is counted.",
        resolve: ({ after }) => after.count,
      }),
    }),
  });
  const containersVerdict = builder.objectRef<DeployVerdict["containers"]>("ContainersVerdict").implement({
    description: "Core containers of its service and destination before and after a deploy.",
    fields: (t) => ({
      ...exposeAll(t, {
        "restartsFrom: String":
          "`events`: ends that nobody asked for, in the windows. `counters`: what the engines count for the containers of this release and of others, over their lives; it decides only while the window lasts until now. Null when neither is known.",
        "restartsPValue: Float": `The chance of so many after, if they came at one rate (conditional binomial test), over equal spans: what was counted for longer before is scaled down. Worse below ${alpha}. Null when a number is unknown, or decides nothing.`,
        "unhealthySecondsBefore: Float": `Over all of them, from the engines' events. Worse when ${unhealthyFactor} times as long, and ${unhealthySeconds} s longer. Null when events of then were not heard.`,
        "unhealthySecondsAfter: Float": "As `unhealthySecondsBefore`.",
        "unhealthyNow: [String!]!":
          "Names of containers of this release that are unhealthy now. That is worse while the window after the deploy lasts until now, unless containers were as long unhealthy before.",
      }),
      restartsBefore: t.int({
        nullable: true,
        description: "Null when unknown.",
        resolve: ({ restartsBefore }) => restartsBefore?.count ?? null,
      }),
      restartsAfter: t.int({
        nullable: true,
        description: "Null when unknown.",
        resolve: ({ restartsAfter }) => restartsAfter?.count ?? null,
      }),
    }),
  });
  const deployVerdict = builder.objectRef<DeployVerdict>("DeployVerdict").implement({
    description:
      "A comparison of the time after a deploy with as long a time before it. Regressed when one part is: a queue's failures, its 95th percentile of waiting or " +
      `running (a test, and ${p95Factor} times and ${p95Seconds} s more), containers' restarts and health, new errors; or a queue has stopped. Clean when none is, one queue had enough jobs, and none had them before alone.`,
    fields: (t) => ({
      outcome: t.expose("outcome", { type: outcome, description: "Of all parts together." }),
      reasons: t.exposeStringList("reasons", { description: "What is worse, or why there is not enough data." }),
      windowSeconds: t.int({
        nullable: true,
        description: "Length of each window; null when there is none of a minute.",
        resolve: ({ windows }) => windows?.seconds ?? null,
      }),
      beforeFrom: t.field({
        type: "DateTime",
        nullable: true,
        description: "Where the first window begins; it ends when the deploy began.",
        resolve: ({ windows }) => (windows ? formatRfc3339(windows.before.from * 1000) : null),
      }),
      afterTo: t.field({
        type: "DateTime",
        nullable: true,
        description: "Where the second window ends; it begins when the deploy had ended.",
        resolve: ({ windows }) => (windows ? formatRfc3339(windows.after.to * 1000) : null),
      }),
      queues: t.expose("queues", { type: [queueVerdict], description: "Queues that had a job in either window." }),
      containers: t.expose("containers", { type: containersVerdict, description: "Restarts and health." }),
      newErrors: t.expose("newErrors", {
        type: [newError],
        nullable: true,
        description: "Null when that is unknown: the deploy is not the last one, or longer ago than 55 minutes.",
      }),
      gaps: t.exposeStringList("gaps", { description: "What could not be asked, and why." }),
    }),
  });
  builder.queryField("latestDeploys", (t) =>
    t.field({
      type: [refs.deploy],
      nullable: true,
      complexity: { field: 50, multiplier: 3 },
      description:
        "The newest deploy that has not failed of each service and destination that the token may see, and of those that may be of several; newest first.",
      args: {
        maxAgeSeconds: t.arg.int({ description: "Only those that ended no longer ago, at least 1; all when absent." }),
      },
      resolve: async (_root, { maxAgeSeconds }, { loaders }) => {
        const latest = findLatest(await loaders.deploys.all());
        if (typeof maxAgeSeconds !== "number") return latest;
        if (maxAgeSeconds < 1) throw new OpsError("invalid_request", "maxAgeSeconds must be at least 1");
        return latest.filter(({ deployedAt }) => loaders.nowMs / 1000 - toUnixSeconds(deployedAt) <= maxAgeSeconds);
      },
    }),
  );
  builder.objectField(refs.deploy, "verdict", (t) =>
    t.field({
      type: deployVerdict,
      nullable: true,
      complexity: { field: 2000, multiplier: 1 },
      description: "Whether the release is worse than the one before it, from the jobs' own rows, the engines and the errors.",
      args: {
        window: t.arg.int({
          defaultValue: 1800,
          required: true,
          description: "Length of both windows in seconds, 60 to 86400; less where other deploys, or now, are nearer.",
        }),
        needsQueues: toFlagArg(
          t.arg,
          "Fail, with queues_unavailable, instead of not_enough_data where no queue source could be read. For alerts, which would be over otherwise.",
        ),
      },
      resolve: async (deploy, { window, needsQueues }, { loaders }) => {
        if (!(window >= 60 && window <= 86_400)) throw new OpsError("invalid_request", "window must be from 60 to 86400 seconds");
        const verdict = await loaders.deploys.verdict(deploy, window);
        // A regression is returned anyway.
        if (needsQueues && verdict.queuesUnread && verdict.outcome === "not_enough_data") {
          throw new OpsError("queues_unavailable", `No queue source could be read (${verdict.gaps.join("; ")})`);
        }
        return verdict;
      },
    }),
  );
}

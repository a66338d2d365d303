import { findLatest } from "../../deploys/state.ts";
import { toShare, verdictRules } from "../../deploys/verdict/rules.ts";
import type { Baseline, DeployVerdict, JudgedError, QueueVerdict, QueueWindow } from "../../deploys/verdict/types.ts";
import { usualWindowSeconds } from "../../deploys/verdict/windows.ts";
import {
  containersWorsenings,
  outcomeMeanings,
  queueWorsenings,
  unjudgeableMeanings,
  verdictNumbers,
  windowNumbers,
} from "../../facts/deploy.ts";
import { describeNumber } from "../../facts/number.ts";
import { OpsError } from "../../lib/errors.ts";
import { formatRfc3339, toUnixSeconds } from "../../lib/time.ts";
import { toFlagArg } from "../args.ts";
import { type Builder, exposeAll } from "../builder.ts";
import type { Refs } from "../refs.ts";
import { toEnumValues } from "../scalars.ts";

const { leastJobs, alpha, leastRatioGrowth, leastTimedJobs, p95Factor, p95Seconds, unhealthyFactor, unhealthySeconds } =
  verdictRules;
const { leastErrors, leastErrorMinutes, errorLastsUntil, stoppedShare, stoppedSeconds } = verdictRules;

const p95Test =
  `Worse below ${alpha} divided by twice the number of queues with enough jobs, if the percentile ` +
  `also grew at least ${p95Factor} times and by at least ${p95Seconds} s. Null when a window has ` +
  `fewer than ${leastTimedJobs} jobs, or its percentile is unknown.`;

/**
 * DeployVerdict and its parts, Deploy.verdict, and the query latestDeploys, whose verdicts alerts
 * use.
 */
export function addDeployVerdict(builder: Builder, refs: Refs): void {
  const outcome = builder.enumType("VerdictOutcome", {
    description: "Whether a release is worse than the one before it.",
    values: toEnumValues(outcomeMeanings),
  });
  const unjudgeableReason = builder.enumType("UnjudgeableReason", {
    description: "Why a gateway never judges a deploy.",
    values: toEnumValues(unjudgeableMeanings),
  });
  const queueWindow = builder.objectRef<QueueWindow>("QueueWindow").implement({
    description: "Jobs of a queue that ended in one window.",
    fields: (t) => ({
      ...exposeAll(t, {
        "succeeded: Int!": describeNumber(windowNumbers.succeeded),
        "failed: Int!": `${describeNumber(windowNumbers.failed)} Counted as Queue.failuresLastHour.`,
        "waitP95Seconds: Float": describeNumber(windowNumbers.waitP95Seconds),
        "runP95Seconds: Float": describeNumber(windowNumbers.runP95Seconds),
        "depth: Int": describeNumber(windowNumbers.depth),
        "oldestAgeSeconds: Float": describeNumber(windowNumbers.oldestAgeSeconds),
      }),
      failureRatio: t.float({
        description: `${describeNumber(windowNumbers.failureRatio)} 0 when none ended.`,
        resolve: toShare,
      }),
    }),
  });
  const baseline = builder.enumType("QueueBaseline", {
    description: "The window that a queue's jobs after a deploy are compared with.",
    values: toEnumValues<Baseline>({
      before: "The one right before the deploy.",
      day: "The one at the same hour a day before.",
      week: "The one at the same hour a week before.",
    }),
  });
  const queueWorsening = builder.enumType("QueueWorsening", {
    description: "What of a queue is worse after a deploy.",
    values: toEnumValues(queueWorsenings),
  });
  const containersWorsening = builder.enumType("ContainersWorsening", {
    description: "What of the containers is worse after a deploy.",
    values: toEnumValues(containersWorsenings),
  });
  const queueVerdict = builder.objectRef<QueueVerdict>("QueueVerdict").implement({
    description:
      `One queue before and after a deploy. The comparison needs ${leastJobs} ended jobs in each ` +
      "window. A queue with that many only before the deploy is worse if it has stopped. It has " +
      "stopped when it is stalled or without workers now, and the window after is at least " +
      `${stoppedSeconds} s long and extends to now. It has also stopped when at most ${stoppedShare} ` +
      "of the earlier number ended after, more jobs wait than before, and the oldest has waited at " +
      `least ${stoppedSeconds} s. A paused queue has not stopped.`,
    fields: (t) => ({
      ...exposeAll(t, {
        "queue: String!": "Name of the queue.",
        "source: String!": "Configured name of its source.",
        "pValue: Float":
          "Fisher's exact test, one-sided: the probability of so many failures after the deploy if " +
          `nothing had changed. Worse below ${alpha} divided by the number of queues with enough ` +
          `jobs, if the failure ratio also grew by at least ${leastRatioGrowth}, and had not already ` +
          "grown like this before the deploy. Null without enough jobs.",
        "waitPValue: Float":
          "The probability that the 95th percentile of the waiting time grew this much if " +
          `nothing had changed. Assumes a lognormal distribution. ${p95Test}`,
        "runPValue: Float": `As \`waitPValue\`, for the running time. ${p95Test}`,
        "reasons: [String!]!": "What is worse, or what data is missing.",
      }),
      outcome: t.expose("outcome", { type: outcome, description: "Outcome for this queue alone." }),
      worse: t.expose("worse", {
        type: [queueWorsening],
        description: "What is worse. Empty unless the outcome is REGRESSED.",
      }),
      before: t.expose("before", {
        type: queueWindow,
        nullable: true,
        description:
          `The window before the deploy. Where fewer than ${leastJobs} jobs ended in it: the same hour a ` +
          "day or a week before, if enough did. Null when jobs of that time are not stored.",
      }),
      baseline: t.field({
        type: baseline,
        nullable: true,
        description: "Which window `before` is. Null without one.",
        resolve: ({ before, baseline: used = "before" }) => before && used,
      }),
      after: t.expose("after", {
        type: queueWindow,
        nullable: true,
        description: "The window after the deploy. Null as `before`.",
      }),
    }),
  });
  const newError = builder.objectRef<JudgedError>("NewError").implement({
    description:
      "An error that first occurred with this release. No failure of its service that is stored from " +
      "before the release had it, however old. No failure of another release's workers had it. When " +
      "rows do not name their workers, failures during the deploy do not count.",
    fields: (t) => ({
      ...exposeAll(t, {
        "fingerprint: String!": "As ErrorGroup.fingerprint.",
        "error: String!": "Its newest text, secrets redacted.",
        "queues: [String!]!": "Names of the queues that it hit.",
        "minutes: Int!": "Upper limit of the number of different minutes with such a failure.",
        "share: Float": "Share of the jobs that ended in these queues after the deploy, 0..1; null when unknown.",
        "pValue: Float!":
          "The probability of no such failure before the deploy if nothing had changed: the larger of two " +
          "tests. One compares the rate, where failures in one minute count as one (conditional binomial " +
          "test). One compares the share of the jobs that ended in its queues (Fisher's exact test), with " +
          "those of the hour before the release or of the compared window, whichever are more.",
        "regressed: Boolean!":
          `Whether the error counts as a regression. All must hold: \`pValue\` is below ${alpha} divided ` +
          `by the number of new errors. It occurred at least ${leastErrors} times, in at least ` +
          `${leastErrorMinutes} minutes. The time since the last failure is at most ${errorLastsUntil} of ` +
          `the time since the first. \`share\` is at least ${leastRatioGrowth}, or unknown. A job of its ` +
          "queues ended in the hour before the release, or in the compared window.",
      }),
      count: t.int({
        description:
          "Failures since the deploy ended. Failures of the release's own workers " +
          "count since the deploy began. This is a lower bound: of failures with a " +
          "text that also occurred earlier, only the last counts.",
        resolve: ({ after }) => after.count,
      }),
    }),
  });
  const containersVerdict = builder.objectRef<DeployVerdict["containers"]>("ContainersVerdict").implement({
    description: "Core containers of its service and destination before and after a deploy.",
    fields: (t) => ({
      ...exposeAll(t, {
        "restartsFrom: String":
          "Where the numbers come from. `events`: unrequested ends of containers in the windows. " +
          "`counters`: the engines' restart counts for containers of this release and of others, over " +
          "their lifetimes. Counters decide only while the window extends to now. Null when neither is " +
          "known.",
        "restartsPValue: Float":
          "The probability of this many restarts after the deploy if the rate had not changed (conditional " +
          "binomial test). Both spans have equal length: counts of a longer span before are scaled down. " +
          `Worse below ${alpha}. Null when a number is unknown or does not decide.`,
        "unhealthySecondsBefore: Float":
          "Unhealthy time before the deploy, summed over all containers, seconds, from the engines' " +
          `events. The release is worse when the time after it is ${unhealthyFactor} times as long and ` +
          `${unhealthySeconds} s longer. Null when no events were received for that time.`,
        "unhealthySecondsAfter: Float": "As `unhealthySecondsBefore`, after the deploy.",
        "unhealthyNow: [String!]!":
          "Names of containers of this release that are unhealthy now. Counts as worse while the window " +
          "after the deploy extends to now, unless containers were unhealthy for as long before.",
      }),
      worse: t.expose("worse", { type: [containersWorsening], description: "What is worse." }),
      restartsBefore: t.int({
        nullable: true,
        description: describeNumber(verdictNumbers.restartsBefore),
        resolve: ({ restartsBefore }) => restartsBefore?.count ?? null,
      }),
      restartsAfter: t.int({
        nullable: true,
        description: describeNumber(verdictNumbers.restartsAfter),
        resolve: ({ restartsAfter }) => restartsAfter?.count ?? null,
      }),
    }),
  });
  const deployVerdict = builder.objectRef<DeployVerdict>("DeployVerdict").implement({
    description:
      "Compares the time after a deploy with an equally long time before it. REGRESSED when one part " +
      "is worse: a queue's failures, the 95th percentile of its waiting or running time, containers' " +
      "restarts or health, new errors, or a stopped queue. A percentile is worse when a test says so " +
      `and it grew at least ${p95Factor} times and by ${p95Seconds} s. CLEAN when no part is worse, ` +
      "at least one queue had enough jobs in both windows, no queue had enough only before, no error " +
      "may be new, or is new where no job is known to have ended before, and every queue source that " +
      "may have its jobs was read.",
    fields: (t) => ({
      outcome: t.expose("outcome", { type: outcome, description: "Outcome of all parts together." }),
      unjudgeable: t.expose("unjudgeable", {
        type: unjudgeableReason,
        nullable: true,
        description:
          "Why this gateway never judges the deploy: the outcome stays NOT_ENOUGH_DATA, so do not wait for another. " +
          "Null when it is judged, or can be once there is enough data.",
      }),
      reasons: t.exposeStringList("reasons", { description: "What is worse, or why there is not enough data." }),
      windowSeconds: t.int({
        nullable: true,
        description: describeNumber(verdictNumbers.windowSeconds),
        resolve: ({ windows }) => windows?.seconds ?? null,
      }),
      beforeFrom: t.field({
        type: "DateTime",
        nullable: true,
        description:
          "Start of the window before the deploy. That window ends when the deploy " +
          "began; of deploys of one release in a row, the first.",
        resolve: ({ windows }) => (windows ? formatRfc3339(windows.before.from * 1000) : null),
      }),
      afterTo: t.field({
        type: "DateTime",
        nullable: true,
        description: "End of the window after the deploy. That window starts when the deploy ended.",
        resolve: ({ windows }) => (windows ? formatRfc3339(windows.after.to * 1000) : null),
      }),
      queues: t.expose("queues", { type: [queueVerdict], description: "Queues that had a job in either window." }),
      containers: t.expose("containers", { type: containersVerdict, description: "Restarts and health." }),
      newErrors: t.expose("newErrors", {
        type: [newError],
        nullable: true,
        description:
          "Errors that first occurred with this release. Excludes those that could not " +
          "be looked up among earlier failures: `gaps` says why. Null when the deploy " +
          "is not the last one, or is older than 55 minutes.",
      }),
      gaps: t.exposeStringList("gaps", { description: "Sources that could not be read, and why." }),
    }),
  });
  builder.queryField("latestDeploys", (t) =>
    t.field({
      type: [refs.deploy],
      nullable: true,
      complexity: { field: 50, multiplier: 3 },
      description:
        "The newest deploy of each service and destination that the token may see, " +
        "failed ones excluded, newest first. Includes the newest of those that " +
        "could belong to several services or destinations.",
      args: {
        maxAgeSeconds: t.arg.int({
          description: "Only deploys that ended at most this many seconds ago, at least 1; all when absent.",
        }),
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
      description:
        "Whether the release is worse than the one before it, from the jobs' own rows, the engines and " +
        "the errors. A repeated deploy of a release is compared with the release before it.",
      args: {
        window: t.arg.int({
          defaultValue: usualWindowSeconds,
          required: true,
          description:
            "Length of each window, seconds, 60 to 86400. The windows are " +
            "shorter when another deploy, or now, is nearer.",
        }),
        needsQueues: toFlagArg(
          t.arg,
          "Return the error queues_unavailable instead of NOT_ENOUGH_DATA when no queue source " +
            "could be read. Use it for alerts, which would otherwise resolve.",
        ),
      },
      resolve: async (deploy, { window, needsQueues }, { loaders }) => {
        if (!(window >= 60 && window <= 86_400))
          throw new OpsError("invalid_request", "window must be from 60 to 86400 seconds");
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

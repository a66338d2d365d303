import pLimit from "p-limit";
import { toOpsError } from "../errors.ts";
import { type Caller, type Execute, toFailure } from "../graphql/execute.ts";
import { type Condition, filterRows } from "./conditions.ts";
import { getDimension } from "./dimensions.ts";
import { type Frame, toFrames, toNotice } from "./frames.ts";
import { type QueryInput, type Target, mostPoints } from "./input.ts";
import type { Answer, Metric } from "./metric.ts";
import { getMetric } from "./metrics.ts";

/** One metric of one target. */
interface Asked {
  readonly target: Target;
  readonly metric: Metric;
}

/** Values of the schema's enums: a document would be refused for others, where a table only has no such row. */
const environments: ReadonlySet<string> = new Set(["staging", "production"]);
const kinds: ReadonlySet<string> = new Set(getDimension("kind").values);

/** Metrics that are read at once for one request: the rows of each are gone when its frames are made. */
const atOnce = 4;

/**
 * The frames of all targets. A target that fails beside others is a frame with an error notice; where all fail, rejects with the most severe of their
 * errors, for Grafana shows that on the panel. Rejects with invalid_request for a metric that there is not.
 */
export async function runQuery(input: QueryInput, execute: Execute, caller: Caller): Promise<Frame[]> {
  const asked = input.targets.flatMap((target) => target.metrics.map((name): Asked => ({ target, metric: getMetric(name) })));
  const limit = pLimit(atOnce);
  const answers = await Promise.allSettled(asked.map((one) => limit(() => answer(one, input, execute, caller))));
  const failures = answers.flatMap((one) => (one.status === "rejected" ? [toOpsError(one.reason)] : []));
  const [worst] = failures.toSorted((a, b) => Math.floor(b.status / 100) - Math.floor(a.status / 100));
  if (worst && failures.length === answers.length) throw worst;
  return answers.flatMap((one, index) => {
    if (one.status === "fulfilled") return one.value;
    const { target, metric } = asked[index] as Asked;
    const text = `${metric.name}: ${toOpsError(one.reason).message}`;
    return toNotice(target.refId, metric, [{ severity: "error", text }]);
  });
}

async function answer({ target, metric }: Asked, input: QueryInput, execute: Execute, caller: Caller): Promise<Frame[]> {
  const conditions = [...target.conditions, ...input.conditions];
  const { data, errors } = await execute(metric.document, toVariables(input, target, conditions) as never, caller).run();
  const found: Answer = { rows: null, ...(data as object | null) };
  const rows = metric.toRows(found);
  if (rows === null) throw toFailure(errors);
  const failed = [...toProblems(found), ...errors.map(({ message }) => message)];
  const notices = [
    ...[...new Set(failed)].map((text) => ({ severity: "warning" as const, text })),
    ...[...toGaps(found), ...(metric.toRemarks?.(found, input.from) ?? []), ...toUnknown(target, metric)].map((text) => ({
      severity: "info" as const,
      text,
    })),
  ];
  const left = await filterRows(rows, conditions, caller.budget);
  return toFrames({ refId: target.refId, metric, rows: left, notices }, caller.budget);
}

/** Every variable that a document of a metric may have: it takes its own. Conditions that are lists of names are already asked of the upstream. */
function toVariables({ from, to, maxPoints }: QueryInput, target: Target, conditions: readonly Condition[]) {
  const names = (wanted: string) =>
    conditions.find(({ key, operator }) => key === wanted && /^=\|?$/.test(operator))?.values ?? null;
  return {
    from,
    to,
    step: target.step,
    // As Grafana counts them: both ends of the range may be points.
    maxPoints: Math.min(mostPoints, maxPoints + 1),
    includeAccessories: target.includeAccessories,
    env: names("env")?.filter((env) => environments.has(env)) ?? null,
    queues: names("queue"),
    sources: names("source"),
    hosts: names("host"),
    containers: names("container"),
    roles: names("role"),
    destinations: names("destination"),
    kinds: names("kind")?.filter((kind) => kinds.has(kind)) ?? null,
  };
}

function toGaps({ parts }: Answer): string[] {
  return (parts ?? []).flatMap(({ name, since }) => (since ? `${name}: known since ${since}` : []));
}

function toUnknown({ unknown }: Target, { payloads }: Metric): string[] {
  return unknown.map((key) => `The payload's ${key} means nothing; known: ${payloads.join(", ")}`);
}

/** That a system is not supported is nothing that a panel lacks. */
function toProblems({ parts, problems }: Answer): string[] {
  const ofParts = (parts ?? []).flatMap(({ name, error }) =>
    error && error.code !== "queue_unsupported" ? `${name}: ${error.message}` : [],
  );
  return [...ofParts, ...(problems ?? []).map(({ message }) => message)];
}

import { toOutcomeTone } from "../../facts/deploy.ts";
import { UsageError } from "../../cli/command.ts";
import {
  Deploys,
  type DeploysQuery,
  LatestDeploys,
  type OpsClient,
  OpsError,
  Verdict,
  type VerdictQuery,
} from "../../client/client.ts";
import { pause } from "../../lib/abort.ts";
import { formatAge, formatDuration, formatEnum, formatNumber } from "../../facts/format.ts";
import { ConditionError, defineCommand, noteError, type Session } from "../command.ts";
import { isOfPlace, type Place, placeOptions, resultOption, toPlace, toSeconds } from "../options.ts";
import { toDocument } from "../output/print.ts";
import { type Paint, toOneLine } from "../output/style.ts";
import { mayHelp } from "./look.ts";

type Deploy = NonNullable<NonNullable<DeploysQuery["deploys"]>["nodes"]>[number];
type Judged = Exclude<NonNullable<VerdictQuery["node"]>, Record<PropertyKey, never>>;
type Outcome = NonNullable<Judged["verdict"]>["outcome"];

const failures = ["regressed", "not-enough-data"] as const;
const betweenLooksMs = 5000;

interface Wanted {
  readonly tag: string | null;
  readonly place: Place;
  /** Seconds. */
  readonly window: number;
}

export const verdictCommand = defineCommand(
  {
    name: "verdict",
    summary: "whether a release made things worse: its queues, containers and errors",
    args: "[TAG]",
    about: `Of the newest deploy of each service, destination and environment; with TAG of the newest deploy with that tag.
Compares a time before the deploy with the same time after it. Exit code 3 when the outcome is one of --fail-on.`,
    options: {
      ...placeOptions,
      window: {
        type: "string",
        value: "TIME",
        default: "30m",
        about: "how long before and after, 1m to 24h; shorter where now is nearer",
      },
      "fail-on": {
        type: "string",
        multiple: true,
        value: "OUTCOME",
        choices: failures,
        about: `exit code 3 on ${failures.join(" or ")}; may be repeated`,
      },
      wait: { type: "string", value: "TIME", about: "ask again until there is enough data, at most so long" },
      output: resultOption,
    },
    examples: [
      ["wallet-core-ops verdict --env production", "What the last deploy did"],
      ["wallet-core-ops verdict v42 --wait 10m --fail-on regressed", "In a pipeline"],
    ],
  },
  async (session, values, [tag, ...others]) => {
    if (others.length > 0) throw new UsageError("One tag at most");
    const window = toSeconds("window", values.window);
    if (window < 60 || window > 86_400) throw new UsageError("--window must be from 1m to 24h");
    const wanted = { tag: tag ?? null, place: toPlace(values), window };
    const judged = await judge(session, wanted, values.wait === undefined ? 0 : toSeconds("wait", values.wait));
    const text =
      values.output === "table"
        ? judged.map((one) => toReport(one, session.paint)).join("\n")
        : toDocument(judged, values.output as "json" | "yaml");
    await session.write(text);
    const bad = judged.filter(({ verdict }) =>
      values["fail-on"]?.some((name) => name.toUpperCase().replaceAll("-", "_") === verdict?.outcome),
    );
    if (bad.length > 0)
      throw new ConditionError(bad.map((one) => `${one.tag}: ${formatEnum(one.verdict?.outcome)}`).join(", "));
    return judged.every(({ verdict }) => verdict) ? 0 : 1;
  },
);

/** The verdicts, as soon as all are out or the time is up. @throws OpsError */
async function judge(session: Session, wanted: Wanted, waitSeconds: number): Promise<readonly Judged[]> {
  const { note, paintError: paint, context } = session;
  const client = session.client();
  const endMs = Date.now() + waitSeconds * 1000;
  let said = "";
  for (;;) {
    let why: string;
    let found: readonly Judged[] | null = null;
    try {
      const answer = await read(client, wanted, context.stop);
      found = answer.judged;
      if (isOut(found) || Date.now() >= endMs) {
        for (const error of answer.errors) noteError(session, error);
        return found;
      }
      why = found
        .flatMap(({ tag, verdict }) =>
          verdict?.outcome === "NOT_ENOUGH_DATA" ? [`${tag}: ${verdict.reasons.join(", ") || "not enough data"}`] : [],
        )
        .join("; ");
    } catch (error) {
      // The deploy may not be recorded yet, and the gateway may be starting.
      const mayCome = mayHelp(error) || (error instanceof OpsError && error.code === "not_found");
      if (!mayCome || Date.now() >= endMs) throw error;
      why = error.message;
    }
    if (why !== said) note(paint("muted", toOneLine(`not yet: ${why}`)));
    said = why;
    await pause(Math.min(betweenLooksMs, Math.max(0, endMs - Date.now())), context.stop);
    context.stop.throwIfAborted();
  }
}

/** Nothing that more time could change: one that is worse stays so. */
function isOut(judged: readonly Judged[]): boolean {
  const outcomes = judged.map(({ verdict }): Outcome | undefined => verdict?.outcome);
  return outcomes.includes("REGRESSED") || outcomes.every((outcome) => outcome === "CLEAN");
}

async function read(
  client: OpsClient,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<{ judged: Judged[]; errors: OpsError[] }> {
  const deploys = await findDeploys(client, wanted, signal);
  const answers = await Promise.all(
    deploys.map(({ id }) => client.queryPartial(Verdict, { id, window: wanted.window }, { signal })),
  );
  const judged = answers.flatMap(({ data }) => (isDeploy(data.node) ? [data.node] : []));
  const errors = answers.flatMap((answer) => answer.errors);
  if (judged.length === 0) throw errors[0] ?? new OpsError("not_found", "The deploy is no longer known");
  return { judged, errors };
}

function isDeploy(node: VerdictQuery["node"]): node is Judged {
  return node !== null && "tag" in node;
}

async function findDeploys(client: OpsClient, { tag, place }: Wanted, signal: AbortSignal): Promise<readonly Deploy[]> {
  const { data, errors } =
    tag === null
      ? await client
          .queryPartial(LatestDeploys, {}, { signal })
          .then(({ data: { latestDeploys }, ...more }) => ({ ...more, data: latestDeploys }))
      : await client
          .queryPartial(Deploys, { tag, env: place.env, first: 50 }, { signal })
          .then(({ data: { deploys }, ...more }) => ({ ...more, data: deploys?.nodes }));
  if (!data) throw errors[0] ?? new OpsError("not_a_gateway", "The gateway named no deploys");
  const meant = data.filter((one) => (place.env === null || one.env === place.env) && isOfPlace(one, place));
  // Newest first: a tag that was deployed again is judged by its last deploy.
  const newest = [
    ...new Map(
      meant.toReversed().map((one) => [JSON.stringify([one.service, one.destination, one.env]), one]),
    ).values(),
  ];
  if (newest.length === 0)
    throw (
      errors[0] ?? new OpsError("not_found", tag === null ? "No such deploy is known" : `No deploy of ${tag} is known`)
    );
  return newest;
}

function toReport({ tag, state, service, destination, env, deployedAt, verdict }: Judged, paint: Paint): string {
  const place = [service, destination, env?.toLowerCase()].filter(Boolean).join(", ");
  const judgement = paint(toOutcomeTone(verdict?.outcome), verdict ? formatEnum(verdict.outcome) : "not known");
  const title = `${paint("strong", toOneLine(tag))}: ${judgement}`;
  const lines = [
    `${title} (${toOneLine(place || "of no known place")}, ${formatEnum(state)}, deployed ${formatAge(deployedAt)} ago)`,
  ];
  if (verdict) {
    const { reasons, newErrors, queues, gaps, windowSeconds, outcome } = verdict;
    if (windowSeconds !== null) lines.push(`  compared: ${formatDuration(windowSeconds)} before and after`);
    for (const reason of reasons) lines.push(`  ${outcome === "REGRESSED" ? "worse" : "why"}: ${toOneLine(reason)}`);
    for (const { error, count, fingerprint, regressed } of newErrors ?? []) {
      lines.push(
        `  ${paint(regressed ? "bad" : "warn", "new error")} ${fingerprint}, ${formatNumber(count)} times: ${toOneLine(error)}`,
      );
    }
    for (const name of ["REGRESSED", "NOT_ENOUGH_DATA", "CLEAN"] as const) {
      const names = queues.filter((one) => one.outcome === name).map(({ queue, source }) => `${queue} (${source})`);
      if (names.length > 0)
        lines.push(`  queues ${paint(toOutcomeTone(name), formatEnum(name))}: ${toOneLine(names.join(", "))}`);
    }
    for (const gap of gaps) lines.push(`  ${paint("warn", "not known")}: ${toOneLine(gap)}`);
  }
  return `${lines.join("\n")}\n`;
}

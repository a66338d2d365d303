import { UsageError } from "../../cli/command.ts";
import { type JudgedDeploy, OpsError, type ReleaseVerdict, waitForVerdict } from "../../client/client.ts";
import { toNewErrorState, toOutcomeTone, toVerdictLabel } from "../../facts/deploy.ts";
import { formatAge, formatDuration, formatEnum, formatNumber } from "../../facts/format.ts";
import { ConditionError, defineCommand, noteError, type Session } from "../command.ts";
import { placeOptions, resultOption, toPlace, toSeconds } from "../options.ts";
import { toDocument } from "../output/print.ts";
import { type Paint, toOneLine } from "../output/style.ts";

const failures = ["regressed", "not-enough-data"] as const;
const betweenLooksMs = 5000;

export const verdictCommand = defineCommand(
  {
    name: "verdict",
    summary: "whether a release made its queues, containers or errors worse",
    args: "[TAG]",
    about: `Judges the newest deploy of each service, destination and environment or, with TAG, the newest deploy of that tag.
Leaves out deploys of services that the gateway is not responsible for, unless there are no others.
Compares a time before the deploy with the same time after it. With --fail-on, exit code 3 when the outcome is one of
these, and also when the gateway never judges the deploy: it failed, or the gateway is not responsible for its service.`,
    options: {
      ...placeOptions,
      window: {
        type: "string",
        value: "TIME",
        default: "30m",
        about: "length of the time before and after, 1m to 24h; shorter if the deploy is more recent",
      },
      "fail-on": {
        type: "string",
        multiple: true,
        value: "OUTCOME",
        choices: failures,
        about: `exit code 3 for ${failures.join(" or ")}; may be repeated`,
      },
      wait: {
        type: "string",
        value: "TIME",
        about: "wait at most this long for enough data; ends at once if the deploy is never judged",
      },
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
    const { deploys, otherServices, unjudgeable, errors } = await waitForVerdict(session.client(), {
      ...toPlace(values),
      tag,
      windowSeconds: window,
      waitMs: values.wait === undefined ? 0 : toSeconds("wait", values.wait) * 1000,
      everyMs: betweenLooksMs,
      signal: session.context.stop,
      onWait: createWaitNote(session),
    });
    for (const error of errors) noteError(session, error);
    if (otherServices.length > 0) {
      const names = otherServices.map((one) => `${one.tag} (${toPlaceName(one)})`).join(", ");
      session.note(session.paintError("muted", toOneLine(`left out, of services of other gateways: ${names}`)));
    }
    const text =
      values.output === "table"
        ? deploys.map((one) => toReport(one, session.paint)).join("\n")
        : toDocument(deploys, values.output as "json" | "yaml");
    await session.write(text);
    if (values["fail-on"]) {
      const wanted = new Set(values["fail-on"].map((name) => name.toUpperCase().replaceAll("-", "_")));
      const bad = deploys.filter(
        ({ verdict }) =>
          verdict && (wanted.has(verdict.outcome) || (unjudgeable !== null && verdict.unjudgeable !== null)),
      );
      if (bad.length > 0)
        throw new ConditionError(bad.map((one) => `${toName(one, deploys)}: ${toFault(one)}`).join(", "));
    }
    return errors.length > 0 || deploys.some(({ verdict }) => !verdict) ? 1 : 0;
  },
);

/** Says on stderr why it waits, whenever that changes. */
function createWaitNote({ note, paintError: paint }: Session): (soFar: ReleaseVerdict | OpsError) => void {
  let said = "";
  return (soFar) => {
    const why = soFar instanceof OpsError ? soFar.message : toMissing(soFar);
    if (why !== said) note(paint("muted", toOneLine(`not yet: ${why}`)));
    said = why;
  };
}

function toMissing({ deploys, errors }: ReleaseVerdict): string {
  const pending = deploys.flatMap((one) =>
    one.verdict?.outcome === "NOT_ENOUGH_DATA"
      ? [`${toName(one, deploys)}: ${one.verdict.reasons.join(", ") || "not enough data"}`]
      : [],
  );
  return [...pending, ...errors.map(({ message }) => message)].join("; ");
}

/** Its tag, with its place where several deploys have one. */
function toName(deploy: JudgedDeploy, { length }: readonly JudgedDeploy[]): string {
  return length > 1 ? `${deploy.tag} (${toPlaceName(deploy)})` : deploy.tag;
}

function toPlaceName({ service, destination, env }: JudgedDeploy): string {
  return [service, destination, env?.toLowerCase()].filter(Boolean).join(", ") || "of no known place";
}

function toLabel({ verdict }: JudgedDeploy): string {
  return verdict ? toVerdictLabel(verdict) : "not known";
}

/** Why the exit code is 3; of a deploy that is never judged with the reason. */
function toFault(deploy: JudgedDeploy): string {
  const reasons = deploy.verdict?.unjudgeable ? deploy.verdict.reasons : [];
  return [toLabel(deploy), ...reasons].join(": ");
}

function toReport(deploy: JudgedDeploy, paint: Paint): string {
  const { tag, state, deployedAt, verdict } = deploy;
  const title = `${paint("strong", toOneLine(tag))}: ${paint(toOutcomeTone(verdict?.outcome), toLabel(deploy))}`;
  const lines = [
    `${title} (${toOneLine(toPlaceName(deploy))}, ${formatEnum(state)}, deployed ${formatAge(deployedAt)} ago)`,
  ];
  if (verdict) {
    const { reasons, newErrors, queues, gaps, windowSeconds, outcome } = verdict;
    if (windowSeconds !== null) lines.push(`  compared: ${formatDuration(windowSeconds)} before and after`);
    for (const reason of reasons) lines.push(`  ${outcome === "REGRESSED" ? "worse" : "why"}: ${toOneLine(reason)}`);
    for (const { error, count, fingerprint, regressed } of newErrors ?? []) {
      lines.push(
        `  ${paint(toNewErrorState({ regressed }).tone, "new error")} ${fingerprint}, ${formatNumber(count)} times: ${toOneLine(error)}`,
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

import { formatFact, toHeading } from "../../facts/number.ts";
import { formatQueueNumber, queueNumberNames, toQueueNumber } from "../../facts/queue.ts";
import { toNumberTone } from "../output/queue-columns.ts";
import { deployNumbers, toDeployTone, toOutcomeTone, toVerdictLabel } from "../../facts/deploy.ts";
import { formatState, toContainerState, toKey, containerNumbers } from "../../facts/container.ts";
import { toEngineState } from "../../facts/engine.ts";
import { formatFullest, toHostState, hostNumberNames, hostNumbers } from "../../facts/host.ts";
import { toQueueTone } from "../../facts/queue.ts";
import { isOfOneContainer, toTroubles, toWorse, type Trouble } from "../../facts/trouble.ts";
import { toSeverityTone } from "../../facts/problem.ts";
import {
  formatAge,
  formatClock,
  formatCount,
  formatDay,
  formatDuration,
  formatEnum,
  formatNumber,
  formatText,
} from "../../facts/format.ts";
import { describeOwners } from "../../queues/owners.ts";
import { toQueueReason } from "../../queues/reason.ts";
import { type Paint, type Tone, toOneLine } from "../output/style.ts";
import type { ContainerRow, DeployRow, Thing } from "./find.ts";
import type { Knowledge } from "./know.ts";
import type { Fact, Section } from "./text.ts";

/** What is known about a thing, as a title and sections for people. */
export function describe(
  knowledge: Knowledge,
  paint: Paint,
): { readonly title: string; readonly sections: readonly Section[] } {
  const { thing, problems, timeline } = knowledge;
  const troubles = problems.flatMap(({ severity, since, title, evidence }) => [
    `${paint(toSeverityTone(severity), formatEnum(severity))}: ${toOneLine(title)}${since === null ? "" : `, for ${formatAge(since)}`}`,
    ...evidence.map((line) => `    ${toOneLine(line)}`),
  ]);
  return {
    title: toTitle(thing),
    sections: [
      ...toOwn(knowledge, paint),
      { title: "Problems", lines: troubles.length > 0 ? troubles : [paint("ok", "none is known")] },
      {
        title: "Lately",
        lines: timeline.map(({ time, message }) => `${formatDay(time)} ${formatClock(time)}  ${toOneLine(message)}`),
      },
    ],
  };
}

function toTitle(thing: Thing): string {
  const name = toOneLine(thing.name);
  switch (thing.kind) {
    case "container":
      return `${name} is a container of the role ${toOneLine(thing.row.role)}`;
    case "queue":
      return `${name} is a queue of ${toOneLine(thing.row.source)}`;
    case "deploy":
      return `${name} is a deploy`;
    case "engine":
      return `${name} is an engine`;
    default:
      return `${name} is a ${thing.kind}`;
  }
}

function toOwn(knowledge: Knowledge, paint: Paint): readonly Section[] {
  const { thing } = knowledge;
  switch (thing.kind) {
    case "container":
      return toContainer(knowledge, thing.row);
    case "role":
      return toRole(thing.rows, knowledge, paint);
    case "queue":
      return toQueue(knowledge, thing.row);
    case "host":
      return toHost(thing.row);
    case "engine":
      return toEngine(thing, knowledge, paint);
    default:
      return toDeploy(knowledge, thing, paint);
  }
}

function toContainer({ container, runningJobs, problems }: Knowledge, row: ContainerRow): readonly Section[] {
  const check = container?.healthCheck;
  return [
    {
      title: null,
      facts: [
        ["State", ...toState(row, toTroubles(problems.filter(isOfOneContainer)))],
        ["Up", row.status === "running" ? `${formatAge(row.startedAt)}, since ${formatText(row.startedAt)}` : null],
        [toHeading(containerNumbers.restarts), formatFact(containerNumbers.restarts, row.restarts)],
        ["Release", row.version],
        ["Commit", container?.commitSha || null],
        ["Image", container?.image ?? null],
        ["Ports", container?.ports.join(", ") ?? null],
        ["Created", container?.createdAt ?? null],
        ["Engine", row.engine],
        ["Host", row.host],
        ...toPlaceFacts(row),
      ],
    },
    {
      title: "Health check",
      facts:
        !check || row.health === "NONE"
          ? []
          : [
              ["Result", formatEnum(row.health)],
              ["Failed", check.failingStreak === null ? null : `${formatNumber(check.failingStreak)} times in a row`],
              ["Exit code", check.exitCode === null ? null : String(check.exitCode)],
              ["Output", check.output],
            ],
    },
    {
      title: "Runs there",
      lines: (runningJobs ?? []).map(
        ({ jobId, queue, kind, startedAt }) =>
          `job ${toOneLine(jobId)} of ${toOneLine(queue)}${kind === null ? "" : ` (${toOneLine(kind)})`}, for ${formatAge(startedAt)}`,
      ),
    },
  ];
}

/** The word is the engine's, as the problem is named below. */
function toState(row: ContainerRow, troubles: ReadonlyMap<string, Trouble>): readonly [words: string, tone: Tone] {
  const trouble = row.stale ? undefined : troubles.get(toKey(row));
  return [toOneLine(formatState(row)), toWorse(toContainerState(row), trouble, true).tone];
}

function toPlaceFacts({
  service,
  destination,
  env,
}: Pick<ContainerRow, "service" | "destination" | "env">): readonly Fact[] {
  return [
    ["Service", service],
    ["Destination", destination],
    ["Environment", env === null ? null : formatEnum(env)],
  ];
}

function toRole(rows: readonly ContainerRow[], { problems }: Knowledge, paint: Paint): readonly Section[] {
  const running = rows.filter(({ status }) => status === "running").length;
  const all = (pick: (row: ContainerRow) => string | null) =>
    [...new Set(rows.map(pick))].filter((text) => text !== null).join(", ");
  return [
    {
      title: null,
      facts: [
        ["Running", `${running} of ${rows.length}`],
        ["Release", all(({ version }) => version)],
        ["Service", all(({ service }) => service)],
        ["Destination", all(({ destination }) => destination)],
        ["Environment", all(({ env }) => env && formatEnum(env))],
      ],
    },
    { title: "Containers", lines: toContainerLines(rows, problems, paint) },
  ];
}

function toContainerLines(
  rows: readonly ContainerRow[],
  problems: Knowledge["problems"],
  paint: Paint,
): readonly string[] {
  const troubles = toTroubles(problems.filter(isOfOneContainer));
  return rows.map((row) => {
    const restarts = row.restarts ? `, ${formatCount(row.restarts, "restart")}` : "";
    const [words, tone] = toState(row, troubles);
    return `${toOneLine(row.name)} on ${toOneLine(row.engine)}: ${paint(tone, words)}${restarts}`;
  });
}

type QueueRow = Extract<Thing, { readonly kind: "queue" }>["row"];

function toQueue({ queue }: Knowledge, listed: QueueRow): readonly Section[] {
  const row = queue ?? listed;
  return [
    {
      title: null,
      facts: [
        ["State", [formatEnum(row.state), toQueueReason(row)].filter(Boolean).join(": "), toQueueTone(row.state)],
        ["Service", describeOwners(row.owners)],
        ...queueNumberNames
          .filter((name) => typeof row[name as keyof QueueRow] === "number")
          .map((name): Fact => [toHeading(toQueueNumber(name)), formatQueueNumber(name, row), toNumberTone(name, row)]),
        ["As of", row.observedAt],
      ],
    },
    {
      title: "Errors of the last 60 minutes",
      lines: (queue?.errors ?? []).map(
        ({ fingerprint, error, count, complete, timestamp }) =>
          `${fingerprint}  ${complete ? "" : "at least "}${formatNumber(count)} times, last ${formatAge(timestamp)} ago: ${toOneLine(error)}`,
      ),
    },
  ];
}

type HostRow = Extract<Thing, { readonly kind: "host" }>["row"];

function toHost(row: HostRow): readonly Section[] {
  return [
    {
      title: null,
      facts: [
        ["State", toHostState(row).word, toHostState(row).tone],
        ["Reason", row.reason],
        ...hostNumberNames.map((name): Fact => [
          toHeading(hostNumbers[name]),
          formatFact(hostNumbers[name], row[name]),
        ]),
        ["Fullest file system", formatFullest(row)],
        ["Measured at", row.instance],
      ],
    },
  ];
}

function toEngine(
  { row, rows }: Extract<Thing, { readonly kind: "engine" }>,
  { problems }: Knowledge,
  paint: Paint,
): readonly Section[] {
  return [
    {
      title: null,
      facts: [
        ["State", toEngineState(row.ok).word, toEngineState(row.ok).tone],
        [
          "Last heard",
          row.ageSeconds === null ? (row.ok ? null : "never") : `${formatDuration(Math.round(row.ageSeconds))} ago`,
        ],
        ["Reason", row.error === null ? null : `${row.error.message} (${row.error.code})`],
      ],
    },
    { title: "Containers", lines: toContainerLines(rows, problems, paint) },
  ];
}

function toDeploy(
  { verdict, problems }: Knowledge,
  { row, rows }: { readonly row: DeployRow; readonly rows: readonly ContainerRow[] },
  paint: Paint,
): readonly Section[] {
  const judged = verdict?.verdict;
  return [
    {
      title: null,
      facts: [
        ["State", formatEnum(row.state), toDeployTone(row.state)],
        ["Deployed", `${formatAge(row.deployedAt)} ago, at ${row.deployedAt}`],
        ["By", row.deployedBy],
        [
          toHeading(deployNumbers.durationSeconds),
          row.durationSeconds === null ? null : formatFact(deployNumbers.durationSeconds, row.durationSeconds),
        ],
        ["Commit", row.commitSha],
        ["Before it", row.previousTag],
        ...toPlaceFacts(row),
      ],
    },
    {
      title: "Since then",
      lines: !judged
        ? []
        : [
            paint(toOutcomeTone(judged.outcome), toVerdictLabel(judged)) + toWindows(judged.windowSeconds),
            ...[...judged.reasons, ...judged.gaps].map((line) => `  ${toOneLine(line)}`),
          ],
    },
    { title: "Runs it", lines: toContainerLines(rows, problems, paint) },
  ];
}

function toWindows(seconds: number | null): string {
  return seconds === null ? "" : `: ${formatDuration(seconds)} after it against as long before`;
}

import type { CountedSystem, Figures, QueueCount } from "./figures.ts";
import type { AnsweredQueue, Answers } from "./gateway.ts";

/** How far two ages of the same job may differ, seconds: they are taken at different moments. */
const ageTolerance = 5;
/** How far a broker's own average may be from its count, of which it is sampled each few seconds. */
const averageTolerance = 0.03;

/** One system's figures beside the gateway's. */
export interface Comparison {
  readonly system: CountedSystem;
  readonly queues: number;
  readonly jobs: number;
  readonly figures: number;
  /** Those that differ, each as a line. */
  readonly wrong: readonly string[];
}

/** Compares all that was counted of a system with what the gateway answers, by GraphQL and by REST. */
export async function compare(
  system: CountedSystem,
  counts: readonly QueueCount[],
  answers: Answers,
): Promise<Comparison> {
  const averagedSeconds = (await system.averagedSeconds?.()) ?? null;
  const wrong: string[] = [];
  let figures = 0;
  const check = (what: string, counted: unknown, answered: unknown, isSame = counted === answered) => {
    figures += 1;
    if (!isSame) wrong.push(`${system.name}, ${what}: counted ${String(counted)}, answered ${String(answered)}`);
  };
  for (const { queue, figures: counted, errors } of counts) {
    const answered = answers.queues.find(({ source, name }) => source === system.source && name === queue);
    if (!answered) {
      check(`queue ${queue}`, "one", "none");
      continue;
    }
    const found = toFigures(answered, averagedSeconds);
    for (const name of Object.keys(counted) as (keyof Figures)[]) {
      const [own, theirs] = [counted[name], found[name]];
      const tolerance = toTolerance(name, own, averagedSeconds !== null);
      const isSame = own === null || theirs === null ? own === theirs : Math.abs(own - theirs) <= tolerance;
      check(`${name} of ${queue}`, own, theirs, isSame);
    }
    const rest = answers.rest.find(({ source, name }) => source === system.source && name === queue);
    check(`REST depth of ${queue}`, counted.depth, rest?.depth);
    check(`REST failures of ${queue}`, counted.failures, rest?.failures_last_hour);
    const theirs = new Map(answered.errors.map(({ error, count }) => [error, count]));
    if (errors === null) check(`error texts of ${queue}`, 0, theirs.size);
    else
      for (const error of new Set([...errors.keys(), ...theirs.keys()]))
        check(`"${error}" of ${queue}`, errors.get(error) ?? 0, theirs.get(error) ?? 0);
  }
  const jobs = counts.reduce((sum, count) => sum + count.jobs, 0);
  return { system, queues: counts.length, jobs, figures, wrong };
}

function toTolerance(name: keyof Figures, counted: number | null, isAverage: boolean): number {
  if (name === "oldestAgeSeconds") return ageTolerance;
  return name === "processed" && isAverage ? (counted ?? 0) * averageTolerance : 0;
}

/** A rate as the number of jobs in its window. */
function toFigures(answered: AnsweredQueue, averagedSeconds: number | null): Figures {
  const { depth, active, deferred, retrying, dead, processedPerSec, failuresLastHour, oldestAgeSeconds } = answered;
  const window = averagedSeconds ?? Math.min(300, answered.windowSeconds ?? 300);
  return {
    depth,
    active,
    deferred,
    retrying,
    dead,
    processed: processedPerSec === null ? null : Math.round(processedPerSec * window * 100) / 100,
    failures: failuresLastHour,
    oldestAgeSeconds,
  };
}

/** The comparisons as a table of Markdown. */
export function toTable(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ system, queues, jobs, figures, wrong }) => [
    system.name,
    system.by === "workers" ? "real workers" : "rows",
    ...[queues, jobs, figures, wrong.length].map(String),
  ]);
  const lines = [["system", "by", "queues", "jobs", "figures", "wrong"], ...rows];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const toLine = (line: readonly string[]) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [toLine(lines[0] ?? []), rule, ...rows.map(toLine)].join("\n");
}

import type { CountedSystem, Figures, QueueCount } from "./figures.ts";
import type { AnsweredQueue, Answers } from "./gateway.ts";

/**
 * A system's own counts, one before and one after the gateway was asked. What lies between them is
 * right.
 */
export interface Counted {
  readonly before: readonly QueueCount[];
  readonly after: readonly QueueCount[];
  /**
   * Of how many seconds the system's own average was before and after, where the gateway answers
   * that.
   */
  readonly averaged?: readonly [number, number];
}

/** One system's figures beside the gateway's. */
export interface Comparison {
  readonly system: Pick<CountedSystem, "name" | "by" | "source" | "begins">;
  readonly queues: number;
  readonly jobs: number;
  readonly figures: number;
  /** Those that differ, each as a line. */
  readonly wrong: readonly string[];
}

/**
 * How far an age may be beyond the two counts, seconds: a real job is made in the time that sending
 * it takes.
 */
const ageSlack = 5;
/** Of decimal fractions. */
const roundingSlack = 0.01;
/**
 * A sampled rate of more than five minutes begins with the oldest sample in them: there is one in
 * 10 s, at reads each 2 s.
 */
const sampleSeconds = 15;
const rateSeconds = 300;
/** A broker counts for its average, and says how long it has run, each 5 s. */
const brokerSeconds = 5;

/**
 * Compares all that was counted of a system with what the gateway answers, by GraphQL and by REST.
 */
export function compare(
  system: Comparison["system"],
  { before, after, averaged }: Counted,
  { graphql, rest }: Pick<Answers, "graphql" | "rest">,
): Comparison {
  const checks = before.flatMap((first, index) => {
    const counts = [first, after[index] ?? first] as const;
    return [
      ...compareQueue(system, counts, averaged, graphql),
      ...compareQueue(system, counts, averaged, rest, "REST "),
    ];
  });
  return {
    system,
    queues: before.length,
    jobs: before.reduce((sum, count) => sum + count.jobs, 0),
    figures: checks.length,
    wrong: checks
      .filter(({ isRight }) => !isRight)
      .map(({ what, counted, answered }) => `${system.name}, ${what}: counted ${counted}, answered ${answered}`),
  };
}

interface Check {
  readonly what: string;
  readonly isRight: boolean;
  readonly counted: Value;
  /** A rate of an uncertain time is two numbers. */
  readonly answered: Value | string;
}

/** Without a prefix all errors of the queue are answered, else only the newest of all queues. */
function compareQueue(
  system: Comparison["system"],
  [first, last]: readonly [QueueCount, QueueCount],
  averaged: Counted["averaged"],
  answer: Answers["graphql"],
  prefix = "",
): readonly Check[] {
  const { queue } = first;
  const found = answer.queues.filter(({ source, name }) => source === system.source && name === queue);
  const answered = found[0];
  const isAlone = { what: `${prefix}queues ${queue}`, isRight: found.length === 1, counted: 1, answered: found.length };
  if (!answered) return [isAlone];
  const seconds = toSeconds(answered, system.begins === "watched", averaged);
  const figures = (Object.keys(first.figures) as (keyof Figures)[]).map((name): Check => {
    const counts = [first.figures[name] ?? null, last.figures[name] ?? null] as const;
    const [least, most] = [toAnswer(answered, name, seconds[0]), toAnswer(answered, name, seconds[1])];
    const isRight = isBetween([least, most], counts, toSlack(name));
    return {
      what: `${prefix}${name} of ${queue}`,
      isRight,
      counted: counts[0],
      answered: least === most ? least : `${least} to ${most}`,
    };
  });
  const texts = new Map<string, number>();
  for (const { queue: of, error, count } of answer.errors)
    if (of === queue) texts.set(error, (texts.get(error) ?? 0) + count);
  const expected = prefix === "" ? [...(first.errors?.keys() ?? [])] : [];
  const errors = [...new Set([...expected, ...texts.keys()])].map((error): Check => {
    const counts = [first.errors?.get(error) ?? 0, last.errors?.get(error) ?? 0] as const;
    const count = texts.get(error) ?? 0;
    const isRight = isBetween([count, count], counts, 0);
    return { what: `${prefix}"${error}" of ${queue}`, isRight, counted: counts[0], answered: count };
  });
  return [isAlone, ...figures, ...errors];
}

/** The queues that the gateway answers beside those that were counted: each is wrong. */
export function findOthers(
  counted: readonly { readonly source: string; readonly queues: readonly string[] }[],
  answers: Pick<Answers, "graphql" | "rest">,
): readonly string[] {
  const isCounted = (queue: AnsweredQueue) =>
    counted.some(({ source, queues }) => source === queue.source && queues.includes(queue.name));
  const others = ({ queues }: Answers["graphql"], prefix: string) =>
    queues
      .filter((queue) => !isCounted(queue))
      .map(({ source, name }) => `${source}, ${prefix}queues ${name}: counted 0, answered 1`);
  return [...others(answers.graphql, ""), ...others(answers.rest, "REST ")];
}

type Value = number | boolean | null;

/**
 * Whether the answers that a rate may be, by the least and the most time, meet the counts before
 * and after; other answers are one.
 */
function isBetween([least, most]: readonly [Value, Value], counts: readonly [Value, Value], slack: number): boolean {
  const numbers = counts.filter((count) => typeof count === "number");
  if (typeof least !== "number" || typeof most !== "number") return counts.includes(least);
  return numbers.length > 0 && most + slack >= Math.min(...numbers) && least - slack <= Math.max(...numbers);
}

function toSlack(name: keyof Figures): number {
  if (name === "oldestAgeSeconds") return ageSlack;
  return name === "processed" || name.endsWith("Seconds") ? roundingSlack : 0;
}

/** A figure as it is counted: a rate is the number of jobs in so many seconds. */
function toAnswer(answered: AnsweredQueue, name: keyof Figures, seconds: number): Value {
  if (name === "failures") return answered.failuresLastHour;
  if (name !== "processed") return answered[name];
  const { processedPerSec } = answered;
  return processedPerSec === null ? null : Math.round(processedPerSec * seconds * 100) / 100;
}

/** The least and the most seconds that a rate is of. */
function toSeconds(
  { windowSeconds }: AnsweredQueue,
  isSampled: boolean,
  averaged: Counted["averaged"],
): readonly [number, number] {
  if (averaged) {
    const [before, after] = averaged;
    const inWindow = (seconds: number) => Math.min(rateSeconds, seconds) / rateSeconds;
    return [
      inWindow(before - brokerSeconds) * (rateSeconds - brokerSeconds),
      inWindow(after + brokerSeconds) * (rateSeconds + brokerSeconds),
    ];
  }
  if (!isSampled || windowSeconds === null) return [rateSeconds, rateSeconds];
  return windowSeconds <= rateSeconds ? [windowSeconds, windowSeconds] : [rateSeconds - sampleSeconds, rateSeconds];
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

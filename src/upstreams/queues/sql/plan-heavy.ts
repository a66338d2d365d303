import { toSeconds } from "../to-metrics.ts";
import { addMeasured, createFailureSums } from "./chunks-merge.ts";
import { readInChunks } from "./chunks-read.ts";
import {
  type Measure,
  type Measured,
  type MeasuredQueues,
  type Reading,
  measuredNothing,
  toMeasured,
  uniteReadings,
} from "./measures.ts";
import type { TableName } from "./names.ts";
import type { Row } from "./pool.ts";
import type { ReadRows } from "./source.ts";

/** How the rows of one table are read part by part, where a whole scan would take too long. */
export interface TableParts {
  readonly table: TableName;
  /** One reading of those of the measures that add up. `condition`: on `job`, the alias of the table. */
  readonly reading: (measures: readonly Measure[], condition: string) => Reading;
  /** As `groupFailures` makes it with the times of the jobs. */
  readonly failures: (condition: string) => string;
  /** What the rows of the table do not tell; absent where they tell everything. */
  readonly rest?: PartsRest;
}

/** What is read at once beside the parts, and added to them. */
interface PartsRest {
  /** Each queue there is, with the same measures. A count that is null cannot be known, whatever the parts have. */
  readonly reading: Reading;
  /** As those of the parts. */
  readonly failures: string;
}

/** What was read of all queues. */
export interface ReadMeasures extends MeasuredQueues {
  /** When the oldest part of it was read, RFC 3339 UTC with seconds. */
  readonly observedAt: string;
  /** False when it was not one snapshot. */
  readonly exact: boolean;
}

interface Run {
  readonly read: ReadRows;
  readonly parts: TableParts | undefined;
  readonly firstPages: number | undefined;
  readonly signal: AbortSignal;
}

/** As one statement: one snapshot. */
export async function readMeasures(readings: readonly Reading[], read: ReadRows): Promise<ReadMeasures> {
  const observedAt = toSeconds(new Date());
  return { ...toMeasured(await read(uniteReadings(readings)), readings), observedAt, exact: true };
}

/** Readings that would scan a huge table: part by part where that can be, which tells no quantiles; else as one statement. */
export async function readHeavyMeasures(readings: readonly Reading[], { parts, ...run }: Run): Promise<ReadMeasures> {
  const plain = readings.flatMap((reading) => toWays(reading).at(-1) ?? []);
  if (!parts) return readMeasures(plain, run.read);
  const observedAt = toSeconds(new Date());
  const measures = readings.flatMap((reading) => reading.measures);
  const whole = parts.reading(measures, "true");
  const nothing = measuredNothing([whole]);
  const sums = new Map<string, Measured>();
  const statement = (condition: string) => uniteReadings([parts.reading(measures, condition)]);
  const add = (rows: readonly Row[]) => addMeasured(sums, toMeasured(rows, []));
  const rest = parts.rest && toMeasured(await run.read(uniteReadings([parts.rest.reading])), [parts.rest.reading]);
  if (rest) addMeasured(sums, rest);
  const isParted = await readInChunks(run.read, { table: parts.table, statement }, { ...run, add });
  if (!isParted) return readMeasures(rest ? plain : [whole], run.read);
  if (rest) for (const [queue, own] of rest.measured) sums.set(queue, { ...sums.get(queue), ...unknownOf(own, nothing) });
  return { nothing, measured: sums, observedAt, exact: false };
}

/** The counts that are null. */
function unknownOf(own: Measured, nothing: Measured): Measured {
  const isUnknown = ([measure, value]: [string, number | null]) => value === null && nothing[measure as Measure] === 0;
  return Object.fromEntries(Object.entries<number | null>(own).filter(isUnknown));
}

/** The same of failures. */
export async function readHeavyFailures(failures: string, { parts, ...run }: Run): Promise<readonly Row[]> {
  if (!parts) return run.read(failures);
  const sums = createFailureSums();
  const part = { table: parts.table, statement: parts.failures };
  if (parts.rest) sums.add(await run.read(parts.rest.failures));
  const isParted = await readInChunks(run.read, part, { ...run, add: (rows) => sums.add(rows) });
  return isParted ? sums.rows() : run.read(failures);
}

/** The ways to read the same, the last one being that with the fewest scans. */
export function toWays(reading: Reading): readonly Reading[] {
  const { plain, ...rest } = reading;
  return plain === undefined ? [reading] : [reading, { ...rest, sql: plain, overrated: 1 }];
}

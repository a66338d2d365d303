import type { Row, Database } from "./pool.ts";
import { toSeconds } from "../to-metrics.ts";
import { addMeasured, createFailureSums } from "./chunks-merge.ts";
import { readInChunks } from "./chunks-read.ts";
import { describe } from "./failures.ts";
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
import { type PlanCheckOptions, createPlanCheck } from "./plan-check.ts";
import { type PacedOptions, createPaced } from "./plan-paced.ts";
import type { ReadRows, SqlStatements } from "./source.ts";

/** How the rows of one table are read part by part, where a whole scan would take too long. */
export interface TableParts {
  readonly table: TableName;
  /** One reading of those of the measures that add up. `condition`: on `job`, the alias of the table. */
  readonly reading: (measures: readonly Measure[], condition: string) => Reading;
  /** As `groupFailures` makes it with the times of the jobs. */
  readonly failures: (condition: string) => string;
}

/** What is done about plans that would scan a huge table. */
export interface HeavyOptions extends PlanCheckOptions, PacedOptions {
  /** Pages of the first part. @default firstChunkPages */
  readonly firstPages?: number;
}

export interface ReadMeasures extends MeasuredQueues {
  /** When the oldest part of it was read, RFC 3339 UTC with seconds. */
  readonly observedAt: string;
  /** False when it was not one snapshot. */
  readonly exact: boolean;
}

/** Reads what a source needs: at once where the plans are light, else at most once a minute behind its callers. */
export interface PlannedReads {
  measures(statements: SqlStatements, signal: AbortSignal): Promise<ReadMeasures>;
  failures(statements: SqlStatements, signal: AbortSignal): Promise<readonly Row[]>;
  close(): void;
}

export function createPlannedReads(database: Database, options: HeavyOptions = {}): PlannedReads {
  const checks = { measures: createPlanCheck(options), failures: createPlanCheck(options) };
  const paced = {
    measures: createPaced<ReadMeasures>(database, options),
    failures: createPaced<readonly Row[]>(database, options),
  };
  const readBy =
    (signal: AbortSignal): ReadRows =>
    (statement) =>
      database.read(statement, signal);
  const orForget = (check: keyof typeof checks) => (error: unknown) => {
    checks[check].forget(describe(error).code === "57014");
    throw error;
  };

  const readHeavy = async (
    heavy: readonly Reading[],
    parts: TableParts | undefined,
    signal: AbortSignal,
  ): Promise<ReadMeasures> => {
    const read = readBy(signal);
    const observedAt = toSeconds(new Date());
    if (!parts)
      return toRead(
        heavy.flatMap((reading) => toWays(reading).at(-1) ?? []),
        read,
        observedAt,
      );
    const measures = heavy.flatMap((reading) => reading.measures);
    const whole = parts.reading(measures, "true");
    const sums = new Map<string, Measured>();
    const statement = (condition: string) => uniteReadings([parts.reading(measures, condition)]);
    const add = (rows: readonly Row[]) => addMeasured(sums, toMeasured(rows, []));
    const isParted = await readInChunks(read, { table: parts.table, statement }, { ...options, signal, add });
    if (!isParted) return toRead([whole], read, observedAt);
    return { nothing: measuredNothing([whole]), measured: sums, observedAt, exact: false };
  };

  const readHeavyFailures = async (
    failures: string,
    parts: TableParts | undefined,
    signal: AbortSignal,
  ): Promise<readonly Row[]> => {
    const read = readBy(signal);
    if (!parts) return read(failures);
    const sums = createFailureSums();
    const part = { table: parts.table, statement: parts.failures };
    const isParted = await readInChunks(read, part, { ...options, signal, add: (rows) => sums.add(rows) });
    return isParted ? sums.rows() : read(failures);
  };

  return {
    async measures({ readings, parts }, signal) {
      const read = readBy(signal);
      const ways = readings.map(toWays);
      const statements = ways.map((way) => way.map((reading) => ({ ...reading, sql: uniteReadings([reading]) })));
      const choices = await checks.measures.choose(statements, read).catch(orForget("measures"));
      const light = ways.flatMap((way, index) => way[choices[index] ?? Infinity] ?? []);
      const heavy = readings.filter((_, index) => choices[index] === null);
      const key = heavy.flatMap(({ measures }) => measures).join();
      const answers = await Promise.all([
        ...(light.length > 0 ? [toRead(light, read, toSeconds(new Date())).catch(orForget("measures"))] : []),
        ...(heavy.length > 0 ? [paced.measures.read(key, (run) => readHeavy(heavy, parts, run), signal)] : []),
      ]);
      return answers.reduce(join);
    },
    async failures({ failures, parts }, signal) {
      if (failures === null) return [];
      const read = readBy(signal);
      const [choice] = await checks.failures.choose([[{ sql: failures }]], read).catch(orForget("failures"));
      if (choice === 0) return read(failures).catch(orForget("failures"));
      return paced.failures.read("failures", (run) => readHeavyFailures(failures, parts, run), signal);
    },
    close() {
      paced.measures.close();
      paced.failures.close();
    },
  };
}

async function toRead(readings: readonly Reading[], read: ReadRows, observedAt: string): Promise<ReadMeasures> {
  return { ...toMeasured(await read(uniteReadings(readings)), readings), observedAt, exact: true };
}

/** The ways to read the same, the last one being that with the fewest scans. */
function toWays(reading: Reading): readonly Reading[] {
  const { plain, ...rest } = reading;
  return plain === undefined ? [reading] : [reading, { ...rest, sql: plain, overrated: 1 }];
}

/** Two answers about different measures, as old as the older one. */
function join(a: ReadMeasures, b: ReadMeasures): ReadMeasures {
  const queues = new Set([...a.measured.keys(), ...b.measured.keys()]);
  const own = (answer: ReadMeasures, queue: string) => answer.measured.get(queue) ?? answer.nothing;
  return {
    nothing: { ...a.nothing, ...b.nothing },
    measured: new Map([...queues].map((queue) => [queue, { ...own(a, queue), ...own(b, queue) }])),
    observedAt: a.observedAt < b.observedAt ? a.observedAt : b.observedAt,
    exact: a.exact && b.exact,
  };
}

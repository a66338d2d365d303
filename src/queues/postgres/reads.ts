import pLimit, { type LimitFunction } from "p-limit";
import { abortable } from "../../lib/abort.ts";
import { OpsError } from "../../lib/errors.ts";
import { formatRfc3339 } from "../../lib/time.ts";
import type { Database, Row } from "./database.ts";
import { describe } from "./errors.ts";
import { addMeasured, createFailureSums, readInChunks } from "./page-ranges.ts";
import { type Choice, createPlanCheck } from "./planner.ts";
import {
  type Measure,
  type Measured,
  measuredNothing,
  type MeasuredQueues,
  type Reading,
  toMeasured,
  uniteReadings,
} from "./readings.ts";
import type { Candidate, HeavyOptions, PacedOptions, ReadAllRows, ReadRows, SqlStatements, TableParts } from "./statements.ts";

/** Reads for a source: at once where the plans are light, else in the background at most once a minute. */
interface PlannedReads {
  measures(statements: SqlStatements, signal: AbortSignal): Promise<ReadMeasures>;
  failures(statements: SqlStatements, signal: AbortSignal): Promise<readonly Row[]>;
  /** The running jobs by worker; empty where the statements do not read workers. */
  workers(statements: SqlStatements, signal: AbortSignal): Promise<readonly Row[]>;
  /** Usual run times; empty where there is no statement for them, or it would be expensive. */
  usualRuns(statements: SqlStatements, signal: AbortSignal): Promise<readonly Row[]>;
  close(): void;
}

export function createPlannedReads(database: Database, options: HeavyOptions = {}): PlannedReads {
  const gates = {
    measures: createGate<ReadMeasures>(database, options),
    failures: createGate<readonly Row[]>(database, options),
    workers: createGate<readonly Row[]>(database, options),
  };
  const runsCheck = createPlanCheck(options);
  const readBy =
    (signal: AbortSignal): ReadRows =>
    (statement) =>
      database.read(statement, signal);
  const readAllBy =
    (signal: AbortSignal): ReadAllRows =>
    (statements) =>
      database.readAll(statements, signal);
  const toRun = (parts: SqlStatements["parts"], signal: AbortSignal) => ({
    read: readBy(signal),
    parts,
    firstPages: options.firstPages,
    signal,
  });
  const readRows = async (
    gate: Gate<readonly Row[]>,
    statement: string,
    signal: AbortSignal,
    readHeavy: (run: AbortSignal) => Promise<readonly Row[]>,
  ) => {
    const read = readBy(signal);
    const [choice] = await gate.choose([[{ sql: statement }]], readAllBy(signal));
    return choice === 0 ? gate.light(read(statement)) : gate.heavy("rows", readHeavy, signal);
  };

  return {
    async measures({ readings, parts }, signal) {
      const read = readBy(signal);
      const gate = gates.measures;
      const ways = readings.map(toWays);
      const choices = await gate.choose(
        ways.map((way) => way.map((reading) => ({ ...reading, sql: uniteReadings([reading]) }))),
        readAllBy(signal),
      );
      const light = ways.flatMap((way, index) => way[choices[index] ?? Infinity] ?? []);
      const heavy = readings.filter((_, index) => choices[index] === null);
      if (heavy.length === 0) return gate.light(readMeasures(light, read));
      const key = heavy.flatMap(({ measures }) => measures).join();
      const answers = await Promise.all([
        gate.heavy(key, (run) => readHeavyMeasures(heavy, toRun(parts, run)), signal),
        ...(light.length > 0 ? [gate.light(readMeasures(light, read))] : []),
      ]);
      return answers.reduce(join);
    },
    failures: async ({ failures, parts }, signal) =>
      failures === null
        ? []
        : readRows(gates.failures, failures, signal, (run) => readHeavyFailures(failures, toRun(parts, run))),
    workers: async ({ workers }, signal) =>
      workers === undefined ? [] : readRows(gates.workers, workers, signal, (run) => database.read(workers, run)),
    async usualRuns({ usualRuns: statement }, signal) {
      if (statement === undefined) return [];
      const [choice] = await runsCheck.choose([[{ sql: statement }]], readAllBy(signal));
      return choice === 0 ? database.read(statement, signal) : [];
    },
    close() {
      for (const gate of Object.values(gates)) gate.close();
    },
  };
}

/** A cost guard: asks the planner about statements, and paces the heavy ones. */
interface Gate<T> {
  choose(statements: readonly (readonly Candidate[])[], readAll: ReadAllRows): Promise<readonly Choice[]>;
  /** Wraps a read of light statements. */
  light<R>(read: Promise<R>): Promise<R>;
  readonly heavy: Paced<T>["read"];
  readonly close: () => void;
}

function createGate<T>(database: Database, options: HeavyOptions): Gate<T> {
  const check = createPlanCheck(options);
  const paced = createPaced<T>(database, options);
  const orForget = (error: unknown): never => {
    check.forget(describe(error).code === "57014");
    throw error;
  };
  return {
    choose: (statements, readAll) => check.choose(statements, readAll).catch(orForget),
    light: (read) => read.catch(orForget),
    heavy: (key, work, signal) => paced.read(key, work, signal),
    close: () => paced.close(),
  };
}

/** Joins two results with different measures. It is as old as the older one. */
function join(a: ReadMeasures, b: ReadMeasures): ReadMeasures {
  const queues = new Set([...a.measured.keys(), ...b.measured.keys()]);
  return {
    nothing: { ...a.nothing, ...b.nothing },
    measured: new Map([...queues].map((queue) => [queue, { ...ofQueue(a, queue), ...ofQueue(b, queue) }])),
    observedAt: a.observedAt < b.observedAt ? a.observedAt : b.observedAt,
    exact: a.exact && b.exact,
  };
}

function ofQueue({ nothing, measured }: ReadMeasures, queue: string): ReadMeasures["nothing"] {
  return measured.get(queue) ?? nothing;
}

/** The measures of all queues. */
interface ReadMeasures extends MeasuredQueues {
  /** When its oldest part was read, RFC 3339 UTC with seconds. */
  readonly observedAt: string;
  /** False when it is not one snapshot. */
  readonly exact: boolean;
}

interface HeavyRun {
  readonly read: ReadRows;
  readonly parts: TableParts | undefined;
  readonly firstPages: number | undefined;
  readonly signal: AbortSignal;
}

/** Reads with one statement: one snapshot. */
async function readMeasures(readings: readonly Reading[], read: ReadRows): Promise<ReadMeasures> {
  const observedAt = formatRfc3339(Date.now());
  return { ...toMeasured(await read(uniteReadings(readings)), readings), observedAt, exact: true };
}

/** For readings that would scan a huge table: part by part where possible, without quantiles; else as one statement. */
async function readHeavyMeasures(readings: readonly Reading[], { parts, ...run }: HeavyRun): Promise<ReadMeasures> {
  const plain = readings.flatMap((reading) => toWays(reading).at(-1) ?? []);
  if (!parts) return readMeasures(plain, run.read);
  const observedAt = formatRfc3339(Date.now());
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

/** The same for failures. */
async function readHeavyFailures(failures: string, { parts, ...run }: HeavyRun): Promise<readonly Row[]> {
  if (!parts) return run.read(failures);
  const sums = createFailureSums();
  const part = { table: parts.table, statement: parts.failures };
  if (parts.rest) sums.add(await run.read(parts.rest.failures));
  const isParted = await readInChunks(run.read, part, { ...run, add: (rows) => sums.add(rows) });
  return isParted ? sums.rows() : run.read(failures);
}

/** The ways to read the same data; the last has the fewest scans. */
export function toWays(reading: Reading): readonly Reading[] {
  const { plain, ...rest } = reading;
  return plain === undefined ? [reading] : [reading, { ...rest, sql: plain, costCorrection: 1 }];
}

/** Work that is too heavy to run for every caller. */
interface Paced<T> {
  /**
   * Returns the last result for `key`, and starts a run in the background when one is due. Without a result younger than three periods, the caller waits for the
   * run and gets its error.
   */
  read(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Aborts the current run. */
  close(): void;
}

interface PacedRun<T> {
  readonly key: string;
  readonly result: Promise<T>;
}

/** One heavy run for each database at a time, over all its sources. */
const turns = new WeakMap<Database, LimitFunction>();

/** A run continues when its callers have left, so that the next ones find a result. None starts without a caller. */
export function createPaced<T>(database: Database, { everyMs = 60_000, waitMs = 8_000 }: PacedOptions = {}): Paced<T> {
  const controller = new AbortController();
  const turn = turns.get(database) ?? pLimit(1);
  turns.set(database, turn);
  let last: { readonly key: string; readonly answer: T; readonly at: number } | null = null;
  let failure: { readonly key: string; readonly error: unknown } | null = null;
  let nextAt = -Infinity;
  let current: PacedRun<T> | null = null;

  const startRun = (key: string, work: (signal: AbortSignal) => Promise<T>): PacedRun<T> => {
    const result = turn(async () => {
      controller.signal.throwIfAborted();
      const start = performance.now();
      const took = () => performance.now() - start;
      try {
        const answer = await work(controller.signal);
        last = { key, answer, at: start };
        failure = null;
        nextAt = start + Math.max(everyMs, 2 * took());
        return answer;
      } catch (error) {
        failure = { key, error };
        // A cheap failure, such as a lock, is retried soon; one that used up its 2 s only after a period.
        nextAt = start + Math.min(everyMs, Math.max(everyMs / 60, 30 * took()));
        throw error;
      }
    });
    const run = { key, result };
    const land = () => {
      if (current === run) current = null;
    };
    result.then(land, land);
    return run;
  };

  return {
    async read(key, work, signal) {
      signal.throwIfAborted();
      const mine = last?.key === key ? last : null;
      const isKnown = mine !== null || failure?.key === key;
      if (current?.key !== key && (!isKnown || performance.now() >= nextAt)) current = startRun(key, work);
      const run = current?.key === key ? current : null;
      const isYoung = mine !== null && performance.now() - mine.at < 3 * everyMs;
      if (mine && (isYoung || (!run && !failure))) return mine.answer;
      if (run) {
        const answer = await arriveWithin(run.result, waitMs, signal);
        if (answer !== null) return answer.value;
        if (mine) return mine.answer;
        throw new OpsError(
          "postgres_unavailable",
          "A huge table without an index for this is being read in small parts: ask again soon",
        );
      }
      if (failure) throw failure.error;
      throw new Error("nothing runs, and nothing is known");
    },
    close: () => controller.abort(),
  };
}

/** The promise's value; null if it takes longer. */
async function arriveWithin<T>(promise: Promise<T>, ms: number, signal: AbortSignal): Promise<{ readonly value: T } | null> {
  const timeout = AbortSignal.timeout(ms);
  try {
    return { value: await abortable(promise, AbortSignal.any([signal, timeout])) };
  } catch (error) {
    if (timeout.aborted && !signal.aborted) return null;
    throw error;
  }
}

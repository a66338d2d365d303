import { describe } from "./failures.ts";
import { uniteReadings } from "./measures.ts";
import type { Candidate, Choice } from "./plan.ts";
import { type PlanCheckOptions, createPlanCheck } from "./plan-check.ts";
import { type ReadMeasures, readHeavyFailures, readHeavyMeasures, readMeasures, toWays } from "./plan-heavy.ts";
import { type Paced, type PacedOptions, createPaced } from "./plan-paced.ts";
import type { Database, Row } from "./pool.ts";
import type { ReadAllRows, ReadRows, SqlStatements } from "./source.ts";

/** What is done about plans that would scan a huge table. */
export interface HeavyOptions extends PlanCheckOptions, PacedOptions {
  /** Pages of the first part. @default firstChunkPages */
  readonly firstPages?: number;
}

/** Reads what a source needs: at once where the plans are light, else at most once a minute behind its callers. */
export interface PlannedReads {
  measures(statements: SqlStatements, signal: AbortSignal): Promise<ReadMeasures>;
  failures(statements: SqlStatements, signal: AbortSignal): Promise<readonly Row[]>;
  /** The running jobs by their workers; empty where the statements do not tell. */
  workers(statements: SqlStatements, signal: AbortSignal): Promise<readonly Row[]>;
  /** How long jobs usually run; empty where there is no statement for it, or it would cost much. */
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

/** What asks the planner about statements, and paces those that are heavy. */
interface Gate<T> {
  choose(statements: readonly (readonly Candidate[])[], readAll: ReadAllRows): Promise<readonly Choice[]>;
  /** A read of what was found to be light. */
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

/** Two answers about different measures, as old as the older one. */
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

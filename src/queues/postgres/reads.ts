import { describe } from "../../lib/postgres/errors.ts";
import type { Row } from "../../lib/postgres/pool.ts";
import { abortable } from "../../lib/abort.ts";
import { OpsError } from "../../lib/errors.ts";
import type { Database } from "./database.ts";
import { readFailuresInParts, readMeasuresInParts } from "./page-ranges.ts";
import { explain, toCost, toPlan } from "./planner.ts";
import {
  type Candidate,
  type HeavyOptions,
  readMeasures,
  type ReadMeasures,
  type SqlStatements,
  toWays,
  uniteReadings,
} from "./statements.ts";

/** The statements that read a source; `sql.ts` makes them from a job system's queries. */
export interface PlannedStatements extends Pick<SqlStatements, "readings" | "failures" | "usualRuns" | "parts"> {
  /** The running jobs by worker; absent where the rows do not name workers. */
  readonly workers?: string;
}

/**
 * Reads a source: at once where the plans are light, else in the background at most once a minute.
 */
export function createPlannedReads(database: Database, options: HeavyOptions = {}) {
  const guards = {
    measures: createCostGuard<ReadMeasures>(database, options),
    failures: createCostGuard<readonly Row[]>(database, options),
    workers: createCostGuard<readonly Row[]>(database, options),
  };
  const runsCheck = createPlanCheck(options);
  const toRun = (parts: SqlStatements["parts"], signal: AbortSignal) => ({
    read: (statement: string) => database.read(statement, signal),
    parts,
    firstPages: options.firstPages,
    signal,
  });
  const readRows = async (
    guard: ReturnType<typeof createCostGuard<readonly Row[]>>,
    statement: string,
    signal: AbortSignal,
    readHeavy: (run: AbortSignal) => Promise<readonly Row[]>,
  ) => {
    const [choice] = await guard.choose([[{ sql: statement }]], signal);
    return choice === 0 ? guard.light(database.read(statement, signal)) : guard.heavy("rows", readHeavy, signal);
  };

  return {
    async measures({ readings, parts }: PlannedStatements, signal: AbortSignal): Promise<ReadMeasures> {
      const guard = guards.measures;
      const ways = readings.map(toWays);
      const choices = await guard.choose(
        ways.map((way) => way.map((reading) => ({ ...reading, sql: uniteReadings([reading]) }))),
        signal,
      );
      const light = ways.flatMap((way, index) => way[choices[index] ?? Infinity] ?? []);
      const heavy = readings.filter((_, index) => choices[index] === null);
      const readLight = () => guard.light(readMeasures(light, (statement) => database.read(statement, signal)));
      if (heavy.length === 0) return readLight();
      const key = heavy.flatMap(({ measures }) => measures).join();
      const answers = await Promise.all([
        guard.heavy(key, (run) => readMeasuresInParts(heavy, toRun(parts, run)), signal),
        ...(light.length > 0 ? [readLight()] : []),
      ]);
      return answers.reduce(join);
    },
    async failures({ failures, parts }: PlannedStatements, signal: AbortSignal): Promise<readonly Row[]> {
      if (failures === null) return [];
      return readRows(guards.failures, failures, signal, (run) => readFailuresInParts(failures, toRun(parts, run)));
    },
    async workers({ workers }: PlannedStatements, signal: AbortSignal): Promise<readonly Row[]> {
      if (workers === undefined) return [];
      return readRows(guards.workers, workers, signal, (run) => database.read(workers, run));
    },
    /** Usual run times; empty where the rows hold none, or reading them would be expensive. */
    async usualRuns({ usualRuns: statement }: PlannedStatements, signal: AbortSignal): Promise<readonly Row[]> {
      if (statement === undefined) return [];
      const [choice] = await runsCheck.choose([[{ sql: statement }]], (explains) => database.readAll(explains, signal));
      return choice === 0 ? database.read(statement, signal) : [];
    },
    close(): void {
      for (const guard of Object.values(guards)) guard.close();
    },
  };
}

/** Joins two results with different measures. The result is as old as the older one. */
function join(a: ReadMeasures, b: ReadMeasures): ReadMeasures {
  const queues = new Set([...a.measured.keys(), ...b.measured.keys()]);
  return {
    zeroRow: { ...a.zeroRow, ...b.zeroRow },
    measured: new Map([...queues].map((queue) => [queue, { ...ofQueue(a, queue), ...ofQueue(b, queue) }])),
    observedAt: a.observedAt < b.observedAt ? a.observedAt : b.observedAt,
    exact: a.exact && b.exact,
  };
}

function ofQueue({ zeroRow, measured }: ReadMeasures, queue: string): ReadMeasures["zeroRow"] {
  return measured.get(queue) ?? zeroRow;
}

/**
 * Decides by the planner's costs which statements run now, and paces the others. Each result of a
 * source has its own guard.
 */
function createCostGuard<T>(database: Database, options: HeavyOptions) {
  const check = createPlanCheck(options);
  const paced = createPaced<T>(database, options);
  const orForget = (error: unknown): never => {
    check.forget(describe(error).code === "57014");
    throw error;
  };
  return {
    /** Chooses how each statement runs. Rejects as `Database.readAll` does. */
    choose: (statements: readonly (readonly Candidate[])[], signal: AbortSignal): Promise<readonly Choice[]> =>
      check.choose(statements, (explains) => database.readAll(explains, signal)).catch(orForget),
    /** Wraps a read of light statements. */
    light: <R>(read: Promise<R>): Promise<R> => read.catch(orForget),
    heavy: paced.read,
    close: paced.close,
  };
}

/**
 * Statements that together cost more than this run once a minute. It is the cost of 100,000 pages
 * in sequence and their rows, about 350 ms from memory.
 */
export const heavyCost = 100_000;

/** Index of the candidate to run; null: not now, since every candidate would scan a huge table. */
export type Choice = number | null;

/**
 * Chooses the cheapest candidate of each statement, then the cheapest statements, up to `limit` in
 * total. `costs` has the costs of each statement's candidates.
 */
export function chooseLight(costs: readonly (readonly number[])[], limit: number): readonly Choice[] {
  const cheapest = costs.map((own) => Math.min(...own));
  let sum = 0;
  const light = new Set<number>();
  for (const [index, cost] of [...cheapest.entries()].toSorted(([, a], [, b]) => a - b)) {
    sum += cost;
    if (sum <= limit) light.add(index);
  }
  return costs.map((own, index) => (light.has(index) ? own.indexOf(cheapest[index] ?? 0) : null));
}

/**
 * Asks the planner what statements cost before they run. This reads no rows. Each statement needs
 * at least one candidate.
 */
export function createPlanCheck({ cost = heavyCost, againMs = 300_000, distrustMs = 60_000 }: HeavyOptions = {}) {
  let cached: { readonly key: string; readonly choices: readonly Choice[]; readonly until: number } | null = null;
  let distrustUntil = -Infinity;
  return {
    /**
     * Chooses how each statement runs. Asks the planner about all at once, unless it did a short
     * while ago; rejects as `readAll` does.
     */
    async choose(
      statements: readonly (readonly Candidate[])[],
      readAll: (statements: readonly string[]) => ReturnType<Database["readAll"]>,
    ): Promise<readonly Choice[]> {
      if (performance.now() < distrustUntil) return statements.map(() => null);
      const key = JSON.stringify(statements);
      if (cached?.key === key && performance.now() < cached.until) return cached.choices;
      const plans = (await readAll(statements.flat().map(({ sql }) => explain(sql)))).values();
      const costs = statements.map((candidates) =>
        candidates.map((candidate) => toCost(toPlan(plans.next().value ?? [])) / (candidate.costCorrection ?? 1)),
      );
      const choices = chooseLight(costs, cost);
      cached = { key, choices, until: performance.now() + againMs };
      return choices;
    },
    /**
     * Call it after a failure: the planner is asked again next time. After a timeout the planner
     * was wrong, so every statement counts as heavy for a while.
     */
    forget(ranOutOfTime: boolean): void {
      cached = null;
      if (ranOutOfTime) distrustUntil = performance.now() + distrustMs;
    },
  };
}

/**
 * Paces work that is too heavy to run for every caller. A run continues when its callers have left,
 * so that the next ones find a result. No run starts without a caller.
 */
export function createPaced<T>(database: Database, { everyMs = 60_000, waitMs = 8_000 }: HeavyOptions = {}) {
  const controller = new AbortController();
  let last: { readonly key: string; readonly answer: T; readonly at: number } | null = null;
  let failure: { readonly key: string; readonly error: unknown } | null = null;
  let nextAt = -Infinity;
  let current: { readonly key: string; readonly result: Promise<T> } | null = null;

  const startRun = (key: string, work: (signal: AbortSignal) => Promise<T>) => {
    const result = database.limits.heavyReads(async () => {
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
        // A cheap failure, such as a lock, is retried soon; one that used up its 2 s is retried
        // only after a period.
        nextAt = start + Math.min(everyMs, Math.max(everyMs / 60, 30 * took()));
        throw error;
      }
    });
    const run = { key, result };
    const end = () => {
      if (current === run) current = null;
    };
    result.then(end, end);
    return run;
  };

  return {
    /**
     * Returns the last result for `key`, and starts a run in the background when one is due.
     * Without a result younger than three periods, the caller waits for the run and gets its error.
     */
    read: async (key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> => {
      signal.throwIfAborted();
      const mine = last?.key === key ? last : null;
      const isKnown = mine !== null || failure?.key === key;
      if (current?.key !== key && (!isKnown || performance.now() >= nextAt)) current = startRun(key, work);
      const run = current?.key === key ? current : null;
      const isYoung = mine !== null && performance.now() - mine.at < 3 * everyMs;
      if (mine && (isYoung || (!run && !failure))) return mine.answer;
      if (run) {
        const answer = await settleWithin(run.result, waitMs, signal);
        if (answer !== null) return answer.value;
        if (mine) return mine.answer;
        throw new OpsError(
          "postgres_unavailable",
          "A huge table without an index for this is being read in small parts: try again soon",
        );
      }
      if (failure) throw failure.error;
      throw new Error("a heavy reading must have a run, a result or a failure");
    },
    /** Aborts the current run. */
    close: () => controller.abort(),
  };
}

/** The promise's value; null if it takes longer. */
async function settleWithin<T>(
  promise: Promise<T>,
  ms: number,
  signal: AbortSignal,
): Promise<{ readonly value: T } | null> {
  const timeout = AbortSignal.timeout(ms);
  try {
    return { value: await abortable(promise, AbortSignal.any([signal, timeout])) };
  } catch (error) {
    if (timeout.aborted && !signal.aborted) return null;
    throw error;
  }
}

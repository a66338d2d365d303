import type { Row } from "./database.ts";
import type { Candidate, PlanCheckOptions, ReadAllRows } from "./statements.ts";

/** What we look at in a node of a plan. Source: PostgreSQL's "EXPLAIN", FORMAT JSON. */
export interface PlanNode {
  readonly "Node Type": string;
  /** In units of the planner: 1 is a page read in order. */
  readonly "Total Cost": number;
  /** That come out of it, as the planner thinks. */
  readonly "Plan Rows": number;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  /** What is looked up in the index. */
  readonly "Index Cond"?: string;
  /** A condition on rows that were read already. */
  readonly Filter?: string;
  readonly Plans?: readonly PlanNode[];
}

/** Statements that together cost more are for once a minute: 100,000 pages read in order, with their rows about 350 ms where they are in memory. */
export const heavyCost = 100_000;

/** A statement that only plans another: nothing is read. */
export function explain(statement: string): string {
  return `explain (format json) ${statement}`;
}

/** The plan in the answer to `explain`. pg makes an object of JSON. */
export function toPlan(rows: readonly Row[]): PlanNode {
  const value: unknown = rows[0]?.["QUERY PLAN"];
  const [first] = (typeof value === "string" ? JSON.parse(value) : value) as readonly { readonly Plan: PlanNode }[];
  if (!first) throw new Error("EXPLAIN gave no plan");
  return first.Plan;
}

/** All nodes, the plan itself first. */
export function nodesOf(plan: PlanNode): readonly PlanNode[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

/**
 * The cost of a plan: that of its most expensive node, for a node under a Limit may be more expensive than the whole. The planner believes that it finds soon what it
 * looks for; where there is none, it reads to the end. A scan that filters nothing ends with the Limit.
 */
export function toCost(plan: PlanNode): number {
  const below = endsEarly(plan) ? [] : (plan.Plans ?? []);
  return Math.max(plan["Total Cost"] - sumOverratedCosts(plan), ...below.map(toCost));
}

/**
 * How much of a cost is for partitions that are not read. A loop that looks up `column = other.column` reads the one partition that holds it, the planner knows that
 * only while it runs: until then each loop costs as much as all of them, and an empty one of which it knows nothing as much as ten pages. The most expensive one is
 * left. This takes the column for what the partitions are made by, as that of pg-boss is.
 */
function sumOverratedCosts({ "Node Type": type, Plans: plans = [] }: PlanNode): number {
  const [outer, inner] = plans;
  if (type === "Memoize") return 0; // What loops over it cost is not told.
  if (type === "Nested Loop" && outer && inner) return sumOverratedCosts(outer) + outer["Plan Rows"] * sumOverratedCosts(inner);
  if (type !== "Append" || !plans.every(looksUp)) return addUp(plans.map(sumOverratedCosts));
  const costs = plans.map((scan) => scan["Total Cost"]);
  return addUp(costs) - Math.max(...costs);
}

const lookUp = /\("?\w+"? = "?\w+"?\."?\w+"?\)/;

/** A scan of a table for the rows that another one asks for. */
function looksUp(scan: PlanNode): boolean {
  if (scan["Relation Name"] === undefined) return false;
  return nodesOf(scan).some((node) => lookUp.test(node["Index Cond"] ?? "") || lookUp.test(node.Filter ?? ""));
}

function addUp(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function endsEarly({ "Node Type": type, Plans: [scan, ...others] = [] }: PlanNode): boolean {
  const isScan = /^Index (Only )?Scan$/.test(scan?.["Node Type"] ?? "");
  return type === "Limit" && others.length === 0 && isScan && scan?.Filter === undefined;
}

/** A scan of a whole table that costs less is one of a few pages. */
const fewPagesCost = 100;

/** The nodes that read a table or an index. Not those of a table of a few pages, such as a partition without a row: it is scanned whatever else could be done. */
export function scansOf(plan: PlanNode): readonly PlanNode[] {
  return nodesOf(plan).filter(
    (node) =>
      node["Node Type"].endsWith(" Scan") &&
      (node["Relation Name"] ?? node["Index Name"]) !== undefined &&
      !(node["Node Type"] === "Seq Scan" && node["Total Cost"] < fewPagesCost),
  );
}

/** Place of the candidate as which a statement shall run; null: not at once, since each of them would scan a huge table. */
export type Choice = number | null;

/**
 * Chooses the cheapest candidate of each statement, then the cheapest statements as long as they cost at most `limit` together. `costs` are those of the candidates of
 * each statement.
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

interface PlanCheck {
  /** How each statement shall run. Asks the planner, about all of them at once, when it has not been asked for a while; rejects as `readAll` does. */
  choose(statements: readonly (readonly Candidate[])[], readAll: ReadAllRows): Promise<readonly Choice[]>;
  /** After a failure: the planner is asked again. When a statement ran out of time, the planner was wrong: for a while everything is heavy. */
  forget(ranOutOfTime: boolean): void;
}

/** Asks the planner what statements would cost before they run. A statement has a candidate at least. Nothing is read by that. */
export function createPlanCheck({ cost = heavyCost, againMs = 300_000, distrustMs = 60_000 }: PlanCheckOptions = {}): PlanCheck {
  let cached: { readonly key: string; readonly choices: readonly Choice[]; readonly until: number } | null = null;
  let distrustUntil = -Infinity;
  return {
    async choose(statements, readAll) {
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
    forget(ranOutOfTime) {
      cached = null;
      if (ranOutOfTime) distrustUntil = performance.now() + distrustMs;
    },
  };
}

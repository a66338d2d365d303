import type { Row } from "../../lib/postgres/pool.ts";

/** The fields we use of a plan's node. Source: PostgreSQL's "EXPLAIN", FORMAT JSON. */
export interface PlanNode {
  readonly "Node Type": string;
  /** In the planner's units: 1 is a page read in sequence. */
  readonly "Total Cost": number;
  /** Rows that it returns, by the planner's estimate. */
  readonly "Plan Rows": number;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  /** What it looks up in the index. */
  readonly "Index Cond"?: string;
  /** A condition on rows already read. */
  readonly Filter?: string;
  readonly Plans?: readonly PlanNode[];
}

/** Plans the statement without running it. */
export function explain(statement: string): string {
  return `explain (format json) ${statement}`;
}

/** The plan in the result of `explain`. pg parses JSON into an object. */
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
 * The cost of a plan: the cost of its most expensive node, because a node under a Limit may cost
 * more than the whole plan. The planner assumes that a match is found early; without a match the
 * node reads to the end. An index scan without a filter does stop at the Limit, even if rows with
 * the same time are then sorted. So does one whose filter only skips rows with the time at which
 * the page begins.
 */
export function toCost(plan: PlanNode): number {
  const below = endsEarly(plan) ? [] : (plan.Plans ?? []);
  return Math.max(plan["Total Cost"] - sumOverratedCosts(plan), ...below.map(toCost));
}

/**
 * The part of a cost that the planner adds for partitions that are not read. A loop with `column =
 * other.column` reads only the partition that holds the value, but which one is known only at run
 * time. The planner estimates that each loop costs as much as all partitions, and an empty
 * partition without statistics as much as ten pages. The result is the sum without the most
 * expensive partition. It assumes that the column is the partition key, as in pg-boss.
 */
function sumOverratedCosts({ "Node Type": type, Plans: plans = [] }: PlanNode): number {
  const [outer, inner] = plans;
  if (type === "Memoize") return 0; // Its loops' cost is not in the plan.
  if (type === "Nested Loop" && outer && inner)
    return sumOverratedCosts(outer) + outer["Plan Rows"] * sumOverratedCosts(inner);
  if (type !== "Append" || !plans.every(looksUp)) return addUp(plans.map(sumOverratedCosts));
  const costs = plans.map((scan) => scan["Total Cost"]);
  return addUp(costs) - Math.max(...costs);
}

const lookUp = /\("?\w+"? = "?\w+"?\."?\w+"?\)/;

/** Whether it scans a table for values from another node. */
function looksUp(scan: PlanNode): boolean {
  if (scan["Relation Name"] === undefined) return false;
  return nodesOf(scan).some((node) => lookUp.test(node["Index Cond"] ?? "") || lookUp.test(node.Filter ?? ""));
}

function addUp(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function endsEarly({ "Node Type": type, Plans: [first, ...others] = [] }: PlanNode): boolean {
  const scan = first?.["Node Type"] === "Incremental Sort" ? first.Plans?.[0] : first;
  const isScan = /^Index (Only )?Scan$/.test(scan?.["Node Type"] ?? "");
  return type === "Limit" && others.length === 0 && isScan && keyset.test(scan?.Filter ?? "");
}

/**
 * Matches no filter, or one comparison of rows, which an index on the first column alone cannot
 * decide.
 */
const keyset = /^(?:\(ROW\([^()]*\) [<>] ROW\([^()]*\)\))?$/;

/** A sequential scan below this cost reads only a few pages. */
const fewPagesCost = 100;

/**
 * The nodes that scan a table or an index. Leaves out tables of a few pages, such as empty
 * partitions: these are scanned sequentially in any case.
 */
export function scansOf(plan: PlanNode): readonly PlanNode[] {
  return nodesOf(plan).filter(
    (node) =>
      node["Node Type"].endsWith(" Scan") &&
      (node["Relation Name"] ?? node["Index Name"]) !== undefined &&
      !(node["Node Type"] === "Seq Scan" && node["Total Cost"] < fewPagesCost),
  );
}

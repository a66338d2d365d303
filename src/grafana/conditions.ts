import type { Budget } from "../budget/budget.ts";
import { compileLinePattern, patternBytes, patternRule } from "../domain/log-pattern.ts";
import { OpsError } from "../errors.ts";
import { type Row, getDimension, quote } from "./dimensions.ts";
import { toNames } from "./text.ts";

const operators = ["=", "!=", "=~", "!~", "<", ">", "=|", "!=|"] as const;
type Operator = (typeof operators)[number];

/** One condition on a column, or a label. */
export interface Condition {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** Of one target: the dashboard's ad hoc filters and its own payload. */
const maxConditions = 20;

/** Throws invalid_request for more than 20. */
export function checkConditions(conditions: readonly unknown[]): void {
  if (conditions.length > maxConditions)
    throw new OpsError("invalid_request", `At most ${maxConditions} filters, with those of the payload`);
}

/**
 * Grafana's ad hoc filters: `{key, operator, value, values?}`; what lacks a key is one that somebody has only begun to write. "All" is no condition.
 * Throws invalid_request for an unknown key or operator, or too many.
 */
export function parseFilters(input: unknown): Condition[] {
  if (!Array.isArray(input)) return [];
  checkConditions(input);
  return input.flatMap((filter: unknown) => (typeof filter === "object" && filter !== null ? toCondition(filter as Row) : []));
}

function toCondition({ key, operator: given, value, values }: Row): Condition[] {
  if (typeof key !== "string" || key === "") return [];
  getDimension(key);
  const operator = operators.find((known) => known === (given ?? "="));
  if (!operator) throw new OpsError("invalid_request", `Unknown operator ${quote(String(given))}; known: ${operators.join(" ")}`);
  if (operator === "=~" || operator === "!~") return [{ key, operator, values: [toText(value)] }];
  const list = operator.endsWith("|") && Array.isArray(values) ? values : value;
  // An empty value is asked for as such: what has none.
  if (list === "") return [{ key, operator, values: [""] }];
  const names = toNames(list);
  return names === null ? [] : [{ key, operator, values: names }];
}

/**
 * The rows that all conditions accept. A row without a column of a condition's key is not judged by it: a dashboard's filter on queues leaves its hosts alone. Expressions
 * are RE2 and match the whole value, as in Prometheus. Rejects with invalid_request for an invalid expression, and as the budget does.
 */
export async function filterRows(
  rows: readonly Row[],
  conditions: readonly Condition[],
  budget: Budget,
): Promise<readonly Row[]> {
  let left = rows;
  for (const condition of conditions) left = await filterBy(condition, left, budget);
  return left;
}

/** Each different value is judged once: there are far fewer than rows. */
async function filterBy(condition: Condition, rows: readonly Row[], budget: Budget): Promise<readonly Row[]> {
  const { key } = condition;
  const accepts = await toValueTest(condition, budget);
  const judged = new Map<string, boolean>();
  const left: Row[] = [];
  for (const row of rows) {
    const text = toText(row[key]);
    let isWanted = !(key in row) || judged.get(text);
    if (isWanted === undefined) {
      const wait = budget.turn();
      if (wait) await wait;
      judged.set(text, (isWanted = accepts(text)));
    }
    if (isWanted) left.push(row);
  }
  if (isExpression(condition)) budget.free(patternBytes);
  return left;
}

async function toValueTest(condition: Condition, budget: Budget): Promise<(text: string) => boolean> {
  const { operator, values } = condition;
  const wanted = new Set(values);
  const [first = ""] = values;
  if (operator === "<") return (text) => text !== "" && compare(text, first) < 0;
  if (operator === ">") return (text) => text !== "" && compare(text, first) > 0;
  const matches = isExpression(condition) ? await compile(first, budget) : (text: string) => wanted.has(text);
  return operator.startsWith("!") ? (text) => !matches(text) : matches;
}

function isExpression({ operator }: Condition): boolean {
  return operator === "=~" || operator === "!~";
}

/** As numbers where both are; else as text. */
function compare(a: string, b: string): number {
  const [left, right] = [Number(a), Number(b)];
  if (b.trim() !== "" && !Number.isNaN(left) && !Number.isNaN(right)) return left - right;
  return a < b ? -1 : Number(a > b);
}

async function compile(text: string, budget: Budget): Promise<(value: string) => boolean> {
  const pattern = await compileLinePattern(text);
  if (!pattern) throw new OpsError("invalid_request", `${quote(text)} is not ${patternRule}`);
  budget.hold(patternBytes);
  return (value) => pattern.matches(value);
}

/** What is unknown is empty, as a missing label is. */
function toText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

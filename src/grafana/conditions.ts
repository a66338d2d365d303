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

/** Whether a row is wanted. */
export type Accepts = (row: Row) => boolean;

const maxPatternLength = 200;

/**
 * Grafana's ad hoc filters: `{key, operator, value, values?}`; what lacks a key is one that somebody has only begun to write. "All" is no condition.
 * Throws invalid_request for an unknown key or operator.
 */
export function parseFilters(input: unknown): Condition[] {
  if (!Array.isArray(input)) return [];
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
 * All conditions as one test. A row without a column of a condition's key is not judged by it: a dashboard's filter on queues leaves its hosts alone. Expressions are
 * RE2 and match the whole value, as in Prometheus. Rejects with invalid_request for one that is none.
 */
export async function toTest(conditions: readonly Condition[]): Promise<Accepts> {
  const tests = await Promise.all(
    conditions.map(async (condition) => ({ key: condition.key, accepts: await toValueTest(condition) })),
  );
  return (row) => tests.every(({ key, accepts }) => !(key in row) || accepts(toText(row[key])));
}

async function toValueTest({ operator, values }: Condition): Promise<(text: string) => boolean> {
  const wanted = new Set(values);
  const [first = ""] = values;
  if (operator === "<") return (text) => text !== "" && compare(text, first) < 0;
  if (operator === ">") return (text) => text !== "" && compare(text, first) > 0;
  const isExpression = operator === "=~" || operator === "!~";
  const matches = isExpression ? await compile(first) : (text: string) => wanted.has(text);
  return operator.startsWith("!") ? (text) => !matches(text) : matches;
}

/** As numbers where both are; else as text. */
function compare(a: string, b: string): number {
  const [left, right] = [Number(a), Number(b)];
  if (b.trim() !== "" && !Number.isNaN(left) && !Number.isNaN(right)) return left - right;
  return a < b ? -1 : Number(a > b);
}

/** JavaScript's own expressions could take exponential time. */
async function compile(text: string): Promise<(value: string) => boolean> {
  const { RE2JS } = await import("re2js");
  try {
    if (text.length > maxPatternLength) throw new Error("too long");
    const pattern = RE2JS.compile(text);
    return (value) => pattern.matches(value);
  } catch {
    throw new OpsError(
      "invalid_request",
      `${quote(text)} is no regular expression of RE2 (no look-around, no back-references) of at most ${maxPatternLength} characters`,
    );
  }
}

/** What is unknown is empty, as a missing label is. */
function toText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

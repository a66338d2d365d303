import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import {
  GrafanaContainerOptionsDocument,
  GrafanaHostOptionsDocument,
  GrafanaQueueOptionsDocument,
} from "../generated/grafana.ts";
import { type Budget, inTurns } from "../lib/budget/budget.ts";
import { OpsError } from "../lib/errors.ts";
import { compileLinePattern } from "../lib/pattern/pattern.ts";
import { patternBytes, patternRule } from "../lib/pattern/rule.ts";

const operators = ["=", "!=", "=~", "!~", "<", ">", "=|", "!=|"] as const;
type Operator = (typeof operators)[number];

/** One condition on a column or a label. */
export interface Condition {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** For one target: the dashboard's ad hoc filters and its own payload. */
const maxConditions = 20;

/** Throws invalid_request for more than 20. */
export function checkConditions(conditions: readonly unknown[]): void {
  if (conditions.length > maxConditions)
    throw new OpsError("invalid_request", `At most ${maxConditions} filters, including those of the payload`);
}

/**
 * Grafana's ad hoc filters: `{key, operator, value, values?}`. A filter without a key is incomplete
 * and ignored. "All" is no condition. Throws invalid_request for an unknown key or operator, or too
 * many.
 */
export function parseFilters(input: unknown): Condition[] {
  if (!Array.isArray(input)) return [];
  checkConditions(input);
  return input.flatMap((filter: unknown) =>
    typeof filter === "object" && filter !== null ? toCondition(filter as Row) : [],
  );
}

function toCondition({ key, operator: given, value, values }: Row): Condition[] {
  if (typeof key !== "string" || key === "") return [];
  getDimension(key);
  const operator = operators.find((known) => known === (given ?? "="));
  if (!operator)
    throw new OpsError("invalid_request", `Unknown operator ${quote(String(given))}; known: ${operators.join(" ")}`);
  if (operator === "=~" || operator === "!~") return [{ key, operator, values: [toText(value)] }];
  const list = operator.endsWith("|") && Array.isArray(values) ? values : value;
  // An empty value is a condition: rows without a value.
  if (list === "") return [{ key, operator, values: [""] }];
  const names = toValuesOf(key, list);
  return names === null ? [] : [{ key, operator, values: names }];
}

/**
 * The rows that meet all conditions. A condition ignores rows without its column: a filter on
 * queues leaves hosts alone. Expressions are RE2 and match the whole value, as in Prometheus.
 * Rejects with invalid_request for an invalid expression, and as the budget does.
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

/** Tests each different value once: there are far fewer than rows. */
async function filterBy(condition: Condition, rows: readonly Row[], budget: Budget): Promise<readonly Row[]> {
  const { key } = condition;
  const texts = await inTurns(rows, budget, (row) => (key in row ? toText(row[key]) : null));
  const accepted = await selectTexts(condition, new Set(texts.filter((text) => text !== null)), budget);
  return rows.filter((_, at) => {
    const text = texts[at] ?? null;
    return text === null || accepted.has(text);
  });
}

/** The values that meet a condition. */
async function selectTexts(
  condition: Condition,
  texts: ReadonlySet<string>,
  budget: Budget,
): Promise<ReadonlySet<string>> {
  const { operator, values } = condition;
  const [first = ""] = values;
  const select = (accepts: (text: string) => boolean) => new Set([...texts].filter(accepts));
  if (operator === "<") return select((text) => text !== "" && compare(text, first) < 0);
  if (operator === ">") return select((text) => text !== "" && compare(text, first) > 0);
  const wanted = isExpression(condition) ? await selectMatching(first, texts, budget) : new Set(values);
  return operator.startsWith("!") ? texts.difference(wanted) : wanted;
}

function isExpression({ operator }: Condition): boolean {
  return operator === "=~" || operator === "!~";
}

/** Compares as numbers if both are numbers, else as text. */
function compare(a: string, b: string): number {
  const [left, right] = [Number(a), Number(b)];
  if (b.trim() !== "" && !Number.isNaN(left) && !Number.isNaN(right)) return left - right;
  return a < b ? -1 : Number(a > b);
}

async function selectMatching(
  expression: string,
  texts: ReadonlySet<string>,
  budget: Budget,
): Promise<ReadonlySet<string>> {
  budget.hold(patternBytes);
  const pattern = await compileLinePattern(expression, { isWhole: true }, budget);
  if (!pattern) throw new OpsError("invalid_request", `${quote(expression)} is not ${patternRule}`);
  const all = [...texts];
  const isMatching = await pattern.match(all, budget.signal);
  budget.free(patternBytes);
  return new Set(all.filter((_, at) => isMatching[at]));
}

/** An unknown value becomes "", like a missing label. */
function toText(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}

/** Rows of a fixed document, each a record of columns. */
export type Row = Readonly<Record<string, unknown>>;

/** What metrics can be filtered by: a column or a label of this name. */
export interface Dimension {
  readonly name: string;
  readonly label: string;
  readonly type: "string" | "number";
  /**
   * The document that reads its values, as rows with a column of its name. Without it: `values`.
   */
  readonly document?: TypedDocumentNode<never, never>;
  readonly values?: readonly string[];
}

const ofQueues = { type: "string", document: GrafanaQueueOptionsDocument as never } as const;
const ofContainers = { type: "string", document: GrafanaContainerOptionsDocument as never } as const;
const ofHosts = { type: "string", document: GrafanaHostOptionsDocument as never } as const;

/** The kinds of the metrics `up` and `alerts`. */
export const upKinds = ["host", "engine", "queue_source", "container"] as const;
export const alertKinds = ["container_death", "oom_kill", "health", "queue_state", "host_alert"] as const;

/** Every dimension. To add one: a line here, and a column of its name in its metrics. */
export const dimensions: readonly Dimension[] = [
  { name: "queue", label: "Queue", ...ofQueues },
  { name: "source", label: "Queue source", ...ofQueues },
  { name: "state", label: "State of a queue or deploy", ...ofQueues },
  { name: "env", label: "Environment", ...ofContainers },
  { name: "role", label: "Role", ...ofContainers },
  { name: "destination", label: "Kamal destination", ...ofContainers },
  { name: "container", label: "Container", ...ofContainers },
  { name: "engine", label: "Container engine", ...ofContainers },
  { name: "health", label: "Health of a container", ...ofContainers },
  { name: "status", label: "Status of a container or host", ...ofContainers },
  { name: "version", label: "Release of a container", ...ofContainers },
  { name: "host", label: "Host", ...ofHosts },
  { name: "kind", label: "Kind", type: "string", values: [...upKinds, ...alertKinds] },
  { name: "depth", label: "Depth of a queue", type: "number", values: [] },
  { name: "count", label: "Failures of a queue error", type: "number", values: [] },
  { name: "restarts", label: "Restarts of a container", type: "number", values: [] },
];

/** Throws invalid_request with the known names for an unknown one. */
export function getDimension(name: string): Dimension {
  return findNamed("filter key", dimensions, name);
}

/**
 * The one of this name. Throws invalid_request with the known names for an unknown one; `what` they
 * are is for people.
 */
export function findNamed<T extends { readonly name: string }>(what: string, all: readonly T[], name: string): T {
  const found = all.find((one) => one.name === name);
  if (found) return found;
  throw new OpsError(
    "invalid_request",
    `Unknown ${what} ${quote(name)}; known: ${all.map((one) => one.name).join(", ")}`,
  );
}

/** Quotes a caller's text, cut for a message. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}

/** One field of the query builder. */
interface Payload {
  readonly name: string;
  readonly label: string;
  readonly type: "select" | "multi-select";
  readonly placeholder: string;
  /** Whether it is a dimension of that name; its options are then the current values. */
  readonly isDimension: boolean;
  readonly options?: readonly { readonly value: string; readonly label: string }[];
}

const many = { type: "multi-select", placeholder: "All", isDimension: true } as const;

/** Every field of the query builder; a metric lists its own. */
export const payloads = [
  { name: "queue", label: "Queue", ...many },
  { name: "source", label: "Queue source", ...many },
  { name: "env", label: "Environment", ...many },
  { name: "role", label: "Role", ...many },
  { name: "destination", label: "Destination", ...many },
  { name: "host", label: "Host", ...many },
  { name: "container", label: "Container", ...many },
  { name: "engine", label: "Engine", ...many },
  { name: "kind", label: "Kind", ...many },
  {
    name: "accessories",
    label: "Accessories",
    type: "select",
    placeholder: "false",
    isDimension: false,
    options: [
      { value: "false", label: "Only the product" },
      { value: "true", label: "Also what runs beside it" },
    ],
  },
  {
    name: "step",
    label: "Step",
    type: "select",
    placeholder: "As the panel",
    isDimension: false,
    options: [
      ["15", "15 s"],
      ["30", "30 s"],
      ["60", "1 min"],
      ["300", "5 min"],
      ["900", "15 min"],
      ["3600", "1 h"],
      ["86400", "1 d"],
    ].map(([value = "", label = ""]) => ({ value, label })),
  },
] as const satisfies readonly Payload[];

export type PayloadName = (typeof payloads)[number]["name"];

/**
 * A field in the plugin's form. The plugin always requests options: only then does it show a chosen
 * one by its label.
 */
export function toPayload(name: PayloadName): object {
  const { label, type, placeholder } = payloads.find((payload) => payload.name === name) as Payload;
  return { name, label, type, placeholder, width: 30, reloadMetric: false };
}

/**
 * What Grafana's "All" becomes: its own word, the variable's text, and common custom values of All.
 */
const all: ReadonlySet<string> = new Set(["$__all", "All", ".*", ".+", "*"]);

/**
 * The values of a text. Grafana escapes a variable's value for regular expressions and writes
 * several as `(a|b)`: `webhook\.aella`, `(payouts|webhook\.aella)`. Other text is returned
 * unchanged.
 */
export function toValues(text: string): string[] {
  return (isGroup(text) ? split(text.slice(1, -1)) : [text]).map(unescape);
}

function isGroup(text: string): boolean {
  return text.startsWith("(") && text.endsWith(")") && !isEscaped(text, text.length - 1);
}

/** Enough for a dashboard's variable with all its options. */
const maxNames = 1000;

/**
 * The names in an input; null for all: an absent or empty input, and "All". Accepts what the plugin
 * sends (a text, a list) and what people write in JSON (a number, a boolean, an option as an
 * object). Throws invalid_request for more than 1,000.
 */
export function toNames(input: unknown): readonly string[] | null {
  const names: string[] = [];
  for (const text of flatten(input)) {
    for (const name of toValues(text)) if (name !== "") names.push(name);
    checkNames(names);
  }
  return names.length === 0 || names.some((name) => all.has(name)) ? null : [...new Set(names)];
}

/**
 * Called while names are read: a body of Grafana's size may have a hundred thousand, and each costs
 * a hundred bytes.
 */
function checkNames(names: readonly string[]): void {
  if (names.length > maxNames)
    throw new OpsError("invalid_request", `At most ${maxNames} values for one name; leave the name out to select all`);
}

/**
 * The parts of `a,b` and `a|b`, as Grafana writes several values of `${name:csv}` and
 * `${name:pipe}`. Throws invalid_request for more than 1,000.
 */
export function splitList(text: string): string[] {
  const parts = text.split(/[,|]/, maxNames + 1);
  checkNames(parts);
  return parts.map((part) => part.trim());
}

/**
 * A text and the names that it may list: a name may itself have a comma. Lists have names as they
 * are.
 */
export function withParts(input: unknown): unknown {
  if (typeof input !== "string") return input;
  const parts = splitList(input);
  return parts.length === 1 || isGroup(input) ? input : [input, ...parts];
}

/**
 * The values of a column that an input names; null for all. GraphQL's names of environments are
 * those of the rows too.
 */
export function toValuesOf(key: string, input: unknown): readonly string[] | null {
  const names = toNames(input);
  return key === "env" ? (names?.map((name) => name.toLowerCase()) ?? null) : names;
}

function flatten(input: unknown): string[] {
  if (Array.isArray(input)) return input.flatMap(flatten);
  if (typeof input === "string") return [input.trim()];
  if (typeof input === "number" || typeof input === "boolean") return [String(input)];
  return typeof input === "object" && input !== null && "value" in input ? flatten(input.value) : [];
}

/** `true`, `"true"`, 1 and "1" are true; null for neither true nor false. */
export function toBoolean(input: unknown): boolean | null {
  const [text = ""] = flatten(input);
  if (/^(?:true|1)$/i.test(text)) return true;
  return /^(?:false|0)$/i.test(text) ? false : null;
}

/** A number, or a text of one; null for anything else. */
export function toNumber(input: unknown): number | null {
  const [text = ""] = flatten(input);
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

/** Removes the backslash before punctuation; before a letter it is no escape of Grafana's. */
function unescape(text: string): string {
  return text.includes("\\") ? text.replaceAll(/\\([^\p{L}\p{N}\s])/gu, "$1") : text;
}

/** Splits at each unescaped `|`. */
function split(text: string): string[] {
  const parts: string[] = [];
  let begin = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] !== "|" || isEscaped(text, index)) continue;
    parts.push(text.slice(begin, index));
    checkNames(parts);
    begin = index + 1;
  }
  return [...parts, text.slice(begin)];
}

/** Whether an odd number of backslashes is before it. */
function isEscaped(text: string, index: number): boolean {
  let before = index;
  while (before > 0 && text[before - 1] === "\\") before -= 1;
  return (index - before) % 2 === 1;
}

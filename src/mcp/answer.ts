import { createFence, type Fence, isPlain, Own } from "./fence.ts";
import { type Fault, type Found, type Tool, toShownFault } from "./tool.ts";

/** An answer as the protocol has it. */
export interface ToolResult {
  readonly content: readonly [{ readonly type: "text"; readonly text: string }];
  readonly structuredContent?: Readonly<Record<string, unknown>>;
  readonly isError?: true;
}

/** What one answer may take, bytes of UTF-8 with its envelope. */
export const maxAnswerBytes = 16_384;
/** For the envelope of JSON-RPC, which is not made here. */
const maxResultBytes = maxAnswerBytes - 384;

/** How much of a text is shown, characters: less where not one row would fit otherwise. */
const textLimits = [2000, 500, 120, 30];
const mostFaults = 5;

/**
 * The answer of a tool, at most 16 KB: rows that do not fit are left out, and it says how many, and
 * how to ask for less. All that is not one plain word is inside the fence, wherever it comes from.
 * It is sent twice, as the specification asks: some clients show their model the text alone, others
 * the structured content alone.
 */
export function toAnswer(tool: Tool, found: Found): ToolResult {
  for (const limit of textLimits) {
    const answer = fit(tool, found, limit);
    if (answer) return answer;
  }
  const { rows, unread } = found;
  return toFailureResult({
    code: "answer_too_large",
    message: new Own(toMoreText(tool, rows.length, unread) ?? "Not even its first part fits into 16 KB"),
  });
}

/** An error as an answer. What it quotes is inside the fence. */
export function toFailureResult(fault: Fault): ToolResult {
  const fence = createFence();
  const error = toShown(toShownFault(fault), fence, 2000);
  const note = fence.note();
  const text = JSON.stringify({ error, ...(note !== null && { untrusted: note }) });
  return { content: [{ type: "text", text }], isError: true };
}

function fit(
  tool: Tool,
  { rows, facts = {}, legend, unread = 0, keep = "first", errors = [] }: Found,
  limit: number,
): ToolResult | null {
  const fence = createFence();
  const shown: unknown[] = [];
  const show = (row: unknown, index: number) =>
    tool.row === null ? row : (shown[index] ??= toShown(row, fence, limit));
  const head = {
    ...(toShown(facts, fence, limit) as object),
    ...(errors.length > 0 && {
      errors: errors.slice(0, mostFaults).map((fault) => toShown(toShownFault(fault), fence, limit)),
    }),
  };
  const write = (from: number, to: number): ToolResult => {
    const some = rows.slice(from, to).map((row, index) => show(row, from + index));
    const more = toMoreText(tool, rows.length - some.length, unread);
    const list = tool.row === null ? toLog(some as string[], fence, limit) : some;
    const structuredContent = {
      ...head,
      ...(legend && (toShown(legend(from, to), fence, limit) as object)),
      ...(tool.list !== "" && { [tool.list]: list }),
      ...(more !== null && { more }),
      ...(fence.note() !== null && { untrusted: fence.note() }),
    };
    return { content: [{ type: "text", text: JSON.stringify(structuredContent) }], structuredContent };
  };
  const place = (count: number): [from: number, to: number] => {
    if (keep === "first") return [0, count];
    if (keep === "last") return [rows.length - count, rows.length];
    const from = Math.min(Math.max(0, Math.ceil(rows.length / 2 - count / 2)), rows.length - count);
    return [from, from + count];
  };
  const isFitting = (count: number) => toBytes(write(...place(count))) <= maxResultBytes;
  if (!isFitting(0)) return null;
  // The bytes of an answer grow with its rows: the most that fit are found by doubling, then by
  // halving, so that thousands of rows that do not fit are never written.
  let [fits, tooMany] = [0, 1];
  while (tooMany <= rows.length && isFitting(tooMany)) [fits, tooMany] = [tooMany, tooMany * 2];
  tooMany = Math.min(tooMany, rows.length + 1);
  while (tooMany - fits > 1) {
    const count = Math.floor((fits + tooMany) / 2);
    if (isFitting(count)) fits = count;
    else tooMany = count;
  }
  if (fits === 0 && rows.length > 0) return null;
  return write(...place(fits));
}

function toBytes(result: ToolResult): number {
  return Buffer.byteLength(JSON.stringify(result));
}

function toLog(lines: readonly string[], fence: Fence, limit: number): string {
  if (lines.length === 0) return "";
  const cut = lines.map((line) => (line.length > limit ? `${line.slice(0, limit).toWellFormed()}...` : line));
  return fence.around(`\n${cut.join("\n")}\n`, Number.POSITIVE_INFINITY);
}

function toMoreText({ narrow }: Tool, left: number, unread: number | boolean = 0): string | null {
  const count = left + Number(unread === true ? 0 : unread);
  if (count === 0 && unread !== true) return null;
  const atLeast = unread === true ? "at least " : "";
  return `${count === 0 ? "some" : `${atLeast}${count}`} more: narrow by ${narrow}`;
}

/** Without what is unknown, and with a fence around each text. */
function toShown(value: unknown, fence: Fence, limit: number): unknown {
  if (value instanceof Own) return value.text;
  if (typeof value === "string") return isPlain(value) ? value : fence.around(value, limit);
  if (Array.isArray(value)) return value.map((one) => toShown(one, fence, limit));
  if (typeof value === "number") return Number.isInteger(value) ? value : Number(value.toPrecision(4));
  if (typeof value !== "object" || value === null) return value;
  const known = Object.entries(value).filter(([, one]) => one !== null && one !== undefined && !isEmpty(one));
  return Object.fromEntries(known.map(([name, one]) => [name, toShown(one, fence, limit)]));
}

function isEmpty(value: unknown): boolean {
  return value === "" || (Array.isArray(value) && value.length === 0);
}

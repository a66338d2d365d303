/** Where a part of a JSON line is in its text, with its name. */
type TextRange = readonly [from: number, to: number];

type LineField = readonly [name: string, value: string, range: TextRange];

/** A parsed line: its message, and its other fields. */
export interface LineParts {
  /** A time that the line begins with; the log's own column says it already. */
  readonly prefix: string;
  readonly message: string;
  readonly fields: readonly LineField[];
  readonly isJson: boolean;
}

/** Longer lines are shown as they are. */
const maxParsed = 32_768;
const messageNames = new Set(["msg", "message", "@message", "event"]);
/** The line's columns show these already. */
const columnNames = new Set(["level", "lvl", "severity", "time", "ts", "timestamp", "@timestamp"]);

const timePrefix = /^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?\]?:?\s+/;

const parsed = new WeakMap<object, LineParts>();

/** As `parseLine`; once for each row, and only for rows that are shown. */
export function partsOf(row: { readonly text: string }): LineParts {
  let parts = parsed.get(row);
  if (!parts) parsed.set(row, (parts = parseLine(row.text)));
  return parts;
}

/** The message and fields of a JSON line; any other line is its own message. */
export function parseLine(text: string): LineParts {
  const entries = splitObject(text);
  const message = entries?.find(([name]) => messageNames.has(name));
  if (!entries || entries.length === 0) {
    const prefix = timePrefix.exec(text)?.[0] ?? "";
    return { prefix, message: text.slice(prefix.length), fields: [], isJson: false };
  }
  const fields = entries.filter((entry) => entry !== message && !columnNames.has(entry[0]));
  return {
    prefix: "",
    message: message ? toPlain(message[1]) : "",
    fields: fields.map(([name, raw, range]) => [name, toPlain(raw), range]),
    isJson: true,
  };
}

function toPlain(raw: string): string {
  return raw.startsWith('"') ? (JSON.parse(raw) as string) : raw;
}

/**
 * The entries of a JSON object with their values as they are written: a number keeps all of its
 * digits. Null for anything else.
 */
function splitObject(text: string): [name: string, raw: string, range: TextRange][] | null {
  if (text.length > maxParsed || !text.trimStart().startsWith("{") || !isJson(text)) return null;
  const entries: [string, string, TextRange][] = [];
  let depth = 0;
  let name: string | null = null;
  let begin = 0;
  let nameBegin = 0;
  const close = (end: number) => {
    if (name !== null) entries.push([name, text.slice(begin, end).trim(), [nameBegin, end]]);
    name = null;
  };
  walk(text, (token, from, to) => {
    if (depth === 1 && token === ":") {
      name = JSON.parse(text.slice(begin, from)) as string;
      [nameBegin, begin] = [begin, to];
    } else if (depth === 1 && (token === "," || token === "}")) close(from);
    if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
    if (depth === 1 && (token === "," || token === "{")) begin = to;
  });
  return entries;
}

/** A JSON text with a line for each entry, its values unchanged. Null for what is not JSON. */
export function indentJson(text: string): string | null {
  if (!isJson(text)) return null;
  const lines: string[] = [];
  let line = "";
  let depth = 0;
  let end = 0;
  const newLine = () => {
    lines.push(line);
    line = "  ".repeat(depth);
  };
  walk(text, (token, from, to) => {
    const before = text.slice(end, from).trim();
    line += before;
    end = to;
    if (token === "{" || token === "[") {
      line += token;
      depth += 1;
      newLine();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      if (line.trim() === "") line = "";
      else newLine();
      if (line === "") line = /[{[]$/.test(lines.at(-1) ?? "") ? (lines.pop() ?? "") : "  ".repeat(depth);
      line += token;
    } else if (token === ",") {
      line += token;
      newLine();
    } else line += ": ";
  });
  lines.push(line + text.slice(end).trim());
  return lines.join("\n");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Calls `onToken` for each of { } [ ] : , that is not in a string. */
function walk(text: string, onToken: (token: string, from: number, to: number) => void): void {
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === "\\") at++;
    } else if ("{}[]:,".includes(char)) onToken(char, at, at + 1);
  }
}

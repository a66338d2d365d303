/** A value that a path leads to; undefined when it does not exist. */
type Found = unknown;

/**
 * What GJSON makes of a path, for those that our dashboards use: keys, indexes, `#`, queries
 * `#(a=="b")#` and `#(a%"*")#`, `.` and `|`, `@flatten`, and objects of paths. Source: SYNTAX.md of
 * tidwall/gjson; its own examples are in test/script/gjson.test.ts.
 */
export function getPath(value: unknown, path: string): Found {
  if (path === "") return value;
  if (path.startsWith("{")) return getMany(value, path);
  const { head, separator, rest } = splitHead(path);
  if (head === "@flatten") return getPath(flatten(value), rest);
  if (head.startsWith("#")) return getFromArray(value, head, separator, rest);
  return typeof value === "object" && value !== null && Object.hasOwn(value, head)
    ? getPath((value as Record<string, unknown>)[head], rest)
    : undefined;
}

function flatten(value: unknown): unknown {
  return Array.isArray(value) ? value.flat() : value;
}

/** After `#` and a query for all, `.` goes into each element and `|` into the result. */
function getFromArray(value: unknown, head: string, separator: string, rest: string): Found {
  if (!Array.isArray(value)) return undefined;
  if (head === "#" && separator !== ".") return getPath(value.length, rest);
  const condition = /^#\((.*)\)(#?)$/s.exec(head);
  const found = condition ? value.filter((item) => matches(item, condition[1] ?? "")) : value;
  if (condition && condition[2] === "") return found.length > 0 ? getPath(found[0], rest) : undefined;
  if (separator !== ".") return getPath(found, rest);
  const { left, right } = splitPipe(rest);
  const inner = found.map((item) => getPath(item, left)).filter((item) => item !== undefined);
  return getPath(inner, right);
}

function matches(item: unknown, condition: string): boolean {
  const parts = /^([\w.]+)(==|=|!=|%)(.+)$/s.exec(condition);
  if (!parts) throw new Error(`no such query: ${condition}`);
  const left = getPath(item, parts[1] ?? "");
  // A pattern, for texts alone; ours is any text.
  if (parts[2] === "%") return typeof left === "string" && parts[3] === '"*"';
  // Neither what is not there nor null is equal or unequal to anything.
  if (left === undefined || left === null) return false;
  return (left === JSON.parse(parts[3] ?? "")) === (parts[2] !== "!=");
}

/** `{"name":path,...}`; a path that leads nowhere has no member. */
function getMany(value: unknown, path: string): Found {
  const end = findEnd(path, 0);
  const members: [string, unknown][] = [];
  for (const member of splitAt(path.slice(1, end), ",")) {
    const [, name = "", inner = ""] = /^"([^"]*)":(.*)$/s.exec(member) ?? [];
    const found = getPath(value, inner);
    if (found !== undefined) members.push([name, found]);
  }
  return getPath(Object.fromEntries(members), path.slice(end + 1).replace(/^[.|]/, ""));
}

function splitHead(path: string): { head: string; separator: string; rest: string } {
  const at = findFirst(path, (char) => char === "." || char === "|");
  return { head: path.slice(0, at), separator: path[at] ?? "", rest: path.slice(at + 1) };
}

function splitPipe(path: string): { left: string; right: string } {
  const at = findFirst(path, (char) => char === "|");
  return { left: path.slice(0, at), right: path.slice(at + 1) };
}

function splitAt(text: string, separator: string): string[] {
  const at = findFirst(text, (char) => char === separator);
  return at === text.length ? [text] : [text.slice(0, at), ...splitAt(text.slice(at + 1), separator)];
}

/** Index of the bracket that closes the one at `from`. */
function findEnd(text: string, from: number): number {
  return from + 1 + findFirst(text.slice(from + 1), (char) => char === "}");
}

/** Index of the first such character outside of brackets and strings; the length without one. */
function findFirst(text: string, isIt: (char: string) => boolean): number {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const char = text.charAt(index);
    if (char === '"') quoted = !quoted;
    if (quoted) continue;
    if (depth === 0 && isIt(char)) return index;
    if ("([{".includes(char)) depth += 1;
    if (")]}".includes(char)) depth -= 1;
  }
  return text.length;
}

import * as z from "zod";
import { logLevels } from "../../containers/logs/level.ts";
import { LogNamesDocument, LogsDocument, type LogsQuery, type LogsQueryVariables } from "../../generated/mcp.ts";
import { Own } from "../fence.ts";
import { type Ask, defineTool, type Fields, type Found, need, refuse } from "../tool.ts";
import { engine, env, limit, name, since, time } from "./args.ts";
import { toPartFaults } from "./containers.ts";

type Page = NonNullable<LogsQuery["logs"]>;
type Line = Page["lines"][number];

const where = {
  role: name.optional(),
  names: z.array(name).min(1).max(50).optional(),
  env,
  engine,
  service: name.optional(),
  destination: name.optional(),
};
const filter = {
  level: z.enum(logLevels).describe("At least").optional(),
  stream: z.enum(["stdout", "stderr"]).optional(),
  since,
  until: time,
};
const facts: Fields = { containers: "object", searched: "integer" };

export const readLogs = defineTool({
  name: "read_logs",
  description:
    "The newest log lines of a role or of containers (names), also stopped ones, or those around a time (at). Line: time level container| message.",
  args: { ...where, ...filter, at: time, tail: limit(100, 1000) },
  list: "log",
  row: null,
  facts,
  narrow: "level, stream, since, until or tail, or use search_logs",
  documents: [LogsDocument],
  run: (args, ask) => {
    if ((args.role === undefined) === (args.names === undefined))
      throw refuse("Give role or names, and not both: list_containers has them");
    return readLog(ask, { ...args, includeAccessories: args.names !== undefined, ignoreCase: false });
  },
});

export const searchLogs = defineTool({
  name: "search_logs",
  description: "Log lines with a text or a regex (RE2). Without role and names: of all running containers.",
  args: {
    text: z.string().min(1).max(200).optional(),
    regex: z.string().min(1).max(200).optional(),
    ignore_case: z.boolean().default(true),
    ...where,
    ...filter,
    tail: limit(100, 1000),
  },
  list: "log",
  row: null,
  facts,
  narrow: "text, regex, role, names, level, since, until or tail",
  documents: [LogsDocument, LogNamesDocument],
  async run({ text, regex, ignore_case: ignoreCase, ...args }, ask) {
    if ((text === undefined) === (regex === undefined)) throw refuse("Give text or regex, and not both");
    const search = { search: text, searchRegex: regex, ignoreCase, includeAccessories: args.names !== undefined };
    if (args.role !== undefined || args.names !== undefined) return readLog(ask, { ...args, ...search });
    const { data, errors } = await ask(LogNamesDocument, { env: args.env, engine: args.engine });
    const running = need(data.containers, errors).filter(({ status }) => status === "running");
    const names = [...new Set(running.map((one) => one.name))];
    if (names.length === 0) throw refuse("No container runs there", "container_not_found");
    const found = await readLog(ask, { ...args, ...search, names: names.slice(0, mostNames) });
    const left = names.length - mostNames;
    const cut = {
      code: "invalid_request",
      message: new Own(`${left} running containers were not searched: give env, role or names`),
    };
    return left > 0 ? { ...found, errors: [...(found.errors ?? []), cut] } : found;
  },
});

/** As many as one page of a log takes. */
const mostNames = 50;

/** Reads a page of a log. */
export async function readLog(ask: Ask, variables: LogsQueryVariables): Promise<Found> {
  const { data, errors } = await ask(LogsDocument, variables);
  const page = need(data.logs, errors);
  const keys = toKeys(page.lines);
  return {
    facts: { searched: page.containers.length },
    legend: (from, to) => {
      // A marker says itself which release it is about.
      const shown = page.lines.slice(from, to).filter(({ kind }) => kind !== "marker");
      const writers = new Set(shown.map((line) => keys.get(toWriter(line))));
      return { containers: Object.fromEntries([...writers].flatMap((one) => (one ? [toEntry(one)] : []))) };
    },
    rows: page.lines.map((line) => toText(line, keys.get(toWriter(line))?.key ?? "")),
    unread: page.hasOlder || page.truncated,
    keep: variables.at === undefined ? "last" : "middle",
    errors: [
      ...errors,
      ...toPartFaults(page.containers.map(({ container, error }) => ({ name: container.name, error }))),
      ...toPartFaults(page.engines),
      ...toPartFaults([{ name: "log history", error: page.historyError }]),
    ],
  };
}

const toWriter = ({ container: { name: own, engine: on } }: Line) => `${own} ${on}`;

interface Writer {
  readonly key: string;
  readonly name: string;
  readonly engine: string;
  readonly version: string;
}

const toEntry = ({ key, ...writer }: Writer) => [key, writer] as const;

/** The names of containers are long: each line has a short one. */
function toKeys(lines: readonly Line[]) {
  const keys = new Map<string, Writer>();
  for (const line of lines) {
    const { name: own, engine: on, version } = line.container;
    if (!keys.has(toWriter(line)))
      keys.set(toWriter(line), { key: `c${keys.size + 1}`, name: own, engine: on, version });
  }
  return keys;
}

function toText({ kind, timestamp, level, stream, message }: Line, key: string): string {
  const at = timestamp.replace(/(\.\d{3})\d*/, "$1");
  if (kind === "marker") return `${at} -- ${message}`;
  return `${at} ${level ?? (stream === "stderr" ? "stderr" : "-")} ${key}| ${message}`;
}

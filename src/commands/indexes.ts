import { parseArgs } from "node:util";
import { ConfigError, parseConfig } from "../config.ts";
import { type SourceIndexes, findMissingIndexes } from "../probes.ts";
import type { Command, CommandContext } from "./command.ts";

const usage = `usage: indexes

  Asks the planner of DATABASE_URL how the numbers of each queue source would be read, and prints the indexes that are missing as SQL, each with what it is for,
  what the reading costs now and about what it would with it. What is not served is read once, for at most 2 s. Nothing is created: run the statements as the
  owner of the table, one by one (psql without --single-transaction does that).

  Exit codes: 0 nothing is missing, 3 something is, 1 a source could not be asked, 2 usage, 78 configuration
`;

/** Prints `create index concurrently` statements. 0: nothing is missing, 3: something is, 1: a source could not be asked. */
export const indexesCommand: Command = async (context) => {
  const { args, print, printError } = context;
  const asked = parseRequest(args);
  if (asked !== "run") {
    (asked === "help" ? print : printError)(usage);
    return asked === "help" ? 0 : 2;
  }
  const config = readConfig(context);
  if (!config) return 78;
  try {
    const sources = await findMissingIndexes(config, context.stop);
    for (const line of sources.flatMap(toLines)) print(line);
    if (sources.length === 0) print("-- no source here needs indexes of yours");
    if (sources.some(({ obstacle }) => obstacle !== null)) return 1;
    return sources.some(({ missing }) => missing.length > 0) ? 3 : 0;
  } catch (error) {
    printError(`FAIL  queues: ${(error as Error).message}`);
    return 1;
  }
};

function parseRequest(args: readonly string[]): "run" | "help" | "unknown" {
  try {
    const { values } = parseArgs({ args: [...args], options: { help: { type: "boolean", default: false } } });
    return values.help ? "help" : "run";
  } catch {
    return "unknown";
  }
}

function readConfig({ env, readFile, printError }: CommandContext) {
  try {
    return parseConfig(env, readFile);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!(error instanceof ConfigError || code !== undefined)) throw error;
    for (const line of message.split("\n")) printError(`FAIL  configuration: ${line}`);
    return null;
  }
}

/** Everything but the statements is a comment of SQL. */
function toLines({ name, table, missing, obstacle }: SourceIndexes): readonly string[] {
  const head = `-- ${name}, table ${table}:`.replaceAll(/\s+/g, " ");
  if (obstacle !== null) return [`${head} ${obstacle}`];
  if (missing.length === 0) return [`${head} nothing is missing`];
  return [
    head,
    ...missing.flatMap(({ serves, statements, cost, costWithIndex, rows, tookMs }) => [
      `-- ${serves}: cost ${format(cost)} now, about ${format(costWithIndex)} with it, for ${format(rows)} rows; reading it now took ${toTime(tookMs)}`,
      ...statements,
    ]),
  ];
}

function toTime(ms: number | null): string {
  return ms === null ? "more than 2 s" : `${format(Math.max(1, Math.round(ms)))} ms`;
}

function format(value: number): string {
  return value.toLocaleString("en-US");
}

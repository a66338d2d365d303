import { parseConfig } from "../config/config.ts";
import { silentLogger } from "../lib/logger.ts";
import { adviseIndexes, type SourceIndexes } from "../queues/index-advice.ts";
import { toQueueOptions } from "../sources.ts";
import { createCommand } from "./command.ts";
import { toConfigurationIssues } from "./configuration-issues.ts";

const usage = `usage: indexes

  Asks the planner of WALLET_CORE_OPS_DATABASE_URL how the numbers of each queue source would be read, and prints the missing indexes as SQL, each with its purpose,
  and with the cost of the read now and, roughly, with the index. For an index that is not used before a vacuum, the vacuum is printed instead. Each read without
  an index runs once, for at most 2 s, to time it. Nothing is created: run the statements as the owner of the table, one by one (psql does that without
  --single-transaction).

  Exit codes: 0 nothing is missing, 3 something is, 1 a source could not be asked, 2 usage, 78 configuration
`;

/**
 * Prints `create index concurrently` statements, or what makes existing indexes useful. Exits 0:
 * nothing is missing, 3: something is, 1: a source could not be asked, 2: usage, 78: configuration.
 */
export const indexesCommand = createCommand({ usage }, async ({ env, readFile, stop, print, printError }) => {
  try {
    const sources = await adviseIndexes(toQueueOptions(parseConfig(env, readFile), silentLogger), stop);
    for (const line of sources.flatMap(toLines)) print(line);
    if (sources.length === 0) print("-- no source needs an index of yours");
    if (sources.some(({ obstacle }) => obstacle !== null)) return 1;
    return sources.some(({ missing }) => missing.length > 0) ? 3 : 0;
  } catch (error) {
    const issues = toConfigurationIssues(error);
    for (const issue of issues ?? []) printError(`FAIL  configuration: ${issue}`);
    if (issues) return 78;
    printError(`FAIL  queues: ${(error as Error).message}`);
    return 1;
  }
});

/** All lines except the statements are SQL comments. */
function toLines({ name, table, missing, obstacle }: SourceIndexes): readonly string[] {
  const head = `-- ${name}${table === null ? "" : `, table ${table}`}:`.replaceAll(/\s+/g, " ");
  if (obstacle !== null) return [`${head} ${obstacle}`];
  if (missing.length === 0) return [`${head} nothing is missing`];
  return [
    head,
    ...missing.flatMap(({ serves, reason, statements, cost, costWithIndex, rows, tookMs }) => [
      `-- ${serves}: ${reason === null ? "" : `${reason}; `}cost ${format(cost)} now, about ${format(costWithIndex)} with it, for ${format(rows)} ${rows === 1 ? "row" : "rows"}; reading it now took ${formatMs(tookMs)}`,
      ...statements,
    ]),
  ];
}

function formatMs(ms: number | null): string {
  return ms === null ? "more than 2 s" : `${format(Math.max(1, Math.round(ms)))} ms`;
}

function format(value: number): string {
  return value.toLocaleString("en-US");
}

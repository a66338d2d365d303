import { explainSilentEngine } from "../../facts/engine.ts";
import { Logs, type LogsQuery, type LogsQueryVariables, type OpsClient, OpsError } from "../../client/client.ts";
import { pause } from "../../lib/abort.ts";
import { type LogTurn, mostPageLines } from "../../client/log-reader.ts";
import type { LogTarget } from "./target.ts";

type LogPage = NonNullable<LogsQuery["logs"]>;

/** Whether the engines and containers could be read. */
export type PartReport = Pick<LogPage, "containers" | "engines" | "historyError">;

/** Which lines are wanted, as the documents take it. */
export type LogFilter = Pick<
  LogsQueryVariables,
  "level" | "levelStrict" | "search" | "searchRegex" | "ignoreCase" | "stream"
>;

/** The longest wait that a gateway may ask for, s. */
export const longestWaitSeconds = 60;

interface PageOptions {
  readonly client: OpsClient;
  readonly target: LogTarget;
  readonly filter: LogFilter;
  readonly signal: AbortSignal;
  readonly onParts: (report: PartReport) => void;
}

/** Which lines. Log timestamps; null: no limit. */
interface Newest {
  readonly tail: number;
  readonly since: string | null;
  readonly until: string | null;
}

/**
 * A page of the log, oldest line first: at most `mostPageLines`, and fewer where they are long.
 * Rejects with OpsError.
 */
export async function readPage(
  { client, target, filter }: Pick<PageOptions, "client" | "target" | "filter">,
  wanted: Newest | LogTurn,
  signal: AbortSignal,
): Promise<LogPage> {
  const variables = { ...target.variables, ...filter, tail: mostPageLines, ...wanted };
  const { data, errors } = await client.queryPartial(Logs, variables, { signal });
  if (!data.logs) throw errors[0] ?? new OpsError("not_a_gateway", "The gateway gave no page");
  return data.logs;
}

/** The page of the newest lines. A gateway that says when it will answer is waited for. */
export async function readNewest(options: PageOptions, newest: Newest): Promise<LogPage> {
  const { signal, onParts } = options;
  for (;;) {
    try {
      const page = await readPage(options, newest, signal);
      onParts(page);
      return page;
    } catch (error) {
      const waitSeconds = error instanceof OpsError && error.code === "rate_limited" ? error.retryAfterSeconds : null;
      if (waitSeconds === null || waitSeconds > longestWaitSeconds) throw error;
      if (!(await pause(waitSeconds * 1000, signal))) throw error;
    }
  }
}

/** Says once of each engine and container that it cannot be read. */
export function createPartReporter(onProblem: (text: string) => void): (report: PartReport) => void {
  const reported = new Set<string>();
  return ({ containers, engines, historyError }) => {
    const texts = [
      ...engines.flatMap(({ name, ok, error }) =>
        ok ? [] : [explainSilentEngine(name, error?.message, "so its lines are missing")],
      ),
      ...containers.flatMap(({ container, error }) =>
        error === null ? [] : [`${container.name}: its log cannot be read (${error.message})`],
      ),
      ...(historyError ? [`older lines may be missing: ${historyError.message}`] : []),
    ];
    for (const text of texts) {
      if (reported.has(text)) continue;
      reported.add(text);
      onProblem(text);
    }
  };
}
